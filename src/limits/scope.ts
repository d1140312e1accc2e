/** The counts and rates of one server, listener, address, account or session. Knows no sockets and no FTP. */
import type { Counted, LimitScope, Limits, Rate } from "./limits.js";
import type { Share } from "./share.js";
import type { SharedCounts } from "./shared-counts.js";
import { TokenBucket } from "./token-bucket.js";

/** Seconds' worth that may come at once after a pause. Commands come in bursts, bytes hardly. */
const BURST: { readonly [Name in Rate]: number } = { commandRate: 2, downloadRate: 0.25, uploadRate: 0.25 };

/** Where others count with us, and under which name. */
export interface Shared {
  readonly counts: SharedCounts;
  /** Text without blanks or control characters, up to 200 bytes. */
  readonly name: string;
}

/** Whom some limits are for. */
export class Scope {
  readonly kind: LimitScope;
  readonly limits: Limits;
  readonly #counts: { [Name in Counted]: number } = { sessions: 0, pending: 0, transfers: 0 };
  readonly #buckets: { readonly [Name in Rate]?: TokenBucket };
  readonly #shared: Shared | undefined;
  /** What others had when the last one came in here. */
  readonly #others: { [Name in Counted]?: number } | undefined;
  /** What it may compute in a row; `undefined` where nobody asks. */
  readonly share: Share | undefined;

  /** @param shared where what has a bound is counted besides */
  constructor(kind: LimitScope, limits: Limits = {}, shared?: Shared, share?: Share) {
    this.kind = kind;
    this.limits = limits;
    this.#shared = shared;
    this.#others = shared && {};
    this.share = share;
    this.#buckets = {
      ...bucketOf("commandRate", limits),
      ...bucketOf("downloadRate", limits),
      ...bucketOf("uploadRate", limits),
    };
  }

  /** How many there are now. */
  count(what: Counted): number {
    return this.#counts[what];
  }

  /** How many there are, of others too: as many as they had when the last one came in here. */
  total(what: Counted): number {
    return this.#counts[what] + (this.#others?.[what] ?? 0);
  }

  /**
   * Counts one more, unless the bound is reached.
   * @returns whether there was room. A promise where others count too: it counts meanwhile, and is to leave after a no
   */
  enter(what: Counted): boolean | Promise<boolean> {
    const most = this.limits[what] ?? 0;
    if (most > 0 && this.#counts[what] >= most) return false;
    const sum = this.add(what);
    return sum === undefined ? true : sum.then((count) => this.#learn(what, count) <= most);
  }

  #learn(what: Counted, sum: number): number {
    if (this.#others !== undefined) this.#others[what] = Math.max(0, sum - this.#counts[what]);
    return sum;
  }

  /** Counts one more, whatever the bound is. @returns how many there are where others count too, if it has a bound */
  add(what: Counted): Promise<number> | undefined {
    this.#counts[what]++;
    return this.#sharedFor(what)?.counts.enter(this.#keyOf(what));
  }

  /** Counts one less. */
  leave(what: Counted): void {
    this.#counts[what]--;
    this.#sharedFor(what)?.counts.leave(this.#keyOf(what));
  }

  #sharedFor(what: Counted): Shared | undefined {
    return (this.limits[what] ?? 0) > 0 ? this.#shared : undefined;
  }

  #keyOf(what: Counted): string {
    return `${what}:${this.#shared?.name ?? ""}`;
  }

  /** The bucket of a rate; `undefined` where it has no bound. */
  bucket(rate: Rate): TokenBucket | undefined {
    return this.#buckets[rate];
  }

  /** Whether nothing is known of it that a new one would not know. */
  get idle(): boolean {
    const { sessions, pending, transfers } = this.#counts;
    return sessions + pending + transfers === 0 && Object.values(this.#buckets).every((bucket) => bucket.full);
  }
}

function bucketOf(rate: Rate, limits: Limits): { readonly [Name in Rate]?: TokenBucket } {
  const perSecond = limits[rate] ?? 0;
  return perSecond === 0 ? {} : { [rate]: new TokenBucket(perSecond, perSecond * BURST[rate]) };
}
