/** FIFOs, sockets and other things in the served folder that are no files: opening one can block a thread for ever. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, symlink } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram, run } from "../kit/programs.js";
import { within } from "../kit/temporary.js";
import { ATTACKS, type Attacker, Jail } from "./kit-jail.js";
import { whileSwapping } from "./kit-swapper.js";

/** Threads that Node has for the disk: as many blocked opens stop the whole process. */
const THREADS = 4;

/** Runs the work in a folder with a FIFO, links to it, and a socket. */
async function inSpecialFolder(t: TestContext, work: (jail: Jail) => Promise<void>): Promise<void> {
  const mkfifo = requireProgram(t, "mkfifo");
  if (mkfifo === undefined) return;
  await assertNoLeaks(async () => {
    await using jail = await Jail.open();
    assert.equal((await run(mkfifo, [join(jail.root, "fifo")])).code, 0);
    await symlink("fifo", join(jail.root, "to-fifo"));
    await mkdir(join(jail.root, "pipes"));
    assert.equal((await run(mkfifo, [join(jail.root, "pipes", "fifo")])).code, 0);
    const listener = net.createServer().listen(join(jail.root, "socket"));
    await once(listener, "listening");
    try {
      await work(jail);
      await jail.assertIntact();
    } finally {
      listener.close();
      await once(listener, "close");
    }
  });
}

describe("S1.15 FIFOs and sockets", () => {
  const NAMES = ["fifo", "socket", "to-fifo", "pipes/fifo"];
  test("S1.15 are refused at once by every command, again and again", (t) =>
    inSpecialFolder(t, async (jail) => {
      const attacker = await jail.attacker();
      for (const attack of ATTACKS.filter(({ name }) => name !== "STOU")) {
        for (const name of NAMES) {
          // The link itself may be removed or renamed.
          if (name === "to-fifo" && /^(DELE|RNFR …)/.test(attack.name)) continue;
          for (let time = 0; time <= THREADS; time++) {
            const { codes } = await within(attack.run(attacker, name), `${attack.name} ${name}`, 5000);
            assert((codes.at(-1) ?? 0) >= 450, `${attack.name} ${name}: ${codes.join(" ")}`);
          }
        }
      }
    }));

  test("S1.15 hold up nobody, however many ask for them at a time", (t) =>
    inSpecialFolder(t, async (jail) => {
      const crowd = await Promise.all(Array.from({ length: 3 * THREADS }, () => jail.attacker()));
      const victim = await jail.attacker();
      const besieging = crowd.map(async (attacker) => {
        for (const line of ["RETR fifo", "RETR to-fifo", "RETR pipes/fifo"]) await attacker.move(line);
        for (const line of ["STOR fifo", "APPE to-fifo"]) await attacker.move(line, "evil");
      });
      for (let time = 0; time < 10; time++)
        assert.equal((await within(victim.move("RETR inside.txt"), "a download", 5000)).codes.at(-1), 226);
      await within(Promise.all(besieging), "the refusals");
    }));

  test("S1.15 are not listed", (t) =>
    inSpecialFolder(t, async (jail) => {
      const attacker = await jail.attacker();
      for (const line of ["LIST", "NLST", "MLSD"])
        assert.doesNotMatch((await attacker.move(line)).bytes.toString(), /^(?!l)(.* )?(fifo|socket)\r$/m, line);
      assert.equal((await attacker.move("NLST pipes")).bytes.length, 0);
    }));

  test("S1.15 do not block when a file becomes one under way", (t) =>
    inSpecialFolder(t, async (jail) => {
      const attackers: readonly Attacker[] = await Promise.all([1, 2, 3, 4, 5].map(() => jail.attacker()));
      const swap = { path: join(jail.root, "own.txt"), kept: join(jail.base, "kept"), target: "fifo" };
      await whileSwapping({ ...swap, kind: "file" }, async () => {
        const siege = attackers.map(async (attacker) => {
          for (let round = 0; round < 60; round++) {
            await attacker.move("RETR own.txt");
            await attacker.move("APPE own.txt", "x");
            await attacker.say("SIZE own.txt");
          }
        });
        await within(Promise.all(siege), "the transfers", 30_000);
      });
    }));
});
