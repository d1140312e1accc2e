/**
 * The memory of one upload: one buffer of its own, which grows to the size of a part, and as many more as the budget of
 * all uploads allows. Buffers are used again: waiting for the garbage collector would cost as much memory again.
 */
import type { PartBudget } from "./part-budget.js";

/** Bytes of the first buffer: many files are small. */
const FIRST = 64 * 1024;
/** How much larger a buffer is that was too small. */
const GROWTH = 4;

/** Buffers of one upload. */
export class PartMemory {
  readonly #budget: PartBudget;
  /** Bytes taken from the budget. */
  #taken = 0;
  #spare: Buffer[] = [];

  constructor(budget: PartBudget) {
    this.#budget = budget;
  }

  /** The first buffer of a part, which costs nothing. @param expected bytes that will come, where that is known */
  first(size: number, expected: number): Buffer {
    return Buffer.allocUnsafeSlow(Math.min(size, Math.max(FIRST, expected)));
  }

  /** A larger buffer that begins as this one, which is full. */
  grown(buffer: Buffer, size: number): Buffer {
    const larger = Buffer.allocUnsafeSlow(Math.min(size, buffer.length * GROWTH));
    larger.set(buffer);
    return larger;
  }

  /** One more buffer; `undefined` where there is no memory for it. */
  more(size: number): Buffer | undefined {
    const spare = this.#spare.pop();
    if (spare?.length === size) return spare;
    if (spare !== undefined) this.#give(spare.length);
    if (!this.#budget.take(size)) return undefined;
    this.#taken += size;
    return Buffer.allocUnsafeSlow(size);
  }

  /** Takes back a buffer, for `more`. */
  back(buffer: Buffer): void {
    this.#spare.push(buffer);
  }

  /** Gives everything back, once nothing is on its way any more. */
  release(): void {
    this.#spare = [];
    this.#give(this.#taken);
  }

  #give(bytes: number): void {
    const given = Math.min(bytes, this.#taken);
    this.#taken -= given;
    this.#budget.give(given);
  }
}
