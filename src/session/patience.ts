/** The end of the patience with what does not stop when its signal fires: a store that hangs holds no session up. */
import { FtpError } from "../errors.js";

/** What an operation may need to stop, in milliseconds: the contract of `FileSystem`. */
const OBEDIENCE_MS = 2000;

/** Waits for promises, but after a signal not for ever. */
export class Patience {
  readonly #signal: AbortSignal | undefined;
  /** Those who wait; none at first, as with an idle session. */
  #waiting: Set<(reason: unknown) => void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #end: FtpError | undefined;
  #stopped: (() => unknown) | undefined;
  readonly #onAbort: (() => void) | undefined;

  /** @param signal what fires. Default: only `stop` does */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    if (signal === undefined) return;
    this.#onAbort = () => this.stop(() => signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The promise, or a while after the signal its reason. */
  bound<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const waiting = (this.#waiting ??= new Set());
      waiting.add(reject);
      const leave = (): void => {
        waiting.delete(reject);
        if (waiting.size === 0 && waiting === this.#waiting) this.#waiting = undefined;
      };
      // One promise more, where `finally` makes four.
      void promise.then(resolve, reject).then(leave);
      if (this.#end !== undefined) reject(this.#end);
      else if (this.#stopped !== undefined) this.#timer ??= this.#runOut(this.#stopped);
    });
  }

  /** Waits no longer, whatever is under way. */
  giveUp(reason: FtpError): void {
    this.#end ??= reason;
    for (const reject of this.#waiting ?? []) reject(this.#end);
    this.clear();
  }

  /** To be called when nobody waits any more. */
  clear(): void {
    clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  /** @throws the reason, once the signal has fired */
  throwIfStopped(): void {
    if (this.#stopped !== undefined) throw errorOf(this.#stopped());
  }

  /** The signal has fired: from now on those who wait do not wait for ever. */
  stop(reason: () => unknown): void {
    this.#stopped = reason;
    clearTimeout(this.#timer);
    this.#timer = this.#waiting === undefined ? undefined : this.#runOut(reason);
  }

  #runOut(reason: () => unknown): NodeJS.Timeout {
    return setTimeout(() => this.giveUp(errorOf(reason())), OBEDIENCE_MS);
  }
}

function errorOf(reason: unknown): FtpError {
  return reason instanceof FtpError ? reason : new FtpError("ABORTED", "the work was stopped", { cause: reason });
}
