/** Listening, sockets that the host accepted itself, and the end of a server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { MemoryFileSystem, Server } from "../../dist/index.js";
import { accepts, begin, collect, download, offer, parseEpsv, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { securable, tlsMode } from "../kit/security.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { type Moment, WatchedStore } from "../kit/watched-store.js";

/** A server whose store waits at the gate at a moment, with `/f` in it. */
async function gated(moment: Moment): Promise<{ served: Served; store: WatchedStore; gate: Gate } & AsyncDisposable> {
  const gate = new Gate();
  const store = new WatchedStore({ before: (step) => (step.moment === moment ? gate.pass(step.signal) : undefined) });
  await put(store.inner, "/f", "content");
  const served = await serve({ fileSystem: store });
  return { served, store, gate, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

describe("listen", () => {
  test("several listeners, each with an address of its own", async () => {
    const places = [
      { host: "127.0.0.1", port: 0 },
      { host: "::1", port: 0 },
    ];
    await using server = new Server(securable({ listeners: places }));
    server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
    assert.deepEqual(server.addresses, []);
    await server.listen();
    assert.deepEqual(
      server.addresses.map(({ host }) => host),
      ["127.0.0.1", "::1"],
    );
    for (const { host, port } of server.addresses) {
      await using client = await ScriptedClient.connect(port, host);
      await client.login();
      await download(client, "LIST", "EPSV");
    }
  });

  test("without host every address of both families is served, and IPv4 clients get PASV", async () => {
    await using server = new Server(securable({ port: 0 }));
    server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
    await server.listen();
    const port = server.addresses[0]?.port ?? 0;
    for (const host of ["127.0.0.1", "::1"]) {
      await using client = await ScriptedClient.connect(port, host);
      await client.login();
      assert.equal(server.sessions.at(-1)?.remoteAddress, host);
      for (const mode of host === "::1" ? (["EPSV", "EPRT"] as const) : (["PASV", "EPSV", "PORT", "EPRT"] as const))
        await download(client, "LIST", mode);
      if (host === "::1") await client.expect("PASV", 425);
    }
  });

  test("rejects when an address is taken, and then listens nowhere", async () => {
    await assertNoLeaks(async () => {
      const taken = net.createServer().listen(0, "127.0.0.1");
      await once(taken, "listening");
      const { port } = taken.address() as net.AddressInfo;
      const server = new Server({
        listeners: [
          { host: "127.0.0.1", port: 0 },
          { host: "127.0.0.1", port },
        ],
      });
      await assert.rejects(server.listen(), { code: "EADDRINUSE" });
      assert.deepEqual(server.addresses, []);
      await server.close();
      taken.close();
      await once(taken, "close");
    });
  });

  test("rejects when it listens already or was closed", async () => {
    const server = new Server({ host: "127.0.0.1", port: 0 });
    await server.listen();
    await assert.rejects(server.listen());
    await server.close();
    await assert.rejects(server.listen());
  });
});

/** What a host says of a socket that it accepted itself. */
function handling(): { readonly implicitTls: boolean } {
  return { implicitTls: tlsMode()?.implicit ?? false };
}

describe("handle", () => {
  test("serves a socket that the host accepted, without listening itself", async () => {
    await using server = new Server(securable());
    server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
    const own = net
      .createServer({ allowHalfOpen: true }, (socket) => server.handle(socket, handling()))
      .listen(0, "127.0.0.1");
    await once(own, "listening");
    {
      await using client = await ScriptedClient.connect((own.address() as net.AddressInfo).port);
      await client.login();
      await upload(client, "STOR f", "content");
      assert.equal((await download(client, "RETR f", "PASV")).bytes.toString(), "content");
      assert.equal(server.sessions.length, 1);
    }
    own.close();
    await server.close();
    assert.equal(server.sessions.length, 0);
  });

  test("after close() a socket is answered with 421, or closed where TLS should come first", async () => {
    const server = new Server(securable());
    await server.close();
    const own = net.createServer((socket) => server.handle(socket, handling())).listen(0, "127.0.0.1");
    await once(own, "listening");
    const { port } = own.address() as net.AddressInfo;
    // No handshake begins any more, so there is nobody to tell.
    if (tlsMode()?.implicit) await assert.rejects(ScriptedClient.connect(port));
    else {
      await using client = await ScriptedClient.connect(port);
      assert.equal(client.greeting.code, 421);
      await client.expectClosed();
    }
    own.close();
  });

  test("S13.1 a socket that is gone already does no harm", async () => {
    await assertNoLeaks(async () => {
      const server = new Server();
      const socket = new net.Socket();
      socket.destroy();
      server.handle(socket);
      await until(() => server.sessions.length === 0);
      await server.close();
    });
  });
});

describe("close", () => {
  test("S19.6 every session gets 421 and FIN, nobody connects any more, and it resolves", async () => {
    const served = await serve();
    const clients = [await served.client(), await served.user(), await served.user()];
    const [, , passive] = clients;
    const port = parseEpsv((await passive?.expect("EPSV", 229)) as never);
    await within(served.server.close(), "close()", 4000);
    for (const client of clients) {
      await client.expectReply(421);
      await client.expectClosed();
    }
    assert(!(await accepts(served.port)));
    assert(!(await accepts(port)));
    assert.deepEqual([...served.server.sessions], []);
    await served[Symbol.asyncDispose]();
  });

  test("without drain a running transfer is aborted: 426, 421, and nothing of an upload is left", async () => {
    const store = new WatchedStore();
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR g", offered);
    socket.write("half");
    await until(() => store.count("write") > 0);
    const closing = served.server.close();
    await client.expectReply(426);
    await client.expectReply(421);
    await within(closing, "close()", 4000);
    assert.equal(store.open, 0);
    assert(!(await exists(store.inner, "/g")));
  });

  test("S13.8 drain: idle sessions get 421 at once, a running transfer ends first: 226, 421", async () => {
    await using stage = await gated("sent");
    const { served, gate } = stage;
    const [idle, busy] = [await served.user(), await served.user()];
    await using offered = await offer(busy, "EPSV");
    const [, socket] = await begin(busy, "RETR f", offered);
    const received = collect(socket);
    await gate.reached;
    const closing = served.server.close({ drain: 5000 });
    await idle.expectReply(421);
    await idle.expectClosed();
    assert.equal(busy.unread, 0);
    gate.open();
    assert.equal((await received).toString(), "content");
    await busy.expectReply(226);
    await busy.expectReply(421);
    await within(closing, "close()", 4000);
  });

  test("drain: what takes longer is aborted when the time is over", async () => {
    await using stage = await gated("sent");
    const client = await stage.served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    socket.on("error", () => undefined).resume();
    await stage.gate.reached;
    const closing = stage.served.server.close({ drain: 100 });
    await client.expectReply(426);
    await client.expectReply(421);
    await within(closing, "close()", 4000);
    assert.equal(stage.store.open, 0);
  });

  test("an upload that is being committed happens: 226, 421", async () => {
    await using stage = await gated("commit");
    const client = await stage.served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR g", offered);
    socket.end("whole");
    socket.resume();
    await stage.gate.reached;
    const closing = stage.served.server.close();
    stage.gate.open();
    await client.expectReply(226);
    await client.expectReply(421);
    await within(closing, "close()", 4000);
    assert.equal((await content(stage.store.inner, "/g")).toString(), "whole");
  });

  test("twice and concurrently; a wrong drain is a RangeError", async () => {
    const served = await serve();
    await Promise.all([served.server.close(), served.server.close(), served.server[Symbol.asyncDispose]()]);
    await served.server.close();
    for (const drain of [-1, 1.5, Number.NaN, 2 ** 31]) assert.throws(() => served.server.close({ drain }), RangeError);
  });

  test("S17.6 close() within a listener does not deadlock", async () => {
    let closing: Promise<void> | undefined;
    const served = await serve({}, (server) =>
      server.on("mkd", () => {
        closing = server.close();
      }),
    );
    const client = await served.user();
    client.send("MKD d\r\n");
    const { code } = await client.reply();
    if (code !== 421) await client.expectReply(421);
    await client.expectClosed();
    await within(closing ?? Promise.reject(new Error("the listener was not asked")), "close()", 4000);
  });

  for (const what of ["a listener", "a store"] as const)
    test(`S18.11 resolves although ${what} never settles, and leaves no timer`, async () => {
      await assertNoLeaks(async () => {
        const hanging = new Gate();
        const store = new WatchedStore({
          before: ({ moment }) => (moment === "openRead" ? hanging.pass() : undefined),
        });
        await put(store.inner, "/f", "content");
        const served = await serve({ fileSystem: store }, (server) => {
          if (what === "a listener") server.on("retr", () => hanging.pass());
        });
        const client = await served.user();
        await client.expect("EPSV", 229);
        client.send("RETR f\r\n");
        await hanging.reached;
        await within(served.server.close(), "close()", 9000);
        await client.expectClosed();
      }, 2000);
    });

  test("S13.7 everything is given back: sockets, listeners, timers, descriptors", async () => {
    await assertNoLeaks(async () => {
      const served = await serve({ idleTimeout: 60_000 });
      await put(served.fileSystem, "/f", bytesOf(100_000));
      const client = await served.user();
      for (const mode of ["PASV", "EPSV", "PORT", "EPRT"] as const) await download(client, "RETR f", mode);
      await upload(client, "STOR g", bytesOf(100_000));
      await client.expect("EPSV", 229);
      await (await served.user()).expect("QUIT", 221);
      (await served.client()).reset();
      await served[Symbol.asyncDispose]();
    });
  });
});

test("S18.15 a server adds no process listeners", async () => {
  const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
  const served = await serve();
  await download(await served.user(), "LIST");
  assert.deepEqual(
    process.eventNames().map((name) => [name, process.listenerCount(name)]),
    before,
  );
  await served[Symbol.asyncDispose]();
});
