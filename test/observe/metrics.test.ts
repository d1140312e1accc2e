/** server.metrics(): what is counted, over real sessions, and what it costs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FileSystemError, type Metrics } from "../../dist/index.js";
import { Histogram } from "../../dist/observe/histogram.js";
import { Tally } from "../../dist/observe/tally.js";
import { testCertificates } from "../kit/certificates.js";
import { begin, collect, download, listen, offer, portCommand, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

const NOTHING_MOVED = { now: 0, complete: 0, aborted: 0, failed: 0, bytes: 0 };

/** Without the times, which nobody can foretell. */
function moved({ transfers }: Metrics) {
  return Object.fromEntries(
    Object.entries(transfers).map(([direction, { milliseconds, ...counts }]) => {
      assert(milliseconds >= 0);
      return [direction, counts];
    }),
  );
}

function replies({ commands }: Metrics) {
  return Object.fromEntries(Object.entries(commands).map(([verb, { replies }]) => [verb, replies]));
}

describe("metrics", () => {
  test("a server that nobody has come to", async () => {
    await using served = await serve();
    const { transfers, ...rest } = served.server.metrics();
    assert.deepEqual(moved({ transfers } as Metrics), {
      download: NOTHING_MOVED,
      upload: NOTHING_MOVED,
      listing: NOTHING_MOVED,
    });
    assert.deepEqual(rest, {
      sessions: { now: 0, admitted: 0, secure: 0, total: 0 },
      refused: { allow: 0, deny: 0, proxy: 0, banned: 0, limit: 0 },
      logins: { accepted: 0, refused: 0, over: 0 },
      commands: {},
      bytes: { in: 0, out: 0 },
      passive: { leases: 0, exhausted: 0, strangers: 0 },
      handshakes: { control: { complete: 0, failed: 0 }, data: { complete: 0, failed: 0 } },
      limits: [],
      bans: 0,
      errors: 0,
      eventLoopDelay: new Histogram().snapshot(),
    });
  });

  test("sessions, logins, commands by verb and code, and transfers that complete", async () => {
    await using served = await serve();
    const { server } = served;
    const client = await served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 530);
    assert.deepEqual(server.metrics().sessions, { now: 1, admitted: 0, secure: 0, total: 1 });
    await client.login();
    assert.deepEqual(server.metrics().sessions, { now: 1, admitted: 1, secure: 0, total: 1 });
    await client.expect("TYPE I", 200);
    await upload(client, "STOR f", bytesOf(1000));
    await download(client, "RETR f");
    const { bytes: listing } = await download(client, "NLST");
    await client.expect("RETR missing", 425);
    await client.expect("QUIT", 221);
    await client.expectClosed();
    await until(() => server.metrics().sessions.now === 0);
    const metrics = server.metrics();
    assert.deepEqual(metrics.sessions, { now: 0, admitted: 0, secure: 0, total: 1 });
    assert.deepEqual(metrics.logins, { accepted: 1, refused: 1, over: 0 });
    assert.deepEqual(metrics.bytes, { in: 1000, out: 1000 + listing.length });
    assert.deepEqual(moved(metrics), {
      download: { ...NOTHING_MOVED, complete: 1, bytes: 1000 },
      upload: { ...NOTHING_MOVED, complete: 1, bytes: 1000 },
      listing: { ...NOTHING_MOVED, complete: 1, bytes: listing.length },
    });
    assert.deepEqual(replies(metrics), {
      USER: { 331: 2 },
      PASS: { 530: 1, 230: 1 },
      TYPE: { 200: 1 },
      EPSV: { 229: 3 },
      STOR: { 226: 1 },
      RETR: { 226: 1, 425: 1 },
      NLST: { 226: 1 },
      QUIT: { 221: 1 },
    });
  });

  test("latency: each final reply once, in cumulative buckets that add up", async () => {
    await using served = await serve({}, (server) =>
      server.on("mkd", () => new Promise((resolve) => setTimeout(resolve, 30))),
    );
    const client = await served.user();
    await client.expect("MKD d", 257);
    for (let count = 0; count < 10; count++) await client.expect("NOOP", 200);
    const { MKD, NOOP } = served.server.metrics().commands;
    assert.equal(NOOP?.latency.count, 10);
    assert.equal(MKD?.latency.count, 1);
    assert(MKD.latency.milliseconds >= 29, `${MKD.latency.milliseconds}`);
    assert(NOOP.latency.milliseconds > 0);
    const before = MKD.latency.buckets.filter(({ upTo }) => upTo <= 25);
    assert(before.length > 3 && before.every(({ count }) => count === 0), "not in the buckets below");
    assert.equal(MKD.latency.buckets.at(-1)?.count, 1);
    const counts = NOOP.latency.buckets.map(({ count }) => count);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.equal(counts.at(-1), 10);
  });

  test("the reply fact has the latency of final replies, and of them alone", async () => {
    const told: [number, number | undefined][] = [];
    await using served = await serve({}, (server) =>
      server.on("reply", ({ code, milliseconds }) => void told.push([code, milliseconds])),
    );
    const client = await served.user();
    await download(client, "NLST");
    await client.expect("NONSENSE", 500);
    for (const [code, milliseconds] of told)
      if (code === 220 || code === 150) assert.equal(milliseconds, undefined, String(code));
      else assert(milliseconds !== undefined && milliseconds >= 0 && milliseconds < 10_000, String(code));
    assert.deepEqual(
      told.map(([code]) => code),
      [220, 331, 230, 229, 150, 226, 500],
    );
  });

  test("S16.8 what clients make up is one verb, however much of it there is", async () => {
    await using served = await serve({ maxUnknownCommands: 0 });
    const client = await served.client();
    for (let count = 0; count < 50; count++) await client.expect(`X${count}Y secret`, 530);
    await client.login();
    await client.expect("Z".repeat(9000), 500);
    await client.expect("constructor", 500);
    await client.expect("XPWD", 257);
    assert.deepEqual(replies(served.server.metrics()), {
      unknown: { 530: 50, 500: 2 },
      USER: { 331: 1 },
      PASS: { 230: 1 },
      PWD: { 257: 1 },
    });
  });

  test("the last login of a connection is over", async () => {
    await using served = await serve({ maxLoginAttempts: 2 });
    const client = await served.client();
    for (const code of [530, 421]) {
      await client.expect("USER test", 331);
      await client.expect("PASS wrong", code);
    }
    assert.deepEqual(served.server.metrics().logins, { accepted: 0, refused: 2, over: 1 });
  });

  test("what moves now is counted too, and never twice", async () => {
    await using served = await serve();
    const { server } = served;
    const seen: number[] = [];
    server.on("stored", () => void seen.push(server.metrics().transfers.upload.bytes));
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    assert.equal(server.metrics().passive.leases, 1);
    const [, socket] = await begin(client, "STOR f", offered);
    socket.write(bytesOf(1234));
    await until(() => server.metrics().transfers.upload.bytes === 1234);
    assert.deepEqual(moved(server.metrics()).upload, { ...NOTHING_MOVED, now: 1, bytes: 1234 });
    assert.equal(server.metrics().passive.leases, 0);
    socket.end("56789");
    await client.expectReply(226);
    assert.deepEqual(moved(server.metrics()).upload, { ...NOTHING_MOVED, complete: 1, bytes: 1239 });
    assert.deepEqual(seen, [1239]);
  });

  for (const [what, act, outcome] of [
    ["ABOR", "abor", "aborted"],
    ["a reset of the data connection", "reset", "aborted"],
    ["a client that has gone", "leave", "aborted"],
    ["the host", "close", "aborted"],
    ["silence", "stall", "failed"],
  ] as const)
    test(`an upload that ends by ${what} is ${outcome}`, async () => {
      await using served = await serve({ stallTimeout: 200 });
      const { server } = served;
      const outcomes: string[] = [];
      server.on("aborted", (fact) => void outcomes.push(`${fact.direction} ${fact.type} ${fact.outcome}`));
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      socket.write("12345");
      await until(() => server.metrics().bytes.in === 5);
      if (act === "abor") client.send("ABOR\r\n");
      else if (act === "reset") reset(socket);
      else if (act === "leave") client.reset();
      else if (act === "close") server.sessions[0]?.close();
      await until(() => outcomes.length > 0);
      assert.deepEqual(outcomes, [`upload A ${outcome}`]);
      assert.deepEqual(moved(server.metrics()).upload, { ...NOTHING_MOVED, [outcome]: 1, bytes: 5 });
    });

  test("a download that the store ends has failed, and is an error", async () => {
    const store = new WatchedStore({
      before: ({ moment, path }) => {
        if (moment === "read") throw new FileSystemError("EIO", path);
      },
    });
    await put(store.inner, "/f", "x");
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    await collect(socket).catch(() => undefined);
    await client.expectReply(451);
    assert.deepEqual(moved(served.server.metrics()).download, { ...NOTHING_MOVED, failed: 1 });
    assert.equal(served.server.metrics().errors, 1);
  });

  test("a data connection that does not come has failed, and nobody has aborted it", async () => {
    await using served = await serve();
    const client = await served.user();
    const nobody = await listen("127.0.0.1");
    await nobody.close();
    await client.expect(portCommand("127.0.0.1", nobody.port), 200);
    await client.expect("NLST", 150);
    await client.expectReply(425);
    assert.deepEqual(moved(served.server.metrics()).listing, { ...NOTHING_MOVED, failed: 1 });
  });

  test("bounds that are reached, and bans", async () => {
    await using served = await serve({
      limits: { address: { sessions: 1 } },
      bans: { after: 1 },
      loginDelay: 0,
      maxLoginAttempts: 0,
    });
    const client = await served.client();
    for (let count = 0; count < 2; count++) assert.equal((await served.client()).greeting.code, 421);
    await client.expect("USER test", 331);
    await client.command("PASS wrong");
    const { limits, bans, refused } = served.server.metrics();
    assert.deepEqual(limits, [{ limit: "sessions", scope: "address", count: 2 }]);
    assert.equal(bans, 1);
    await client.expectClosed();
    await until(() => served.server.sessions.length === 0);
    await served.client();
    assert.deepEqual(refused, { allow: 0, deny: 0, proxy: 0, banned: 0, limit: 2 });
    assert.equal(served.server.metrics().refused.banned, 1);
  });

  test("passive ports that are exhausted", async () => {
    const free = await listen("127.0.0.1");
    const { port } = free;
    await free.close();
    await using served = await serve({ passive: { ports: [port, port] } });
    const [one, other] = [await served.user(), await served.user()];
    await one.expect("EPSV", 229);
    await other.expect("EPSV", 425);
    assert.deepEqual(served.server.metrics().passive, { leases: 1, exhausted: 1, strangers: 0 });
  });

  test("TLS handshakes, of both kinds, and those that fail", async () => {
    const { server: tls } = await testCertificates();
    const facts: string[] = [];
    await using served = await serve({ tls: { ...tls, require: "none" } }, (server) =>
      server.on("secured", ({ channel, secure }) => void facts.push(`${channel} ${secure.protocol}`)),
    );
    const { server } = served;
    await using client = await ScriptedClient.connect(served.port);
    await client.negotiate({ version: "TLSv1.3" });
    await client.login();
    await download(client, "NLST");
    assert.equal(server.metrics().sessions.secure, 1);
    await using broken = await ScriptedClient.connect(served.port);
    await broken.expect("AUTH TLS", 234);
    broken.send("this is no handshake\r\n");
    await broken.expectClosed();
    await until(() => server.metrics().handshakes.control.failed === 1);
    assert.deepEqual(server.metrics().handshakes, {
      control: { complete: 1, failed: 1 },
      data: { complete: 1, failed: 0 },
    });
    assert.deepEqual(facts, ["control TLSv1.3", "data TLSv1.3"]);
  });

  test("listeners that are all removed take no counts away", async () => {
    await using served = await serve();
    await served.user();
    served.server.removeAllListeners();
    const client = await served.client();
    await client.expect("USER test", 331);
    assert.equal(served.server.metrics().sessions.total, 2);
    assert.deepEqual(replies(served.server.metrics()).USER, { 331: 2 });
  });

  test("the event loop is watched when somebody asks, the same for all who do, and no process is kept for it", async () => {
    await assertNoLeaks(async () => {
      await using served = await serve();
      const { server } = served;
      const resources = process.getActiveResourcesInfo().length;
      const { count, milliseconds } = server.metrics().eventLoopDelay;
      assert.deepEqual([count, milliseconds], [0, 0]);
      assert(process.getActiveResourcesInfo().length <= resources);
      await until(() => {
        compute(150);
        return lateBy(100, server.metrics()) >= 2;
      });
      const seen = server.metrics().eventLoopDelay;
      assert(seen.milliseconds >= 200, JSON.stringify(seen));
      assert.deepEqual(server.metrics().eventLoopDelay, seen, "one reader has taken it from the other");
      await server.close();
      const last = server.metrics().eventLoopDelay;
      assert(last.count >= seen.count);
      const begun = performance.now();
      await until(() => performance.now() - begun > 100, undefined, "five looks");
      assert.deepEqual(server.metrics().eventLoopDelay, last, "watched behind the end");
    });
  });

  test("counting a reply costs next to nothing and allocates nothing", () => {
    const tally = new Tally();
    const count = 1_000_000;
    const round = (): number => {
      const since = performance.now();
      for (let index = 0; index < count; index++) tally.replied("NOOP", 200, (index % 32) / 10);
      return ((performance.now() - since) * 1e6) / count;
    };
    round();
    const before = process.memoryUsage().heapUsed;
    const nanoseconds = Math.min(round(), round(), round());
    const grown = process.memoryUsage().heapUsed - before;
    assert(nanoseconds < 1000, `${nanoseconds} ns`);
    assert(grown < 3 * count, `${grown} bytes for ${3 * count} replies`);
    const { commands } = tally.snapshot({ present: [], leases: 0, eventLoopDelay: new Histogram().snapshot() });
    assert.equal(commands.NOOP?.replies[200], 4 * count);
  });
});

/** How many looks at the event loop were later than that; it must be a bound of a bucket. */
function lateBy(milliseconds: number, { eventLoopDelay: { count, buckets } }: Metrics): number {
  const bucket = buckets.find(({ upTo }) => upTo === milliseconds);
  assert(bucket, `no bucket ends at ${milliseconds}`);
  return count - bucket.count;
}

/** Computes for so many milliseconds, so that whatever is due is late. */
function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
