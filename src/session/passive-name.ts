/**
 * The IPv4 address of a host name, asked for again when the answer is old: behind a line whose address changes, a
 * name is all that stays. Nobody waits for an answer for long, and an old answer is better than none.
 */
import { lookup } from "node:dns/promises";
import { inTime } from "../events/deadline.js";

/** Asks for the IPv4 address of a name. Rejects where there is none. */
export type AddressLookup = (name: string) => Promise<string>;

/** Bounds of the questions, in milliseconds. */
export interface NameTimes {
  /** How long an answer is good for. Default 60,000. */
  readonly fresh?: number;
  /** How long who asks waits for an answer. Default 5000. */
  readonly wait?: number;
  /** How long nobody asks again after a failure. Default 5000. */
  readonly rest?: number;
}

/** A name and what is known of it. */
export class PassiveName {
  readonly name: string;
  readonly #times: Required<NameTimes>;
  readonly #lookup: AddressLookup;
  #last: string | undefined;
  #failure: unknown;
  /** When the next question may be asked, in milliseconds of the process. */
  #due = Number.NEGATIVE_INFINITY;
  /** Settles, without an error, when the question that is asked now is answered or has taken too long. */
  #asking: Promise<void> | undefined;
  /** The resolver still works on a question, too late or not: it is asked one at a time. */
  #pending = false;

  /** @param name in ASCII */
  constructor(name: string, times: NameTimes = {}, lookup: AddressLookup = systemLookup) {
    this.name = name;
    this.#times = { fresh: 60_000, wait: 5000, rest: 5000, ...times };
    this.#lookup = lookup;
  }

  /**
   * The address: of an answer that is not old, of a new one, or the last one where there is no new one.
   * @param onFailure told of what went wrong where the last answer is given instead; one of those who wait is told
   * @throws whatever the lookup has rejected with, or Error for one that takes too long, where there is no answer at all
   */
  async address(onFailure: (error: unknown) => void): Promise<string> {
    if (this.#asking === undefined && !this.#pending && performance.now() >= this.#due) {
      await this.#ask();
      if (this.#failure !== undefined && this.#last !== undefined) onFailure(this.#failure);
    } else await this.#asking;
    if (this.#last === undefined) throw this.#failure;
    return this.#last;
  }

  #ask(): Promise<void> {
    this.#asking = this.#answer().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #answer(): Promise<void> {
    const { wait, rest } = this.#times;
    try {
      await inTime(this.#question(), wait, () => new Error(`no answer for ${this.name} in ${wait} ms`));
    } catch (error) {
      this.#failure = error;
      this.#due = performance.now() + rest;
    }
  }

  /** An answer that comes too late is still one. */
  async #question(): Promise<void> {
    this.#pending = true;
    try {
      this.#last = await this.#lookup(this.name);
      this.#failure = undefined;
      this.#due = performance.now() + this.#times.fresh;
    } finally {
      this.#pending = false;
    }
  }
}

/** As other programs of the system would find it, hosts file included. PASV can tell IPv4 only (RFC 959 §4.1.2). */
async function systemLookup(name: string): Promise<string> {
  return (await lookup(name, { family: 4 })).address;
}
