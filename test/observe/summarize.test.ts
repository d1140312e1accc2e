/** What strangers cause in floods, in the access log and for logs of one's own: a flood is a few lines (S16.8). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { mock, suite, test } from "node:test";
import {
  accessLog,
  FtpError,
  type RefusedFact,
  Server,
  type ServerOptions,
  type Session,
  type Summary,
  summarize,
} from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

const INTERVAL = 60_000;

/** A minute of the clock that numbers are told by; sockets keep their own. */
function minutes(): { pass(count?: number): void } & Disposable {
  mock.timers.enable({ apis: ["setInterval"] });
  return {
    pass: (count = 1) => mock.timers.tick(count * INTERVAL),
    [Symbol.dispose]: () => mock.timers.reset(),
  };
}

/** A server that tells, and what it has told. */
async function watched(options: ServerOptions) {
  const lines: string[] = [];
  let stop: () => void = () => undefined;
  const served = await serve(options, (server) => {
    stop = accessLog(server, (line) => lines.push(line), { format: "json" });
  });
  return { served, lines, stop: () => stop(), take: () => lines.splice(0).map(parsed) };
}

function parsed(line: string): object {
  const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.equal(time, new Date(String(time)).toISOString());
  return rest;
}

/** So many who are sent away. */
async function knock(served: Served, times: number, localAddress = "127.0.0.1"): Promise<void> {
  for (let count = 0; count < times; count++) {
    await using client = await ScriptedClient.open(served.port, "127.0.0.1", { localAddress });
    await client.expectReply(421);
  }
}

function refused(client: string | undefined, reason: string, count: number, rest: object = {}): object {
  return { event: "refused", ...(client !== undefined && { client }), reason, ...rest, count };
}

/** What a server tells without sockets: for addresses that this machine does not have. */
function factOf(remoteAddress: string | undefined, change: Partial<RefusedFact> = {}): RefusedFact {
  const ends = { remotePort: 1, localAddress: "127.0.0.1", localPort: 21, proxy: undefined };
  return { remoteAddress, ...ends, reason: "deny", reached: undefined, error: undefined, ...change };
}

