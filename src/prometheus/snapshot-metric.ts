/**
 * A metric of `prom-client` that is read from a snapshot at each scrape: the server has counted already, so there is
 * nothing to add up here, and buckets are handed over whole.
 */
import type { Metric } from "prom-client";
import type { Metrics } from "../index.js";

/** One value, and what tells it from its brothers. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>>;
  /** Behind the name: `_bucket`, `_sum`, `_count`. Default: nothing. */
  readonly suffix?: string;
}

/** What has one name. */
export interface Family {
  /** Without prefix. */
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  samples(metrics: Metrics): readonly Sample[];
}

/** What a register reads. */
interface Read {
  readonly name: string;
  readonly help: string;
  readonly type: Family["kind"];
  readonly aggregator: "sum";
  readonly values: readonly { readonly value: number; readonly labels: object; readonly metricName: string }[];
}

/** As a register of `prom-client` wants it: a name, and what to ask at a scrape. */
export class SnapshotMetric {
  /** Not for good: a register for OpenMetrics takes `_total` away, and puts it behind the values. */
  name: string;
  readonly help: string;
  readonly type: Family["kind"];
  /** What becomes of the values of several processes. */
  readonly aggregator = "sum";
  readonly #family: Family;
  readonly #look: () => Metrics;

  constructor(family: Family, prefix: string, look: () => Metrics) {
    this.#family = family;
    this.#look = look;
    this.name = `${prefix}${family.name}`;
    this.help = family.help;
    this.type = family.kind;
  }

  /** The values of now. */
  get(): Promise<Read> {
    const { name, help, type, aggregator } = this;
    const samples = this.#family.samples(this.#look());
    const values = samples.map(({ value, labels = {}, suffix = "" }) => ({
      value,
      labels,
      metricName: `${name}${suffix}`,
    }));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  /** What the server has counted stays. */
  reset(): void {}

  /** The same for the types of `prom-client`, which know its own kinds only; its registers do not mind. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }
}
