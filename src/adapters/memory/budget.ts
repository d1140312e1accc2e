/** How many bytes a file system in memory may hold. Knows no files. */

/** Counts bytes against a bound: those of files and those of uploads on their way. */
export class Budget {
  readonly #limit: number;
  #used = 0;

  /** @param limit bytes; `Infinity` for none */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get limited(): boolean {
    return this.#limit !== Infinity;
  }

  /** Bytes that are left. */
  get free(): number {
    return Math.max(0, this.#limit - this.#used);
  }

  /** Takes bytes, all or none: `false` where there are not so many. */
  take(bytes: number): boolean {
    if (bytes > this.free) return false;
    this.#used += bytes;
    return true;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#used -= bytes;
  }
}
