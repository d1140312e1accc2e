/** Path names that try to leave the root, with every command that takes one (RFC 3659 §6). */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { describe, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { ATTACKS, type Attack, type Attacker, Jail, type Outcome, snapshot } from "./kit-jail.js";

/** Names that have led out of some server; `HOST` is where the served folder's parent really is. */
const PAYLOADS: readonly string[] = [
  "..",
  "../..",
  "../outside/canary.txt",
  "../root-twin/canary.txt",
  "../root/inside.txt",
  "/../outside/canary.txt",
  "/../../../../../../../../etc/passwd",
  "dir/../../outside/canary.txt",
  "dir/../../root/inside.txt",
  "missing/../../outside/canary.txt",
  "inside.txt/../../outside/canary.txt",
  "./.././../outside/canary.txt",
  "..//..//outside//canary.txt",
  "//../outside/canary.txt",
  "dir/./../inside.txt",
  "../dir/inner.txt",
  "../outside/",
  "../outside/*",
  "*/../../outside/*",
  "HOST/outside/canary.txt",
  "//HOST/outside/canary.txt",
  "HOST",
  "file://HOST/outside/canary.txt",
  "/etc/passwd",
  "/proc/self/root/etc/passwd",
  "/proc/self/cwd",
  "~",
  "~root/.profile",
  "..\\..\\outside\\canary.txt",
  "..\\outside/canary.txt",
  "/..\\outside",
  "dir\\..\\..\\outside\\canary.txt",
  ".../outside/canary.txt",
  "....//outside/canary.txt",
  "..;/outside/canary.txt",
  "%2e%2e/outside/canary.txt",
  "%2e%2e%2foutside%2fcanary.txt",
  "..%c0%afoutside/canary.txt",
  "..\u2215outside\u2215canary.txt",
  "..\uff0foutside\uff0fcanary.txt",
  "\uff0e\uff0e/outside/canary.txt",
  ".. /outside/canary.txt",
  "../ outside/canary.txt",
  "C:/../outside/canary.txt",
  '"../outside/canary.txt"',
  "'../outside/canary.txt'",
];

/** STOU makes a name of its own. */
const UNIQUE = /\.[0-9a-f]{16} /;

for (const cwd of ["/", "/dir"])
  describe(`S1.1 S1.2 S1.14 from ${cwd} no name leads elsewhere than the same name made absolute`, () => {
    for (const attack of ATTACKS)
      test(`S1.1 ${attack.name} from ${cwd}`, () => assertNoLeaks(() => attackBothWays(attack, cwd)));
  });

/** The same attack with the name as it is and, on a twin, with the path that it has to mean. */
async function attackBothWays(attack: Attack, cwd: string): Promise<void> {
  await using jail = await Jail.open();
  await using twin = await Jail.open();
  const [tricky, honest] = [await jail.attacker(), await twin.attacker()];
  for (const payload of PAYLOADS) {
    if (cwd !== "/" && /^[/H]/.test(payload)) continue;
    const path = posix.resolve(cwd, payload.replace("HOST", twin.base));
    const [outcome, expected] = await Promise.all([
      once(jail, tricky, cwd, () => attack.run(tricky, payload.replace("HOST", jail.base))),
      once(twin, honest, cwd, () => attack.run(honest, path)),
    ]);
    assert.deepEqual(outcome.codes, expected.codes, `${payload} and ${path}`);
    assert.equal(linesOf(outcome), linesOf(expected), `${payload}: another answer than ${path}`);
  }
  assert.deepEqual(await content(jail), await content(twin));
  await jail.assertIntact();
  await twin.assertIntact();
}

/** NLST gives a client the very words back that it has used: only how many lines came can be compared. */
function linesOf({ bytes }: Outcome): number {
  return bytes.toString().split("\n").length;
}

async function once(jail: Jail, attacker: Attacker, cwd: string, run: () => Promise<Outcome>): Promise<Outcome> {
  await rm(join(jail.root, "stolen"), { recursive: true, force: true });
  await jail.plant();
  await attacker.client.expect(`CWD ${cwd}`, 250);
  return run();
}

async function content(jail: Jail): Promise<readonly string[]> {
  return (await snapshot(jail.root)).map((line) => line.replace(UNIQUE, ".unique "));
}
