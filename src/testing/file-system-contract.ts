/** The contract for test runners: Node's own, or one that is passed in. */

import type { ContractSubject } from "./contract/trial.js";
import { type ContractCase, type ContractOptions, contractCases } from "./contract-cases.js";

/** `test` as Node, vitest, jest and others have it. */
export interface TestFunction {
  /** @param timeout milliseconds; for runners whose limit is meant for smaller tests. Others ignore it. */
  (title: string, run: () => Promise<void>, timeout: number): unknown;
  /** Declares a test that is not run; its title ends with the reason. */
  readonly skip: (title: string, run: () => Promise<void>) => unknown;
}

/** `describe` or `suite`: groups the tests that are declared meanwhile. */
export type DescribeFunction = (title: string, declare: () => void) => unknown;

/** What is tested, and by whom. */
export interface ContractRun<Subject extends ContractSubject = ContractSubject> extends ContractOptions<Subject> {
  /** Named in the title of the suite. Default: none. */
  readonly name?: string | undefined;
  /** Declares a test. Default: that of `node:test`. */
  readonly test?: TestFunction | undefined;
  /** Groups tests. Default: that of `node:test`; with `test`, none. */
  readonly describe?: DescribeFunction | undefined;
}

/** Milliseconds for a case: the largest ones move a hundred thousand files. */
const TIMEOUT = 300_000;

/**
 * Declares the tests that every `FileSystem` that can be written to must pass: names, uploads of every size, what
 * readers see meanwhile, aborts, offsets, listings, renames, races, signals, errors, times. What the declared
 * capabilities leave out is reported as skipped, with the reason.
 * @throws RangeError where a capability is out of its range
 * @example
 * // database.test.ts, with node:test
 * fileSystemContract({
 *   name: "database",
 *   capabilities: { without: ["setMode", "setCreated"], entries: 100_000 },
 *   make: async () => {
 *     const database = await temporaryDatabase();
 *     return { store: new DatabaseFileSystem(database), [Symbol.asyncDispose]: () => database.drop() };
 *   },
 * });
 * @example
 * // with vitest; with jest 30 they are in `@jest/globals` (older ones lack `Symbol.asyncDispose` on Node 20)
 * import { describe, test } from "vitest";
 * fileSystemContract({ make, test, describe });
 */
export function fileSystemContract<Subject extends ContractSubject>(options: ContractRun<Subject>): void {
  const { name, test, describe } = options;
  const title = name === undefined ? "FileSystem contract" : `FileSystem contract: ${name}`;
  const cases = contractCases(options);
  if (test === undefined) return declareForNode(title, cases, describe);
  const declare = (prefix: string): void => {
    for (const { title, skip, run } of cases)
      if (skip === undefined) test(prefix + title, run, TIMEOUT);
      else test.skip(`${prefix}${title} (left out: ${skip})`, run);
  };
  if (describe === undefined) declare(`${title}: `);
  else describe(title, () => declare(""));
}

/** Looked up only here: other runners need not know the module. */
function declareForNode(title: string, cases: readonly ContractCase[], describe?: DescribeFunction): void {
  const node = process.getBuiltinModule("node:test");
  const group: DescribeFunction = describe ?? node.suite;
  group(title, () => {
    for (const { title, skip, run } of cases) void node.test(title, { skip: skip ?? false, timeout: TIMEOUT }, run);
  });
}
