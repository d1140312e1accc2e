/** Bytes and entries to test with, many at a time; and a bound on waiting. */
import type { Trial } from "./contract/trial.js";
import { at, put } from "./store-words.js";

/** Bytes of a mebibyte. */
export const MEBIBYTE = 1024 * 1024;

/** Operations on their way at once, where many are to be done. */
const AT_ONCE = 32;

/** `length` bytes that look random and are the same for the same seed; every byte value occurs. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}

/** The numbers from 0 to before `count`. */
export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Does something for each number from 0 to before `count`, a few at once. */
export async function eachOf(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker));
}

/** Fills a directory with entries `0`, `1`, …: as the store makes them with the least effort. */
export async function fill({ store, can, has }: Trial, directory: string, count: number): Promise<void> {
  const asDirectories = has("makeDirectory") && !can.implicitDirectories;
  await eachOf(count, (index) =>
    asDirectories ? store.makeDirectory(at(`${directory}/${index}`)) : put(store, `${directory}/${index}`, ""),
  );
}

/** Bounds a promise: rejects when it has not settled in time, and leaves no timer behind. */
export async function within<Value>(promise: Promise<Value>, what: string, deadline: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadline} ms: ${what}`)), deadline);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
