/** A rate that several share: who takes is told how long to wait. In the order of asking, so that nobody starves. */

/** So much a second, with a reserve for what comes in bursts. */
export class TokenBucket {
  readonly #perMillisecond: number;
  readonly #reserve: number;
  /** When all that was taken so far is paid for, in milliseconds of the process's own clock. */
  #paidAt: number;

  /**
   * @param perSecond tokens that come in each second, above 0
   * @param burst tokens that may be taken at once after a pause. Default: what comes in one second
   */
  constructor(perSecond: number, burst: number = perSecond) {
    this.#perMillisecond = perSecond / 1000;
    this.#reserve = burst / this.#perMillisecond;
    this.#paidAt = performance.now() - this.#reserve;
  }

  /** Whether it is as new. */
  get full(): boolean {
    return this.#paidAt <= performance.now() - this.#reserve;
  }

  /** Takes tokens, also more than there are. @returns milliseconds until they have come in; 0: at once */
  take(tokens: number): number {
    const now = performance.now();
    this.#paidAt = Math.max(this.#paidAt, now - this.#reserve) + tokens / this.#perMillisecond;
    return Math.max(0, this.#paidAt - now);
  }

  /** Gives back what was taken and will not be used: others would wait for somebody who has left. */
  giveBack(tokens: number): void {
    this.#paidAt -= tokens / this.#perMillisecond;
  }
}
