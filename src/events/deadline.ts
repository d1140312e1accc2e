/** One bound in time on what others do for us. Knows nothing of FTP. */

/** A bound on several promises in turn, from now on. */
export class Deadline {
  readonly #over: Promise<never>;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #end: (error: unknown) => void = () => undefined;

  /**
   * @param timeout milliseconds; 0 is no bound
   * @param error what is thrown when the time is over
   * @param signal ends the wait with its reason
   */
  constructor(timeout: number, error: () => Error, signal?: AbortSignal) {
    this.#over = new Promise((_resolve, reject) => {
      this.#end = reject;
    });
    this.#over.catch(() => undefined);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
    if (timeout > 0) this.#timer = setTimeout(() => this.#end(error()), timeout);
  }

  readonly #onAbort = (): void => this.#end(this.#signal?.reason);

  /** The promise, or the error when the time is over first. */
  bound<Value>(promise: Promise<Value>): Promise<Value> {
    promise.catch(() => undefined);
    return Promise.race([promise, this.#over]);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * A promise, but not for ever.
 * @param timeout milliseconds; 0 is no bound
 * @throws what the promise does, or the error when the time is over first
 */
export async function inTime<Value>(promise: Promise<Value>, timeout: number, error: () => Error): Promise<Value> {
  const deadline = new Deadline(timeout, error);
  try {
    return await deadline.bound(promise);
  } finally {
    deadline.clear();
  }
}
