/**
 * Passive ports that go on being listened on for a moment, for the next offer to the same client: to listen anew costs more
 * than all else of a small transfer. Only where one transfer follows the other. Nobody who connects meanwhile is let in. Knows no sessions and no ranges.
 */
import { randomInt } from "node:crypto";

/** Milliseconds that a port rests before it is lent again: a second connection of the transfer before must not reach the next. */
const REST_MS = 50;
/** Milliseconds after which nobody is expected any more. */
const KEEP_MS = 500;
/** Ports that rest at once: each is a descriptor. */
const MOST = 256;
/** Transfers of one client within a second from which on its ports rest: one that comes now and then needs none. */
const BUSY = 8;
const BUSY_MS = 1000;
/** Clients whose transfers are counted. */
const MOST_CLIENTS = 1024;
/** Ports of which one is drawn, so that nobody knows which is next. */
const DRAWN = 8;

/** A listening port that can rest. */
export interface Restful {
  /** Takes the port up again. */
  wake(): void;
  /** Gives the port back. */
  close(): void;
}

interface Rest<Listener> {
  readonly listener: Listener;
  readonly since: number;
}

/** Listeners at rest, by whom they were for and are for again. */
export class RestingListeners<Listener extends Restful> {
  /** The one that has rested longest is first. */
  readonly #byClient = new Map<string, Rest<Listener>[]>();
  /** Transfers of late, by client. */
  readonly #recent = new Map<string, { readonly since: number; count: number }>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** How many rest. */
  get size(): number {
    return this.#count;
  }

  /** Keeps a listener for a while. @returns whether it may rest; else it is to be closed */
  keep(client: string, listener: Listener): boolean {
    if (!this.#isBusy(client) || this.#count >= MOST) return false;
    const resting = this.#byClient.get(client) ?? [];
    resting.push({ listener, since: performance.now() });
    this.#byClient.set(client, resting);
    this.#count++;
    return true;
  }

  #isBusy(client: string): boolean {
    const now = performance.now();
    let recent = this.#recent.get(client);
    if (recent === undefined || now - recent.since > BUSY_MS) {
      if (recent === undefined && this.#recent.size >= MOST_CLIENTS) return false;
      recent = { since: now, count: 0 };
      this.#recent.set(client, recent);
    }
    this.#timer ??= setTimeout(() => this.#sweep(), KEEP_MS).unref();
    return ++recent.count > BUSY;
  }

  /** A listener for a client, taken up again; `undefined` where none has rested long enough. @param fits whether the one that is drawn will do */
  take(client: string, fits: (listener: Listener) => boolean): Listener | undefined {
    const resting = this.#byClient.get(client);
    const rested = performance.now() - REST_MS;
    if (resting === undefined || !hasRested(resting[0], rested)) return undefined;
    let choice = 1;
    while (choice < DRAWN && hasRested(resting[choice], rested)) choice++;
    const drawn = randomInt(choice);
    const listener = resting[drawn]?.listener;
    if (listener === undefined || !fits(listener)) return undefined;
    resting.splice(drawn, 1);
    this.#count--;
    listener.wake();
    return listener;
  }

  /** Closes all. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const all = [...this.#byClient.values()].flat();
    this.#byClient.clear();
    this.#recent.clear();
    this.#count = 0;
    for (const { listener } of all) listener.close();
  }

  #sweep(): void {
    const now = performance.now();
    for (const [client, { since }] of this.#recent) if (now - since > BUSY_MS) this.#recent.delete(client);
    const goesOn = this.#count + this.#recent.size > 0;
    this.#timer = goesOn ? setTimeout(() => this.#sweep(), KEEP_MS).unref() : undefined;
    const before = now - KEEP_MS;
    for (const [client, resting] of this.#byClient) {
      const kept = resting.findIndex(({ since }) => since > before);
      const over = resting.splice(0, kept < 0 ? resting.length : kept);
      if (resting.length === 0) this.#byClient.delete(client);
      this.#count -= over.length;
      for (const { listener } of over) listener.close();
    }
  }
}

function hasRested(rest: Rest<unknown> | undefined, before: number): boolean {
  return rest !== undefined && rest.since <= before;
}
