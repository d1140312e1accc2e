/** S16.2: no password, in whatever place a client or a host may put one, is in anything that observes a server. */
import assert from "node:assert/strict";
import { tracingChannel } from "node:diagnostics_channel";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Registry } from "prom-client";
import { accessLog, defineCommand, MemoryFileSystem, reply, type Server } from "../../dist/index.js";
import { collectMetrics } from "../../dist/prometheus/collect-metrics.js";
import { download, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

const SECRET = "hunter2";
const ANY_SECRET = /hunter/i;

const LINES: readonly (readonly [line: string, ...codes: number[]])[] = [
  [`PASS ${SECRET}`, 503],
  [`USER ${SECRET}`, 331],
  [`PASS ${SECRET}`, 530],
  [`ACCT ${SECRET}`, 503],
  [`PAS ${SECRET}`, 530],
  [`pass\t${SECRET}`, 530],
  [SECRET, 530],
  [`USER anna:${SECRET}`, 331],
  [`PASS wrong-${SECRET}`, 530],
  ["USER certain", 331],
  [`pAsS ${SECRET}`, 332],
  [`ACCT ${SECRET}-account`, 230],
  [`ACCT ${SECRET}`, 202],
  [`SITE PSWD ${SECRET} new-${SECRET}`, 200],
  [`SITE PSWD fail-${SECRET}`, 450],
  [`TOKEN ${SECRET}`, 200],
  [`PASSWD ${SECRET}`, 500],
  [`PASS ${SECRET}`, 503],
];

const secretCommand = (verb: string) =>
  defineCommand({
    verb,
    source: "this host",
    summary: "take a secret",
    argument: { syntax: "<SP> secret", parse: (text) => ({ value: text ?? "" }) },
    secret: true,
    replies: [200, 550],
    run: (_context, text) => {
      if (text.startsWith("fail")) throw new Error("the host has failed");
      return reply(200);
    },
  });

/** Everything that a host can see without a question, as text. */
function observe(server: Server): { readonly seen: string[]; stop(): void } {
  const seen: string[] = [];
  const keep = (from: string) => (message: unknown) => void seen.push(`${from} ${inspect(message, { depth: 8 })}`);
  accessLog(server, keep("xferlog"));
  accessLog(server, keep("json"), { format: "json" });
  server.on("error", keep("error"));
  const stops = ["session", "command", "transfer"].map((name) => {
    const channel = tracingChannel(`portside:${name}`);
    const subscribers = Object.fromEntries(
      ["start", "end", "asyncStart", "asyncEnd", "error"].map((moment) => [moment, keep(`${name} ${moment}`)]),
    );
    channel.subscribe(subscribers as never);
    return () => channel.unsubscribe(subscribers as never);
  });
  const stop = (): void => {
    for (const one of stops) one();
  };
  return { seen, stop };
}

describe("S16.2", () => {
  test("no password is in the access log, the metrics, the spans or the error events", async () => {
    const fileSystem = new MemoryFileSystem();
    let observed = { seen: [] as string[], stop: () => undefined as void };
    await using served = await serve(
      { commands: [secretCommand("TOKEN")], siteCommands: [secretCommand("PSWD")], maxLoginAttempts: 0 },
      (server) => {
        observed = observe(server);
        server.on("login", (login) => {
          if (login.username !== "certain") return;
          if (login.accountInfo === undefined) login.requireAccount();
          else login.accept({ fileSystem });
        });
      },
    );
    const { seen } = observed;
    using collection = collectMetrics(served.server, { register: new Registry() });
    const client = await served.client();
    for (const [line, ...codes] of LINES) await client.expect(line, ...codes);
    await upload(client, "STOR f", "x");
    await download(client, "RETR f");
    await client.expect("REIN", 220);
    await client.expect(`USER ${SECRET}`, 331);
    await client.expect("QUIT", 221);
    await until(() => seen.some((text) => text.startsWith("session asyncEnd")));
    observed.stop();
    for (const from of [
      "xferlog",
      "json",
      "error",
      "session start",
      "command asyncEnd",
      "command error",
      "transfer end",
    ])
      assert(
        seen.some((text) => text.startsWith(from)),
        `${from} was seen`,
      );
    for (const text of seen) assert.doesNotMatch(text, ANY_SECRET);
    assert.doesNotMatch(inspect(served.server.metrics(), { depth: 9 }), ANY_SECRET);
    const scraped = await collection.register.metrics();
    assert.match(scraped, /verb="TOKEN"/);
    assert.doesNotMatch(scraped, ANY_SECRET);
  });
});
