/** One request to a store: ended by its caller's signal or by its own time limit, with nothing left behind. */
import type { Readable } from "node:stream";
import { FileSystemError } from "../../storage/file-system-error.js";

/** Bytes that pass through this process in one time limit: requests that send many get as much more. */
export const SENT_IN_TIME = 8 * 1024 ** 2;

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

/** A request about an object. */
export interface ObjectRequest extends RequestBounds {
  readonly key: string;
  /** How many times the time limit it gets besides. Default 0. */
  readonly extra?: number | undefined;
  /** What an error of the SDK means. */
  readonly errorOf: (error: unknown, key: string) => unknown;
}

/** Runs a request about an object. @throws FileSystemError about the key, or the signal's reason */
export async function objectRequest<Result>(
  { key, timeout, signal, extra = 0, errorOf }: ObjectRequest,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  try {
    return await request({ timeout: timeout * (1 + extra), signal }, run);
  } catch (error) {
    signal?.throwIfAborted();
    throw errorOf(error, key);
  }
}

/** What a request finds; nothing where it fails with `ENOENT`. */
export async function orMissing<Result>(found: Promise<Result>): Promise<Result | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof FileSystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** What an answer brings. @throws FileSystemError about the key */
export async function* chunksOf(
  body: Readable,
  key: string,
  errorOf: ObjectRequest["errorOf"],
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (error) {
    throw errorOf(error, key);
  }
}

/** The longest time of a timer. */
const MAX = 2 ** 31 - 1;
