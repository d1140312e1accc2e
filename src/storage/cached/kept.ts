/** What was found, for a bounded time and in a bounded number. Knows no store. */

interface Entry<Value> {
  readonly value: Value;
  readonly weight: number;
  /** On the clock of `performance.now()`. */
  readonly until: number;
}

/** Values by key; the one that was not asked for the longest goes first. */
export class Kept<Value> {
  readonly #milliseconds: number;
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry<Value>>();
  #weight = 0;

  /** @param capacity the weight of all values together */
  constructor(milliseconds: number, capacity: number) {
    this.#milliseconds = milliseconds;
    this.#capacity = capacity;
  }

  /** The value, unless it is too old. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    this.delete(key);
    if (entry === undefined || entry.until <= performance.now()) return undefined;
    this.#put(key, entry);
    return entry.value;
  }

  set(key: string, value: Value, weight = 1): void {
    this.delete(key);
    if (weight > this.#capacity) return;
    this.#put(key, { value, weight, until: performance.now() + this.#milliseconds });
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#capacity) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#entries.delete(key)) this.#weight -= entry.weight;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  #put(key: string, entry: Entry<Value>): void {
    this.#entries.set(key, entry);
    this.#weight += entry.weight;
  }
}
