/** How a server is, for whoever sends clients to it. */
import { performance } from "node:perf_hooks";

/** How a server is now. Plain data. */
export interface Health {
  /**
   * `new` before `listen`, `listening`, `draining` from `close` until the last session is gone, then `closed`. Clients
   * should be sent to it while it is `listening`, and only then.
   */
  readonly state: "new" | "listening" | "draining" | "closed";
  /** Clients that are connected. */
  readonly sessions: number;
  /** Transfers that run, listings among them. */
  readonly transfers: number;
  /**
   * How much of its time the event loop of the process was busy in the last ten seconds: 0 to 1, the same for all who
   * ask. In the ten seconds from the first question on: since the server was made.
   */
  readonly busy: number;
}

/** Looks that are kept, and milliseconds between two. */
const [LOOKS, STEP] = [10, 1000];

/** Tells how busy the event loop was of late. Looks at it from the first question on, and keeps no process running. */
export class Busyness {
  readonly #step: number;
  /** The oldest is where the time begins that counts. */
  readonly #looks = [performance.eventLoopUtilization()];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param step milliseconds, of which ten are the time that counts. Default 1000 */
  constructor(step: number = STEP) {
    this.#step = step;
  }

  /** 0 to 1. */
  now(): number {
    if (!this.#stopped) this.#timer ??= setInterval(() => this.#look(), this.#step).unref();
    const { utilization } = performance.eventLoopUtilization(performance.eventLoopUtilization(), this.#looks[0]);
    // No time at all, before the event loop has begun.
    return utilization || 0;
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#looks.push(performance.eventLoopUtilization());
    if (this.#looks.length > LOOKS) this.#looks.shift();
  }
}
