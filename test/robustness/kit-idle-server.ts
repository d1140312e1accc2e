/**
 * A server in a process of its own, that says what it holds when it is asked: nothing of a client counts for it. Also a
 * bare one, of Node alone, for what a connection costs without us. Speaks with its parent by messages; run by
 * `kit-idle.ts` with `--expose-gc`.
 */
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { LocalFileSystem, MemoryFileSystem, Server } from "../../dist/index.js";
import type { IdleOrder, IdleReport, IdleStart } from "./kit-idle.js";

const LARGE = Buffer.alloc(1_000_000, "portside\n");

const failures: string[] = [];
process.on("warning", (warning) => failures.push(`warning: ${warning.name}: ${warning.message}`));
process.on("unhandledRejection", (reason) => failures.push(`unhandled: ${String(reason)}`));
process.on("uncaughtException", (error) => failures.push(`uncaught: ${String(error)}`));

/** What the orders need of either server. */
interface Running {
  readonly port: number;
  sessions(): number;
  close(): Promise<unknown>;
}

let running: Running | undefined;

async function portside({ tls: options, folder }: IdleStart): Promise<Running> {
  const fileSystem =
    folder === undefined ? new MemoryFileSystem({ files: { "/large": LARGE } }) : new LocalFileSystem(folder);
  const server = new Server({
    host: "127.0.0.1",
    port: 0,
    idleTimeout: 600_000,
    limits: { server: { sessions: 0 }, address: { sessions: 0, pending: 0 } },
    tls: options && { ...options, minVersion: "TLSv1.3", require: "none" },
  });
  server.on("login", (login) => login.accept({ fileSystem, account: login.username }));
  server.on("error", ({ error }) => failures.push(`error: ${String(error)}`));
  await server.listen();
  const { port } = server.addresses[0] ?? { port: 0 };
  return { port, sessions: () => server.sessions.length, close: () => server.close() };
}

async function bare({ tls: options }: IdleStart): Promise<Running> {
  const open = new Set<net.Socket>();
  const greet = (socket: net.Socket): void => {
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
    socket.on("data", () => void socket.write("230 in\r\n"));
    socket.write("220 hello\r\n");
  };
  const server =
    options === undefined ? net.createServer(greet) : tls.createServer({ ...options, minVersion: "TLSv1.3" }, greet);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, sessions: () => open.size, close };
}

/** Not before garbage is gone: what is let go of in one collection frees more in the next. */
async function report(): Promise<IdleReport> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  const sessions = running?.sessions() ?? 0;
  return { port: running?.port ?? 0, sessions, heap: heapUsed, heapTotal, external, rss, failures };
}

async function obey(order: IdleOrder): Promise<void> {
  if (order.kind === "start") running = await (order.bare ? bare(order) : portside(order));
  if (order.kind === "close") await running?.close();
  process.send?.(await report());
  if (order.kind === "close") process.disconnect();
}

// A parent that is gone can ask no more.
process.on("disconnect", () => void running?.close());
process.on("message", (order: IdleOrder) => void obey(order));
