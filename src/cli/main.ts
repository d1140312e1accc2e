#!/usr/bin/env node
/** The `portside` command: a host like any other, on the public face alone. Exit codes: 0, 1 cannot start, 2 wrong flags. */
import { readFileSync } from "node:fs";
import type { ListenerAddress } from "../index.js";
import { stampOf } from "./certificate.js";
import { parseFlags, type Settings } from "./flags.js";
import { freePorts } from "./free-ports.js";
import { Log } from "./log.js";
import { serveMetrics, sourceOf, sourceOfWorkers } from "./metrics-server.js";
import { renewPair, warnOfDates } from "./renewal.js";
import { groundOf, placesOf, serverOf, storeOf } from "./serving.js";
import { explainStart } from "./start-error.js";
import { stopOnSignals, stoppableServer } from "./stopping.js";
import type { Store } from "./store.js";
import { usage } from "./usage.js";
import { UsageError } from "./values.js";
import { welcome } from "./welcome.js";
import { work, workerNumber } from "./worker.js";
import type { Ground } from "./worker-messages.js";
import { Workers } from "./workers.js";

/** Milliseconds until the program ends that could not start, whatever still hangs. */
const LAST_CALL = 1000;

function print(text: string): void {
  process.stdout.write(text);
}

function complain(text: string): void {
  process.stderr.write(text);
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main(args: readonly string[]): Promise<void> {
  const task = parseFlags(args);
  if (task.do === "help") return print(usage());
  if (task.do === "version") return print(`${version()}\n`);
  const { settings } = task;
  const worker = workerNumber();
  const log = new Log({ level: settings.logLevel, json: settings.json, worker, out: print, err: complain });
  if (worker !== undefined) return work(settings, log);
  try {
    const [store, ground] = [await storeOf(settings), await groundOf(settings)];
    const serve = settings.workers === undefined ? serveAlone : serveByWorkers;
    announce(settings, store, ground, await serve(settings, store, ground, log), log);
  } catch (error) {
    const message = explainStart(error, settings);
    log.announce({ level: "error", event: "error", text: `portside: ${message}\n`, fields: { message } });
    process.exitCode = 1;
    // The SDK of a store may still wait for an answer.
    setTimeout(() => process.exit(), LAST_CALL).unref();
  }
}

/** Where clients and scrapes may come. */
interface Served {
  readonly addresses: readonly ListenerAddress[];
  readonly metrics: string | undefined;
}

async function serveAlone(settings: Settings, store: Store, ground: Ground, log: Log): Promise<Served> {
  const { tls } = settings;
  const server = serverOf(settings, ground, store, log);
  const metrics = settings.metrics && (await serveMetrics(await sourceOf(server), settings.metrics));
  await server.listen();
  const stopRenewal = tls && ground.pair && renewPair(server, tls, ground.pair, log);
  stopOnSignals(
    stoppableServer(server, settings.drain, () => stopRenewal?.()),
    log,
  );
  return { addresses: server.addresses, metrics };
}

async function serveByWorkers(settings: Settings, _store: Store, ground: Ground, log: Log): Promise<Served> {
  const { workers: count = 1, drain } = settings;
  const ports = await freePorts(placesOf(settings));
  const workers = new Workers(count, { ...ground, ports }, log);
  const metrics = settings.metrics && (await serveMetrics(await sourceOfWorkers(workers), settings.metrics));
  const addresses = await workers.start();
  stopOnSignals({ transfers: undefined, drain, stop: () => workers.stop(drain), abort: () => workers.abort() }, log);
  if (settings.accessLog) process.on("SIGHUP", () => workers.signal("SIGHUP"));
  return { addresses, metrics };
}

function announce(settings: Settings, store: Store, { made, pair }: Ground, served: Served, log: Log): void {
  const { addresses, metrics: url } = served;
  const certificate = pair && stampOf(pair);
  log.announce(welcome({ version: version(), store, settings, made, certificate, addresses }));
  if (url !== undefined) log.write({ level: "info", event: "metrics", text: `metrics at ${url}`, fields: { url } });
  if (pair && settings.tls?.files) warnOfDates(log, settings.tls.files, pair);
}

// Whoever reads our lines may leave; that is no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  complain(`portside: ${error.message}\nSee portside --help\n`);
  process.exitCode = 2;
}
