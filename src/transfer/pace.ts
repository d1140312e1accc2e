/** Bytes at a rate that others share. A stage like others: what has no bound has none. */
import { setTimeout as delay } from "node:timers/promises";
import type { Stage } from "./stage.js";

/** Pieces a second that a rate is cut into, so that many who share it all move. */
const PIECES = 20;
/** Bounds of a piece in bytes. */
const [SMALLEST, LARGEST] = [512, 65_536];

/** What to ask before bytes move. */
export interface Pace {
  /** Bytes a second, of the slowest of all that bound them. */
  readonly rate: number;
  /** Takes bytes. @returns milliseconds to wait */
  readonly take: (bytes: number) => number;
  /** Bytes that were taken and will not move. */
  readonly giveBack: (bytes: number) => void;
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal;
}

/** Lets bytes pass as they may. */
export function paced({ rate, take, giveBack, signal }: Pace): Stage {
  const size = Math.min(LARGEST, Math.max(SMALLEST, Math.floor(rate / PIECES)));
  return async function* (source) {
    for await (const chunk of source)
      for (let from = 0; from < chunk.length; from += size) {
        const piece = chunk.subarray(from, from + size);
        const wait = take(piece.length);
        if (wait > 0 && !(await waited(wait, signal))) giveBack(piece.length);
        signal.throwIfAborted();
        yield piece;
      }
  };
}

/** Waits. @throws the signal's reason */
export async function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await waited(milliseconds, signal);
  signal.throwIfAborted();
}

/** Waits. @returns whether to the end, which the signal comes before */
export async function waited(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return await delay(milliseconds, true, { signal }).catch(() => false);
}
