/**
 * Data connections as clients make them, in the four ways (RFC 959 §4.1.2, RFC 2428), in stages that a
 * test can act between. Works with any server that a ScriptedClient is connected to.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { TLSSocket } from "node:tls";
import { type Reply, type ScriptedClient, show } from "./scripted-client.js";
import { rawOf, secureData, shaken } from "./security.js";
import { within } from "./temporary.js";

/** The four ways to a data connection. */
export type DataMode = "PASV" | "EPSV" | "PORT" | "EPRT";

/** All of them; PASV and PORT exist on IPv4 only. */
export const MODES: readonly DataMode[] = ["PASV", "EPSV", "PORT", "EPRT"];

/** The ways that work over a client's address family. */
export function modesOf(host: string): readonly DataMode[] {
  return host.includes(":") ? ["EPSV", "EPRT"] : MODES;
}

/** An agreed but not yet opened data connection. */
export interface Offer extends AsyncDisposable {
  readonly mode: DataMode;
  /** The port that the connection goes to: the server's (passive) or the client's (active). */
  readonly port: number;
  /** The reply to the command that made the offer. */
  readonly reply: Reply;
  /**
   * Passive: connects now. Active: waits for the server's connection. The socket is unread. Under TLS the handshake has
   * only begun: the server takes part in it behind its 150.
   */
  connect(options?: { readonly localAddress?: string }): Promise<net.Socket>;
}

/** Sends PASV, EPSV, PORT or EPRT and asserts that the server agrees. */
export function offer(client: ScriptedClient, mode: DataMode): Promise<Offer> {
  return mode === "PASV" || mode === "EPSV" ? offerPassive(client, mode) : offerActive(client, mode);
}

async function offerPassive(client: ScriptedClient, mode: "PASV" | "EPSV"): Promise<Offer> {
  const reply = await client.expect(mode, mode === "PASV" ? 227 : 229);
  const endpoint =
    mode === "PASV" ? parsePasv(reply) : { host: client.raw.remoteAddress ?? "", port: parseEpsv(reply) };
  const opened = new Set<net.Socket>();
  return {
    mode,
    reply,
    port: endpoint.port,
    async connect(options = {}) {
      const socket = net.connect({ ...endpoint, noDelay: true, ...options });
      opened.add(socket);
      socket.on("error", () => undefined);
      await within(once(socket, "connect"), `the data connection to port ${endpoint.port}`);
      const data = protect(client, socket);
      opened.delete(socket);
      opened.add(data);
      return data;
    },
    [Symbol.asyncDispose]: () => destroyAll(opened),
  };
}

async function offerActive(client: ScriptedClient, mode: "PORT" | "EPRT"): Promise<Offer> {
  const host = client.raw.localAddress ?? "";
  const listener = await listen(host);
  const command = mode === "PORT" ? portCommand(host, listener.port) : eprtCommand(host, listener.port);
  const reply = await client.expect(command, 200);
  return {
    mode,
    reply,
    port: listener.port,
    connect: async () => protect(client, await within(listener.accept(), "the server's data connection")),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

/** A data connection as the client's PROT wants it: under TLS with the session of the control connection, or as it is. */
export function protect(client: ScriptedClient, socket: net.Socket): net.Socket {
  if (!client.privateData) return socket;
  assert(client.tls, "PROT P without TLS");
  return secureData(socket, client.tls);
}

/** A listening socket whose connections are taken one by one. */
export interface DataListener {
  readonly port: number;
  /** How many connections have come. */
  readonly arrivals: number;
  /** The next connection, unread. */
  accept(): Promise<net.Socket>;
  /** Stops listening and destroys what has come. */
  close(): Promise<void>;
}

/** Listens on a free port of `host` for the server's active connections. */
export async function listen(host: string): Promise<DataListener> {
  const arrived: net.Socket[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => undefined);
    sockets.add(socket);
    arrived.push(socket);
    server.emit("arrived");
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    get arrivals() {
      return sockets.size;
    },
    async accept() {
      while (arrived.length === 0) await once(server, "arrived");
      return arrived.shift() as net.Socket;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await destroyAll(sockets);
      await closed;
    },
  };
}

/** The command line for an IPv4 address and port. */
export function portCommand(host: string, port: number): string {
  return `PORT ${host.split(".").join(",")},${port >> 8},${port & 255}`;
}

/** The command line for an address of either family and a port. */
export function eprtCommand(host: string, port: number): string {
  return `EPRT |${net.isIPv6(host) ? 2 : 1}|${host}|${port}|`;
}

/** Address and port of a 227. */
export function parsePasv(reply: Reply): { readonly host: string; readonly port: number } {
  const match = /^[^()]*\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)[^()]*$/.exec(reply.text);
  assert(match, `not a 227 that clients can read: ${show(reply)}`);
  const [a, b, c, d, high, low] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  return { host: [a, b, c, d].join("."), port: high * 256 + low };
}

