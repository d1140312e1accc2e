/** Times of the connection to Redis. Knows no Redis. */

/** A bound in time on one answer. */
export interface Bound {
  /** Rejects when the time is over. */
  readonly over: Promise<never>;
  /** Aborted when the time is over. */
  readonly signal: AbortSignal;
  clear(): void;
}

/** @param timeout milliseconds; 0 is no bound */
export function outOfTime(timeout: number): Bound {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    if (timeout === 0) return;
    timer = setTimeout(() => {
      const error = new Error(`Redis did not answer in ${timeout} ms`);
      controller.abort(error);
      reject(error);
    }, timeout);
  });
  return { over, signal: controller.signal, clear: () => clearTimeout(timer) };
}

/** Milliseconds until it is tried again: ever longer, up to two seconds, and never given up. Not all nodes at once. */
export function pauseBefore(retries: number): number {
  return Math.min(50 * 2 ** Math.min(retries, 10), 2000) * (0.5 + Math.random() / 2);
}
