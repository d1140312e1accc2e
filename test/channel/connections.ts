/** Data connections of either kind and family with both ends in the test's hands. Knows nothing of FTP. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { openActive } from "../../dist/channel/active-opening.js";
import { DataChannel, type DataChannelOptions } from "../../dist/channel/data-channel.js";
import { openPassive } from "../../dist/channel/passive-opening.js";
import { PassivePorts } from "../../dist/channel/passive-ports.js";
import { FtpError, type FtpErrorCode } from "../../dist/errors.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";

/** Both address families. */
export const FAMILIES = ["127.0.0.1", "::1"] as const;
/** How a data connection comes to be, in both families. */
export const ROUTES = FAMILIES.flatMap((host) => [
  { host, kind: "passive" as const },
  { host, kind: "active" as const },
]);
export type Route = (typeof ROUTES)[number];

/** Our channel and the client's socket, which is unread. */
export interface Connection extends AsyncDisposable {
  readonly channel: DataChannel;
  readonly client: net.Socket;
}

/** Connects the two ends. Stall timeout 0 unless given. */
export async function connection(
  options: Partial<DataChannelOptions> = {},
  route: Route = { host: "127.0.0.1", kind: "passive" },
): Promise<Connection> {
  const [socket, client] = await (route.kind === "passive" ? passive(route.host) : active(route.host));
  const channel = new DataChannel(socket, { stallTimeout: 0, ...options, kind: route.kind });
  return {
    channel,
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      channel.abort("the test is over");
      await channel.closed;
    },
  };
}

/** A test of one connection after which nothing may be left. */
export function connected(
  title: string,
  run: (connection: Connection) => Promise<void>,
  ...options: Parameters<typeof connection>
): void {
  test(title, () =>
    assertNoLeaks(async () => {
      await using made = await connection(...options);
      await run(made);
    }),
  );
}

async function passive(host: string): Promise<[net.Socket, net.Socket]> {
  const opening = await openPassive({ host, peer: host, ports: new PassivePorts() });
  const client = dial(opening.port, { host });
  const [socket] = await Promise.all([opening.open({ timeout: 5000 }), once(client, "connect")]);
  return [socket, client];
}

async function active(host: string): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  server.listen(0, host);
  await once(server, "listening");
  const arrival = once(server, "connection");
  const { port } = server.address() as net.AddressInfo;
  const socket = await openActive({ host, port, localAddress: host }).open({ timeout: 5000 });
  const [client] = (await arrival) as [net.Socket];
  client.on("error", () => undefined);
  server.close();
  return [socket, client];
}

/** A client's socket on its way to a port; what goes wrong shows in "close". */
export function dial(port: number, options: { host?: string; localAddress?: string } = {}): net.Socket {
  const socket = net.connect({ host: "127.0.0.1", ...options, port, allowHalfOpen: true });
  socket.on("error", () => undefined);
  return socket;
}

/** What a socket got until its connection ended, cleanly or not. */
export async function everything(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await gone(socket);
  return Buffer.concat(chunks);
}

/** Reads a socket to its end, closes our side too, and resolves when it is gone. */
export async function gone(socket: net.Socket): Promise<void> {
  if (socket.closed) return;
  socket.once("end", () => socket.end()).resume();
  await within(new Promise<void>((resolve) => socket.once("close", () => resolve())), "the end of the connection");
}

/** Everything that a channel receives, in one piece. */
export async function received(channel: DataChannel): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const batch of channel.receive()) pieces.push(...batch);
  return Buffer.concat(pieces);
}

/** Asserts that a promise rejects in time with an error of ours, and hands it over. */
export async function rejection(promise: Promise<unknown>, code: FtpErrorCode): Promise<FtpError> {
  const error = await within(
    promise.then(
      () => assert.fail(`${code} expected`),
      (reason: unknown) => reason,
    ),
    code,
  );
  assert(error instanceof FtpError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

/** The system's code of what an error was caused by. */
export function causeOf(error: FtpError): string | undefined {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code;
}

/** Sends more than a client that reads nothing has room for. */
export function fill(channel: DataChannel): Promise<void> {
  const room = channel.send(Buffer.alloc(32 * 1024 * 1024));
  assert(room !== undefined, "the network took everything");
  return room;
}

/** Lets milliseconds go by, for what must not happen in them. */
export async function elapse(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  await until(() => performance.now() >= end);
}

/** Count neighbouring ports that are free now, below those the system gives away. */
export async function freeRange(count: number): Promise<readonly [min: number, max: number]> {
  for (;;) {
    const min = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => occupy(min + index)));
    await Promise.all(servers.map(vacate));
    if (!servers.includes(undefined)) return [min, min + count - 1];
  }
}

/** A foreign listener on a port; `undefined` where it is taken. */
export function occupy(port: number, host = "127.0.0.1"): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined)).once("listening", () => resolve(server));
    server.listen({ port, host, exclusive: true });
  });
}

/** Ends a foreign listener. */
export function vacate(server: net.Server | undefined): Promise<void> {
  return new Promise((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
}
