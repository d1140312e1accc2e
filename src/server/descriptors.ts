/** How many files and sockets this process may have open (setrlimit(2), RLIMIT_NOFILE). */
import { readFileSync } from "node:fs";

/** The number of descriptors; `undefined` where the system does not say. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
