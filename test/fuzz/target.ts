/**
 * One thing to fuzz: what goes in, and what must hold of it. Runs for a time and not for a number, says what it did,
 * and shrinks what failed. Knows nothing of FTP.
 */
import assert from "node:assert/strict";
import fc from "fast-check";

/** A turn of a target. */
export interface Turn {
  /** The same seed, the same inputs. */
  readonly seed: number;
  /** How long, shrinking not included. */
  readonly milliseconds: number;
}

/** What came of a turn. */
export interface Outcome {
  readonly runs: number;
  /** Seed, path, the smallest input that fails, and how; `undefined` where all held. */
  readonly failure: string | undefined;
}

/** One thing to fuzz. */
export interface Target {
  readonly name: string;
  /** How much of the time it gets, compared with the others. */
  readonly weight: number;
  fuzz(turn: Turn): Promise<Outcome>;
}

/** Milliseconds that a failing input may be made smaller for. */
const SHRINKING = 20_000;
/** Milliseconds in which anything that only reads text must be done, however long and odd the text is. */
const PROMPT = 100;

/** A target of pure work. @param check throws where something does not hold */
export function target<Input>(name: string, input: fc.Arbitrary<Input>, check: (input: Input) => void): Target {
  return { name, weight: 1, fuzz: (turn) => fuzz(input, async (given) => check(given), turn) };
}

/** Runs inputs until the time is over, or one fails; then makes that one smaller. */
export async function fuzz<Input>(
  input: fc.Arbitrary<Input>,
  check: (input: Input) => Promise<void>,
  { seed, milliseconds }: Turn,
): Promise<Outcome> {
  const end = performance.now() + milliseconds;
  let runs = 0;
  let failing: number | undefined;
  const property = fc.asyncProperty(input, async (given) => {
    // What is not run any more counts as held: so a failure that was found in time can still be made smaller.
    if (performance.now() > (failing ?? end)) return;
    runs++;
    try {
      await check(given);
    } catch (error) {
      failing ??= performance.now() + SHRINKING;
      throw error;
    }
  });
  const limit = { interruptAfterTimeLimit: milliseconds + SHRINKING, numRuns: 1000, endOnFailure: false };
  for (let round = 0; performance.now() < end; round++) {
    const details = await fc.check(property, { ...limit, seed: seed + round });
    if (details.failed)
      return { runs, failure: `${fc.defaultReportMessage(details)}\n${String(details.errorInstance)}` };
  }
  return { runs, failure: undefined };
}

/** Asserts that the work is done promptly; the quickest of three times counts, for the machine may be busy. */
export function promptly<Result>(what: string, work: () => Result): Result {
  let quickest = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 3; time++) {
    const begun = performance.now();
    const result = work();
    quickest = Math.min(quickest, performance.now() - begun);
    if (quickest < PROMPT) return result;
  }
  assert.fail(`${what} took ${Math.round(quickest)} ms`);
}
