/** Fairness: work that never waits for anything lets the event loop turn now and then. Knows nothing of FTP. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** How long all such work together may go on before the others have a turn, in milliseconds. */
const TURN_MS = 2;

/** When work began in this turn of the event loop, by the process's own clock; `undefined` before any has. */
let began: number | undefined;

/** The turns of one piece of work; many pieces share them, so that the others wait no longer for many than for one. */
export class Turn {
  /** Whether the others have waited long enough: then `take` is to be awaited. */
  get due(): boolean {
    const now = performance.now();
    began ??= beginTurn(now);
    return now - began > TURN_MS;
  }

  async take(): Promise<void> {
    await nextTurn();
  }
}

function beginTurn(now: number): number {
  setImmediate(() => {
    began = undefined;
  });
  return now;
}
