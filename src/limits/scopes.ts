/** Scopes by key, made when they are needed and forgotten when nothing is known of them any more. */
import type { LimitScope, Limits } from "./limits.js";
import { Scope } from "./scope.js";
import { Share } from "./share.js";
import type { SharedCounts } from "./shared-counts.js";

/** Scopes that may be idle before they are looked through. */
const SWEEP_AFTER = 1024;

/** The scopes of one kind, each with the same limits unless it is given others. */
export class Scopes {
  readonly #kind: LimitScope;
  readonly #limits: Limits;
  readonly #counts: SharedCounts | undefined;
  readonly #byKey = new Map<string, Scope>();
  #sweepAt = SWEEP_AFTER;

  /** @param counts where others count too */
  constructor(kind: LimitScope, limits: Limits = {}, counts?: SharedCounts) {
    this.#kind = kind;
    this.#limits = limits;
    this.#counts = counts;
  }

  /** How many are known. */
  get size(): number {
    return this.#byKey.size;
  }

  /**
   * The scope of a key.
   * @param limits where they are not those of all. Those of the first who asks hold until the scope is idle again
   */
  of(key: string, limits: Limits = this.#limits): Scope {
    const known = this.#byKey.get(key);
    // One that was busy when the last one left: idle now, and perhaps with limits of then.
    if (known !== undefined && !known.idle) return known;
    if (this.#byKey.size >= this.#sweepAt) this.#sweep();
    const shared = this.#counts && { counts: this.#counts, name: `${this.#kind}:${key}` };
    const scope = new Scope(this.#kind, limits, shared, new Share(() => this.#byKey.size < 2));
    this.#byKey.set(key, scope);
    return scope;
  }

  /** To be called when somebody has left: most scopes need not be kept. */
  release(key: string): void {
    if (this.#byKey.get(key)?.idle) this.#byKey.delete(key);
  }

  #sweep(): void {
    for (const [key, scope] of this.#byKey) if (scope.idle) this.#byKey.delete(key);
    this.#sweepAt = Math.max(SWEEP_AFTER, this.#byKey.size * 2);
  }
}
