/** One request to a store: ended by its caller's signal or by its own time limit, with nothing left behind. */

/** How long a request may take, and who may end it. */
export interface RequestBounds {
  /** Milliseconds; 0 is no limit. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a request with a signal of its own, and does not wait for one that does not heed it. Where the caller's signal
 * ended it, rejects with that signal's reason; where the time was up, with an `Error` that says so.
 * @param run is to give up, and to free what it has got, when its signal fires
 */
export async function request<Result>(
  { timeout, signal }: RequestBounds,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  let stop: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (reason: Error): void => {
      reject(reason);
      controller.abort(reason);
    };
    stop = () => end(signal?.reason as Error);
    signal?.addEventListener("abort", stop, { once: true });
    if (timeout !== 0)
      timer = setTimeout(() => end(new Error(`the store has not answered in ${timeout} ms`)), Math.min(timeout, MAX));
  });
  try {
    return await Promise.race([run(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** The longest time of a timer. */
const MAX = 2 ** 31 - 1;
