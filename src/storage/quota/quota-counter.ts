/** Who counts what a quota allows: this process, or something that several machines share. */

/** Bytes and files. */
export interface QuotaUsage {
  /** Bytes of all files together. */
  readonly bytes: number;
  /** How many files; directories and links do not count. */
  readonly files: number;
}

/** Keeps one count and its bounds. Implement it over a database where several processes change the same tree. */
export interface QuotaCounter {
  /**
   * Adds to the count, in one step that nobody else's comes between: both numbers, or none of them and `false` where one
   * of them is above zero and its bound would be passed. Below zero it gives back: with nothing above zero it must
   * succeed, and what it rejects with then is ignored. Rejections are otherwise faults. Uploads wait for it,
   * also when they are given up: it must end in time by itself.
   */
  add(bytes: number, files: number): boolean | Promise<boolean>;
  /** Bytes that can still be added, `Infinity` without a bound. */
  bytesLeft(): number | Promise<number>;
}

/** Counts in this process. */
export class MemoryCounter implements QuotaCounter {
  readonly #limit: QuotaUsage;
  #bytes = 0;
  #files = 0;

  /** @param limit the bounds, `Infinity` for none */
  constructor(limit: QuotaUsage) {
    this.#limit = limit;
  }

  /** Begins with what is there, be it more than is allowed. */
  begin({ bytes, files }: QuotaUsage): void {
    this.#bytes = bytes;
    this.#files = files;
  }

  add(bytes: number, files: number): boolean {
    const { bytes: maxBytes, files: maxFiles } = this.#limit;
    if ((bytes > 0 && this.#bytes + bytes > maxBytes) || (files > 0 && this.#files + files > maxFiles)) return false;
    this.#bytes += bytes;
    this.#files += files;
    return true;
  }

  bytesLeft(): number {
    return Math.max(0, this.#limit.bytes - this.#bytes);
  }
}
