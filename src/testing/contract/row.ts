/** A case as a row of data, and whether it applies to a store. */
import type { CompleteCapabilities, StoreFeature } from "../capabilities.js";
import type { ContractProbes, Trial } from "./trial.js";

/** One case. */
export interface Row {
  readonly title: string;
  /** What the store must have for the case to say anything. */
  readonly needs?: readonly StoreFeature[];
  /** What must be possible behind its back. */
  readonly probe?: keyof ContractProbes;
  /** Why the case does not apply to such a store; `undefined` or `false` where it does. */
  readonly unless?: (can: CompleteCapabilities) => string | false | undefined;
  readonly run: (trial: Trial) => Promise<void>;
}

/** Why a case is left out; `undefined` where it applies. */
export function leftOut(row: Row, can: CompleteCapabilities, probes: ReadonlySet<string>): string | undefined {
  const lacking = row.needs?.find((feature) => can.without.has(feature));
  if (lacking !== undefined) return `the store is without ${lacking}`;
  if (row.probe !== undefined && !probes.has(row.probe)) return `no probe ${row.probe} was given`;
  const why = row.unless?.(can);
  return why === false ? undefined : why;
}

/** For cases that need a file below a file, or no directory, to be refused. */
export function implicit({ implicitDirectories }: CompleteCapabilities): string | false {
  return implicitDirectories && "directories are implicit";
}

/** For cases about implicit directories. */
export function explicit({ implicitDirectories }: CompleteCapabilities): string | false {
  return !implicitDirectories && "directories are not implicit";
}
