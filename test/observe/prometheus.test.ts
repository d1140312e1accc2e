/** portside/prometheus: scraped over HTTP, and read as strictly as Prometheus reads it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { AggregatorRegistry, register as globalRegister, type OpenMetricsContentType, Registry } from "prom-client";
import type { Server } from "../../dist/index.js";
import { collectMetrics, type Register } from "../../dist/prometheus/collect-metrics.js";
import { begin, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";
import { parseExposition } from "./exposition.js";

interface Scraped {
  readonly type: string | undefined;
  readonly text: string;
}

/** Scrapes a register over HTTP, as the documentation shows. */
async function scrape(register: Register): Promise<Scraped> {
  const answer = async (response: ServerResponse) =>
    response.setHeader("content-type", register.contentType).end(await register.metrics());
  const http = createServer((_request, response) => void answer(response));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const [response] = (await once(get({ port, host: "127.0.0.1", agent: false }), "response")) as [IncomingMessage];
  const text = (await response.toArray()).join("");
  http.close();
  await once(http, "close");
  return { type: response.headers["content-type"], text };
}

const NAMES: Readonly<Record<string, string>> = {
  sessions: "gauge",
  sessions_admitted: "gauge",
  sessions_secure: "gauge",
  sessions_started_total: "counter",
  refused_connections_total: "counter",
  logins_total: "counter",
  commands_total: "counter",
  command_duration_seconds: "histogram",
  transfers_total: "counter",
  transfers_running: "gauge",
  transfer_bytes_total: "counter",
  transfer_seconds_total: "counter",
  passive_port_leases: "gauge",
  passive_ports_exhausted_total: "counter",
  strangers_total: "counter",
  tls_handshakes_total: "counter",
  limits_reached_total: "counter",
  bans_total: "counter",
  errors_total: "counter",
  event_loop_delay_seconds: "histogram",
};

describe("collectMetrics", () => {
  test("a scrape over HTTP is well formed, and holds what has happened", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      using collection = collectMetrics(served.server, { register: new Registry() });
      const { register } = collection;
      const client = await served.user();
      await client.expect("TYPE I", 200);
      await upload(client, "STOR f", bytesOf(1000));
      await download(client, "RETR f");
      await client.expect('X"\\', 500);
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR g", offered);
      socket.write("12345");
      await until(() => served.server.metrics().bytes.in === 1005);
      const { type, text } = await scrape(register);
      assert.equal(type, "text/plain; version=0.0.4; charset=utf-8");
      const families = parseExposition(text);
      assert.deepEqual(
        Object.fromEntries([...families].map(([name, family]) => [name, family.type])),
        Object.fromEntries(Object.entries(NAMES).map(([name, kind]) => [`portside_${name}`, kind])),
      );
      const samples = new Map([...families.values()].flatMap((family) => [...family.samples]));
      for (const [series, value] of [
        ["portside_sessions", 1],
        ["portside_sessions_started_total", 1],
        ['portside_logins_total{outcome="accepted"}', 1],
        ['portside_logins_total{outcome="refused"}', 0],
        ['portside_commands_total{verb="STOR",code="226"}', 1],
        ['portside_commands_total{verb="unknown",code="500"}', 1],
        ['portside_command_duration_seconds_count{verb="EPSV"}', 3],
        ['portside_command_duration_seconds_bucket{le="+Inf",verb="RETR"}', 1],
        ['portside_transfers_total{direction="upload",outcome="complete"}', 1],
        ['portside_transfers_total{direction="download",outcome="complete"}', 1],
        ['portside_transfers_total{direction="listing",outcome="failed"}', 0],
        ['portside_transfers_running{direction="upload"}', 1],
        ['portside_transfer_bytes_total{direction="upload"}', 1005],
        ['portside_transfer_bytes_total{direction="download"}', 1000],
        ["portside_passive_port_leases", 0],
        ["portside_errors_total", 0],
      ] as const)
        assert.equal(samples.get(series), value, series);
      assert(samples.has('portside_event_loop_delay_seconds_bucket{le="+Inf"}'));
      assert(samples.get('portside_command_duration_seconds_sum{verb="RETR"}')! < 10, "seconds");
      socket.end();
      await client.expectReply(226);
    }));

  test("one scrape is one look at the server", async () => {
    await using served = await serve();
    let looks = 0;
    const measured: Pick<Server, "metrics"> = {
      metrics: () => {
        looks++;
        return served.server.metrics();
      },
    };
    using collection = collectMetrics(measured, { register: new Registry() });
    assert.equal(looks, 0);
    await collection.register.metrics();
    await collection.register.metrics();
    assert.equal(looks, 2);
  });

  test("two servers in the global register, by their prefixes; stopped, they leave nothing", async () => {
    await using one = await serve();
    await using other = await serve();
    const first = collectMetrics(one.server);
    const second = collectMetrics(other.server, { prefix: "backup_ftp_" });
    assert.equal(first.register, globalRegister);
    assert.throws(() => collectMetrics(one.server), /portside_sessions has already been registered/);
    await other.client();
    const families = parseExposition((await scrape(first.register)).text);
    assert.equal(families.get("portside_sessions")?.samples.get("portside_sessions"), 0);
    assert.equal(families.get("backup_ftp_sessions")?.samples.get("backup_ftp_sessions"), 1);
    first.stop();
    second.stop();
    assert.deepEqual(globalRegister.getMetricsAsArray(), []);
  });

  test("OpenMetrics", async () => {
    await using served = await serve();
    await served.user();
    const register = new Registry<OpenMetricsContentType>();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    using collection = collectMetrics(served.server, { register });
    for (let count = 0; count < 2; count++) {
      const { text } = await scrape(collection.register);
      assert(text.endsWith("# EOF\n"));
      assert.match(text, /^# TYPE portside_logins counter\nportside_logins_total\{outcome="accepted"\} 1$/m);
      const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
      assert.equal(new Set(names).size, names.length, "no counter has the name of a gauge");
    }
    collection.stop();
    assert.deepEqual(register.getMetricsAsArray(), []);
  });

  test("workers add up", async () => {
    await using one = await serve();
    await using other = await serve();
    const registers = [one, other].map(({ server }) => collectMetrics(server, { register: new Registry() }).register);
    await one.user();
    await other.user();
    const values = await Promise.all(registers.map((register) => register.getMetricsAsJSON()));
    const text = await AggregatorRegistry.aggregate(values).metrics();
    const families = parseExposition(text);
    assert.equal(families.get("portside_sessions")?.samples.get("portside_sessions"), 2);
    const latency = families.get("portside_command_duration_seconds")?.samples;
    assert.equal(latency?.get('portside_command_duration_seconds_count{verb="PASS"}'), 2);
  });

  test("a prefix that no name may have", async () => {
    await using served = await serve();
    for (const prefix of ["", "1a", "a-b", "ftp ", "é"])
      assert.throws(
        () => collectMetrics(served.server, { prefix, register: new Registry() }),
        /^TypeError: prefix must/,
      );
  });
});
