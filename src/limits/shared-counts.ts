/**
 * What goes on at once in all processes that share a store. A process that dies takes its counts with it: time is cut into
 * spans, each span has keys of its own, and each process adds what it counts to those of every span anew, half a span
 * before it begins. Clocks may differ by as much. Knows no sockets and no FTP.
 */
import type { AdmissionStore } from "./admission-store.js";
import { withinTime } from "./within-time.js";

/** Milliseconds of a span. What a dead process counted is gone after one and a half of them. */
export const SPAN_MS = 5000;
/** How long the key of a span lives: it may be made half a span before, and be asked for a while behind it. */
const KEY_MS = 2 * SPAN_MS;
/** Milliseconds between two looks at the clock: some in each half of a span, also where one comes late. */
const LOOK_MS = SPAN_MS / 8;

/** What this process counts under one key. */
interface Own {
  count: number;
  /** What of it the store has been told, by span. */
  readonly told: Map<number, number>;
}

/** Counts by key, of this process and of all others. */
export class SharedCounts {
  readonly #store: AdmissionStore;
  readonly #report: (error: unknown) => void;
  readonly #now: () => number;
  readonly #own = new Map<string, Own>();
  /** The span that is now; in its second half the next one too. */
  #spans: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** What the store is being told, and nobody waits for. */
  #unheard: Promise<unknown> = Promise.resolve();

  /**
   * @param report told of a store that fails: this process then counts alone
   * @param now the time in milliseconds, the same for all who share the store. Default: the clock of the system
   */
  constructor(store: AdmissionStore, report: (error: unknown) => void, now: () => number = Date.now) {
    this.#store = store;
    this.#report = report;
    this.#now = now;
  }

  /** Keys under which this process counts something now. */
  get size(): number {
    return this.#own.size;
  }

  /** Counts one more. @returns how many there are now, this one among them; of this process alone where the store fails */
  async enter(key: string): Promise<number> {
    this.turn();
    const own = this.#own.get(key) ?? this.#added(key);
    own.count++;
    const sums = this.#spans.map((span) => this.#tell(key, own, span, 1));
    try {
      const [sum = own.count] = await withinTime(Promise.all(sums));
      return sum;
    } catch (error) {
      this.#report(error);
      return own.count;
    }
  }

  /** Counts one less. */
  leave(key: string): void {
    const own = this.#own.get(key);
    if (own === undefined) return;
    this.turn();
    own.count--;
    const known = this.#spans.filter((span) => (own.told.get(span) ?? 0) > 0);
    this.#follow(known.map((span) => this.#tell(key, own, span, -1)));
    if (own.count === 0) this.#own.delete(key);
    if (this.#own.size === 0) this.#rest();
  }

  /** Tells the store what is counted, where a span has come of which it does not know yet. */
  turn(): void {
    const time = this.#now() / SPAN_MS;
    const span = Math.floor(time);
    const spans = time - span < 0.5 ? [span] : [span, span + 1];
    const fresh = spans.filter((one) => !this.#spans.includes(one));
    this.#spans = spans;
    if (fresh.length === 0) return;
    const told: Promise<number>[] = [];
    for (const [key, own] of this.#own) {
      for (const old of own.told.keys()) if (!spans.includes(old)) own.told.delete(old);
      told.push(...fresh.map((one) => this.#tell(key, own, one, own.count)));
    }
    this.#follow(told);
  }

  /** Resolves when the store knows what it has been told so far, or has had its time. */
  async settled(): Promise<void> {
    await withinTime(this.#unheard).catch(this.#report);
  }

  #added(key: string): Own {
    const own = { count: 0, told: new Map<number, number>() };
    this.#own.set(key, own);
    this.#timer ??= setInterval(() => this.turn(), LOOK_MS).unref();
    return own;
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tell(key: string, own: Own, span: number, by: number): Promise<number> {
    const adjust = (change: number): unknown => own.told.set(span, (own.told.get(span) ?? 0) + change);
    adjust(by);
    try {
      return await this.#store.increment(`now:${key}:${span}`, by, KEY_MS);
    } catch (error) {
      adjust(-by);
      throw error;
    }
  }

  /** Nobody waits for these; of many that fail together one is reported. */
  #follow(promises: readonly Promise<unknown>[]): void {
    this.#unheard = Promise.all([this.#unheard, ...promises]).catch(this.#report);
  }
}
