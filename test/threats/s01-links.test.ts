/** Links in the served folder, with every command that takes a path. */
import assert from "node:assert/strict";
import { lstat, mkdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { ATTACKS, type Attack, Jail, snapshot } from "./kit-jail.js";
import { harmlessLinks, hostileLinks, plantLinks } from "./kit-links.js";

/** What lies behind the links; the first component is the link, or the first two. */
const BEHIND: readonly string[] = [
  "out/canary.txt",
  "out/sub",
  "out/new.txt",
  "out/sub/../canary.txt",
  "out/*",
  "up/outside/canary.txt",
  "up/outside",
  "relative/canary.txt",
  "dir/deep/canary.txt",
  "dir/deep/new",
  "chain/canary.txt",
  "chain-next/sub/deep.txt",
  "twin/canary.txt",
  "loop/x",
  "ping/x",
  "host/etc/passwd",
  "etc/passwd",
  "self/cwd",
  "self/fd/0",
  "self/root/etc/passwd",
  "passwd/x",
];

/** A link itself can be removed, renamed, and be the stem of a name that STOU makes; no more. */
const ON_THE_LINK = /^(DELE|RNFR … RNTO|STOU)/;

for (const symlinks of ["inside", "deny"] as const)
  describe(`S1.3 S1.10 links that lead out, with symlinks: ${symlinks}`, () => {
    for (const attack of ATTACKS)
      test(`S1.3 ${attack.name} (${symlinks})`, () => assertNoLeaks(() => attackLinks(attack, symlinks)));
  });

async function attackLinks(attack: Attack, symlinks: "inside" | "deny"): Promise<void> {
  await using jail = await Jail.open({ storage: { symlinks } });
  const attacker = await jail.attacker();
  const links = { ...hostileLinks(jail), ...(symlinks === "deny" && harmlessLinks(jail)) };
  const behind = symlinks === "deny" ? [...BEHIND, "in/inner.txt", "in/new", "absolute-in/inner.txt"] : BEHIND;
  for (const path of [...Object.keys(links), ...behind]) {
    await rm(join(jail.root, "stolen"), { recursive: true, force: true });
    await jail.plant();
    plantLinks(jail, links);
    const { codes, bytes } = await attack.run(attacker, path);
    const final = codes.at(-1) ?? 0;
    const permitted = path in links && ON_THE_LINK.test(attack.name);
    assert(final >= 400 || permitted || isEmptyMatch(path, final, bytes), `${attack.name} ${path}: ${codes.join(" ")}`);
  }
  assert.equal(await readFile(join(jail.root, "dir", "inner.txt"), "utf8"), "inner\n");
  await jail.assertIntact();
}

/** A name with `*` may be a legal pattern that matches nothing. */
function isEmptyMatch(path: string, final: number, bytes: Buffer): boolean {
  return path.includes("*") && final < 300 && bytes.length === 0;
}

describe("S1.3 links that stay inside", () => {
  test("S1.3 are followed by every kind of access, and never replaced by an upload", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      plantLinks(jail, harmlessLinks(jail));
      const attacker = await jail.attacker();
      assert.equal((await attacker.move("RETR in/inner.txt")).bytes.toString(), "inner\n".replace("\n", "\r\n"));
      assert.deepEqual((await attacker.move("STOR in-file", "new")).codes.at(-1), 226);
      assert.equal(await readFile(join(jail.root, "inside.txt"), "utf8"), "new");
      assert.equal(await readlink(join(jail.root, "in-file")), "inside.txt");
      await attacker.client.expect("CWD absolute-in", 250);
      await attacker.client.expect("SIZE inner.txt", 213);
      await attacker.client.expect("DELE /in-file", 250);
      assert.equal(await readFile(join(jail.root, "inside.txt"), "utf8"), "new");
      await jail.assertIntact();
    }));

  test("S1.3 listings show where they lead as clients know it, and of links that lead out nothing", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      plantLinks(jail, { ...hostileLinks(jail), ...harmlessLinks(jail) });
      const attacker = await jail.attacker();
      const listed = (await attacker.move("LIST")).bytes.toString();
      assert.match(listed, /absolute-in -> \/dir\r\n/);
      for (const name of Object.keys(hostileLinks(jail)))
        assert.doesNotMatch(listed, new RegExp(`${name} -> .*(\\.\\.|/etc|/proc|outside)`), name);
      await attacker.client.expect("STAT /", 212);
      await attacker.move("MLSD");
      await attacker.move("LIST -R");
      assert(!attacker.seen.includes("../outside") && !attacker.seen.includes("root-twin"));
      await jail.assertIntact();
    }));

  test("S1.3 a way that leaves the root and comes back is no way", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      plantLinks(jail, hostileLinks(jail));
      const attacker = await jail.attacker();
      for (const path of ["up/root/inside.txt", "dir/deep/../inside.txt", `host${jail.root}/inside.txt`])
        for (const line of [`SIZE ${path}`, `MLST ${path}`, `DELE ${path}`])
          if (!path.startsWith("dir")) assert.equal((await attacker.say(line)).codes[0], 550, line);
      assert.equal(await readFile(join(jail.root, "inside.txt"), "utf8"), "inside\n");
    }));
});

