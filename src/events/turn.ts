/** Fairness: work that never waits for anything lets the event loop turn now and then. Knows nothing of FTP. */
import { setImmediate } from "node:timers/promises";

/** How long work may go on before the others have a turn, in milliseconds. */
const TURN_MS = 5;

/** The turns of one piece of work. */
export class Turn {
  #began = performance.now();

  /** Whether the others have waited long enough: then `take` is to be awaited. */
  get due(): boolean {
    return performance.now() - this.#began > TURN_MS;
  }

  async take(): Promise<void> {
    await setImmediate();
    this.#began = performance.now();
  }
}
