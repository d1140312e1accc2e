/**
 * Whether the calls of the operating system for one disk are made at once or by the thread pool. A local disk answers most
 * of them from memory, in microseconds, and the thread pool takes ten times as long. Knows no calls.
 */

/** At once, or when the disk has answered. */
export type Answer<Value> = Value | Promise<Value>;

/** Milliseconds up to which nothing is gained by another thread: it takes a good part of them itself. */
const QUICK_MS = 0.25;
/** The part of the time that may be lost in the long run: to calls that seem to have waited, and to those that have. */
const PART = 0.02;
/** Milliseconds that may be lost in a row, of either. */
const BURST_MS = 10;

/** Milliseconds that were lost, less what has been forgiven since. */
class Loss {
  #milliseconds = 0;
  /** Until when that is so, by the clock of the process. */
  #asOf = 0;

  add(milliseconds: number, now: number): void {
    this.#milliseconds = this.#at(now) + milliseconds;
  }

  isLarge(now: number): boolean {
    return this.#milliseconds > BURST_MS && this.#at(now) > BURST_MS;
  }

  #at(now: number): number {
    this.#milliseconds = Math.max(0, this.#milliseconds - Math.max(0, now - this.#asOf) * PART);
    this.#asOf = now;
    return this.#milliseconds;
  }
}

/**
 * How quick one disk is. Calls that take long may have waited for the disk, or the process for others that compute: that is
 * told apart only where there is reason to, because to ask for it costs a part of a call.
 */
export class Tempo {
  readonly #isLocal: boolean;
  readonly #seeming = new Loss();
  readonly #real = new Loss();

  /** @param isLocal whether the disk is one of this machine: one that is far away may never answer */
  constructor(isLocal: boolean) {
    this.#isLocal = isLocal;
  }

  /** Makes a call: `now` where the disk is quick, else `meanwhile`. */
  call<Value>(now: () => Value, meanwhile: () => Promise<Value>): Answer<Value> {
    if (!this.#isLocal) return meanwhile();
    const begun = performance.now();
    if (this.#real.isLarge(begun)) return meanwhile();
    const waits = this.#seeming.isLarge(begun) ? waitsSoFar() : undefined;
    try {
      return now();
    } finally {
      const end = performance.now();
      if (end - begun > QUICK_MS) this.#lose(end - begun, end, waits);
    }
  }

  #lose(milliseconds: number, now: number, waits: number | undefined): void {
    if (waits === undefined) this.#seeming.add(milliseconds, now);
    else if (waitsSoFar() > waits) this.#real.add(milliseconds, now);
  }
}

/** How often threads of this process have waited for something, and not for their turn (getrusage(2), ru_nvcsw). */
function waitsSoFar(): number {
  return process.resourceUsage().voluntaryContextSwitches;
}
