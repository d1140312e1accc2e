/** lftp: scripts of its own commands, mirrors, several connections at a time. */
import assert from "node:assert/strict";
import { chmod, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { type Server, virtualPath } from "../../dist/index.js";
import { Gate } from "../kit/gate.js";
import { exists, names, put, putDirectory } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import type { Client } from "./client.js";
import { assertLocal, assertNames, assertStored, expectAll, played } from "./expectations.js";
import { type Scene, type SceneOptions, STORES, way } from "./scene.js";
import { assertLocalTree, assertStoredTree, putTree, writeTree } from "./tree.js";

const SETTINGS: Readonly<Record<string, string>> = {
  PASV: "set ftp:prefer-epsv off",
  EPSV: "set ftp:prefer-epsv on",
  PORT: "set ftp:passive-mode off",
};

/** Runs commands one after the other until one fails. */
async function lftp(scene: Scene, ...commands: readonly string[]): Promise<string> {
  const script = [
    "set cmd:fail-exit yes",
    "set net:max-retries 1",
    "set xfer:clobber yes",
    SETTINGS[scene.way.mode] ?? "",
    `open -u test,secret -p ${scene.port} ${scene.host}`,
    ...commands,
  ];
  return (await scene.run("lftp", ["--norc", "-c", script.join("\n")])).stdout;
}

/** Double quotes, in which only they and the backslash mean something. */
function quoted(word: string): string {
  return `"${word.replaceAll(/["\\]/g, "\\$&")}"`;
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** A command with quoted arguments. */
const command =
  (verb: string) =>
  async (scene: Scene, ...args: readonly string[]): Promise<void> =>
    void (await lftp(scene, `${verb} -- ${args.map(quoted).join(" ")}`));

/** `get` or `put`, from one name to another. */
const transfer =
  (verb: string) =>
  async (scene: Scene, from: string, to: string): Promise<void> =>
    void (await lftp(scene, `${verb} -- ${quoted(from)} -o ${quoted(to)}`));

const client: Client = {
  name: "lftp",
  programs: ["lftp"],
  // No active mode on IPv6: over the loopback lftp sends EPRT with the address "::".
  ways: [way("PASV"), way("EPSV"), way("PORT"), way("EPSV", "::1")],
  list: async (scene, directory) =>
    lines(await lftp(scene, `cd ${quoted(`/${directory}`)}`, "cls -1")).map((line) => line.replace(/\/$/, "")),
  download: transfer("get"),
  upload: transfer("put"),
  resumeDownload: transfer("reget"),
  resumeUpload: transfer("put -c"),
  downloadText: transfer("get -a"),
  uploadText: transfer("put -a"),
  rename: async (scene, from, to) => void (await lftp(scene, `mv ${quoted(from)} ${quoted(to)}`)),
  remove: command("rm"),
  makeDirectory: command("mkdir"),
  removeDirectory: command("rmdir"),
  downloadFolder: command("mirror"),
  uploadFolder: command("mirror --reverse"),
  downloadTree: command("mirror"),
  uploadTree: command("mirror --reverse"),
  wrongPassword: async (scene) => {
    await lftp(scene, `open -u test,wrong -p ${scene.port} ${scene.host}`, "cls");
  },
};

expectAll(client);

const WHEN = new Date("2001-02-03T04:05:06Z");

function lftpTest(title: string, work: (scene: Scene) => Promise<void>, options: SceneOptions = {}): void {
  for (const kind of STORES) played(client, `${title} (${kind})`, way("PASV"), kind, work, options);
}

/** No transfer begins until so many are asked for: the first one would be over before the others came. */
function together(count: number, ...events: readonly ("retr" | "stor")[]): SceneOptions {
  const meet = (server: Server, event: "retr" | "stor"): void => {
    const gate = new Gate();
    let asked = 0;
    server.on(event, () => {
      if (++asked === count) gate.open();
      return gate.pass();
    });
  };
  return { setup: (server) => events.forEach((event) => meet(server, event)) };
}

describe("lftp's own", () => {
  lftpTest("mirror moves everything once, keeps times, and deletes what is gone", async (scene) => {
    await putTree(scene, "tree");
    await scene.store.setTimes(virtualPath("/tree/top.txt"), { modified: WHEN });
    await lftp(scene, "mirror tree here");
    await assertLocalTree(scene, "here");
    assert.deepEqual((await stat(scene.local("here/top.txt"))).mtime, WHEN);
    const moved = scene.transfers.length;
    await lftp(scene, "mirror tree here");
    assert.equal(scene.transfers.length, moved);
    await writeFile(scene.local("here/stray"), "stray");
    await lftp(scene, "mirror --delete tree here");
    await assertLocalTree(scene, "here");
  });

  lftpTest("mirror -R moves everything once, keeps times and modes, and deletes what is gone", async (scene) => {
    await writeTree(scene, "here");
    await utimes(scene.local("here/top.txt"), WHEN, WHEN);
    await chmod(scene.local("here/top.txt"), 0o640);
    await lftp(scene, "mirror -R here there");
    await assertStoredTree(scene, "there");
    const info = await scene.store.stat(virtualPath("/there/top.txt"));
    assert.deepEqual(info.modified, WHEN);
    assert.equal(info.mode, 0o640);
    const moved = scene.transfers.length;
    await lftp(scene, "mirror -R here there");
    assert.equal(scene.transfers.length, moved);
    await put(scene.store, "/there/sub dir/stray", "stray");
    await putDirectory(scene.store, "/there/stray dir");
    await lftp(scene, "mirror -R --delete here there");
    await assertStoredTree(scene, "there");
    assert(!(await exists(scene.store, "/there/stray dir")));
  });

  lftpTest(
    "mirror --parallel moves several files at a time, both ways",
    async (scene) => {
      await writeTree(scene, "here");
      await lftp(scene, "mirror -R --parallel=4 here there", "mirror --parallel=4 there back");
      await assertStoredTree(scene, "there");
      await assertLocalTree(scene, "back");
    },
    together(2, "stor", "retr"),
  );

  for (const [name, command] of [
    ["pget", "pget -n 4 whole -o whole"],
    ["mirror --use-pget-n", "mirror --use-pget-n=4 --file=whole"],
  ] as const)
    lftpTest(
      `${name} takes one file in pieces over four connections`,
      async (scene) => {
        const whole = bytesOf(8_000_000, 8);
        await put(scene.store, "/whole", whole);
        await lftp(scene, "set pget:min-chunk-size 100000", command);
        await assertLocal(scene, "whole", whole);
        assert.deepEqual([...scene.arguments("REST")].sort(), ["2000000", "4000000", "6000000"]);
      },
      together(4, "retr"),
    );

  lftpTest("find, du, cls and the cache see the tree", async (scene) => {
    await putTree(scene, "tree");
    const found = [...lines(await lftp(scene, "find tree"))].sort();
    const expected = ["", "-rf/", "-rf/x", "sub dir/", "sub dir/-dash", "sub dir/d\u00e9eper/"];
    expected.push("sub dir/d\u00e9eper/e\u0301 \"quoted\" 'name'", "sub dir/empty", "sub dir/one file", "top.txt");
    assert.deepEqual(found, expected.map((path) => `tree/${path}`).sort());
    assert.match(await lftp(scene, "du --bytes --summarize tree"), /^73011\s+tree$/m);
    const listings = scene.arguments("MLSD").length;
    assert.match(await lftp(scene, "cls -1 tree", "cls -1 tree", "cache"), /bytes cached/);
    assert.equal(scene.arguments("MLSD").length, listings + 1);
    await lftp(scene, "cls -1 tree", "cache flush", "cls -1 tree");
    assert.equal(scene.arguments("MLSD").length, listings + 3);
  });

  lftpTest("listings by LIST and by NLST name the same entries", async (scene) => {
    await putTree(scene, "tree");
    const expected = await names(scene.store, "/tree");
    const byList = await lftp(scene, "set ftp:use-mlsd no", "cd tree", "cls -1");
    assert.deepEqual(
      lines(byList)
        .map((line) => line.replace(/\/$/, ""))
        .sort(),
      expected,
    );
    assert.deepEqual([...lines(await lftp(scene, "cd tree", "nlist"))].sort(), expected);
  });

  lftpTest("chmod, mv, mkdir -p, rm -r, glob rm, mget and mput", async (scene) => {
    await putTree(scene, "tree");
    await lftp(scene, "chmod 600 tree/top.txt", "mkdir -p a/b/c", "mv tree a/b/c/moved");
    assert.equal((await scene.store.stat(virtualPath("/a/b/c/moved/top.txt"))).mode, 0o600);
    await assertStoredTree(scene, "a/b/c/moved");
    await lftp(scene, "mget a/b/c/moved/*.txt", "mget a/b/c/moved/-rf/?", "cd a", "mput *");
    assert.deepEqual((await readdir(scene.folder)).sort(), ["top.txt", "x"]);
    await assertNames(scene, "/a", ["b", "top.txt", "x"]);
    await lftp(scene, "rm -r a/b", "glob rm a/*.txt");
    await assertNames(scene, "/a", ["x"]);
  });

  for (const feat of ["yes", "no"])
    lftpTest(`an upload keeps its time with use-mdtm-overloaded and use-feat ${feat}`, async (scene) => {
      await writeFile(scene.local("dated"), "content");
      await utimes(scene.local("dated"), WHEN, WHEN);
      await lftp(scene, "set ftp:use-mdtm-overloaded yes", `set ftp:use-feat ${feat}`, "put dated");
      await assertStored(scene, "/dated", "content");
      assert.deepEqual((await scene.store.stat(virtualPath("/dated"))).modified, WHEN);
    });

  lftpTest("FXP copies from one session of a client to its other one", async (scene) => {
    await put(scene.store, "/file", bytesOf(50_000, 6));
    const url = `ftp://test:secret@${scene.authority}`;
    await lftp(scene, `get ${url}/file -o ${url}/copy`);
    await assertStored(scene, "/copy", bytesOf(50_000, 6));
    assert.equal(scene.arguments("PORT").length, 1);
  });
});
