/**
 * A stretch of wire that can be cut: stands between a client and a port, passes the bytes on, and breaks off behind a
 * given one. Knows nothing of FTP and nothing of TLS.
 */
import { once } from "node:events";
import net from "node:net";
import { reset } from "../kit/data.js";

/** Where and how a connection is cut. */
export interface Cut {
  /** Whose bytes are counted: those of who connects, or of who is connected to. */
  readonly of: "caller" | "called";
  /** Bytes that pass. */
  readonly after: number;
  /**
   * `FIN`: both hear an end of file; `RST`: both hear a reset; `truncation`: who waits for the bytes hears an end of
   * file, the other one notices nothing but that its bytes go nowhere.
   */
  readonly how: "FIN" | "RST" | "truncation";
}

/** All stretches of one test; disposing it drops what still hangs on them. */
export class Wires implements AsyncDisposable {
  /** Cuts that have come to pass. */
  made = 0;
  readonly #servers = new Set<net.Server>();
  readonly #sockets = new Set<net.Socket>();

  /** @returns the port that leads to `port`, for one connection */
  async lead(port: number, cut: Cut | undefined): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (caller) => {
      server.close();
      this.#join(caller, port, cut);
    });
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) {
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    }
  }

  #join(caller: net.Socket, port: number, cut: Cut | undefined): void {
    const called = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [
      [caller, called],
      [called, caller],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => reset(other));
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (!other.destroyed) other.end();
      });
    }
    this.#pass(caller, called, cut?.of === "caller" ? cut : undefined);
    this.#pass(called, caller, cut?.of === "called" ? cut : undefined);
  }

  #pass(from: net.Socket, to: net.Socket, cut: Cut | undefined): void {
    let left = cut?.after ?? Number.POSITIVE_INFINITY;
    from.on("data", (chunk) => {
      if (left <= 0) return;
      const passed = chunk.subarray(0, left);
      left -= chunk.length;
      const room = to.destroyed || to.writableEnded || to.write(passed);
      if (cut !== undefined && left <= 0) return this.#cut(from, to, cut);
      if (room) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.once("end", () => to.end());
    from.resume();
  }

  #cut(from: net.Socket, to: net.Socket, { how }: Cut): void {
    this.made++;
    if (how === "RST") {
      // Behind what was passed on: a reset would throw that away.
      to.write("", () => reset(to));
      return reset(from);
    }
    to.end();
    if (how === "FIN") from.end();
  }
}
