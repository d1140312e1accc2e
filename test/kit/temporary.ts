/**
 * What every test borrows and must give back, and the ways to wait and to make bytes without chance or sleeps.
 * Knows nothing of FTP.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds that anything in a test may take before it counts as hung. */
export const DEADLINE = 10_000;

/** A directory that is removed, with everything in it, when it is disposed. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty directory: `await using folder = await temporaryDirectory()`. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), "portside-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * Polls until the condition holds.
 * @param deadline milliseconds, default 10,000
 * @throws Error when it still does not hold, naming `what`
 */
export async function until(
  condition: () => unknown,
  deadline: number = DEADLINE,
  what: string = String(condition),
): Promise<void> {
  const end = performance.now() + deadline;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadline} ms: ${what}`);
    await pause(5);
  }
}

/** Bounds a promise: rejects when it has not settled in time, and leaves no timer behind. */
export async function within<Value>(
  promise: Promise<Value>,
  what: string | (() => string),
  deadline: number = DEADLINE,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new Error(`not within ${deadline} ms: ${typeof what === "string" ? what : what()}`));
    timer = setTimeout(fail, deadline);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

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

/** Text of about `length` bytes in lines of different lengths, each ended by LF. */
export function linesOf(length: number): Buffer {
  const lines: string[] = [];
  for (let size = 0, index = 0; size < length; index++) {
    const line = `${index} ${"x".repeat(index % 73)}\n`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join(""));
}

/** The bytes in pieces of `size`; the last may be shorter. */
export function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
