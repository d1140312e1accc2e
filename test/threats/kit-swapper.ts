/**
 * A worker that exchanges what stands at a path for a link and back, as fast as it can, until it is told to stop. It
 * stands for another user of the host, or for an attacker with a second way in.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";

/** What is exchanged. */
export interface Swap {
  /** Where the attackers look. */
  readonly path: string;
  /** Where the real thing is kept meanwhile. */
  readonly kept: string;
  /** Where the link leads. */
  readonly target: string;
  /** A `directory` or a `file` stands at the path and is put back; `snatch` takes whatever the attackers make there. */
  readonly kind: "directory" | "file" | "snatch";
}

interface Orders {
  readonly swap: Swap;
  readonly stop: Int32Array;
}

/** Exchanges for as long as the work takes. */
export async function whileSwapping(swap: Swap, work: () => Promise<void>): Promise<void> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { swap, stop } satisfies Orders });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
  try {
    await Promise.race([work(), ended]);
  } finally {
    Atomics.store(stop, 0, 1);
    await ended;
  }
}

/** What every directory holds that is exchanged, and what `outside` holds as well. */
export function furnish(directory: string): void {
  rmSync(join(directory, "fresh"), { recursive: true, force: true });
  writeFileSync(join(directory, "canary.txt"), "harmless\n");
  mkdirSync(join(directory, "empty"), { recursive: true });
}

function exchange({ path, kept, target, kind }: Swap): void {
  renameSync(path, kept);
  symlinkSync(target, path);
  if (kind === "directory") furnish(kept);
  unlinkSync(path);
  renameSync(kept, path);
}

/** Whatever stands in the way is the attackers' doing. */
function exchangeName({ path, kept, target, kind }: Swap): void {
  for (const step of [
    () => renameSync(path, kept),
    () => symlinkSync(target, path),
    () => unlinkSync(path),
    () => rmSync(kept, { recursive: true }),
    () => kind === "file" && writeFileSync(path, "harmless\n", { flag: "wx" }),
  ]) {
    try {
      step();
    } catch {
      continue;
    }
  }
}

if (!isMainThread) {
  const { swap, stop } = workerData as Orders;
  while (Atomics.load(stop, 0) === 0) (swap.kind === "directory" ? exchange : exchangeName)(swap);
}
