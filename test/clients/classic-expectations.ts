/** What the classic commands do beyond moving single files; for every client that speaks them. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { content, names, put, putDirectory } from "../kit/store.js";
import { classicClient, type Dialect, script } from "./classic-client.js";
import { assertLocal, assertNames, assertStored, played } from "./expectations.js";
import { type Scene, STORES, way } from "./scene.js";
import { putTree } from "./tree.js";

/** Adds the tests of one client. */
export function expectClassic(dialect: Dialect): void {
  const client = classicClient(dialect);
  describe(`${dialect.program}'s own`, () => {
    for (const kind of STORES)
      for (const [title, work] of Object.entries(WORKS))
        played(client, `${title} (${kind})`, way("PASV"), kind, (scene) => work(scene, dialect));
  });
}

type Work = (scene: Scene, dialect: Dialect) => Promise<void>;

const WORKS: Readonly<Record<string, Work>> = {
  "mget, mput and mdelete take what matches, in other directories too": async (scene, dialect) => {
    for (const name of ["a1.txt", "a2.txt", "b1.txt", "a1.dat"]) await put(scene.store, `/${name}`, name);
    await putTree(scene, "tree");
    await mkdir(scene.local("sub dir"));
    await script(
      scene,
      dialect,
      "binary",
      "mget a?.txt",
      "mput *.txt",
      "mdelete a*.txt",
      "cd tree",
      "mget sub\\ dir/o*",
    );
    await assertNames(scene, "/", ["a1.dat", "b1.txt", "tree"]);
    await assertLocal(scene, "a2.txt", "a2.txt");
    assert.deepEqual((await readdir(scene.folder)).sort(), ["a1.txt", "a2.txt", "sub dir"]);
    await assertLocal(scene, "sub dir/one file", await content(scene.store, "/tree/sub dir/one file"));
  },

  "sunique stores under names that are not taken": async (scene, dialect) => {
    await put(scene.store, "/file", "old");
    await writeFile(scene.local("file"), "new");
    await script(scene, dialect, "binary", "sunique", "put file", "put file");
    const found = await names(scene.store);
    assert.equal(found.length, 3);
    await assertStored(scene, "/file", "old");
    for (const name of found.filter((other) => other !== "file")) await assertStored(scene, `/${name}`, "new");
  },

  "size, modtime and newer know what is there": async (scene, dialect) => {
    await put(scene.store, "/dated", "0123456789");
    await scene.store.setTimes(virtualPath("/dated"), { modified: new Date("2001-02-03T04:05:06Z") });
    const output = await script(scene, dialect, "binary", "size dated", "modtime dated");
    assert.equal(scene.replies.find(({ verb }) => verb === "SIZE")?.text, "10");
    assert.match(output, /^dated\s.*(?:03 Feb 2001|02\/03\/2001) 04:05:06/m);
    await writeFile(scene.local("dated"), "local");
    await script(scene, dialect, "binary", "newer dated");
    await assertLocal(scene, "dated", "local");
    await utimes(scene.local("dated"), 0, 0);
    await script(scene, dialect, "binary", "newer dated");
    await assertLocal(scene, "dated", "0123456789");
  },

  "restart begins a download in the middle": async (scene, dialect) => {
    await put(scene.store, "/digits", "0123456789");
    await writeFile(scene.local("digits"), "abcdefg");
    await script(scene, dialect, "binary", "restart 7", "get digits");
    await assertLocal(scene, "digits", "abcdefg789");
  },

  "chmod and umask set modes": async (scene, dialect) => {
    await put(scene.store, "/file", "x");
    await writeFile(scene.local("up"), "up");
    await script(scene, dialect, "binary", "chmod 640 file", "umask 027", "put up", "mkdir made");
    for (const [path, mode] of [
      ["/file", 0o640],
      ["/up", 0o640],
      ["/made", 0o750],
    ] as const)
      assert.equal((await scene.store.stat(virtualPath(path))).mode, mode, path);
  },

  "dir, ls and mls write listings into files": async (scene, dialect) => {
    await putTree(scene, "tree");
    await putDirectory(scene.store, "/none");
    await script(scene, dialect, "dir tree long", "nlist tree short", "mls tree none both", "nlist none nothing");
    const expected = await names(scene.store, "/tree");
    const lines = async (name: string) => (await readFile(scene.local(name), "utf8")).split("\n").filter(Boolean);
    assert.deepEqual((await lines("long")).map((line) => line.replace(/^.* \d\d:\d\d /, "")).sort(), expected);
    assert.deepEqual((await lines("short")).sort(), expected);
    assert.deepEqual((await lines("both")).sort(), expected);
    await assertLocal(scene, "nothing", "");
  },

  "pwd, cdup, system, rhelp, rstatus, idle, quote and site are answered": async (scene, dialect) => {
    await putTree(scene, "tree");
    const commands = ["cd tree", "cd sub\\ dir", "cdup", "pwd", "system", "rhelp", "rstatus", "idle 60", "quote NOOP"];
    await script(scene, dialect, "verbose", ...commands, "site help", "rhelp site", "quote ACCT x");
    assert.deepEqual(scene.arguments("CWD"), ["tree", "sub dir"]);
    assert.match(scene.replies.find(({ verb }) => verb === "PWD")?.text ?? "", /^"\/tree"/);
    const answered = new Set(scene.replies.map(({ verb, code }) => `${verb} ${code}`));
    for (const answer of ["SYST 215", "STAT 211", "HELP 214", "NOOP 200", "SITE 200", "SITE 214", "ACCT 202"])
      assert(answered.has(answer), answer);
  },
};
