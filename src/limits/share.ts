/**
 * What one address may compute before others have their turn: a little in each turn of the event loop, and who has taken more
 * pays it back in the next ones. Knows no sockets and no FTP.
 */

/** Milliseconds of each turn of the event loop. */
const SHARE_MS = 0.1;
/** What work is reckoned at that goes on in later turns: how long it computes, and what comes of it, cannot be seen. */
const UNSEEN_MS = 0.3;
/** What comes of work at the least that is done at once: its answer is written when it is over. */
const ANSWER_MS = 0.008;

/** Work that has begun. */
export interface Begun {
  /** When, by the process's own clock; 0 where nobody else is there, and the clock was not looked at. */
  readonly at: number;
  readonly turn: number;
}

const ALONE: Begun = { at: 0, turn: -1 };

/** The share of one address, for all its sessions together: with many of them it gets no more than with one. */
export class Share {
  readonly #isAlone: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #spent = 0;
  #turn = 0;
  #coming = false;

  /** @param isAlone whether there is nobody else to wait for this address */
  constructor(isAlone: () => boolean) {
    this.#isAlone = isAlone;
  }

  /** To be awaited before some work, if it gives a promise: the share of this turn is used up. */
  take(): Promise<void> | undefined {
    if (this.#spent < SHARE_MS || this.#isAlone()) return undefined;
    this.#come();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Some work begins. */
  begin(): Begun {
    if (this.#isAlone()) return ALONE;
    this.#come();
    this.#spent += UNSEEN_MS;
    return { at: performance.now(), turn: this.#turn };
  }

  /** The work is done, or what is done of it in a row: within its turn it is reckoned at what it has taken. */
  end({ at, turn }: Begun): void {
    if (turn !== this.#turn) return;
    this.#spent += performance.now() - at + ANSWER_MS - UNSEEN_MS;
    if (this.#spent < SHARE_MS) this.#waiting.shift()?.();
  }

  #come(): void {
    if (this.#coming) return;
    this.#coming = true;
    setImmediate(() => this.#begin());
  }

  /** Who has waited longest is first; the next one follows when he has done his work, or in the next turn. */
  #begin(): void {
    this.#coming = false;
    this.#turn++;
    this.#spent = Math.max(0, this.#spent - SHARE_MS);
    if (this.#spent < SHARE_MS) this.#waiting.shift()?.();
    if (this.#waiting.length > 0 || this.#spent > 0) this.#come();
  }
}
