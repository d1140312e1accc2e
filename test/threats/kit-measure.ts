/** What an attack costs the process of the server: turns of the event loop, memory, and how long others wait. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Far more than is needed, and far less than an attack that works would take. */
export const BOUNDS = { turn: 300, memory: 128 * 2 ** 20 } as const;

/** What was measured. */
export interface Cost {
  /**
   * Milliseconds that the process computed in the longest turn of the event loop: for that long at the least nobody else
   * was served. Time of the processor, so that it does not matter what else the machine does.
   */
  readonly turn: number;
  /** Milliseconds that it computed in all. */
  readonly total: number;
  /** Bytes by which the resident memory grew at the most. */
  readonly memory: number;
}

/** Measures while the work goes on. */
export async function measure(work: () => Promise<void>): Promise<Cost> {
  collect();
  const before = process.memoryUsage.rss();
  const begun = computed();
  let [turn, peak, last] = [0, 0, begun];
  const look = (): void => {
    const now = computed();
    turn = Math.max(turn, now - last);
    last = now;
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 2);
  try {
    await work();
    // A turn that is too long ends behind the work.
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    clearInterval(timer);
  }
  look();
  return { turn, total: last - begun, memory: peak - before };
}

/** Milliseconds that this process has computed so far. */
function computed(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Bytes of JavaScript objects and of buffers that can still be reached. */
export function reachable(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
