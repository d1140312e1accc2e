/** node:diagnostics_channel: spans of sessions, commands and transfers, what they carry, and when nothing is done. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { afterEach, describe, test } from "node:test";
import { type CommandTrace, FileSystemError, type SessionTrace, type TransferTrace } from "../../dist/index.js";
import { begin, collect, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

const sessions = tracingChannel<unknown, SessionTrace>("portside:session");
const commands = tracingChannel<unknown, CommandTrace>("portside:command");
const transfers = tracingChannel<unknown, TransferTrace>("portside:transfer");

const subscribed: (() => void)[] = [];

/** Writes down beginnings, ends and errors of one kind of span, with what the span carries then. */
function record<Trace extends object>(
  channel: ReturnType<typeof tracingChannel<unknown, Trace>>,
  log: [string, Trace][],
): void {
  const keep = (moment: string) => (message: unknown) => void log.push([moment, { ...(message as Trace) }]);
  const subscribers = {
    start: keep("begin"),
    end: () => undefined,
    asyncStart: () => undefined,
    asyncEnd: keep("end"),
    error: keep("error"),
  };
  channel.subscribe(subscribers);
  subscribed.push(() => channel.unsubscribe(subscribers));
}

describe("tracing", () => {
  afterEach(() => {
    for (const unsubscribe of subscribed.splice(0)) unsubscribe();
    for (const channel of [sessions, commands, transfers]) assert.equal(channel.hasSubscribers, false);
  });

  test("a session from beginning to end", () =>
    assertNoLeaks(async () => {
      const log: [string, SessionTrace][] = [];
      record(sessions, log);
      await using served = await serve();
      const client = await served.user();
      assert.deepEqual(
        log.map(([moment]) => moment),
        ["begin"],
      );
      const { remotePort, localPort, session } = log[0]![1];
      assert.deepEqual([remotePort, localPort], [client.raw.localPort, served.port]);
      assert.equal(session, served.server.sessions[0]?.id);
      assert.deepEqual([log[0]![1].remoteAddress, log[0]![1].localAddress], ["127.0.0.1", "127.0.0.1"]);
      await client.expect("QUIT", 221);
      await until(() => log.length === 2);
      assert.equal(log[1]![0], "end");
    }));

  test("commands, with their replies and who is in", async () => {
    const log: [string, CommandTrace][] = [];
    record(commands, log);
    await using served = await serve();
    const client = await served.user();
    await client.expect("CWD missing", 550);
    await client.expect("NONSENSE", 500);
    await download(client, "NLST");
    await until(() => log.at(-1)?.[0] === "end");
    assert.deepEqual(
      log.map(([moment, { verb, code, username }]) => [moment, verb, code, username]),
      [
        ["begin", "USER", undefined, undefined],
        ["end", "USER", 331, undefined],
        ["begin", "PASS", undefined, undefined],
        ["end", "PASS", 230, "test"],
        ["begin", "CWD", undefined, "test"],
        ["error", "CWD", undefined, "test"],
        ["end", "CWD", 550, "test"],
        ["begin", "EPSV", undefined, "test"],
        ["end", "EPSV", 229, "test"],
        ["begin", "NLST", undefined, "test"],
        ["end", "NLST", 226, "test"],
      ],
    );
    const error = log.find(([moment]) => moment === "error")?.[1].error;
    assert(error instanceof FileSystemError && error.code === "ENOENT");
  });

  test("transfers, within the span of their command, complete and failed", async () => {
    const log: [string, TransferTrace | CommandTrace][] = [];
    const store = new WatchedStore({
      before: ({ moment, path }) => {
        if (moment === "read" && path === "/bad") throw new FileSystemError("EIO", path);
      },
    });
    await put(store.inner, "/bad", "x");
    record(transfers, log as [string, TransferTrace][]);
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    record(commands, log as [string, CommandTrace][]);
    await upload(client, "STOR f", "12345");
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR bad", offered);
    await collect(socket).catch(() => undefined);
    await client.expectReply(451);
    const told = log
      .filter(([, { verb }]) => verb !== "EPSV")
      .map(([moment, trace]) =>
        "direction" in trace ? [moment, trace.verb, trace.direction, trace.path, trace.bytes] : [moment, trace.verb],
      );
    assert.deepEqual(told, [
      ["begin", "STOR"],
      ["begin", "STOR", "upload", "/f", 0],
      ["end", "STOR", "upload", "/f", 5],
      ["end", "STOR"],
      ["begin", "RETR"],
      ["begin", "RETR", "download", "/bad", 0],
      ["error", "RETR", "download", "/bad", 0],
      ["end", "RETR", "download", "/bad", 0],
      ["end", "RETR"],
    ]);
    const failed = log.find(([moment]) => moment === "error")?.[1].error;
    assert(failed instanceof FileSystemError && failed.code === "EIO");
  });

  test("what a tracer binds to a span is there in the store and in questions", async () => {
    const spans = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const store = new WatchedStore({
      before: ({ moment }) => moment === "makeDirectory" && void seen.push(spans.getStore()),
    });
    const channel = commands.start;
    channel.bindStore(spans, (trace: CommandTrace) => trace.verb);
    subscribed.push(() => void channel.unbindStore(spans));
    await using served = await serve({ fileSystem: store }, (server) =>
      server.on("mkd", () => void seen.push(spans.getStore())),
    );
    const client = await served.user();
    await client.expect("MKD d", 257);
    assert.deepEqual(seen, ["MKD", "MKD"]);
  });
});
