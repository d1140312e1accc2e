/**
 * The passive side of PASV and EPSV (RFC 959 §4.1.2, RFC 2428 §3): an offer that takes one connection, of the
 * control connection's peer and of nobody else (RFC 2577 §4). Knows no replies and no advertised addresses.
 */
import type { Socket } from "node:net";
import { type Awaitable, following } from "../events/awaitable.js";
import { type Opening, type OpenOptions, PendingSocket, unmapped } from "./opening.js";
import type { Identify, PassiveListener, WaitingOffer } from "./passive-listener.js";
import type { PassivePorts } from "./passive-ports.js";

/** Where to listen, and for whom. */
export interface PassiveOptions {
  /** Local address to listen on: that of the control connection, so that both use one family. */
  readonly host: string;
  /** The only address that may connect. */
  readonly peer: string;
  readonly ports: PassivePorts;
  /** Finds out whose a connection is. Default: the socket's other end says so. */
  readonly identify?: Identify | undefined;
  /** Told of each connection that was turned away; its address is unknown where it was reset at once. */
  readonly onStranger?: ((address: string | undefined) => void) | undefined;
}

/** How long the client may still come after somebody unknown has come and gone, in milliseconds. */
const LAST_CALL_MS = 2000;

/** An offer that waits at a passive port until the right peer has come. */
export class PassiveOpening implements Opening {
  readonly kind = "passive";
  /** Local address that is listened on. */
  readonly host: string;
  readonly port: number;
  readonly #listener: PassiveListener;
  readonly #offer: Offer;

  constructor(host: string, listener: PassiveListener, offer: Offer) {
    this.host = host;
    this.port = listener.port;
    this.#listener = listener;
    this.#offer = offer;
  }

  open(options: OpenOptions): Promise<Socket> {
    return this.#offer.open(options, () => this.close());
  }

  close(): void {
    this.#listener.leave(this.#offer);
    this.#offer.close();
  }
}

/** One connection to be, from where it is waited for to where it is handed out. */
class Offer implements WaitingOffer {
  readonly peer: string;
  readonly turnedAway: (address: string | undefined) => void;
  #closed = false;
  /** The peer has come. */
  #taken = false;
  /** The peer's connection until `open` hands it out. */
  #socket: Socket | undefined;
  #opened = false;
  #pending: PendingSocket | undefined;
  /** Somebody came and was gone before we knew who. */
  #doubted = false;
  #lastCall: NodeJS.Timeout | undefined;

  constructor({ peer, onStranger }: PassiveOptions) {
    this.peer = peer;
    this.turnedAway = (address) => onStranger?.(address);
  }

  /** @param giveBack called before a rejection */
  open(options: OpenOptions, giveBack: () => void): Promise<Socket> {
    if (this.#opened) return Promise.reject(new TypeError("a data connection can be opened once"));
    this.#opened = true;
    const socket = this.#socket;
    // Clients mostly connect before they say what for: then there is nothing to wait for.
    if (socket?.destroyed === false && options.signal?.aborted !== true) {
      this.#socket = undefined;
      return Promise.resolve(socket);
    }
    this.#pending = new PendingSocket(options, giveBack);
    if (this.#closed) this.#pending.reject("ABORTED", "the passive port was closed");
    else this.#handOver();
    if (this.#doubted) this.doubt();
    return this.#pending.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#lastCall);
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#pending?.reject("ABORTED", "the passive port was closed");
  }

  take(socket: Socket): void {
    this.#taken = true;
    clearTimeout(this.#lastCall);
    this.#socket = socket;
    // A reset shows only while something is read: fills the socket's own buffer and no more.
    socket.read(0);
    this.#handOver();
  }

  /** The client will most likely not come again, but somebody else must not cost it its transfer: it gets a little time. */
  doubt(): void {
    this.#doubted = true;
    if (this.#pending === undefined || this.#taken || this.#closed) return;
    clearTimeout(this.#lastCall);
    this.#lastCall = setTimeout(
      () => this.#pending?.reject("DATA_LOST", "the client left before the transfer"),
      LAST_CALL_MS,
    );
  }

  #handOver(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#pending === undefined) return;
    this.#socket = undefined;
    if (socket.destroyed) this.#pending.reject("DATA_LOST", "the client left before the transfer", socket.errored);
    else this.#pending.resolve(socket);
  }
}

/**
 * Listens on a passive port for one connection of the peer; at once where one is listened on already.
 * @throws FtpError `NO_PASSIVE_PORT`
 */
export function openPassive(options: PassiveOptions): Awaitable<PassiveOpening> {
  const host = unmapped(options.host);
  const offer = new Offer(options);
  const seated = options.ports.seat(offer, { host, identify: options.identify });
  return following(seated, (listener) => new PassiveOpening(host, listener, offer));
}
