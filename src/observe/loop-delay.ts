/**
 * How late the event loop is: what a command waits for where too much is computed. Watched from the first question on,
 * for then only it costs something: a look in 20 milliseconds. Keeps no process running.
 */
import { Histogram, type Latency } from "./histogram.js";

/** Milliseconds between two looks. */
const INTERVAL = 20;

/** The latenesses of the event loop, counted as long as they are of interest. */
export class LoopDelay {
  readonly #histogram = new Histogram();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #looked = 0;

  /** What was seen since the first time, for whoever asks: nothing is taken away. */
  snapshot(): Latency {
    if (!this.#stopped && this.#timer === undefined) this.#watch();
    return this.#histogram.snapshot();
  }

  /** For good. What was seen stays. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #watch(): void {
    this.#looked = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#histogram.add(Math.max(0, now - this.#looked - INTERVAL));
      this.#looked = now;
    }, INTERVAL).unref();
  }
}
