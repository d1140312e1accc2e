/** One worker of `--workers`: a server like that of a single process, which begins and ends when the primary says so. */
import cluster from "node:cluster";
import { ClusterAdmissionStore, type PortRange, partOfPorts, type Server } from "../index.js";
import type { Settings } from "./flags.js";
import { shareOfLimits } from "./limit-flags.js";
import type { Log } from "./log.js";
import { renewPair } from "./renewal.js";
import { serverOf, storeOf } from "./serving.js";
import { explainStart } from "./start-error.js";
import { endAtOnce } from "./stopping.js";
import { type FromWorker, isToWorker, type Setup } from "./worker-messages.js";

/** In the environment of a worker: its number, from 1. */
const NUMBER = "PORTSIDE_WORKER";

/** The environment of a worker. */
export function environmentOf(index: number): NodeJS.ProcessEnv {
  return { [NUMBER]: String(index + 1) };
}

/** The number of this worker, from 1; `undefined` where this process is none. */
export function workerNumber(): number | undefined {
  // Others too run programs as workers of theirs.
  return cluster.isWorker && process.env[NUMBER] !== undefined ? Number(process.env[NUMBER]) : undefined;
}

/** Serves until the primary says that it is over. What cannot be done is told to the primary. */
export async function work(settings: Settings, log: Log): Promise<void> {
  // A terminal tells Ctrl+C to all of us; what it means is the primary's to say.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  const listening = (async () => begin(settings, await setupOf(), log))();
  obey(listening, settings.drain);
  try {
    say({ portside: "worker", say: "listening", addresses: (await listening).addresses });
  } catch (error) {
    const failed: FromWorker = { portside: "worker", say: "failed", message: explainStart(error, settings) };
    process.send?.(failed, undefined, undefined, () => process.exit(1));
  }
}

async function begin(settings: Settings, setup: Setup, log: Log): Promise<Server> {
  const { workers = 1, passive, limits, tls } = settings;
  const part = (range: PortRange | undefined): PortRange | undefined =>
    range && partOfPorts(range, setup.index, workers);
  const own = {
    ...settings,
    passive: { ...passive, ports: part(passive.ports), advertise: part(passive.advertise) },
    limits: shareOfLimits(limits, workers),
  };
  const admission = new ClusterAdmissionStore();
  const server = serverOf(own, setup, await storeOf(settings), log, { ports: setup.ports, admission });
  if (settings.metrics) await collect(server);
  await server.listen();
  if (tls && setup.pair) renewPair(server, tls, setup.pair, log);
  return server;
}

/** The numbers of this process, for whenever the primary asks. */
async function collect(server: Server): Promise<void> {
  const [{ collectMetrics }, { metricsOfProcess }] = await Promise.all([
    import("../prometheus/collect-metrics.js"),
    import("../prometheus/aggregate-metrics.js"),
  ]);
  collectMetrics(server);
  process.on("message", (message: unknown) => {
    if (!isToWorker(message) || message.tell !== "metrics") return;
    const { id } = message;
    void metricsOfProcess().then((metrics) => say({ portside: "worker", say: "metrics", id, metrics }));
  });
}

/** Does what the primary says of the end. Whoever does not serve yet ends at once. */
function obey(listening: Promise<Server>, drain: number): void {
  let server: Server | undefined;
  listening.then(
    (begun) => {
      server = begun;
    },
    () => undefined,
  );
  process.on("message", (message: unknown) => {
    if (!isToWorker(message) || (message.tell !== "drain" && message.tell !== "abort")) return;
    if (server === undefined) process.exit(0);
    if (message.tell === "abort") endAtOnce(server);
    // Nothing but the channel keeps the process running then: what is still being written is written.
    else void server.close({ drain }).then(() => cluster.worker?.disconnect());
  });
}

function setupOf(): Promise<Setup> {
  return new Promise((resolve) => {
    process.on("message", function listen(message: unknown) {
      if (!isToWorker(message) || message.tell !== "begin") return;
      process.off("message", listen);
      resolve(message.setup);
    });
    say({ portside: "worker", say: "ready" });
  });
}

function say(message: FromWorker): void {
  // A primary that is gone takes the channel with it, and this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
