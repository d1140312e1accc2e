/** Somebody exchanges directories and files for links while commands run. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { ATTACKS, type Attacker, Jail } from "./kit-jail.js";
import { furnish, whileSwapping } from "./kit-swapper.js";

const ROUNDS = 10;
/** Tries until both what is inside and the link have been met. */
const TRIES = 3000;

describe("S1.8 a directory that becomes a link to the outside and back", () => {
  for (const where of ["inside", "outside"])
    test(`S1.8 is never gone through; the real one is kept ${where} meanwhile`, () =>
      assertNoLeaks(async () => {
        await using jail = await Jail.open();
        const path = join(jail.root, "folder");
        await mkdir(path);
        furnish(path);
        await mkdir(join(jail.outside, "empty"));
        await jail.remember();
        const attacker = await jail.attacker();
        const kept = join(where === "inside" ? jail.root : jail.base, "kept");
        await whileSwapping({ path, kept, target: jail.outside, kind: "directory" }, async () => {
          await meetBoth(attacker, "RETR folder/canary.txt");
          for (const attack of ATTACKS) {
            for (let round = 0; round < ROUNDS; round++)
              for (const name of ["canary.txt", "empty", "fresh", "sub/deep.txt"])
                await attack.run(attacker, `/folder/${name}`);
          }
        });
        await attacker.client.assertQuiet();
        await jail.assertIntact();
      }));
});

describe("S1.8 a file that becomes a link to the outside and back", () => {
  test("S1.8 is never gone through", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const path = join(jail.root, "file");
      await writeFile(path, "harmless\n");
      const attacker = await jail.attacker();
      const target = join(jail.outside, "canary.txt");
      await whileSwapping({ path, kept: join(jail.base, "kept"), target, kind: "file" }, async () => {
        await meetBoth(attacker, "RETR file");
        for (const attack of ATTACKS) {
          for (let round = 0; round < 3 * ROUNDS; round++) await attack.run(attacker, "/file");
        }
      });
      await jail.assertIntact();
    }));
});

describe("S1.7 something new that is exchanged before its mode is set", () => {
  for (const [what, target, command] of [
    ["a directory", "sub", "MKD thing"],
    ["a file", "canary.txt", "STOR thing"],
  ] as const)
    test(`S1.7 ${what} never lends its mode to what the link leads to`, () =>
      assertNoLeaks(async () => {
        await using jail = await Jail.open();
        const attacker = await jail.attacker();
        await attacker.client.expect("SITE UMASK 000", 200);
        const swap = {
          path: join(jail.root, "thing"),
          kept: join(jail.base, "kept"),
          target: join(jail.outside, target),
        };
        await whileSwapping({ ...swap, kind: "snatch" }, async () => {
          for (let round = 0; round < 300; round++) {
            if (command.startsWith("MKD")) await attacker.say(command);
            else await attacker.move(command, "thing");
            await attacker.say("SITE CHMOD 777 thing");
            await attacker.say("MFMT 20200101000000 thing");
            await attacker.say(command.startsWith("MKD") ? "RMD thing" : "DELE thing");
          }
        });
        await jail.assertIntact();
      }));
});

/** Downloads until the exchange has been met in both states. */
async function meetBoth(attacker: Attacker, line: string): Promise<void> {
  const met = new Set<number>();
  for (let tries = 0; met.size < 2; tries++) {
    assert(tries < TRIES, `only ${[...met].join()} in ${TRIES} tries`);
    met.add((await attacker.move(line)).codes.at(-1) ?? 0);
  }
}
