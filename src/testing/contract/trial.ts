/** One trial: a new store, what is known of it, and what happens before and after. */
import assert from "node:assert/strict";
import type { FileSystem } from "../../storage/file-system.js";
import type { CompleteCapabilities, StoreFeature } from "../capabilities.js";

/** A new, empty store and what cleans up after it. */
export interface ContractSubject extends AsyncDisposable {
  /** What is tested. */
  readonly store: FileSystem;
}

/** What can be seen and done behind the back of a store. Each one opens more cases. */
export interface ContractProbes<Subject extends ContractSubject = ContractSubject> {
  /**
   * What uploads have left that `list` does not show: temporary files, parts. Asked after every case and every
   * abort; it must then be nothing.
   */
  readonly leftovers?: ((subject: Subject) => Promise<readonly string[]>) | undefined;
  /** How many requests the store has made so far: a listing must yield before it has made them all. */
  readonly requests?: ((subject: Subject) => number) | undefined;
  /** Lets what is behind the store answer no more, until the value is disposed: signals must still be obeyed. */
  readonly stall?: ((subject: Subject) => Promise<AsyncDisposable>) | undefined;
}

/** What a case works with. */
export interface Trial {
  readonly store: FileSystem;
  readonly can: CompleteCapabilities;
  /** Whether the store has something that others may lack. */
  readonly has: (feature: StoreFeature) => boolean;
  /** Asserts that uploads have left nothing, as far as that can be seen. */
  readonly clean: () => Promise<void>;
  /** The number of requests until now; 0 without the probe. */
  readonly requests: () => number;
  /** Lets the store stall until the value is disposed. */
  readonly stall: () => Promise<AsyncDisposable>;
}

/** What trials are made of. */
export interface TrialOptions<Subject extends ContractSubject> {
  readonly make: () => Promise<Subject>;
  readonly probes: ContractProbes<Subject>;
  readonly can: CompleteCapabilities;
}

/** Makes a store, runs a case on it, looks for what was left, cleans up. */
export async function tried<Subject extends ContractSubject>(
  options: TrialOptions<Subject>,
  run: (trial: Trial) => Promise<void>,
): Promise<void> {
  await using subject = await options.make();
  const trial = trialOf(subject, options);
  await run(trial);
  await trial.clean();
}

function trialOf<Subject extends ContractSubject>(subject: Subject, { probes, can }: TrialOptions<Subject>): Trial {
  return {
    store: subject.store,
    can,
    has: (feature) => !can.without.has(feature),
    requests: () => probes.requests?.(subject) ?? 0,
    async clean() {
      assert.deepEqual((await probes.leftovers?.(subject)) ?? [], [], "what uploads left behind");
    },
    async stall() {
      assert.ok(probes.stall, "the case needs the probe");
      return await probes.stall(subject);
    },
  };
}
