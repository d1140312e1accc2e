/** What an attack costs the process of the server: turns of the event loop, memory, and how long others wait. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bounds that a machine which is busy with other things still keeps. */
export const BOUNDS = { turn: 500, memory: 128 * 2 ** 20 } as const;

/** What was measured. */
export interface Cost {
  /** Milliseconds of the longest turn of the event loop: for that long nobody else was served. */
  readonly turn: number;
  /** Bytes by which the resident memory grew at the most. */
  readonly memory: number;
}

/** Measures while the work goes on. */
export async function measure(work: () => Promise<void>): Promise<Cost> {
  collect();
  const before = process.memoryUsage.rss();
  let [turn, peak, last] = [0, 0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    turn = Math.max(turn, now - last);
    last = now;
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 2);
  try {
    await work();
    // A turn that is too long ends behind the work.
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    clearInterval(timer);
  }
  return { turn: Math.max(turn, performance.now() - last), memory: peak - before };
}

/** Bytes of JavaScript objects and of buffers that can still be reached. */
export function reachable(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
