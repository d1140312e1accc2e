/** Files that others replace while the program runs: seen by their names, whichever way they change. */
import { unwatchFile, watchFile } from "node:fs";

/** Milliseconds between two looks. Looking also sees what notices of the system do not: links turned, file systems of others. */
const INTERVAL = 2000;
/** Milliseconds of quiet before it counts: what belongs together is rarely replaced at one blow. */
const QUIET = 500;

/**
 * Calls `changed` after each change, and once soon: what changed before the first look would not be seen otherwise.
 * Keeps no process running.
 * @returns how to stop
 */
export function watchFiles(files: readonly string[], changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET).unref();
  };
  for (const file of files) watchFile(file, { interval: INTERVAL, persistent: false }, soon);
  soon();
  return () => {
    for (const file of files) unwatchFile(file, soon);
    clearTimeout(timer);
  };
}
