/** Memory that uploads share. Each has one buffer of its own, so that none can starve the others; more is taken here. */

/** Bytes that may be taken, and given back. */
export class PartBudget {
  #free: number;

  /** @param bytes that all uploads may take together */
  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** Takes bytes, if there are so many. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#free += bytes;
  }
}
