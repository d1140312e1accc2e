/**
 * The TLS session of one control connection, for clients of TLS 1.2 that know session identifiers and no tickets
 * (RFC 5246 §7.3): Node leaves it to the server to remember them. What data connections begin is never remembered,
 * or a stranger's would count as the client's own.
 */
import { EventEmitter } from "node:events";

/** Stands where `TLSSocket` expects its server; Node asks it by the events of `tls.Server`. */
export class TlsSessions extends EventEmitter {
  #learning = true;
  #id: Buffer | undefined;
  #session: Buffer | undefined;

  constructor() {
    super();
    this.on("newSession", (id: Buffer, session: Buffer, done: () => void) => {
      if (this.#learning) [this.#id, this.#session] = [id, session];
      done();
    });
    this.on("resumeSession", (id: Buffer, answer: (error: Error | null, session: Buffer | null) => void) => {
      answer(null, this.#id?.equals(id) ? (this.#session ?? null) : null);
    });
  }

  /** Nobody will ask for it. */
  forget(): void {
    this.seal();
    this.#id = undefined;
    this.#session = undefined;
  }

  /** The control connection is under TLS: there is nothing more to remember. */
  seal(): void {
    this.#learning = false;
  }
}
