/** The end of the patience with what does not stop when its signal fires: a store that hangs holds no session up. */
import { FtpError } from "../errors.js";

/** What an operation may need to stop, in milliseconds: the contract of `FileSystem`. */
const OBEDIENCE_MS = 2000;

/** Waits for promises, but after a signal not for ever. */
export class Patience {
  readonly #signal: AbortSignal;
  /** Those who wait. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #timer: NodeJS.Timeout | undefined;
  #end: FtpError | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The promise, or a while after the signal its reason. */
  bound<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const done = (): void => void this.#waiting.delete(reject);
      promise.finally(done).then(resolve, reject);
      if (this.#end !== undefined) reject(this.#end);
    });
  }

  /** Waits no longer, whatever is under way. */
  giveUp(reason: FtpError): void {
    this.#end ??= reason;
    for (const reject of this.#waiting) reject(this.#end);
    this.clear();
  }

  /** To be called when nobody waits any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal.reason;
    const error =
      reason instanceof FtpError ? reason : new FtpError("ABORTED", "the work was stopped", { cause: reason });
    this.#timer = setTimeout(() => this.giveUp(error), OBEDIENCE_MS);
  };
}
