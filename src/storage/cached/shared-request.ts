/** One request that several wait for. Knows no store. */
import { untilAborted } from "../until-aborted.js";

/** Called once, one of them, before any caller has the result. */
interface RequestEnds<Value> {
  readonly succeeded: (value: Value) => void;
  readonly failed: (error: unknown) => void;
}

/** Runs once, for all who ask while it runs; it is given up only when every one of them has gone. */
export class SharedRequest<Value> {
  readonly #controller = new AbortController();
  readonly #result: Promise<Value>;
  #waiting = 0;

  constructor(run: (signal: AbortSignal) => Promise<Value>, { succeeded, failed }: RequestEnds<Value>) {
    this.#result = run(this.#controller.signal);
    this.#result.then(succeeded, failed);
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
