/** A server behind proxies that are all on 127.0.0.1, clients that come through them or not, and what it says of those. */
import assert from "node:assert/strict";
import net from "node:net";
import type { RefusedFact, Server, ServerOptions } from "../../dist/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { binaryHeader, lineHeader, type ProxyEnds } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until, within } from "../kit/temporary.js";

/** What trusted proxies connect from, and what nobody trusts. */
export const TRUSTED = "127.0.0.1";
export const UNTRUSTED = "127.0.0.2";
/** The client, where a header tells of it; on this machine, so that data connections can come from it. */
export const CLIENT = { host: "127.0.0.77", port: 40_001 } as const;
/** The proxy's own public end. */
export const FRONT = { host: "127.0.0.99", port: 21 } as const;
export const ENDS: ProxyEnds = { source: CLIENT, destination: FRONT };

/** One header a row: how a proxy writes it. */
export const VERSIONS: readonly (readonly [name: string, header: (ends: ProxyEnds) => Buffer])[] = [
  ["v1", lineHeader],
  ["v2", (ends) => binaryHeader(ends)],
];

/** A server, what it has refused, and its clients. */
export interface Proxied extends Served {
  readonly refused: RefusedFact[];
  /** Connects and sends bytes, and waits for nothing. */
  open(first?: string | Uint8Array, localAddress?: string): Promise<ScriptedClient>;
  /** Comes through a trusted proxy, and is greeted. */
  through(header?: Uint8Array): Promise<ScriptedClient>;
  /** Waits for a connection that was not let in, and asserts that it was the only one and heard nothing. */
  assertCut(client: ScriptedClient): Promise<RefusedFact>;
}

/** A server with a store, behind proxies on 127.0.0.1, that must leave nothing behind. */
export function proxied(
  work: (scene: Proxied) => Promise<void>,
  options: ServerOptions = {},
  setup?: (server: Server) => void,
): Promise<void> {
  return assertNoLeaks(async () => {
    const refused: RefusedFact[] = [];
    const given = { ...(options.listeners === undefined && { proxy: { from: [TRUSTED] } }), ...options };
    await using served = await serve(given, (server) => {
      server.on("refused", (fact) => void refused.push(fact));
      setup?.(server);
    });
    const clients: ScriptedClient[] = [];
    const open = async (first: string | Uint8Array = "", localAddress: string = TRUSTED) => {
      const client = await ScriptedClient.open(served.port, "127.0.0.1", { localAddress });
      clients.push(client);
      if (first.length > 0) client.send(first);
      return client;
    };
    const through = async (header: Uint8Array = lineHeader(ENDS)) => {
      const client = await open(header);
      await client.expectReply(220);
      return client;
    };
    const assertCut = async (client: ScriptedClient) => {
      await client.expectClosed();
      await until(() => refused.length > 0);
      assert.equal(client.transcript.length, 0, "nothing was said");
      assert.equal(served.server.sessions.length, 0);
      assert.equal(refused.length, 1);
      const [fact] = refused.splice(0);
      assert(fact);
      return fact;
    };
    try {
      await work({ ...served, refused, open, through, assertCut });
    } finally {
      for (const client of clients) await client[Symbol.asyncDispose]();
      for (const socket of dialed) socket.destroy();
      dialed.clear();
    }
  });
}

const dialed = new Set<net.Socket>();

/** A data connection from an address of this machine, with its first bytes sent at once; gone when the scene ends. */
export async function dialData(port: number, localAddress: string, first: Uint8Array = Buffer.alloc(0)) {
  const socket = net.connect({ port, host: "127.0.0.1", localAddress, noDelay: true, allowHalfOpen: true });
  dialed.add(socket);
  socket.on("error", () => undefined);
  await within(new Promise((resolve) => socket.once("connect", resolve)), "the data connection");
  if (first.length > 0) socket.write(first);
  return socket;
}

/** Waits until the server has let go of a data connection, by FIN or by RST, without a byte. */
export async function turnedAway(socket: net.Socket): Promise<void> {
  const closed = new Promise((resolve) => socket.once("close", resolve));
  if (socket.readableEnded) socket.destroy();
  else socket.once("end", () => socket.destroy()).resume();
  await within(closed, "the server's end of the data connection");
  assert.equal(socket.bytesRead, 0);
}

/** Sends each byte by itself, as soon as the one before has left. */
export async function byteByByte(socket: net.Socket, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    await new Promise<void>((resolve) => socket.write(Uint8Array.of(byte), () => resolve()));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
