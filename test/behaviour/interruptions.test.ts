/** What a client may do while a transfer runs, at every stage of it (RFC 959 §4.1.3 ABOR, RFC 1123 §4.1.3.3). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, collect, type DataMode, download, modesOf, offer, reset, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { type Moment, WatchedStore } from "../kit/watched-store.js";

const HOSTS = ["127.0.0.1", "::1"] as const;
const FILE = bytesOf(400_000);

interface Scene extends AsyncDisposable {
  readonly served: Served;
  readonly store: WatchedStore;
  readonly client: ScriptedClient;
  readonly gate: Gate;
  /** Verbs of the commands that have begun. */
  readonly commands: readonly string[];
}

/** A logged-in client, TYPE I, and a store with `/f` that waits at the gate at the given moment. */
async function scene(host: string, moment?: Moment, index = 0): Promise<Scene> {
  const gate = new Gate();
  const wait = (step: { moment: Moment; index: number; signal: AbortSignal | undefined }) =>
    step.moment === moment && step.index === index ? gate.pass(step.signal) : undefined;
  const store = new WatchedStore({ before: wait });
  await put(store.inner, "/f", FILE);
  const commands: string[] = [];
  const served = await serve({ host, fileSystem: store }, (server) =>
    server.on("command", ({ verb }) => commands.push(verb)),
  );
  const client = await served.user();
  await client.expect("TYPE I", 200);
  return { served, store, client, gate, commands, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/** The session is as good as new: no reply too many, nothing open, and the next transfer works. */
async function assertUsable({ client, store, gate }: Scene, mode: DataMode): Promise<void> {
  gate.open();
  await client.assertQuiet();
  await until(() => store.open === 0, 2000, "the store's handles are closed");
  assert((await download(client, "RETR f", mode)).bytes.equals(FILE), "the next transfer");
}

for (const host of HOSTS) for (const mode of modesOf(host)) describe(`${mode} on ${host}`, () => suite(host, mode));

function suite(host: string, mode: DataMode): void {
  if (mode === "PASV" || mode === "EPSV")
    for (const command of ["RETR f", "STOR g", "LIST"])
      test(`${command}, ABOR before the data connection is there: 425 or 426, then 226`, async () => {
        await using stage = await scene(host);
        const { client } = stage;
        await using _ = await offer(client, mode);
        await client.expect(command, 150);
        await client.expect("ABOR", 425, 426);
        await client.expectReply(226);
        assert(!(await exists(stage.store.inner, "/g")));
        await assertUsable(stage, mode);
      });

  for (const [when, moment, index] of [
    ["before the first byte", "read", 0],
    ["midway", "read", 3],
  ] as const)
    test(`RETR, ABOR ${when}: 426, then 226`, async () => {
      await using stage = await scene(host, moment, index);
      await using offered = await offer(stage.client, mode);
      const [, socket] = await begin(stage.client, "RETR f", offered);
      await stage.gate.reached;
      await stage.client.expect("ABOR", 426);
      await stage.client.expectReply(226);
      const received = await collect(socket).catch(() => Buffer.alloc(0));
      assert(received.length < FILE.length);
      await assertUsable(stage, mode);
    });

  test("RETR, ABOR after the last byte and before 226: 426 or 226, then 226", async () => {
    await using stage = await scene(host, "sent");
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "RETR f", offered);
    await stage.gate.reached;
    socket.resume();
    await stage.client.expect("ABOR", 426, 226);
    await stage.client.expectReply(226);
    await assertUsable(stage, mode);
  });

  test("RETR, ABOR while the client does not read: 426, then 226", async () => {
    await using stage = await scene(host);
    await put(stage.store.inner, "/big", bytesOf(20_000_000));
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "RETR big", offered);
    await stage.client.expect("ABOR", 426);
    await stage.client.expectReply(226);
    socket.destroy();
    await assertUsable(stage, mode);
  });

  test("ABOR after 226: one 226", async () => {
    await using stage = await scene(host);
    await download(stage.client, "RETR f", mode);
    await stage.client.expect("ABOR", 226);
    await assertUsable(stage, mode);
  });

  test("STOR, ABOR before the first byte and midway: 426, 226, the old file stands", async () => {
    await using stage = await scene(host);
    for (const bytes of [0, 100_000]) {
      await using offered = await offer(stage.client, mode);
      const [, socket] = await begin(stage.client, "STOR f", offered);
      if (bytes > 0) {
        socket.write(bytesOf(bytes, 9));
        await until(() => stage.store.count("write") > 0);
      }
      await stage.client.expect("ABOR", 426);
      await stage.client.expectReply(226);
      assert((await content(stage.store.inner, "/f")).equals(FILE));
    }
    await assertUsable(stage, mode);
  });

  test("STOR, ABOR during the commit: the upload has happened, 226 for it and 226 for ABOR", async () => {
    await using stage = await scene(host, "commit");
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "STOR g", offered);
    socket.end("whole");
    socket.resume();
    await stage.gate.reached;
    stage.client.send("ABOR\r\n");
    await until(() => stage.commands.includes("ABOR"));
    await stage.served.user();
    assert.equal(stage.client.unread, 0);
    stage.gate.open();
    await stage.client.expectReply(226);
    await stage.client.expectReply(226);
    assert.equal((await content(stage.store.inner, "/g")).toString(), "whole");
    await assertUsable(stage, mode);
  });

  test("LIST, ABOR midway: 426, then 226", async () => {
    await using stage = await scene(host, "entry", 1);
    await put(stage.store.inner, "/g", "");
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "LIST", offered);
    await stage.gate.reached;
    await stage.client.expect("ABOR", 426);
    await stage.client.expectReply(226);
    socket.destroy();
    await assertUsable(stage, mode);
  });

  for (const [command, moment] of [
    ["RETR f", "openRead"],
    ["STOR g", "openWrite"],
    ["LIST", "list"],
  ] as const)
    test(`S17.5 ${command}, ABOR while the store has not answered: a negative reply, then 226`, async () => {
      await using stage = await scene(host, moment);
      await using _ = await offer(stage.client, mode);
      stage.client.send(`${command}\r\n`);
      await stage.gate.reached;
      stage.client.send("ABOR\r\n");
      await stage.client.expectReply(425, 426, 450, 451, 550);
      await stage.client.expectReply(226);
      await assertUsable(stage, mode);
    });

  test("QUIT during a transfer lets it end: 226, 221, closed (RFC 959 §4.1.1)", async () => {
    await using stage = await scene(host, "read", 3);
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "RETR f", offered);
    await stage.gate.reached;
    stage.client.send("QUIT\r\n");
    stage.gate.open();
    assert((await collect(socket)).equals(FILE));
    await stage.client.expectReply(226);
    await stage.client.expectReply(221);
    await stage.client.expectClosed();
  });

  test("STAT and NOOP are answered during a transfer, STAT with how far it is", async () => {
    await using stage = await scene(host, "read", 3);
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "RETR f", offered);
    await stage.gate.reached;
    const status = await stage.client.expect("STAT", 211);
    assert.match(status.lines.join("\n"), /RETR .*\/f.*\d+ bytes/);
    await stage.client.expect("NOOP", 200);
    stage.gate.open();
    assert((await collect(socket)).equals(FILE));
    await stage.client.expectReply(226);
    await assertUsable(stage, mode);
  });

  test("other commands wait for the end of the transfer and are answered in order", async () => {
    await using stage = await scene(host, "read", 3);
    await using offered = await offer(stage.client, mode);
    const [, socket] = await begin(stage.client, "RETR f", offered);
    await stage.gate.reached;
    stage.client.send("PWD\r\nSIZE f\r\nSYST\r\n");
    // A whole login of another client takes longer than an answer would.
    await stage.served.user();
    assert.equal(stage.client.unread, 0);
    stage.gate.open();
    await collect(socket);
    for (const code of [226, 257, 213, 215]) await stage.client.expectReply(code);
    await assertUsable(stage, mode);
  });

  for (const leave of ["reset", "end"] as const)
    for (const command of ["RETR f", "STOR f"])
      test(`S12.10 ${command}, then the control connection goes (${leave}): the data connection goes too, nothing is left`, async () => {
        await using stage = await scene(host, "read", 3);
        await using offered = await offer(stage.client, mode);
        const [, socket] = await begin(stage.client, command, offered);
        if (command === "RETR f") await stage.gate.reached;
        else socket.write(bytesOf(1000));
        const gone = new Promise((resolve) => socket.resume().once("close", resolve).once("end", resolve));
        stage.client[leave]();
        await within(gone, "the server closing the data connection", 2000);
        await stage.client.expectClosed();
        await until(
          () => stage.store.open === 0 && stage.served.server.sessions.length === 0,
          2000,
          "all is given back",
        );
        assert((await content(stage.store.inner, "/f")).equals(FILE));
      });
}

test("a transfer after an interrupted upload stores the new file", async () => {
  await using stage = await scene("127.0.0.1");
  const { client, store } = stage;
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "STOR g", offered);
  socket.write("half");
  await until(() => store.count("write") > 0);
  reset(socket);
  await client.expectReply(426);
  assert(!(await exists(store.inner, "/g")), "a half file is visible");
  await upload(client, "STOR g", "whole", "EPSV");
  assert.equal((await content(store.inner, "/g")).toString(), "whole");
  await assertUsable(stage, "EPSV");
});
