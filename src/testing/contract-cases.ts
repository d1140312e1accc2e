/** The contract as plain cases, for whatever runs them. Knows no test framework. */
import { completeCapabilities, type StoreCapabilities } from "./capabilities.js";
import { attributes } from "./contract/attributes.js";
import { basics } from "./contract/basics.js";
import { checksums } from "./contract/checksums.js";
import { concurrency } from "./contract/concurrency.js";
import { directories } from "./contract/directories.js";
import { endings } from "./contract/endings.js";
import { errors } from "./contract/errors.js";
import { listings } from "./contract/listings.js";
import { spellings } from "./contract/names.js";
import { offsets } from "./contract/offsets.js";
import { renames } from "./contract/renames.js";
import { leftOut, type Row } from "./contract/row.js";
import { signals } from "./contract/signals.js";
import { type ContractProbes, type ContractSubject, tried } from "./contract/trial.js";
import { uploads } from "./contract/uploads.js";

/** Which store is tested, and how it differs from a full one. */
export interface ContractOptions<Subject extends ContractSubject = ContractSubject> {
  /** A new, empty store for each case, and what cleans up after it. */
  readonly make: () => Promise<Subject>;
  /** How the store differs from a full one. Default: not at all. */
  readonly capabilities?: StoreCapabilities | undefined;
  /** What can be seen and done behind the store's back. Default: nothing; the cases that need it are skipped. */
  readonly probes?: ContractProbes<Subject> | undefined;
}

/** One case of the contract. */
export interface ContractCase {
  /** Another one for each case. */
  readonly title: string;
  /** Why the case does not apply to this store; `run` must then not be called. */
  readonly skip?: string | undefined;
  /** Makes a store, tries it, cleans up. Rejects with an `AssertionError`, or with what the store threw. */
  readonly run: () => Promise<void>;
}

const ROWS: readonly Row[] = [
  ...basics,
  ...errors,
  ...uploads,
  ...endings,
  ...offsets,
  ...checksums,
  ...spellings,
  ...directories,
  ...listings,
  ...renames,
  ...concurrency,
  ...signals,
  ...attributes,
];

/**
 * The cases that a store must pass, for runners that `fileSystemContract` does not fit. Those that do not apply are
 * there too, with the reason.
 * @throws RangeError where a capability is out of its range
 * @example
 * for (const { title, skip, run } of contractCases({ make })) {
 *   if (skip === undefined) await run();
 *   else console.log(`${title}: left out, ${skip}`);
 * }
 */
export function contractCases<Subject extends ContractSubject>(
  options: ContractOptions<Subject>,
): readonly ContractCase[] {
  const can = completeCapabilities(options.capabilities);
  const { make, probes = {} } = options;
  return ROWS.map((row) => ({
    title: row.title,
    skip: leftOut(row, can, new Set(Object.keys(probes))),
    run: () => tried({ make, probes, can }, row.run),
  }));
}
