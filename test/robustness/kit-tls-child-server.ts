/**
 * A server over TLS in a process of its own, that says what it holds when it is asked: nothing of a client counts
 * for it. Speaks with its parent by messages; run by `kit-tls-child.ts`.
 */
import { MemoryFileSystem, Server, type ServerOptions } from "../../dist/index.js";
import { reachableBytes } from "./kit-memory.js";
import type { ChildOrder, ChildReport } from "./kit-tls-child.js";

const failures: string[] = [];
process.on("warning", (warning) => failures.push(`warning: ${warning.name}: ${warning.message}`));
process.on("unhandledRejection", (reason) => failures.push(`unhandled: ${String(reason)}`));
process.on("uncaughtException", (error) => failures.push(`uncaught: ${String(error)}`));

let server: Server | undefined;

async function start(tls: ServerOptions["tls"], ports: readonly [number, number] | undefined): Promise<number[]> {
  const fileSystem = new MemoryFileSystem({ files: { "/down": Buffer.alloc(20_000, "portside\n") } });
  const at = { host: "127.0.0.1", port: 0 };
  server = new Server({
    listeners: [at, { ...at, implicitTls: true }, { ...at, requireTls: "none" }],
    tls,
    ...(ports !== undefined && { passive: { ports } }),
  });
  server.on("login", (login) => {
    if (login.username === "test" && login.password === "secret") login.accept({ fileSystem });
  });
  server.on("error", ({ error }) => failures.push(`error: ${String(error)}`));
  server.on("tlsFailed", ({ error }) => failures.push(`tlsFailed: ${String(error)}`));
  await server.listen();
  return server.addresses.map(({ port }) => port);
}

function report(ports: readonly number[] = []): ChildReport {
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const { heapUsed, rss } = process.memoryUsage();
  return { ports, bytes: reachableBytes(), heap: heapUsed, rss, handles, failures, sessions: server?.sessions.length };
}

// A parent that is gone can ask no more.
process.on("disconnect", () => void server?.close());
process.on("message", (order: ChildOrder) => {
  const obey = async (): Promise<void> => {
    if (order.kind === "start") return void process.send?.(report(await start(order.tls, order.ports)));
    if (order.kind === "close") await server?.close();
    process.send?.(report());
    if (order.kind === "close") process.disconnect();
  };
  void obey();
});
