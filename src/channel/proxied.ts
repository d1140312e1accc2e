/**
 * Connections that a proxy relays: its header is read off the socket within a time limit, and nothing else is. Whoever
 * is not trusted has no header; what he sends is not looked at here. Knows no sessions and no lists.
 */
import type { Socket } from "node:net";
import { FtpError } from "../errors.js";
import type { Networks } from "../wire/network.js";
import { type ProxyHeader, type RelayedEnds, readProxyHeader } from "../wire/proxy-header.js";
import { declareEnds, endpointsOf } from "./endpoints.js";
import { ignoreError } from "./opening.js";

/** The proxies whose word is taken. */
export class TrustedProxies {
  readonly #from: Networks;
  readonly #timeout: number;

  /** @param timeout milliseconds until the header must be there; 0 is no limit */
  constructor(from: Networks, timeout: number) {
    this.#from = from;
    this.#timeout = timeout;
  }

  /** Whether a connection comes from one of them, and must begin with a header. */
  relays({ remoteAddress }: Socket): boolean {
    return remoteAddress !== undefined && this.#from.has(remoteAddress);
  }

  /**
   * Reads the header off a connection of one of them: from then on `endpointsOf` says what it says. The socket is paused,
   * and what came behind the header is still to be read.
   * @throws FtpError `BAD_PROXY_HEADER`; then the socket is destroyed
   */
  async meet(socket: Socket): Promise<void> {
    socket.on("error", ignoreError);
    try {
      declareEnds(socket, await takeHeader(socket, this.#timeout));
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Whose data connection it is, as far as anybody can say: never rejects. */
  readonly identify = async (socket: Socket): Promise<string | undefined> => {
    if (this.relays(socket)) await this.meet(socket).catch(ignoreError);
    return socket.destroyed ? undefined : endpointsOf(socket).remoteAddress;
  };
}

function takeHeader(socket: Socket, timeout: number): Promise<RelayedEnds | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const stop = (): void => {
      clearTimeout(timer);
      socket.off("data", take).off("end", gone).off("close", gone).pause();
    };
    const fail = (reason: string): void => {
      stop();
      reject(new FtpError("BAD_PROXY_HEADER", `PROXY header: ${reason}`));
    };
    const gone = (): void => fail("the connection ended before");
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const header: ProxyHeader = readProxyHeader(bytes);
      if (header.kind === "malformed") return fail(header.reason);
      if (header.kind === "partial") return;
      stop();
      const rest = bytes.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      resolve(header.ends);
    };
    const timer = timeout === 0 ? undefined : setTimeout(() => fail(`not there in ${timeout} ms`), timeout);
    if (socket.destroyed) return gone();
    socket.on("data", take).on("end", gone).on("close", gone).resume();
  });
}
