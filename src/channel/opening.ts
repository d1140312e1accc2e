/**
 * How a data connection comes to be (RFC 959 §3.2, §3.3): offered by PASV or EPSV and awaited, or asked for by
 * PORT or EPRT and made. What the two kinds share is here. Knows nothing of what is sent over the connection.
 */
import { isIPv4, type Socket } from "node:net";
import { FtpError } from "../errors.js";
import { normalizeAddress } from "../wire/address.js";

/** Bounds of the wait for a data connection. */
export interface OpenOptions {
  /** Milliseconds; 0 waits for ever. */
  readonly timeout: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** One data connection that is to be: good for one transfer. */
export interface Opening {
  readonly kind: "passive" | "active";
  /**
   * The data socket, paused, of the right peer, with an error listener; from now on the caller's to destroy.
   * Can be called once. Where it rejects, everything is given back.
   * @throws FtpError `DATA_TIMEOUT`, `DATA_LOST` (refused, or left before we came; see `cause`) or `ABORTED`
   */
  open(options: OpenOptions): Promise<Socket>;
  /** Gives everything back, also while `open` waits, which then rejects. Idempotent, never throws. */
  close(): void;
}

interface Settle {
  resolve(socket: Socket): void;
  reject(error: FtpError): void;
}

/** A data socket that is waited for: settles once and leaves no timer and no listener. */
export class PendingSocket {
  readonly promise: Promise<Socket>;
  readonly #giveBack: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.reject("ABORTED", "the transfer was aborted", this.#signal?.reason);
  #timer: NodeJS.Timeout | undefined;
  #settle: Settle | undefined;

  /** @param giveBack called before a rejection, when there will be no socket */
  constructor(options: OpenOptions, giveBack: () => void) {
    this.#giveBack = giveBack;
    this.#signal = options.signal;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    if (options.signal?.aborted) this.#onAbort();
    else this.#start(options);
  }

  resolve(socket: Socket): void {
    this.#stop()?.resolve(socket);
  }

  reject(code: "DATA_TIMEOUT" | "DATA_LOST" | "ABORTED", message: string, cause?: unknown): void {
    const settle = this.#stop();
    if (settle === undefined) return;
    this.#giveBack();
    settle.reject(new FtpError(code, message, { cause }));
  }

  #start({ timeout, signal }: OpenOptions): void {
    signal?.addEventListener("abort", this.#onAbort);
    if (timeout === 0) return;
    this.#timer = setTimeout(() => this.reject("DATA_TIMEOUT", `no data connection in ${timeout} ms`), timeout);
  }

  #stop(): Settle | undefined {
    const settle = this.#settle;
    this.#settle = undefined;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return settle;
  }
}

/** For the error listener of a socket whose "close" or whose next use tells what happened. */
export function ignoreError(): void {}

/** IPv4 for what IPv6 maps, which would bind a socket of the wrong family. Else as it is: a zone is needed to bind. */
export function unmapped(address: string): string {
  const normal = normalizeAddress(address);
  return isIPv4(normal) ? normal : address;
}
