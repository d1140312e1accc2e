/** Facts: what the host is told after something happened, and what a session shows of itself. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DataChannel, FactEvents, Session } from "../../dist/index.js";
import { FileSystemError, FtpError } from "../../dist/index.js";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { isNegotiation, underImplicitTls } from "../kit/security.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

const FACTS = [
  "session",
  "loggedIn",
  "loginFailed",
  "dataChannel",
  "stranger",
  "portsExhausted",
  "retrieved",
  "stored",
  "listed",
  "aborted",
  "deleted",
  "renamed",
  "directoryMade",
  "directoryRemoved",
  "closed",
  "error",
] as const satisfies readonly (keyof FactEvents)[];

type Told = Record<string, unknown>;

/** A server whose facts are kept in the order they were told; `reply` is left out. */
async function listen(
  options: ServeOptions = {},
): Promise<{ served: Served; told: [string, Told][]; of(name: string): Told[] } & AsyncDisposable> {
  const told: [string, Told][] = [];
  const served = await serve(options, (server) => {
    for (const name of FACTS) server.on(name, (fact: unknown) => void told.push([name, fact as Told]));
  });
  const of = (name: string) => told.filter(([known]) => known === name).map(([, fact]) => fact);
  return { served, told, of, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

describe("facts", () => {
  test("one session from beginning to end, in order", async () => {
    await using stage = await listen();
    const client = await stage.served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 530);
    await client.login();
    await client.expect("MKD d", 257);
    await upload(client, "STOR d/f", "content");
    await download(client, "RETR d/f");
    await client.expect("RNFR d/f", 350);
    await client.expect("RNTO d/g", 250);
    await client.expect("DELE d/g", 250);
    await client.expect("RMD d", 250);
    await client.expect("QUIT", 221);
    await client.expectClosed();
    await until(() => stage.of("closed").length === 1);
    const order = [
      "session",
      "loginFailed",
      "loggedIn",
      "directoryMade",
      "dataChannel",
      "stored",
      "dataChannel",
      "retrieved",
      "renamed",
      "deleted",
      "directoryRemoved",
      "closed",
    ];
    assert.deepEqual(
      stage.told.map(([name]) => name),
      order,
    );
    const [session] = new Set(stage.told.map(([, fact]) => fact.session));
    assert(
      stage.told.every(([, fact]) => fact.session === session),
      "all of one session",
    );
  });

  test("payloads", async () => {
    await using stage = await listen();
    const client = await stage.served.client();
    await client.expect("USER eve", 331);
    await client.expect("PASS x", 530);
    await client.login();
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    await client.expect("TYPE I", 200);
    await upload(client, "STOR f", "content");
    await client.expect("REST 3", 350);
    await download(client, "RETR f");
    await download(client, "NLST");
    await client.expect("RNFR f", 350);
    await client.expect("RNTO ../g", 250);
    await client.expect("DELE /g", 250);
    await client.expect("RMD /d", 250);
    assert.equal(stage.of("loginFailed")[0]?.username, "eve");
    const moved = (name: string) => stage.of(name).map(({ verb, path, bytes }) => [verb, path, bytes]);
    assert.deepEqual(moved("stored"), [["STOR", "/d/f", 7]]);
    assert.deepEqual(moved("retrieved"), [["RETR", "/d/f", 4]]);
    assert.deepEqual(moved("listed"), [["NLST", "/d", 3]]);
    for (const name of ["stored", "retrieved", "listed"]) assert((stage.of(name)[0]?.milliseconds as number) >= 0);
    assert.deepEqual(
      stage.of("renamed").map(({ from, to }) => [from, to]),
      [["/d/f", "/g"]],
    );
    assert.deepEqual(
      [stage.of("directoryMade")[0]?.path, stage.of("deleted")[0]?.path, stage.of("directoryRemoved")[0]?.path],
      ["/d", "/g", "/d"],
    );
    const [first] = stage.of("dataChannel").map(({ channel }) => channel as DataChannel);
    assert.equal(first?.kind, "passive");
    assert.equal(first?.bytesReceived, 7);
    assert.equal(first?.remoteAddress, "127.0.0.1");
  });

  test("S16.2 reply: every reply once, never with a password", async () => {
    const replies: unknown[] = [];
    await using served = await serve({}, (server) =>
      server.on(
        "reply",
        ({ verb, argument, code }) => void (isNegotiation(verb) || replies.push([verb, argument, code])),
      ),
    );
    const client = await served.user();
    await client.expect("MKD a b", 257);
    await client.expect("PAS secret", 500);
    await client.expect("EPSV", 229);
    await client.expect("QUIT", 221);
    assert.deepEqual(replies, [
      [undefined, undefined, 220],
      ["USER", "test", 331],
      ["PASS", undefined, 230],
      ["MKD", "a b", 257],
      [undefined, undefined, 500],
      ["EPSV", undefined, 229],
      ["QUIT", undefined, 221],
    ]);
  });

  for (const [what, act, code, error] of [
    ["ABOR", "abor", 426, "ABORTED"],
    ["a reset", "reset", 426, "DATA_LOST"],
    ["the client's going", "leave", undefined, "CONTROL_LOST"],
  ] as const)
    test(`aborted: by ${what}, with the error and the bytes so far`, async () => {
      const store = new WatchedStore();
      await using stage = await listen({ fileSystem: store });
      const client = await stage.served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      socket.write("12345");
      await until(() => store.count("write") > 0);
      if (act === "abor") client.send("ABOR\r\n");
      else if (act === "reset") reset(socket);
      else client.reset();
      if (code !== undefined) await client.expectReply(code);
      await until(() => stage.of("aborted").length > 0);
      const [fact] = stage.of("aborted");
      assert.deepEqual([fact?.verb, fact?.path, fact?.bytes], ["STOR", "/f", 5]);
      assert(fact?.error instanceof FtpError);
      assert.equal(fact.error.code, error);
      assert.equal(stage.of("stored").length, 0);
      assert.equal(stage.of("error").length, 0, "no fault of ours");
    });

  test("aborted: by the store, with what it threw", async () => {
    const store = new WatchedStore({
      before: ({ moment, path }) => {
        if (moment === "read") throw new FileSystemError("EIO", path);
      },
    });
    await put(store.inner, "/f", "x");
    await using stage = await listen({ fileSystem: store });
    const client = await stage.served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    await collect(socket).catch(() => undefined);
    await client.expectReply(451);
    assert.equal((stage.of("aborted")[0]?.error as FileSystemError | undefined)?.code, "EIO");
    assert.equal(stage.of("retrieved").length, 0);
    assert.equal(stage.of("error").length, 1);
  });

  test("dataChannel: the host may end the data connection, and the transfer with it", async () => {
    await using stage = await listen();
    await put(stage.served.fileSystem, "/f", bytesOf(5_000_000));
    stage.served.server.on("dataChannel", ({ channel }) => channel.abort("no more today"));
    const client = await stage.served.user();
    await using offered = await offer(client, "EPSV");
    await begin(client, "RETR f", offered);
    await client.expectReply(426);
    assert.equal((stage.of("aborted")[0]?.error as FtpError | undefined)?.code, "ABORTED");
    await client.assertQuiet();
  });

  test("stored is told after the commit, and nothing of what was refused before 150", async () => {
    const gate = new Gate();
    const store = new WatchedStore({ before: ({ moment }) => (moment === "commit" ? gate.pass() : undefined) });
    await using stage = await listen({ fileSystem: store });
    const client = await stage.served.user();
    const uploading = upload(client, "STOR f", "x");
    await gate.reached;
    assert.equal(stage.of("stored").length, 0);
    gate.open();
    await uploading;
    assert.equal(stage.of("stored").length, 1);
    await client.expect("RETR missing", 425, 550);
    assert.equal(stage.of("aborted").length, 0);
  });

  test("S17.3 listeners of facts that throw or reject become error events, and nothing else suffers", async () => {
    const errors: unknown[] = [];
    await using served = await serve({}, (server) => {
      server.on("error", ({ error }) => void errors.push((error as Error).cause));
      server.on("directoryMade", () => {
        throw "thrown";
      });
      server.on("directoryMade", async () => {
        throw "rejected";
      });
    });
    const client = await served.user();
    await client.expect("MKD d", 257);
    await until(() => errors.length === 2);
    assert.deepEqual(errors, ["thrown", "rejected"]);
    served.server.on("error", () => {
      throw new Error("again");
    });
    await client.expect("MKD e", 257);
    await client.assertQuiet();
  });

  test("the session tells its own facts, before the server", async () => {
    const told: string[] = [];
    await using served = await serve({}, (server) => {
      server.on("directoryMade", () => void told.push("server"));
      server.on(
        "session",
        ({ session }) => void session.on("directoryMade", () => void told.push(`session ${session.username}`)),
      );
    });
    const client = await served.user();
    await client.expect("MKD d", 257);
    assert.deepEqual(told, ["session test", "server"]);
  });
});

describe("a session", () => {
  async function scene(options: ServeOptions = {}) {
    const served = await serve(options);
    const client = await served.user();
    const [session] = served.server.sessions;
    assert(session);
    return { served, client, session, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
  }

  test("shows who, from where, and in which directory", async () => {
    await using stage = await scene();
    const { client, session, served } = stage;
    assert.deepEqual(
      [session.username, session.remoteAddress, session.localAddress, session.localPort, session.cwd],
      ["test", "127.0.0.1", "127.0.0.1", served.port, "/"],
    );
    assert.equal(session.remotePort, client.raw.localPort);
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    assert.equal(session.cwd, "/d");
  });

  test("shows nobody behind REIN", { skip: underImplicitTls("REIN is refused") }, async () => {
    await using stage = await scene({ mayReinitialize: true });
    const { client, session } = stage;
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    await client.reinitialize();
    assert.deepEqual([session.username, session.account, session.cwd], [undefined, undefined, "/"]);
  });

  test("ids differ, and sessions come and go from server.sessions", async () => {
    await using stage = await scene();
    const { served, session } = stage;
    const other = await served.user();
    const ids = new Set([...served.server.sessions].map(({ id }) => id));
    assert.equal(ids.size, 2);
    await other.expect("QUIT", 221);
    await until(() => [...served.server.sessions].length === 1);
    assert.equal([...served.server.sessions][0], session);
  });

  test("transfer shows what moves now", async () => {
    await using stage = await scene();
    const { client, session, served } = stage;
    await put(served.fileSystem, "/big", bytesOf(20_000_000));
    await client.expect("TYPE I", 200);
    const moving = () => session.transfer;
    assert.equal(moving(), undefined);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR big", offered);
    await until(() => (moving()?.bytes ?? 0) > 0);
    assert.deepEqual([moving()?.verb, moving()?.path, moving()?.channel?.kind], ["RETR", "/big", "passive"]);
    socket.resume();
    await client.expectReply(226);
    assert.equal(moving(), undefined);
  });

  test("close(text) answers 421 with the text and ends it; a running transfer is answered first", async () => {
    await using stage = await scene();
    stage.session.close("Go home");
    assert.equal((await stage.client.expectReply(421)).text, "Go home");
    await stage.client.expectClosed();
    const client = await stage.served.user();
    const session = [...stage.served.server.sessions].at(-1) as Session;
    await using offered = await offer(client, "EPSV");
    await begin(client, "STOR f", offered);
    session.close();
    await client.expectReply(426);
    await client.expectReply(421);
    await client.expectClosed();
  });

  test("S17.6 close() within a listener ends the session in order", async () => {
    await using stage = await scene();
    stage.session.on("mkd", ({ session }) => session.close("Enough"));
    stage.client.send("MKD d\r\n");
    const { code } = await stage.client.reply();
    if (code !== 421) await stage.client.expectReply(421);
    await stage.client.expectClosed();
  });
});
