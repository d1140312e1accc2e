/** The numbers of several processes as those of one: sums. */
import { AggregatorRegistry, register } from "prom-client";

/** What a process tells of its numbers, for `aggregateMetrics`. */
export function metricsOfProcess(): Promise<readonly object[]> {
  return register.getMetricsAsJSON();
}

/** The answer to a scrape. @param parts what each process has told */
export async function aggregateMetrics(
  parts: readonly (readonly object[])[],
): Promise<{ readonly type: string; readonly body: string }> {
  const whole = AggregatorRegistry.aggregate(parts.map((part) => [...part]));
  return { type: register.contentType, body: await whole.metrics() };
}
