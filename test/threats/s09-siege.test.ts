/**
 * S9.5, S10.3, S10.5, S11.8, S12.11, S13.1, S13.11: whatever floods the server from one address, a client on another address is served
 * in less than twice its time alone, memory has a bound, and nothing is left of the flood.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MIB } from "./kit-flood.js";
import { besiege } from "./kit-siege.js";

/** Times that are tried: on a machine that others use too, one run may be unlucky, but no attack that works is. */
const TRIES = 5;
/** Times its time alone that a client may take. */
const MOST = 2;

const SIEGES = [
  ["S13.11 connections without end, 500 at a time", "connections", "plain"],
  ["S13.1 connections that are reset at once", "resets", "plain"],
  ["S9.5 500 clients with wrong passwords", "logins", "plain"],
  ["S9.5 S9.6 500 clients with wrong passwords, which a slow hash verifies", "logins", "scrypt"],
  ["S10.3 20 sessions that send NOOP without end", "commands", "plain"],
  ["S10.5 20 sessions that send ABOR without end", "aborts", "plain"],
  ["S12.11 S13.3 data connections that nothing comes over", "halfOpen", "plain"],
  ["S11.8 20 sessions that list a tree without end", "listings", "plain"],
] as const;

for (const [what, kind, verifier] of SIEGES)
  test(`${what}: a client on another address takes less than twice its time alone`, async (t: TestContext) => {
    const ratios: number[] = [];
    while (ratios.length < TRIES && !(Math.min(...ratios) < MOST)) {
      const { alone, besieged, flooded, memory } = await besiege(kind, verifier);
      t.diagnostic(`${alone.toFixed(1)} ms alone, ${besieged.toFixed(1)} ms besieged; ${JSON.stringify(flooded)}`);
      assert.ok(memory < 150 * MIB, `${memory} bytes more`);
      // Where the machine has left nothing for the flood, it shows nothing.
      ratios.push(flooded.done > 100 ? besieged / alone : Number.POSITIVE_INFINITY);
    }
    assert.ok(Math.min(...ratios) < MOST, `${ratios.map((ratio) => ratio.toFixed(2)).join(", ")} times as long`);
  });
