/** Counts and bans of one process. Bounded: an attacker with many addresses fills no memory. */
import type { AdmissionStore } from "./admission-store.js";

interface Entry {
  value: number;
  /** In milliseconds of the process's own clock. */
  endsAt: number;
}

/** Keys that are kept. */
const DEFAULT_KEYS = 100_000;

/**
 * An `AdmissionStore` in memory. Where it is full, keys whose time is over go first, then, of the kind that has the most
 * keys, those that were made first: a flood of names or addresses throws out no ban. A kind is what stands before the
 * first colon.
 * @example
 * const server = new Server({ admission: new MemoryAdmissionStore({ maxKeys: 1_000_000 }) });
 */
export class MemoryAdmissionStore implements AdmissionStore {
  readonly #kinds = new Map<string, Map<string, Entry>>();
  readonly #maxKeys: number;
  #size = 0;

  /** @param options `maxKeys`: keys that are kept, 1 or more. Default 100,000. @throws RangeError */
  constructor({ maxKeys = DEFAULT_KEYS }: { readonly maxKeys?: number | undefined } = {}) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1)
      throw new RangeError(`maxKeys must be an integer, 1 or more, not ${maxKeys}`);
    this.#maxKeys = maxKeys;
  }

  /** How many keys are kept now, those whose time is over included. */
  get size(): number {
    return this.#size;
  }

  get(key: string): number {
    return this.#living(key)?.value ?? 0;
  }

  increment(key: string, by: number, milliseconds: number): number {
    const entry = this.#living(key) ?? this.#added(key, milliseconds);
    entry.value += by;
    return entry.value;
  }

  expire(key: string, milliseconds: number): void {
    const entry = this.#living(key);
    if (entry === undefined) return;
    if (milliseconds > 0) entry.endsAt = performance.now() + milliseconds;
    else this.#remove(key);
  }

  #living(key: string): Entry | undefined {
    const entry = this.#kinds.get(kindOf(key))?.get(key);
    if (entry === undefined || entry.endsAt > performance.now()) return entry;
    this.#remove(key);
    return undefined;
  }

  #added(key: string, milliseconds: number): Entry {
    if (this.#size >= this.#maxKeys) this.#makeRoom();
    const entry = { value: 0, endsAt: performance.now() + milliseconds };
    const kind = kindOf(key);
    const entries = this.#kinds.get(kind) ?? new Map<string, Entry>();
    this.#kinds.set(kind, entries.set(key, entry));
    this.#size++;
    return entry;
  }

  #remove(key: string): void {
    const kind = kindOf(key);
    const entries = this.#kinds.get(kind);
    if (!entries?.delete(key)) return;
    this.#size--;
    if (entries.size === 0) this.#kinds.delete(kind);
  }

  /** A tenth at a time, so that a flood of new keys does not walk all of them each time. */
  #makeRoom(): void {
    const now = performance.now();
    for (const entries of this.#kinds.values())
      for (const [key, { endsAt }] of entries) if (endsAt <= now) this.#remove(key);
    const most = Math.min(this.#maxKeys - 1, Math.floor(this.#maxKeys * 0.9));
    while (this.#size > most) this.#thin(this.#size - most);
  }

  /** Takes keys of the largest kind, the oldest first. */
  #thin(surplus: number): void {
    const [entries = new Map<string, Entry>()] = [...this.#kinds.values()].sort((one, other) => other.size - one.size);
    let left = Math.min(surplus, entries.size);
    for (const key of entries.keys()) {
      if (left-- <= 0) return;
      this.#remove(key);
    }
  }
}

function kindOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf(":")));
}
