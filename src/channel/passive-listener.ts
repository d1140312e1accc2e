/**
 * A passive port that is listened on (RFC 959 §4.1.2, RFC 2428 §3): each connection goes to the offer that waits for
 * its address, and to nobody else (RFC 2577 §4). Several offers may wait at once where their peers differ: the address
 * tells them apart. Knows neither sessions nor which port it is to be.
 */
import type { Server, Socket } from "node:net";
import { normalizeAddress } from "../wire/address.js";
import { acceptedAt } from "./endpoints.js";
import { ignoreError } from "./opening.js";
import type { Restful } from "./resting-listeners.js";

/**
 * Finds out whose connection it is where the socket's own other end does not say: behind a proxy. Resolves to the
 * address, or `undefined` where nobody can say; never rejects, and has a time limit of its own. Leaves the socket
 * paused, with everything unread that is the client's. One function for all sessions that come the same way.
 */
export type Identify = (socket: Socket) => Promise<string | undefined>;

/** What waits for the connection of one peer. */
export interface WaitingOffer {
  /** The only address that may connect. */
  readonly peer: string;
  /** The peer has come: the socket is paused and the offer's to destroy; the offer waits here no longer. */
  take(socket: Socket): void;
  /** Somebody else has come and was turned away; the address is unknown where it was reset at once. */
  turnedAway(address: string | undefined): void;
  /** Who has come and was gone before anybody could ask for the address was most likely the peer. */
  doubt(): void;
}

/** What a listener is for, and who is told of its changes. */
export interface PassiveListenerOptions {
  /** The address that is listened on. */
  readonly host: string;
  readonly port: number;
  readonly identify: Identify | undefined;
  /** An offer waits no longer. Where it was the last one and nobody lets the port rest, it is closed by now. */
  readonly onLeft: (listener: PassiveListener) => void;
  /** Asked when the peer of the last offer has come: whether the port may rest, for the next offer to the same peer. */
  readonly mayRest?: (listener: PassiveListener, peer: string) => boolean;
}

/** One listening port, until the last offer that waits at it is gone. */
export class PassiveListener implements Restful {
  readonly port: number;
  readonly identify: Identify | undefined;
  readonly #server: Server;
  readonly #options: PassiveListenerOptions;
  #resting = false;
  /** By the address of their peers, in one spelling; the one that has waited longest first. */
  readonly #offers = new Map<string, WaitingOffer>();
  /** Connections of which is not known yet whose they are. */
  readonly #unknown = new Set<Socket>();

  /** @param server listens on the port, and has an error listener */
  constructor(server: Server, options: PassiveListenerOptions) {
    this.port = options.port;
    this.identify = options.identify;
    this.#options = options;
    this.#server = server;
    server.on("connection", (socket) => this.#meet(socket));
  }

  /** Whether no offer waits here, nor is one to come: the port is closed, or nobody has come yet. */
  get deserted(): boolean {
    return this.#offers.size === 0 && !this.#resting;
  }

  /** Whether an offer could wait here: its peer is no other's, and is found out in the same way. */
  fits(peer: string, identify: Identify | undefined): boolean {
    return !this.#resting && this.identify === identify && !this.#offers.has(normalizeAddress(peer));
  }

  /** Lets an offer wait that `fits`. */
  join(offer: WaitingOffer): void {
    this.#offers.set(normalizeAddress(offer.peer), offer);
  }

  /** Lets an offer wait no longer. The last one closes the port. Idempotent. */
  leave(offer: WaitingOffer): void {
    const peer = normalizeAddress(offer.peer);
    if (this.#offers.get(peer) === offer) this.#left(peer, false);
  }

  /** Takes a port up again that rests. */
  wake(): void {
    this.#resting = false;
    this.#server.ref();
  }

  /** Closes a port that rests. */
  close(): void {
    this.#resting = false;
    this.#stop();
    this.#options.onLeft(this);
  }

  /** @param taken whether the peer has come */
  #left(peer: string, taken: boolean): void {
    this.#offers.delete(peer);
    if (this.#offers.size === 0) {
      this.#resting = taken && this.#options.mayRest?.(this, peer) === true;
      // A port that rests keeps no process.
      if (this.#resting) this.#server.unref();
      else this.#stop();
    }
    this.#options.onLeft(this);
  }

  #meet(socket: Socket): void {
    socket.on("error", ignoreError);
    // Undefined when it was reset before we came to accept it.
    const address = socket.remoteAddress;
    if (this.identify === undefined) acceptedAt(socket, this.#options.host, this.port);
    if (address === undefined) this.#missed(socket);
    else if (this.identify === undefined) this.#admit(socket, address);
    else void this.#ask(socket, this.identify);
  }

  async #ask(socket: Socket, identify: Identify): Promise<void> {
    // Where several connections are accepted in one go, the first may have ended the listening.
    if (this.#offers.size === 0) return void socket.destroy();
    this.#unknown.add(socket);
    const address = await identify(socket);
    this.#unknown.delete(socket);
    this.#admit(socket, address);
  }

  #admit(socket: Socket, address: string | undefined): void {
    const peer = address === undefined ? undefined : normalizeAddress(address);
    const offer = peer === undefined ? undefined : this.#offers.get(peer);
    if (peer === undefined || offer === undefined) return this.#turnAway(socket, address);
    this.#left(peer, true);
    offer.take(socket);
  }

  /** Told to one: to the others it is nothing more than to this one. */
  #turnAway(socket: Socket, address: string | undefined): void {
    socket.destroy();
    const [oldest] = this.#offers.values();
    oldest?.turnedAway(address);
  }

  #missed(socket: Socket): void {
    const [oldest] = this.#offers.values();
    this.#turnAway(socket, undefined);
    // Of several nobody can say whose it was: none is to lose its transfer for it.
    if (this.#offers.size === 1) oldest?.doubt();
  }

  #stop(): void {
    this.#server.close();
    for (const socket of this.#unknown) socket.destroy();
  }
}
