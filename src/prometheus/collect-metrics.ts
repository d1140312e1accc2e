/**
 * `portside/prometheus`: the numbers of a server in a register of `prom-client`, by the conventions of Prometheus: seconds
 * and bytes, `_total` for what only grows. Nothing is done between scrapes.
 */
import { register as globalRegister, type Registry, type RegistryContentType } from "prom-client";
import type { Metrics } from "../index.js";
import { FAMILIES } from "./families.js";
import { SnapshotMetric } from "./snapshot-metric.js";

/** A server, or whatever has its numbers. */
export interface Measured {
  metrics(): Metrics;
}

/** A register of `prom-client`, for either format. */
export type Register = Registry<RegistryContentType>;

/** Where numbers go, and under which names. */
export interface CollectOptions {
  /** Default: the global register of `prom-client`. */
  readonly register?: Register | undefined;
  /** Before every name: letters, digits, `_` and `:`. Default `portside_`; two servers in one register need two. */
  readonly prefix?: string | undefined;
}

/** Numbers that are collected. */
export interface Collection extends Disposable {
  /** Its `metrics()` is the answer to a scrape, its `contentType` that of the answer. */
  readonly register: Register;
  /** Takes the metrics out of the register again. */
  stop(): void;
}

/**
 * Puts the metrics of a server into a register, where each scrape reads them.
 * @throws TypeError for a prefix that no name may have; Error where the register has a metric of such a name
 * @example
 * const { register } = collectMetrics(server);
 * createServer(async (request, response) => {
 *   response.setHeader("content-type", register.contentType).end(await register.metrics());
 * }).listen(9090, "127.0.0.1");
 */
export function collectMetrics(server: Measured, options: CollectOptions = {}): Collection {
  const { register = globalRegister, prefix = "portside_" } = options;
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix))
    throw new TypeError(`prefix must be the beginning of a name of Prometheus, such as portside_, not "${prefix}"`);
  const look = onceATurn(() => server.metrics());
  const metrics = FAMILIES.map((family) => new SnapshotMetric(family, prefix, look));
  const names = metrics.map(({ name }) => name);
  for (const metric of metrics) register.registerMetric(metric.asMetric());
  const stop = (): void => {
    for (const name of names) register.removeSingleMetric(name);
  };
  return { register, stop, [Symbol.dispose]: stop };
}

/** A scrape asks all metrics in one turn, and all answers are to be of one moment. */
function onceATurn(look: () => Metrics): () => Metrics {
  let seen: Metrics | undefined;
  return () => {
    if (seen !== undefined) return seen;
    queueMicrotask(() => {
      seen = undefined;
    });
    return (seen = look());
  };
}
