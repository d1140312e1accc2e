/**
 * The passive side of PASV and EPSV (RFC 959 §4.1.2, RFC 2428 §3): a listener that takes one connection, of the
 * control connection's peer and of nobody else (RFC 2577 §4). Knows no replies and no advertised addresses.
 */
import { createServer, type Server, type Socket } from "node:net";
import { sameAddress } from "../wire/address.js";
import { ignoreError, type Opening, type OpenOptions, PendingSocket, unmapped } from "./opening.js";
import type { PortLease, PortPool } from "./port-pool.js";

/** Where to listen, and for whom. */
export interface PassiveOptions {
  /** Local address to listen on: that of the control connection, so that both use one family. */
  readonly host: string;
  /** The only address that may connect. */
  readonly peer: string;
  readonly ports: PortPool;
  /** Told of each connection that was turned away; its address is unknown where it was reset at once. */
  readonly onStranger?: ((address: string | undefined) => void) | undefined;
}

/** How long the client may still come after somebody unknown has come and gone, in milliseconds. */
const LAST_CALL_MS = 2000;

/** A listener on a leased port, until the right peer has come. */
export class PassiveOpening implements Opening {
  readonly kind = "passive";
  /** Local address that is listened on. */
  readonly host: string;
  readonly port: number;
  readonly #options: PassiveOptions;
  readonly #server: Server;
  readonly #lease: PortLease;
  #listening = true;
  #closed = false;
  /** The right peer's connection until `open` hands it out. */
  #socket: Socket | undefined;
  #pending: PendingSocket | undefined;
  /** Somebody came and was gone before we knew who. */
  #doubted = false;
  #lastCall: NodeJS.Timeout | undefined;

  /** @param server listens on the port of the lease, and has an error listener */
  constructor(options: PassiveOptions, server: Server, lease: PortLease) {
    this.host = unmapped(options.host);
    this.port = lease.port;
    this.#options = options;
    this.#server = server;
    this.#lease = lease;
    server.on("connection", (socket) => this.#meet(socket));
  }

  async open(options: OpenOptions): Promise<Socket> {
    if (this.#pending !== undefined) throw new TypeError("a data connection can be opened once");
    this.#pending = new PendingSocket(options, () => this.close());
    if (this.#closed) this.#pending.reject("ABORTED", "the passive port was closed");
    else this.#handOver();
    if (this.#doubted) this.#doubt();
    return this.#pending.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#pending?.reject("ABORTED", "the passive port was closed");
  }

  #meet(socket: Socket): void {
    socket.on("error", ignoreError);
    // Undefined when it was reset before we came to accept it.
    const address = socket.remoteAddress;
    if (address !== undefined && sameAddress(address, this.#options.peer)) return this.#take(socket);
    socket.destroy();
    this.#options.onStranger?.(address);
    if (address === undefined) this.#doubt();
  }

  /**
   * Who was reset before we could ask for the address was most likely the client, and it will not come again;
   * somebody else must not cost the client its transfer. So the client gets a little time.
   */
  #doubt(): void {
    this.#doubted = true;
    if (this.#pending === undefined || !this.#listening) return;
    clearTimeout(this.#lastCall);
    this.#lastCall = setTimeout(
      () => this.#pending?.reject("DATA_LOST", "the client left before the transfer"),
      LAST_CALL_MS,
    );
  }

  #take(socket: Socket): void {
    // Where several connections are accepted in one go, the first has ended the listening.
    if (!this.#listening) return void socket.destroy();
    this.#stopListening();
    this.#socket = socket;
    // A reset shows only while something is read: fills the socket's own buffer and no more.
    socket.read(0);
    this.#handOver();
  }

  #handOver(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#pending === undefined) return;
    this.#socket = undefined;
    if (socket.destroyed) this.#pending.reject("DATA_LOST", "the client left before the transfer", socket.errored);
    else this.#pending.resolve(socket);
  }

  #stopListening(): void {
    if (!this.#listening) return;
    this.#listening = false;
    clearTimeout(this.#lastCall);
    this.#server.close();
    this.#lease.release();
  }
}

/**
 * Listens on a port of the pool for one connection of the peer.
 * @throws FtpError `NO_PASSIVE_PORT`
 */
export async function openPassive(options: PassiveOptions): Promise<PassiveOpening> {
  // Half-open: a client that has sent its end of file may still be written to, and the other way round.
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
  server.on("error", ignoreError);
  const lease = await options.ports.listen(server, unmapped(options.host));
  // No connection can have been accepted since: that takes a turn of the event loop.
  return new PassiveOpening(options, server, lease);
}
