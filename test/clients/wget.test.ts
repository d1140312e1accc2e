/** wget: downloads and listings; it cannot upload, rename or delete. */
import assert from "node:assert/strict";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { put } from "../kit/store.js";
import type { Client } from "./client.js";
import { assertLocal, expectAll, played } from "./expectations.js";
import { type Scene, STORES, way } from "./scene.js";
import { assertLocalTree, putTree } from "./tree.js";

/** Without a cipher of names: they are to arrive as the server has them. */
async function wget(scene: Scene, ...args: readonly string[]): Promise<void> {
  const own = ["--no-config", "--no-verbose", "--tries=1", "--no-glob", "--restrict-file-names=nocontrol"];
  const active = scene.way.mode === "PORT" || scene.way.mode === "EPRT" ? ["--no-passive-ftp"] : [];
  await scene.run("wget", [...own, "--user=test", "--password=secret", ...active, ...args]);
}

/** wget makes a page of links from a listing; those are the names as it understood them. */
async function list(scene: Scene, directory: string): Promise<readonly string[]> {
  await wget(scene, "--output-document=index.html", directory === "" ? scene.url("") : `${scene.url(directory)}/`);
  const page = await readFile(scene.local("index.html"), "utf8");
  await rm(scene.local("index.html"));
  return [...page.matchAll(/href="([^"]*)"/g)].map(([, link]) =>
    decodeURIComponent(/([^/]*)\/?$/.exec(link ?? "")?.[1] ?? ""),
  );
}

async function recursive(scene: Scene, remote: string, local: string): Promise<void> {
  const into = ["--no-parent", "--no-host-directories", "--cut-dirs=1", `--directory-prefix=${local}`];
  await wget(scene, "--recursive", ...into, `${scene.url(remote)}/`);
}

const client: Client = {
  name: "wget",
  programs: ["wget"],
  ways: [way("PASV"), way("PORT"), way("EPSV", "::1"), way("EPRT", "::1")],
  list,
  download: (scene, remote, local) => wget(scene, `--output-document=${local}`, scene.url(remote)),
  resumeDownload: (scene, remote, local) => wget(scene, "--continue", `--output-document=${local}`, scene.url(remote)),
  downloadText: (scene, remote, local) => wget(scene, `--output-document=${local}`, `${scene.url(remote)};type=a`),
  keepsNetworkLineEnds: true,
  downloadFolder: recursive,
  downloadTree: recursive,
  wrongPassword: (scene) => wget(scene, "--password=wrong", "--output-document=x", scene.url("x")),
};

expectAll(client);

function wgetTest(title: string, work: (scene: Scene) => Promise<void>): void {
  for (const kind of STORES) played(client, `${title} (${kind})`, way("PASV"), kind, work);
}

describe("wget's own", () => {
  wgetTest("--timestamping moves a file only where it is newer or of another size", async (scene) => {
    // wget takes times from LIST, which shows hours and minutes of the last half year only.
    const modified = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 86_400_000);
    await put(scene.store, "/dated", "content");
    await scene.store.setTimes(virtualPath("/dated"), { modified });
    for (const times of [1, 1]) {
      await wget(scene, "--timestamping", scene.url("dated"));
      await assertLocal(scene, "dated", "content");
      assert.equal(scene.transfers.length, times);
    }
    assert.deepEqual((await stat(scene.local("dated"))).mtime, modified);
    await put(scene.store, "/dated", "CONTENT");
    await wget(scene, "--timestamping", scene.url("dated"));
    await assertLocal(scene, "dated", "CONTENT");
  });

  wgetTest("--mirror moves everything once", async (scene) => {
    await putTree(scene, "tree");
    const mirror = ["--mirror", "--remove-listing", "--no-parent", "--no-host-directories", `${scene.url("tree")}/`];
    await wget(scene, ...mirror);
    await assertLocalTree(scene, "tree");
    const moved = scene.transfers.length;
    await wget(scene, ...mirror);
    assert.equal(scene.transfers.length, moved);
    await put(scene.store, "/tree/sub dir/one file", "changed");
    await wget(scene, ...mirror);
    await assertLocal(scene, "tree/sub dir/one file", "changed");
    assert.equal(scene.transfers.length, moved + 1);
  });

  wgetTest("a pattern in the URL takes what matches", async (scene) => {
    for (const name of ["a1.txt", "a2.txt", "b1.txt", "a1.dat"]) await put(scene.store, `/${name}`, name);
    await wget(scene, "--glob=on", `${scene.url("")}a?.txt`);
    assert.deepEqual((await readdir(scene.folder)).sort(), ["a1.txt", "a2.txt"]);
    await assertLocal(scene, "a2.txt", "a2.txt");
  });

  wgetTest("--spider tells what is there from what is not", async (scene) => {
    await put(scene.store, "/there", "x");
    await wget(scene, "--spider", scene.url("there"));
    await assert.rejects(wget(scene, "--spider", scene.url("missing")));
    assert.equal(scene.transfers.length, 0);
  });

  wgetTest("--continue of a file that is whole leaves it as it is", async (scene) => {
    await put(scene.store, "/whole", "whole");
    await writeFile(scene.local("whole"), "whole");
    await wget(scene, "--continue", scene.url("whole"));
    await assertLocal(scene, "whole", "whole");
  });
});
