/** A bound on how much of something goes on at once, shared by the sessions of a server. */

/** So many at a time. */
export class Slots {
  /** How many there are in all. */
  readonly count: number;
  #taken = 0;

  /** @param count 0 or more */
  constructor(count: number) {
    this.count = count;
  }

  /** Takes one, to be given back by disposing it; `undefined` where none is free. */
  take(): Disposable | undefined {
    if (this.#taken >= this.count) return undefined;
    this.#taken++;
    return { [Symbol.dispose]: () => void this.#taken-- };
  }
}
