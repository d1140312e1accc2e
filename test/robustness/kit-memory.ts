/** How much memory the process holds. Knows nothing of FTP. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of JavaScript objects and of buffers that are still reachable. */
export function reachableBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Remembers the most that the process held while something was going on. */
export class MemoryPeak {
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor() {
    collect();
    this.#before = process.memoryUsage.rss();
    this.#timer = setInterval(() => this.look(), 20);
  }

  /** Looks now. */
  look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }

  /** Stops looking. @returns bytes by which the resident memory grew at the most */
  stop(): number {
    clearInterval(this.#timer);
    this.look();
    return this.#peak - this.#before;
  }
}
