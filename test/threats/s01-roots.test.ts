/** Where the root itself lies: below a link, across mounts, shared by hard links. */
import assert from "node:assert/strict";
import { link, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { download } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram, run } from "../kit/programs.js";
import { serve } from "../kit/serve.js";
import { Jail } from "./kit-jail.js";
import type { AcrossMounts } from "./kit-second-mount.js";

describe("S1.5 a root below a link", () => {
  /** The served folder is reached as `way/home`, where `way` is a link to `root`. */
  async function below(): Promise<Jail> {
    const jail = await Jail.open({ served: "way/home" });
    await mkdir(join(jail.root, "home"));
    await writeFile(join(jail.root, "home", "mine.txt"), "mine\n");
    await symlink("root", join(jail.base, "way"));
    await jail.remember();
    return jail;
  }

  test("S1.5 is contained by where it really is", () =>
    assertNoLeaks(async () => {
      await using jail = await below();
      await symlink("..", join(jail.root, "home", "up"));
      await symlink(join(jail.base, "way", "inside.txt"), join(jail.root, "home", "by-the-link"));
      await symlink(join(jail.base, "way", "home", "mine.txt"), join(jail.root, "home", "round"));
      const attacker = await jail.attacker();
      assert.equal((await attacker.move("RETR round")).bytes.toString(), "mine\r\n");
      for (const path of [
        "up/inside.txt",
        "by-the-link",
        "../inside.txt",
        "up/home/mine.txt",
        "up/../outside/canary.txt",
      ])
        assert.equal((await attacker.move(`RETR ${path}`)).codes[0], 550, path);
      assert((await attacker.move("STOR by-the-link", "evil")).codes.every((code) => code >= 500));
      assert.equal(await readFile(join(jail.root, "inside.txt"), "utf8"), "inside\n");
      await jail.assertIntact();
    }));

  test("S1.5 does not move when the link is turned elsewhere", () =>
    assertNoLeaks(async () => {
      await using jail = await below();
      await mkdir(join(jail.outside, "home"));
      await writeFile(join(jail.outside, "home", "mine.txt"), jail.secret);
      const attacker = await jail.attacker();
      assert.equal((await attacker.move("RETR mine.txt")).bytes.toString(), "mine\r\n");
      await rm(join(jail.base, "way"));
      await symlink("outside", join(jail.base, "way"));
      await jail.remember();
      for (const line of ["RETR mine.txt", "LIST", "MLSD"]) await attacker.move(line);
      await attacker.move("STOR new.txt", "evil");
      await attacker.say("DELE mine.txt");
      await jail.assertIntact();
    }));

  test("S1.5 that is moved away and replaced is not left", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const attacker = await jail.attacker();
      await attacker.client.expect("STAT /", 212);
      await rename(jail.root, join(jail.base, "moved"));
      await symlink("outside", jail.root);
      await jail.remember();
      for (const line of ["RETR canary.txt", "LIST", "NLST sub"]) await attacker.move(line);
      for (const line of ["MLST canary.txt", "DELE canary.txt", "MKD evil", "SITE CHMOD 777 canary.txt", "RMD sub"])
        await attacker.say(line);
      await attacker.move("STOR canary.txt", "evil");
      await jail.assertIntact();
    }));
});

describe("S1.6 renaming across file systems", () => {
  test("S1.6 never becomes copying, least of all through a link", async (t) => {
    const unshare = requireProgram(t, "unshare");
    if (unshare === undefined) return;
    const program = join(import.meta.dirname, "kit-second-mount.js");
    const namespace = ["--user", "--map-root-user", "--mount"];
    if ((await run(unshare, [...namespace, "true"])).code !== 0) return t.skip("no private mount namespace here");
    const { code, stdout, stderr } = await run(unshare, [...namespace, process.execPath, program], { timeout: 30_000 });
    assert.equal(code, 0, stderr);
    for (const { codes, intact } of JSON.parse(stdout) as AcrossMounts[]) {
      assert.deepEqual(
        codes.map((pair) => pair.at(-1)).filter((last) => (last ?? 0) < 500),
        [],
        JSON.stringify(codes),
      );
      assert(intact, "a source was harmed");
    }
  });
});

describe("S1.19 hard links", () => {
  test("S1.19 an upload replaces the name and leaves the file that others share as it is", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      await link(join(jail.outside, "canary.txt"), join(jail.root, "hard"));
      await jail.remember();
      const attacker = await jail.attacker();
      assert.equal((await attacker.move("STOR hard", "mine")).codes.at(-1), 226);
      assert.equal(await readFile(join(jail.root, "hard"), "utf8"), "mine");
      await attacker.client.expect("DELE hard", 250);
      await jail.assertIntact();
      assert.equal((await stat(join(jail.outside, "canary.txt"))).nlink, 1);
    }));

  test("S1.19 an upload that breaks off leaves it as it is too", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      await link(join(jail.outside, "canary.txt"), join(jail.root, "hard"));
      await jail.remember();
      const { client } = await jail.attacker();
      await client.expect("EPSV", 229);
      client.send("STOR hard\r\n");
      client.reset();
      await client.closed;
      await jail.assertIntact();
    }));
});

describe("S1.16 the root", () => {
  const NAMES = ["/", ".", "//", "./", "dir/..", "/../", "..", "/./."];
  test("S1.16 cannot be removed, renamed, deleted, replaced or overwritten", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const attacker = await jail.attacker();
      for (const name of NAMES) {
        for (const verb of ["RMD", "XRMD", "DELE", "RNFR", "MKD"])
          assert.match(String((await attacker.say(`${verb} ${name}`)).codes[0]), /^(4|5)/, `${verb} ${name}`);
        for (const verb of ["STOR", "APPE"])
          assert(
            (await attacker.move(`${verb} ${name}`, "evil")).codes.every((code) => code >= 500),
            `${verb} ${name}`,
          );
        assert.deepEqual(
          (await attacker.rename("/dir", name)).codes.slice(1).filter((code) => code < 500),
          [],
          name,
        );
      }
      assert.deepEqual((await attacker.move("NLST")).bytes.toString(), "dir\r\ninside.txt\r\nown.txt\r\n");
      await jail.assertIntact();
    }));

  test("S1.16 an empty root stays too, and an empty argument means nothing", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      await mkdir(join(jail.base, "outside", "empty"));
      await using served = await serve({ fileSystem: new LocalFileSystem(join(jail.outside, "empty")) });
      const client = await served.user();
      for (const line of ["RMD /", "RMD .", "RMD ", "DELE ", "RNFR ", "MKD "]) await client.expect(line, 501, 550);
      await client.expect("PWD", 257);
      assert.equal((await download(client, "LIST")).bytes.length, 0);
    }));

  test("S1.16 who removes the ground under his feet stands on what is left", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const attacker = await jail.attacker();
      for (const line of ["MKD a", "MKD a/b", "CWD a/b"]) await attacker.say(line);
      await attacker.client.expect("RMD .", 250, 550);
      assert.match((await attacker.client.expect("PWD", 257)).text, /^"\/a(\/b)?"/);
      await rm(join(jail.root, "a"), { recursive: true });
      await attacker.client.expect("PWD", 257, 550);
      for (const line of ["LIST", "NLST", "MLSD", "RETR x"])
        assert.equal((await attacker.move(line)).codes[0], 550, line);
      await attacker.client.expect("CDUP", 250, 550);
      await attacker.client.expect("CWD /", 250);
      await attacker.client.expect("SIZE inside.txt", 213);
    }));
});
