/**
 * Asks the system to find out whether clients that say nothing are still there (RFC 1122 §4.2.3.6). Not at once: it takes
 * several calls of the system, and most sessions are over before it could matter. Knows no sessions.
 */
import type { Socket } from "node:net";

/** Silence after which the system asks, in milliseconds. */
const SILENCE_MS = 60_000;
/** What a connection has to last before the system is told of it, in milliseconds; at the most twice as long. */
const YOUTH_MS = 5000;

/** Connections that are to be watched once they have lasted a while. */
export class KeepAlive {
  readonly #youth: number;
  /** Those that came in this span of time, and in the one before. */
  #newest = new Set<Socket>();
  #newer = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;

  /** @param youth how long a connection has to last, in milliseconds; it may be twice as long. Default 5000 */
  constructor(youth: number = YOUTH_MS) {
    this.#youth = youth;
  }

  /** Has a connection watched; to be let go of when it is closed. */
  watch(socket: Socket): void {
    this.#newest.add(socket);
    this.#timer ??= setInterval(() => this.#turn(), this.#youth).unref();
  }

  /** Lets go of a connection that is closed. */
  forget(socket: Socket): void {
    if (!this.#newest.delete(socket)) this.#newer.delete(socket);
  }

  #turn(): void {
    for (const socket of this.#newer) socket.setKeepAlive(true, SILENCE_MS);
    this.#newer = this.#newest;
    this.#newest = new Set();
    if (this.#newer.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
