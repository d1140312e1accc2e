/**
 * Numbers and health over HTTP, for Prometheus and for whoever sends clients here: `/metrics`, and `/health`, which is
 * 200 while the server listens and 503 before and while it ends. Keeps no process running.
 */
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import type { Server } from "../index.js";
import type { MetricsSettings } from "./flags.js";
import type { Workers } from "./workers.js";

/** Where the answers come from. */
export interface MetricsSource {
  /** The numbers, and of which type the text is. */
  scrape(): Promise<{ readonly type: string; readonly body: string }>;
  /** Whether clients should be sent here. */
  healthy(): boolean;
}

/** What answers. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const PLAIN = "text/plain; charset=utf-8";
/** Connections at once; each is closed behind its answer. */
const MOST = 32;

/**
 * Listens, also before the server does.
 * @returns the URL that it listens at
 * @throws Error naming the flag, and saying what to install or what the system says
 */
export async function serveMetrics(source: MetricsSource, { host, port }: MetricsSettings): Promise<string> {
  const http = createServer((request, response) => void respond(source, request, response));
  http.maxConnections = MOST;
  http.on("connection", (socket) => socket.unref()).unref();
  try {
    await listening(http, host, port);
  } catch (cause) {
    throw new Error(`--metrics: ${(cause as Error).message}`, { cause });
  }
  const { address, port: bound } = http.address() as AddressInfo;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${bound}/metrics`;
}

/** The numbers of a server in this process. @throws Error naming the flag, and saying what to install */
export async function sourceOf(server: Server): Promise<MetricsSource> {
  const { collectMetrics } = await prometheus(() => import("../prometheus/collect-metrics.js"));
  const { register } = collectMetrics(server);
  return {
    scrape: async () => ({ type: register.contentType, body: await register.metrics() }),
    healthy: () => server.health().state === "listening",
  };
}

/** The numbers of workers, and well as long as one of them listens. @throws Error naming the flag, and saying what to install */
export async function sourceOfWorkers(workers: Workers): Promise<MetricsSource> {
  const { aggregateMetrics } = await prometheus(() => import("../prometheus/aggregate-metrics.js"));
  return {
    scrape: async () => aggregateMetrics(await workers.metrics()),
    healthy: () => workers.listening > 0,
  };
}

async function prometheus<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const message = "--metrics needs the package prom-client; install it beside portside: npm install prom-client";
    throw new Error(message, { cause });
  }
}

async function respond(source: MetricsSource, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const failed = (error: Error): Answer => ({ status: 500, type: PLAIN, body: `${error.message}\n` });
  const { status, type, body } = await answerTo(source, request).catch(failed);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    connection: "close",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answerTo(source: MetricsSource, request: IncomingMessage): Promise<Answer> {
  const { method, url = "" } = request;
  if (method !== "GET" && method !== "HEAD") return { status: 405, type: PLAIN, body: "GET only\n" };
  switch (url.split("?", 1)[0]) {
    case "/metrics":
      return { status: 200, ...(await source.scrape()) };
    case "/health":
      return source.healthy()
        ? { status: 200, type: PLAIN, body: "listening\n" }
        : { status: 503, type: PLAIN, body: "not listening\n" };
    default:
      return { status: 404, type: PLAIN, body: "/metrics or /health\n" };
  }
}

function listening(http: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen({ host, port }, () => {
      http.off("error", reject).on("error", () => undefined);
      resolve();
    });
  });
}