describe("S1.4 renaming onto links", () => {
  for (const overwriteOnRename of [false, true])
    test(`S1.4 the link gives way or stays, what it leads to is never touched (overwriteOnRename: ${overwriteOnRename})`, () =>
      assertNoLeaks(async () => {
        await using jail = await Jail.open({ server: { overwriteOnRename } });
        const attacker = await jail.attacker();
        const links = { ...hostileLinks(jail), ...harmlessLinks(jail) };
        for (const name of Object.keys(links)) {
          await jail.plant();
          plantLinks(jail, links);
          const { codes } = await attacker.rename("/own.txt", `/${name}`);
          assert.deepEqual(codes, overwriteOnRename ? [350, 250] : [350, 553], name);
          const left = await lstat(join(jail.root, name));
          assert.equal(left.isSymbolicLink(), !overwriteOnRename, name);
        }
        assert.equal(await readFile(join(jail.root, "inside.txt"), "utf8"), "inside\n");
        assert.equal(await readFile(join(jail.root, "dir", "inner.txt"), "utf8"), "inner\n");
        await jail.assertIntact();
      }));

  test("S1.4 a link that stays inside where it is and leads out where it is moved to leads nowhere", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      await mkdir(join(jail.root, "outside"));
      await writeFile(join(jail.root, "outside", "canary.txt"), "harmless");
      plantLinks(jail, { "dir/climb": "../outside" });
      const attacker = await jail.attacker();
      assert.equal((await attacker.move("RETR dir/climb/canary.txt")).bytes.toString(), "harmless");
      assert.deepEqual((await attacker.rename("/dir/climb", "/climb")).codes, [350, 250]);
      for (const attack of ATTACKS) {
        if (attack.name.startsWith("STOU")) continue;
        const { codes } = await attack.run(attacker, "/climb/canary.txt");
        assert((codes.at(-1) ?? 0) >= 500, `${attack.name}: ${codes.join(" ")}`);
      }
      await jail.assertIntact();
    }));
});

describe("S1.10 subcommands of SITE of other servers", () => {
  const COMMANDS = [
    "CPFR",
    "CPTO",
    "COPY",
    "MKDIR",
    "RMDIR",
    "SYMLINK",
    "LINK",
    "EXEC",
    "CHGRP",
    "CHOWN",
    "RMTREE",
    "ZIP",
  ];
  test("S1.10 do not exist, with any path", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      plantLinks(jail, hostileLinks(jail));
      const before = await snapshot(jail.root);
      const attacker = await jail.attacker();
      for (const command of COMMANDS) {
        for (const path of ["inside.txt", "../outside/canary.txt", "out/canary.txt", '"../outside" "/stolen"', "0 dir"])
          assert((await attacker.say(`SITE ${command} ${path}`)).codes.every((code) => code >= 500));
      }
      for (const verb of ["XCRC", "XMD5", "XSHA1", "HASH", "COMB", "RMDA", "DSIZ", "AVBL"])
        assert(
          (await attacker.say(`${verb} "../outside/canary.txt"`)).codes.every((code) => code >= 500),
          verb,
        );
      assert.deepEqual(await snapshot(jail.root), before);
      await jail.assertIntact();
    }));
});
