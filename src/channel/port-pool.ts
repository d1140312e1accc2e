/**
 * Ports for passive listeners: any port, or one of a range that all sessions share. The order cannot be
 * guessed, so that nobody waits at the next port (RFC 2577 §8), and a port that was just given back rests,
 * so that a late connect does not reach the next client. Knows no sessions and no peers.
 */
import { randomInt } from "node:crypto";
import type { AddressInfo, Server } from "node:net";
import { FtpError } from "../errors.js";

/** A port that a listener holds. */
export interface PortLease {
  readonly port: number;
  /** Gives the port back; to be called once the listener is closed. Idempotent. */
  release(): void;
}

/** Connections that may wait in the kernel: strangers must not crowd out the peers while one is turned away. */
const BACKLOG = 128;
/** The port is somebody else's, or not ours to take: the next one may do. */
const TAKEN: ReadonlySet<string | undefined> = new Set(["EADDRINUSE", "EACCES"]);

/** The passive ports of a server. */
export class PortPool {
  /** Ports of the range that are not leased; the one that was used last is at the end. */
  readonly #free: number[] | undefined;
  #leased = 0;

  /**
   * @param range lowest and highest port, both included; default: any port the system gives
   * @throws RangeError where the range is not two ports in order
   */
  constructor(range?: readonly [min: number, max: number]) {
    if (range !== undefined) this.#free = shuffled(...range);
  }

  /** How many ports listeners hold now. */
  get leased(): number {
    return this.#leased;
  }

  /** Whether every port of the range is leased. */
  get exhausted(): boolean {
    return this.#free?.length === 0;
  }

  /**
   * Makes a server listen on a port of this pool. Of a range, every free port is tried once.
   * @param host the local address
   * @throws FtpError `NO_PASSIVE_PORT` where none is left, or where the system refuses to listen at all
   */
  async listen(server: Server, host: string): Promise<PortLease> {
    try {
      const port =
        this.#free === undefined ? await listenOn(server, host, 0) : await this.#bindFree(this.#free, server, host);
      return this.#lease(port);
    } catch (cause) {
      throw noPort(host, cause);
    }
  }

  async #bindFree(free: number[], server: Server, host: string): Promise<number> {
    const taken: number[] = [];
    let refusal: NodeJS.ErrnoException = new Error("every port of the range is leased");
    try {
      for (let port = draw(free); port !== undefined; port = draw(free)) {
        try {
          return await listenOn(server, host, port);
        } catch (error) {
          taken.push(port);
          refusal = error as NodeJS.ErrnoException;
          if (!isTaken(error)) break;
        }
      }
      throw refusal;
    } finally {
      free.push(...taken);
    }
  }

  #lease(port: number): PortLease {
    let held = true;
    this.#leased++;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#leased--;
      this.#free?.push(port);
    };
    return { port, release };
  }
}

/**
 * Takes a port out of the half that has rested longest: the last one comes only when there is no other.
 * @param rested the one that was used last is at the end
 */
export function draw<Port>(rested: Port[]): Port | undefined {
  if (rested.length === 0) return undefined;
  return rested.splice(randomInt(Math.ceil(rested.length / 2)), 1)[0];
}

/** Why a server does not listen. */
export function noPort(host: string, cause: unknown): FtpError {
  return new FtpError("NO_PASSIVE_PORT", `no port to listen on at ${host}`, { cause });
}

/** Whether another port may do where this one could not be listened on. */
export function isTaken(error: unknown): boolean {
  return TAKEN.has((error as NodeJS.ErrnoException).code);
}

function shuffled(min: number, max: number): number[] {
  if (!isPort(min) || !isPort(max) || min > max)
    throw new RangeError(`ports must be two integers from 1 to 65535, the lower first, not [${min}, ${max}]`);
  const ports = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  for (let last = ports.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [ports[last], ports[other]] = [ports[other] as number, ports[last] as number];
  }
  return ports;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/**
 * Resolves to the port that the server listens on.
 * @param port 0 is any
 * @throws Error of the system
 */
export function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.off("error", settle).off("listening", settle);
      if (error !== undefined) reject(error);
      else resolve(port || (server.address() as AddressInfo).port);
    };
    server.on("error", settle).on("listening", settle);
    // Exclusive: the workers of a cluster would otherwise share the port, and one gets the other's client.
    server.listen({ host, port, backlog: BACKLOG, exclusive: true });
  });
}
