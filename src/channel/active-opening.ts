/**
 * The active side of PORT and EPRT (RFC 959 §3.2, RFC 2428 §2): one connect to where the client asked, made when
 * the transfer starts and never tried again. Whether the client may ask for it (RFC 2577 §3) is checked elsewhere.
 */
import { Socket } from "node:net";
import { type Opening, type OpenOptions, PendingSocket, unmapped } from "./opening.js";

/** Where to connect to, and from where. */
export interface ActiveOptions {
  /** Address of the client. */
  readonly host: string;
  readonly port: number;
  /** Address to connect from: that of the control connection, so that the client knows us. Default: the system's choice. */
  readonly localAddress?: string | undefined;
  /** Port to connect from; RFC 959 §3.3 wants 20. Default 0: any. */
  readonly localPort?: number | undefined;
}

class ActiveOpening implements Opening {
  readonly kind = "active";
  readonly #options: ActiveOptions;
  #closed = false;
  /** The connection until it is up and handed out. */
  #socket: Socket | undefined;
  #pending: PendingSocket | undefined;

  constructor(options: ActiveOptions) {
    this.#options = options;
  }

  async open(options: OpenOptions): Promise<Socket> {
    if (this.#pending !== undefined) throw new TypeError("a data connection can be opened once");
    const pending = new PendingSocket(options, () => this.close());
    this.#pending = pending;
    if (this.#closed) pending.reject("ABORTED", "the data port was dropped");
    else this.#connect(pending);
    return pending.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#pending?.reject("ABORTED", "the data port was dropped");
  }

  #connect(pending: PendingSocket): void {
    const { host, port } = this.#options;
    const lost = (cause: unknown): void =>
      pending.reject("DATA_LOST", `no data connection to ${host} port ${port}`, cause);
    const socket = new Socket({ allowHalfOpen: true });
    this.#socket = socket;
    socket.pause();
    // Stays on for the life of the socket; once it is up, "close" tells its owner.
    socket.on("error", lost);
    socket.once("connect", () => this.#handOver(socket, pending));
    try {
      socket.connect({ host, port, ...this.#source() });
    } catch (cause) {
      lost(cause);
    }
  }

  #source(): { localAddress?: string; localPort?: number } {
    const { localAddress, localPort } = this.#options;
    return {
      ...(localAddress === undefined ? {} : { localAddress: unmapped(localAddress) }),
      ...(localPort === undefined || localPort === 0 ? {} : { localPort }),
    };
  }

  #handOver(socket: Socket, pending: PendingSocket): void {
    this.#socket = undefined;
    socket.setNoDelay(true);
    pending.resolve(socket);
  }
}

/** A data connection that is made, not awaited; connects at `open`. */
export function openActive(options: ActiveOptions): Opening {
  return new ActiveOpening(options);
}
