/**
 * Where passive offers wait: each on a port of its own while the range has a free one, and then on a port of others
 * whose peers are not its own. Without a range each has its own, always. Knows no sessions.
 */
import { createServer, type Server } from "node:net";
import type { FtpError } from "../errors.js";
import type { Awaitable } from "../events/awaitable.js";
import { normalizeAddress } from "../wire/address.js";
import { ignoreError } from "./opening.js";
import { type Identify, PassiveListener, type WaitingOffer } from "./passive-listener.js";
import { draw, isTaken, listenOn, noPort, type PortLease, PortPool } from "./port-pool.js";
import type { RestingListeners } from "./resting-listeners.js";

/** Where an offer may wait. */
export interface Berth {
  /** Local address to listen on. */
  readonly host: string;
  readonly identify: Identify | undefined;
}

/** Whether a listener may rest whose peer has come. */
type MayRest = (listener: PassiveListener, peer: string, host: string) => boolean;

const EXHAUSTED = "every port of the range is in use, and none can be shared";

/** A port of the range that is in use: a listener for each local address that clients have come to. */
class UsedPort {
  readonly #lease: PortLease;
  readonly #onChange: (port: number) => void;
  readonly #mayRest: MayRest;
  readonly #listeners = new Map<string, PassiveListener>();
  /** Listeners that are to be. */
  #coming = 0;

  /** @param onChange told of who comes and goes; where the port is deserted, the lease is given back by then */
  constructor(lease: PortLease, onChange: (port: number) => void, mayRest: MayRest) {
    this.#lease = lease;
    this.#onChange = onChange;
    this.#mayRest = mayRest;
  }

  get deserted(): boolean {
    return this.#listeners.size === 0 && this.#coming === 0;
  }

  fits(peer: string, { host, identify }: Berth): boolean {
    return this.#listeners.get(host)?.fits(peer, identify) ?? true;
  }

  /** @throws Error of the system where the port of this address cannot be had */
  async share(offer: WaitingOffer, berth: Berth): Promise<PassiveListener> {
    this.#coming++;
    try {
      const there = this.#listeners.get(berth.host);
      if (there === undefined) return this.add(offer, berth, await this.#listen(berth.host));
      there.join(offer);
      return there;
    } finally {
      this.#coming--;
      this.#changed();
    }
  }

  /** @param server listens on this port */
  add(offer: WaitingOffer, { host, identify }: Berth, server: Server): PassiveListener {
    const onLeft = (listener: PassiveListener): void => {
      if (listener.deserted) this.#listeners.delete(host);
      this.#changed();
    };
    const mayRest = (left: PassiveListener, peer: string): boolean => this.#mayRest(left, peer, host);
    const listener = new PassiveListener(server, { host, port: this.#lease.port, identify, onLeft, mayRest });
    this.#listeners.set(host, listener);
    listener.join(offer);
    return listener;
  }

  async #listen(host: string): Promise<Server> {
    const server = dataServer();
    await listenOn(server, host, this.#lease.port);
    return server;
  }

  #changed(): void {
    if (this.deserted) this.#lease.release();
    this.#onChange(this.#lease.port);
  }
}

/** The passive ports of a server. */
export class PassivePorts {
  readonly #pool: PortPool;
  readonly #hasRange: boolean;
  /** Ports of the range that are in use; the one where somebody has come or gone last is at the end. */
  readonly #used = new Map<number, UsedPort>();
  readonly #resting: RestingListeners<PassiveListener> | undefined;
  readonly #mayRest: MayRest = (listener, peer, host) => this.#resting?.keep(clientOf(peer, host), listener) ?? false;
  /** Settles when who asked last has a port. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param range lowest and highest port, both included; default: any port the system gives
   * @param resting where ports rest whose client has come. Default: they are closed
   * @throws RangeError where the range is not two ports in order
   */
  constructor(range?: readonly [min: number, max: number], resting?: RestingListeners<PassiveListener>) {
    this.#pool = new PortPool(range);
    this.#hasRange = range !== undefined;
    this.#resting = resting;
  }

  /** How many ports offers wait at now; one that several share counts once. */
  get leased(): number {
    return this.#pool.leased - (this.#resting?.size ?? 0);
  }

  /**
   * Lets an offer wait at a port, at once at one that rests; `leave` of the listener ends that.
   * @throws FtpError `NO_PASSIVE_PORT` where none is left for this peer, or where the system refuses to listen at all
   */
  seat(offer: WaitingOffer, berth: Berth): Awaitable<PassiveListener> {
    const rested = this.#resting?.take(clientOf(offer.peer, berth.host), ({ identify }) => identify === berth.identify);
    rested?.join(offer);
    if (rested !== undefined) return rested;
    if (!this.#hasRange) return this.#alone(offer, berth);
    // In turn: where two come for the last port, the second may share it, and must not come before it is listened on.
    const seated = this.#turn.then(() => this.#seat(offer, berth));
    this.#turn = seated.catch(ignoreError);
    return seated;
  }

  async #alone(offer: WaitingOffer, { host, identify }: Berth): Promise<PassiveListener> {
    const server = dataServer();
    const lease = await this.#pool.listen(server, host);
    const onLeft = ({ deserted }: PassiveListener): void => {
      if (deserted) lease.release();
    };
    const mayRest = (left: PassiveListener, peer: string): boolean => this.#mayRest(left, peer, host);
    const listener = new PassiveListener(server, { host, port: lease.port, identify, onLeft, mayRest });
    listener.join(offer);
    return listener;
  }

  async #seat(offer: WaitingOffer, berth: Berth): Promise<PassiveListener> {
    // What rests is nobody's.
    if (this.#pool.exhausted) this.#resting?.close();
    if (this.#pool.exhausted) return await this.#share(offer, berth, noPort(berth.host, new Error(EXHAUSTED)));
    const server = dataServer();
    let lease: PortLease;
    try {
      lease = await this.#pool.listen(server, berth.host);
    } catch (refusal) {
      return await this.#share(offer, berth, refusal as FtpError);
    }
    const used = new UsedPort(lease, (port) => this.#rest(port), this.#mayRest);
    this.#used.set(lease.port, used);
    return used.add(offer, berth, server);
  }

  async #share(offer: WaitingOffer, berth: Berth, refusal: FtpError): Promise<PassiveListener> {
    const fitting = [...this.#used.values()].filter((used) => used.fits(offer.peer, berth));
    for (let drawn = draw(fitting); drawn !== undefined; drawn = draw(fitting)) {
      try {
        return await drawn.share(offer, berth);
      } catch (error) {
        if (!isTaken(error)) throw noPort(berth.host, error);
      }
    }
    throw refusal;
  }

  /** Closes the ports that rest. */
  close(): void {
    this.#resting?.close();
  }

  /** Who left last must not meet who comes next: this port is to be drawn when the others have been. */
  #rest(port: number): void {
    const used = this.#used.get(port);
    this.#used.delete(port);
    if (used !== undefined && !used.deserted) this.#used.set(port, used);
  }
}

function clientOf(peer: string, host: string): string {
  return `${normalizeAddress(peer)} ${host}`;
}

/** Half-open: a client that has sent its end of file may still be written to, and the other way round. */
function dataServer(): Server {
  return createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }).on("error", ignoreError);
}
