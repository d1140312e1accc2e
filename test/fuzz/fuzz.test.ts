/** A short slice of `npm run fuzz`: every target for a moment, each time with another seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { TARGETS } from "./targets.js";

/** Set PORTSIDE_SEED to repeat a run. */
const SEED = Number(process.env.PORTSIDE_SEED ?? Date.now() % 1_000_000);
/** Milliseconds for a target of weight 1. */
const MOMENT = 250;

for (const { name, weight, fuzz } of TARGETS)
  test(`fuzz: ${name}, seed ${SEED}`, () =>
    assertNoLeaks(async () => {
      const { runs, failure } = await fuzz({ seed: SEED, milliseconds: weight * MOMENT });
      assert.equal(failure, undefined, failure);
      assert(runs > 0, "nothing has run");
    }));
