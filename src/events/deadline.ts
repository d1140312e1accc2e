/** One bound in time on what others do for us. Knows nothing of FTP. */

/** A bound on several promises in turn, from now on. */
export class Deadline {
  readonly #expired: Promise<never> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeout milliseconds; 0 is no bound
   * @param error what is thrown when the time is over
   */
  constructor(timeout: number, error: () => Error) {
    if (timeout === 0) return;
    this.#expired = new Promise((_resolve, reject) => {
      this.#timer = setTimeout(() => reject(error()), timeout);
    });
    this.#expired.catch(() => undefined);
  }

  /** The promise, or the error when the time is over first. */
  bound<Value>(promise: Promise<Value>): Promise<Value> {
    if (this.#expired === undefined) return promise;
    promise.catch(() => undefined);
    return Promise.race([promise, this.#expired]);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
