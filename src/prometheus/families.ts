/** Every metric: name, what it means, and where in a snapshot its values are. */
import type { Latency, Metrics, TransferDirection, TransferMetrics } from "../index.js";
import type { Family, Sample } from "./snapshot-metric.js";

/** Milliseconds in a second. */
const SECOND = 1000;

/** In the order in which a scrape shows them. */
export const FAMILIES: readonly Family[] = [
  gauge("sessions", "Clients that are connected.", ({ sessions }) => sessions.now),
  gauge("sessions_admitted", "Clients that are logged in.", ({ sessions }) => sessions.admitted),
  gauge("sessions_secure", "Clients whose control connection is under TLS.", ({ sessions }) => sessions.secure),
  counter("sessions_started_total", "Clients that have connected.", ({ sessions }) => [{ value: sessions.total }]),
  counter("refused_connections_total", "Connections that were not let in.", ({ refused }) =>
    labelled("reason", refused),
  ),
  counter("logins_total", "Logins; over: refused, and the last one of its connection.", ({ logins }) => [
    { labels: { outcome: "accepted" }, value: logins.accepted },
    { labels: { outcome: "refused" }, value: logins.refused - logins.over },
    { labels: { outcome: "over" }, value: logins.over },
  ]),
  counter("commands_total", "Commands that were answered, by the final reply.", commandSamples),
  {
    name: "command_duration_seconds",
    kind: "histogram",
    help: "From the line of a command to its final reply; of a transfer, to its end.",
    samples: latencySamples,
  },
  counter("transfers_total", "Transfers that have ended.", transferSamples),
  gaugeOf("transfers_running", "Transfers that run.", (metrics) => byDirection(metrics, ({ now }) => now)),
  counter("transfer_bytes_total", "Bytes over data connections.", (metrics) =>
    byDirection(metrics, ({ bytes }) => bytes),
  ),
  counter("transfer_seconds_total", "Time of transfers that have ended.", (metrics) =>
    byDirection(metrics, ({ milliseconds }) => milliseconds / SECOND),
  ),
  gauge("passive_port_leases", "Passive ports that are held.", ({ passive }) => passive.leases),
  counter("passive_ports_exhausted_total", "Times that no passive port was free.", ({ passive }) => [
    { value: passive.exhausted },
  ]),
  counter("strangers_total", "Connections of others than the client to its passive port.", ({ passive }) => [
    { value: passive.strangers },
  ]),
  counter("tls_handshakes_total", "TLS handshakes.", ({ handshakes }) =>
    Object.entries(handshakes).flatMap(([channel, counts]) =>
      Object.entries({ ...counts }).map(([outcome, value]) => ({ labels: { channel, outcome }, value })),
    ),
  ),
  counter("limits_reached_total", "Bounds that were reached.", ({ limits }) =>
    limits.map(({ limit, scope, count }) => ({ labels: { limit, scope }, value: count })),
  ),
  counter("bans_total", "Times that an address was banned for failed logins.", ({ bans }) => [{ value: bans }]),
  counter("errors_total", "Faults of the host, of stores and of listeners.", ({ errors }) => [{ value: errors }]),
  {
    name: "event_loop_delay_seconds",
    kind: "histogram",
    help: "How late the event loop was, at each look.",
    samples: ({ eventLoopDelay }) => histogram(eventLoopDelay, {}),
  },
];

function gauge(name: string, help: string, value: (metrics: Metrics) => number): Family {
  return gaugeOf(name, help, (metrics) => [{ value: value(metrics) }]);
}

function gaugeOf(name: string, help: string, samples: Family["samples"]): Family {
  return { name, help, samples, kind: "gauge" };
}

function counter(name: string, help: string, samples: Family["samples"]): Family {
  return { name, help, samples, kind: "counter" };
}

function commandSamples({ commands }: Metrics): readonly Sample[] {
  return Object.entries(commands).flatMap(([verb, { replies }]) =>
    Object.entries(replies).map(([code, value]) => ({ labels: { verb, code }, value })),
  );
}

function latencySamples({ commands }: Metrics): readonly Sample[] {
  return Object.entries(commands).flatMap(([verb, { latency }]) => histogram(latency, { verb }));
}

function histogram({ buckets, count, milliseconds }: Latency, labels: Readonly<Record<string, string>>): Sample[] {
  const bucket = (le: number | string, value: number): Sample => ({
    suffix: "_bucket",
    labels: { le, ...labels },
    value,
  });
  return [
    ...buckets.map(({ upTo, count: value }) => bucket(upTo / SECOND, value)),
    bucket("+Inf", count),
    { suffix: "_sum", labels, value: milliseconds / SECOND },
    { suffix: "_count", labels, value: count },
  ];
}

function transferSamples({ transfers }: Metrics): readonly Sample[] {
  return Object.entries(transfers).flatMap(([direction, { complete, aborted, failed }]) =>
    Object.entries({ complete, aborted, failed }).map(([outcome, value]) => ({
      labels: { direction, outcome },
      value,
    })),
  );
}

function byDirection({ transfers }: Metrics, value: (amounts: TransferMetrics) => number): readonly Sample[] {
  const directions = Object.keys(transfers) as TransferDirection[];
  return directions.map((direction) => ({ labels: { direction }, value: value(transfers[direction]) }));
}

function labelled(label: string, counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries({ ...counts }).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
