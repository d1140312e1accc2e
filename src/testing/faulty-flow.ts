/** Content on its way past faults: cut where a fault is due, so that exactly so many bytes pass before it. */
import type { Fault } from "./faulty-plan.js";

/** What meets a flow. */
export interface FlowFaults {
  /** The faults that strike before each piece. */
  readonly each: readonly Fault[];
  /** Those that strike once, after a number of bytes. */
  readonly once: readonly Fault[];
  /** Lets a fault have its turn. @returns whether the flow ends here without a word */
  readonly meet: (fault: Fault) => Promise<boolean>;
}

/** One download or upload. */
export class Flow {
  readonly #faults: FlowFaults;
  readonly #due: Fault[];
  #passed = 0;
  /** What would follow is lost. */
  cut = false;

  constructor(faults: FlowFaults) {
    this.#faults = faults;
    this.#due = faults.once.toSorted((one, other) => (one.after ?? 0) - (other.after ?? 0));
  }

  /** A piece in parts, as far as the faults let it pass; each fault strikes before the part that follows. */
  async *pass(piece: Uint8Array): AsyncGenerator<Uint8Array> {
    for (const fault of this.#faults.each) await this.#meet(fault);
    let rest = piece;
    while (!this.cut && rest.length > 0) {
      await this.#meetDue();
      if (this.cut) return;
      const part = rest.subarray(0, (this.#due[0]?.after ?? Infinity) - this.#passed);
      rest = rest.subarray(part.length);
      this.#passed += part.length;
      yield part;
    }
  }

  /** Faults that are due after the last byte. */
  async end(): Promise<void> {
    await this.#meetDue();
  }

  async #meetDue(): Promise<void> {
    for (let next = this.#due[0]; !this.cut && next !== undefined; next = this.#due[0]) {
      if ((next.after ?? 0) > this.#passed) return;
      this.#due.shift();
      await this.#meet(next);
    }
  }

  async #meet(fault: Fault): Promise<void> {
    if (!this.cut && (await this.#faults.meet(fault))) this.cut = true;
  }
}
