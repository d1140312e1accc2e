/** A short slice of `npm run chaos`, each time with another seed; nothing is left of it in this process either. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { rampage } from "./rampage.js";

/** Set PORTSIDE_SEED to repeat a run. */
const SEED = Number(process.env.PORTSIDE_SEED ?? Date.now() % 1_000_000);
const MILLISECONDS = 10_000;

test(`S18.1 S12.9 S13.1 S13.7 chaos against a server process, seed ${SEED}`, () =>
  assertNoLeaks(async () => {
    const { totals, visits } = await rampage({ seed: SEED, milliseconds: MILLISECONDS });
    // Chance has been everywhere, or this proves little.
    for (const what of ["transfers", "broken", "faults"] as const)
      assert(totals[what] >= 5, `${what}: ${totals[what]}`);
    for (const what of ["random", "inspected", "broken off", "looked"])
      assert((visits[what] ?? 0) >= 3, `${what}: ${visits[what] ?? 0} times`);
  }));
