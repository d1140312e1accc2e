/** A place where work waits until the test lets it pass. */

export class Gate {
  /** Resolves when somebody has come to the gate. */
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #tellReached: () => void = () => undefined;
  #tellOpened: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#tellReached = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#tellOpened = resolve;
    });
  }

  /** Lets everybody pass, from now on. */
  open(): void {
    this.#tellOpened();
  }

  /** Waits for `open()`. Rejects with the signal's reason when it fires before. */
  async pass(signal?: AbortSignal): Promise<void> {
    this.#tellReached();
    if (signal === undefined) return this.#opened;
    signal.throwIfAborted();
    let stop: () => void = () => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason as Error);
      signal.addEventListener("abort", stop);
    });
    try {
      await Promise.race([this.#opened, aborted]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
