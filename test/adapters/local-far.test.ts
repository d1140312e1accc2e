/**
 * A folder of a disk that may be far away: never asked at once, and otherwise like any other. Only the type of the file
 * system is pretended, as there is no network disk here.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { mock, test } from "node:test";
import { fileSystemContract } from "../../dist/testing/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { entries, names, put, text } from "../storage/store.js";
import { folder, parts } from "./folder.js";

/** NFS, as statfs(2) tells it. */
const NFS = 0x6969;

const { statfs } = fs.promises;
mock.method(fs.promises, "statfs", async (path: fs.PathLike) => ({ ...(await statfs(path)), type: NFS }));
for (const name of [
  "openSync",
  "lstatSync",
  "fstatSync",
  "renameSync",
  "unlinkSync",
  "readSync",
  "writevSync",
] as const) {
  mock.method(fs, name, () => {
    throw new Error(`${name} was called at once`);
  });
}
syncBuiltinESMExports();

fileSystemContract({
  name: "local, far away",
  make: () => folder(),
  capabilities: { without: ["setCreated", "version"], entries: 1000 },
  probes: { leftovers: ({ root }) => parts(Buffer.from(root)) },
});

test("links and their targets are listed", async () => {
  await using made = await folder();
  const { store, root } = made;
  await assertNoLeaks(async () => {
    await put(store, "/file", "x");
    await mkdir(join(root, "directory"));
    await symlink("file", join(root, "link"));
    await symlink("/etc", join(root, "out"));
    assert.deepEqual(await names(store), ["directory", "file", "link", "out"]);
    const listed = await entries(store);
    assert.equal(listed.get("link")?.target, "file");
    assert.equal(listed.get("out")?.target, undefined);
    assert.equal(await text(store, "/link"), "x");
  });
});
