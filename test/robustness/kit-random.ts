/** Chance that can be repeated: the same seed, the same choices. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761) >>> 0 || 1;
  }

  /** A number from 0 to just below 1. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to just below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** Whether something that happens with this probability happens now. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the list. */
  pick<Item>(list: readonly Item[]): Item {
    return list[this.below(list.length)] as Item;
  }

  /** The bytes in pieces of random sizes, small ones more often. */
  *pieces(bytes: Buffer): Generator<Buffer> {
    for (let start = 0; start < bytes.length; ) {
      const size = 1 + this.below(this.chance(0.5) ? 4 : bytes.length);
      yield bytes.subarray(start, start + size);
      start += size;
    }
  }
}