/** The port of a 229. */
export function parseEpsv(reply: Reply): number {
  const match = /^[^()]*\(\|\|\|(\d+)\|\)[^()]*$/.exec(reply.text);
  assert(match?.[1], `not a 229 that clients can read: ${show(reply)}`);
  return Number(match[1]);
}

/** What came of a transfer. */
export interface Transferred {
  /** What was received; empty for uploads. */
  readonly bytes: Buffer;
  /** The preliminary and the final reply. */
  readonly replies: readonly [preliminary: Reply, final: Reply];
}

/** What a transfer is expected to end with. */
export interface TransferOptions {
  /** The final reply. Default 226. */
  readonly final?: number;
}

/** RETR or a listing, from the offer to the final reply. Asserts 125 or 150 before and `final` after. */
export async function download(
  client: ScriptedClient,
  command: string,
  mode: DataMode = "EPSV",
  options: TransferOptions = {},
): Promise<Transferred> {
  await using offered = await offer(client, mode);
  const [preliminary, socket] = await begin(client, command, offered);
  const bytes = await collect(socket);
  return { bytes, replies: [preliminary, await client.expectReply(options.final ?? 226)] };
}

/** STOR, APPE or STOU, from the offer to the final reply. Asserts 125 or 150 before and `final` after. */
export async function upload(
  client: ScriptedClient,
  command: string,
  bytes: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  mode: DataMode = "EPSV",
  options: TransferOptions = {},
): Promise<Transferred> {
  await using offered = await offer(client, mode);
  const [preliminary, socket] = await begin(client, command, offered);
  await within(pour(socket, bytes), "sending the data");
  return { bytes: Buffer.alloc(0), replies: [preliminary, await client.expectReply(options.final ?? 226)] };
}

/**
 * Sends the transfer command and opens the offered connection. Under TLS the handshake is done then, and was short.
 * @returns the preliminary reply and the unread socket
 */
export async function begin(client: ScriptedClient, command: string, offered: Offer): Promise<[Reply, net.Socket]> {
  client.send(`${command}\r\n`);
  const connecting = offered.connect();
  connecting.catch(() => undefined);
  const preliminary = await client.reply();
  assert([125, 150].includes(preliminary.code), `${command}: expected 125 or 150, got ${show(preliminary)}`);
  const socket = await connecting;
  await shaken(socket);
  if (socket instanceof TLSSocket) {
    assert(socket.isSessionReused(), `${command}: the data connection has a session of its own`);
    assert.equal(socket.getProtocol(), client.tls?.version);
  }
  return [preliminary, socket];
}

/** Everything until the peer's end. Rejects when the connection is reset. */
export async function collect(socket: net.Socket): Promise<Buffer> {
  const reading = (async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  })();
  return within(reading, "the end of the data");
}

/** Writes everything, waiting where the peer is slow, and ends: with FIN, under TLS behind close_notify. */
export async function pour(
  socket: net.Socket,
  bytes: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const chunks = typeof bytes === "string" ? [Buffer.from(bytes)] : bytes instanceof Uint8Array ? [bytes] : bytes;
  for await (const chunk of chunks) {
    if (socket.destroyed) return;
    if (!socket.write(chunk)) await drained(socket);
  }
  socket.end();
  socket.resume();
}

/** Resolves when more may be written, or never will be; leaves no listener behind. */
async function drained(socket: net.Socket): Promise<void> {
  const over = new AbortController();
  const waits = ["drain", "close"].map((event) => once(socket, event, { signal: over.signal }));
  await Promise.race(waits).catch(() => undefined);
  over.abort();
}

/** Whether a connection to the port succeeds at this moment; the connection is dropped at once. */
export async function accepts(port: number, host: string = "127.0.0.1"): Promise<boolean> {
  const socket = net.connect({ port, host });
  const open = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  await destroyAll([socket]);
  return open;
}

/**
 * Sends RST and nothing else. `resetAndDestroy()` of Node sends FIN before, and in stream mode that is the end of
 * the file: an upload would be whole.
 */
export function reset(socket: net.Socket): void {
  const raw = rawOf(socket);
  (raw as net.Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
  raw.destroy();
}

async function destroyAll(sockets: Iterable<net.Socket>): Promise<void> {
  for (const socket of sockets) {
    if (socket.closed) continue;
    const closed = once(socket, "close").catch(() => undefined);
    socket.destroy();
    await closed;
  }
}