suite("connections that were not let in", () => {
  test("S16.8 the first of an address at once, the others as one number a minute, and those left when it is stopped", () =>
    assertNoLeaks(async () => {
      using time = minutes();
      const { served, take, stop } = await watched({ deny: ["127.0.0.0/8"] });
      await using _served = served;
      await knock(served, 5);
      await knock(served, 2, "127.0.0.2");
      assert.deepEqual(take(), [refused("127.0.0.1", "deny", 1), refused("127.0.0.2", "deny", 1)]);
      time.pass();
      assert.deepEqual(take(), [refused("127.0.0.1", "deny", 4), refused("127.0.0.2", "deny", 1)]);
      // Who goes on is a number again; who comes back after a minute of silence is told at once.
      await knock(served, 3);
      assert.deepEqual(take(), []);
      time.pass();
      await knock(served, 1, "127.0.0.2");
      assert.deepEqual(take(), [refused("127.0.0.1", "deny", 3), refused("127.0.0.2", "deny", 1)]);
      time.pass(5);
      assert.deepEqual(take(), []);
      await knock(served, 3);
      assert.deepEqual(take(), [refused("127.0.0.1", "deny", 1)]);
      stop();
      assert.deepEqual(take(), [refused("127.0.0.1", "deny", 2)]);
      await knock(served, 1);
      time.pass();
      assert.deepEqual(take(), []);
    }));

  test("each reason by itself: ban, bound, lists, proxy", async () => {
    const { served, take } = await watched({
      proxy: { from: ["127.0.0.1"] },
      allow: ["192.0.2.0/24"],
      deny: ["192.0.2.9"],
      limits: { address: { sessions: 1 } },
    });
    await using _served = served;
    await served.server.ban("192.0.2.7", 60_000);
    const relayed = async (host: string, code: number) => {
      const client = await ScriptedClient.open(served.port);
      client.send(lineHeader({ source: { host, port: 5 }, destination: { host: "198.51.100.1", port: 21 } }));
      await client.expectReply(code);
      return client;
    };
    await using _first = await relayed("192.0.2.8", 220);
    for (const host of ["192.0.2.7", "192.0.2.8", "192.0.2.9", "198.51.100.2"])
      await (await relayed(host, 421))[Symbol.asyncDispose]();
    await using other = await ScriptedClient.open(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    await other.expectClosed();
    const proxy = "127.0.0.1";
    const by = (client: string, reason: string, rest: object = {}) => ({
      event: "refused",
      client,
      proxy,
      reason,
      ...rest,
      count: 1,
    });
    assert.deepEqual(take(), [
      by("192.0.2.7", "banned"),
      by("192.0.2.8", "limit", { limit: "sessions", scope: "address" }),
      by("192.0.2.9", "deny"),
      by("198.51.100.2", "allow"),
      refused("127.0.0.2", "proxy", 1),
    ]);
  });

  test("S16.8 more addresses than are told apart are one number for each reason", () =>
    assertNoLeaks(async () => {
      using time = minutes();
      const { served, take } = await watched({ deny: ["127.0.0.0/8"] });
      await using _served = served;
      for (let number = 1; number <= 60; number++) await knock(served, 2, `127.0.1.${number}`);
      const first = take();
      assert.equal(first.length, 50);
      time.pass();
      const second = take();
      assert.equal(second.length, 51);
      assert.deepEqual(second.at(-1), refused(undefined, "deny", 20));
      // They make room when they are silent.
      time.pass();
      await knock(served, 1, "127.0.1.60");
      assert.deepEqual(take(), [refused("127.0.1.60", "deny", 1)]);
    }));

  test("S16.8 a hundred thousand addresses are a hundred lines, and all of them are counted", () => {
    using time = minutes();
    const server = new Server();
    const told: Summary<RefusedFact>[] = [];
    const stop = summarize(server, "refused", (summary) => told.push(summary));
    for (let number = 0; number < 100_000; number++)
      server.tell("refused", factOf(`198.18.${(number >> 8) & 255}.${number & 255}`));
    time.pass();
    assert.equal(told.length, 101);
    assert.equal(
      told.reduce((sum, { count }) => sum + count, 0),
      100_000,
    );
    stop();
    assert.equal(told.length, 101);
    assert.equal(server.listenerCount("refused"), 0);
  });

  test("S13.10 the addresses of one /64 are one; the last of them is told", () => {
    using time = minutes();
    const server = new Server();
    const told: (readonly [string | undefined, number])[] = [];
    summarize(server, "refused", ({ fact, count }) => told.push([fact.remoteAddress, count]));
    for (let number = 1; number <= 9; number++) server.tell("refused", factOf(`2001:db8::${number}`));
    server.tell("refused", factOf("2001:db8:0:1::1"));
    time.pass();
    assert.deepEqual(told, [
      ["2001:db8::1", 1],
      ["2001:db8:0:1::1", 1],
      ["2001:db8::9", 8],
    ]);
  });

  test("who was gone before its address was known is told with the others", () => {
    using time = minutes();
    const server = new Server();
    const told: Summary<RefusedFact>[] = [];
    const lines: string[] = [];
    summarize(server, "refused", (summary) => told.push(summary));
    accessLog(server, (line) => lines.push(line), { format: "json" });
    const fact = factOf(undefined, { reason: "proxy", proxy: "10.0.0.1" });
    server.tell("refused", fact);
    assert.deepEqual(told, []);
    time.pass();
    assert.deepEqual(told, [{ fact, count: 1, others: true }]);
    assert.deepEqual(lines.map(parsed), [refused(undefined, "proxy", 1)]);
  });

  test("a number that cannot be written is an error event, and the next one is told all the same", () => {
    using time = minutes();
    const server = new Server();
    const errors: unknown[] = [];
    server.on("error", ({ error }) => errors.push(error));
    let full = false;
    const told: number[] = [];
    summarize(server, "refused", ({ count }) => {
      if (full) throw new Error("no space");
      told.push(count);
    });
    for (const now of [false, true, false]) {
      full = now;
      for (let count = 0; count < 3; count++) server.tell("refused", factOf("192.0.2.1"));
      time.pass();
    }
    assert.deepEqual(told, [1, 2, 3]);
    assert.deepEqual(errors.map(String), ["Error: no space"]);
  });

  test("xferlog has files only", async () => {
    const lines: string[] = [];
    await using served = await serve({ deny: ["127.0.0.1"] }, (server) => {
      accessLog(server, (line) => lines.push(line));
    });
    await knock(served, 2);
    assert.deepEqual(lines, []);
  });
});

suite("bounds, strangers and TLS that fails", () => {
  /** A session, as far as it is told of. */
  function clientOf(remoteAddress: string, admitted: boolean): Session {
    return { remoteAddress, admitted } as Session;
  }

  test("S16.8 before the login the first at once and then numbers; of somebody who is logged in, each", () => {
    using time = minutes();
    const server = new Server();
    const told: (readonly [admitted: boolean, count: number])[] = [];
    summarize(server, "limited", ({ fact, count }) => told.push([fact.session.admitted, count]));
    for (const admitted of [false, true])
      for (let count = 0; count < 3; count++)
        server.tell("limited", { session: clientOf("192.0.2.1", admitted), limit: "commandRate", scope: "session" });
    assert.deepEqual(told.splice(0), [
      [false, 1],
      [true, 1],
      [true, 1],
      [true, 1],
    ]);
    time.pass();
    assert.deepEqual(told, [[false, 2]]);
  });

  test("S16.8 connections that begin with a broken handshake: another reason is told at once, the same one as a number", () =>
    assertNoLeaks(async () => {
      using time = minutes();
      const told: (readonly [reason: string, count: number])[] = [];
      const { server: tls } = await testCertificates();
      await using served = await serve(
        { tls, listeners: [{ host: "127.0.0.1", port: 0, implicitTls: true }] },
        (server) => summarize(server, "tlsFailed", ({ fact, count }) => told.push([fact.reason, count])),
      );
      for (let count = 0; count < 5; count++) {
        const socket = connect(served.port, "127.0.0.1").on("error", () => undefined);
        socket.end("no handshake at all, but in clear\r\n");
        await once(socket.resume(), "close");
      }
      await until(() => served.server.metrics().handshakes.control.failed === 5);
      const first = told[0]?.[0] ?? "";
      assert.deepEqual(told, [[first, 1]]);
      const session = clientOf("127.0.0.1", false);
      const other = {
        session,
        channel: "control",
        error: new FtpError("TLS_FAILED", ""),
        reason: "ERR_OTHER",
      } as const;
      for (let count = 0; count < 2; count++) served.server.tell("tlsFailed", other);
      time.pass();
      assert.deepEqual(told.slice(1), [
        ["ERR_OTHER", 1],
        [first, 4],
        ["ERR_OTHER", 1],
      ]);
    }));

  test("S16.8 strangers at a data port are those of their own address", () => {
    using time = minutes();
    const server = new Server();
    const told: (readonly [string | undefined, number])[] = [];
    summarize(server, "stranger", ({ fact, count }) => told.push([fact.address, count]));
    for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2"])
      server.tell("stranger", { session: clientOf("198.51.100.1", true), address });
    time.pass();
    assert.deepEqual(told, [
      ["192.0.2.1", 1],
      ["192.0.2.2", 1],
      ["192.0.2.1", 1],
    ]);
  });

  test("json: a bound is a line of its session, and so many of them are one of their address", () => {
    using time = minutes();
    const server = new Server();
    const lines: string[] = [];
    accessLog(server, (line) => lines.push(line), { format: "json" });
    const session = { ...clientOf("192.0.2.1", false), id: "7" } as Session;
    for (let count = 0; count < 3; count++) server.tell("limited", { session, limit: "commandRate", scope: "session" });
    for (let number = 1; number <= 50; number++)
      server.tell("limited", { session: clientOf(`198.51.100.${number}`, false), limit: "pending", scope: "server" });
    time.pass();
    const records = lines.map(parsed);
    const about = { event: "limited", limit: "commandRate", scope: "session" };
    assert.deepEqual(records[0], { ...about, session: "7", client: "192.0.2.1", count: 1 });
    assert.deepEqual(records.slice(50), [
      { ...about, client: "192.0.2.1", count: 2 },
      { event: "limited", limit: "pending", scope: "server", count: 1 },
    ]);
  });
});
