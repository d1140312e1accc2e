/**
 * What every `FileSystem` that can be written to must do: one table of behaviour, run for each of them. Speaks only
 * through the storage contract.
 */
import { suite, test } from "node:test";
import type { FileSystem } from "../../dist/storage/file-system.js";
import { attributes } from "./contract/attributes.js";
import { basics } from "./contract/basics.js";
import type { Check } from "./contract/check.js";
import { concurrency } from "./contract/concurrency.js";
import { spellings } from "./contract/names.js";
import { appending, offsets } from "./contract/offsets.js";
import { signals } from "./contract/signals.js";
import { directories, renames } from "./contract/tree.js";
import { uploads } from "./contract/uploads.js";

/** An empty file system and what cleans up after it. */
export interface Subject extends AsyncDisposable {
  readonly store: FileSystem;
}

/** Runs the table: `make` gives a new, empty file system to each test. */
export function fileSystemContract(name: string, make: () => Promise<Subject>): void {
  const check: Check = (title, run) => {
    test(title, async () => {
      await using subject = await make();
      await run(subject.store);
    });
  };
  suite(`FileSystem contract: ${name}`, () => {
    basics(check);
    uploads(check);
    offsets(check);
    appending(check);
    spellings(check);
    directories(check);
    renames(check);
    concurrency(check);
    signals(check);
    attributes(check);
  });
}
