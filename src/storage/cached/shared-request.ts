/** One request that several wait for. Knows no store. */
import { untilAborted } from "../until-aborted.js";

/** Runs once, for all who ask while it runs; it is given up only when every one of them has gone. */
export class SharedRequest<Value> {
  readonly #controller = new AbortController();
  readonly #result: Promise<Value>;
  #waiting = 0;

  /** @param ended called with the value, or with what was thrown, before any caller has it */
  constructor(run: (signal: AbortSignal) => Promise<Value>, ended: (outcome: unknown) => void) {
    this.#result = run(this.#controller.signal);
    this.#result.then(ended, ended);
  }

  /** Whether nobody waits any more: the request has been told to end. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** The result, or the reason of this caller's signal, which fails nobody else. */
  async wait(signal: AbortSignal | undefined): Promise<Value> {
    this.#waiting++;
    try {
      return await untilAborted(this.#result, signal);
    } finally {
      if (--this.#waiting === 0) this.#controller.abort();
    }
  }
}
