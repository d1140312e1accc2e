/** The clocks: login, idle, data connection and stall, each with its own limit (RFC 1123 §4.1.3.2). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, collect, download, offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

/** Long enough for a busy machine to do something in time, short enough to wait for. */
const SHORT = 250;
const LONGER = 500;

describe("loginTimeout", () => {
  test("S10.2 without a login the session ends with 421, however many commands come", async () => {
    await using served = await serve({ loginTimeout: SHORT });
    const started = performance.now();
    const client = await served.client();
    let code = 200;
    while (code !== 421) code = (await client.command("NOOP")).code;
    assert(performance.now() - started >= SHORT - 20);
    await client.expectClosed();
  });

  test("S10.2 bytes that make no line do not hold it off", async () => {
    await using served = await serve({ loginTimeout: SHORT });
    const client = await served.client();
    const sending = setInterval(() => client.socket.writable && client.send("x"), 10);
    try {
      await client.expectReply(421);
      await client.expectClosed();
    } finally {
      clearInterval(sending);
    }
  });

  test("a login in time stops it", async () => {
    await using served = await serve({ loginTimeout: LONGER });
    const client = await served.user();
    const other = await served.client();
    await other.expectReply(421);
    await client.assertQuiet();
  });
});

describe("idleTimeout", () => {
  test("421 and closed when nothing comes", async () => {
    await using served = await serve({ idleTimeout: SHORT });
    const started = performance.now();
    const client = await served.user();
    await client.expectReply(421);
    assert(performance.now() - started >= SHORT - 20);
    await client.expectClosed();
  });

  test("commands hold it off, unfinished lines do not", async () => {
    await using served = await serve({ idleTimeout: LONGER });
    const client = await served.user();
    const idle = await served.user();
    const sending = setInterval(() => idle.socket.writable && idle.send("x"), 10);
    try {
      for (let gone = false; !gone; gone = idle.unread > 0) await client.expect("NOOP", 200);
    } finally {
      clearInterval(sending);
    }
    await idle.expectReply(421);
    await client.assertQuiet();
  });

  test("never during a transfer, and the limit begins anew behind it", async () => {
    const gate = new Gate();
    const store = new WatchedStore({ before: ({ moment }) => (moment === "sent" ? gate.pass() : undefined) });
    await put(store.inner, "/f", "content");
    await using served = await serve({ fileSystem: store, idleTimeout: SHORT });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    socket.resume();
    // Two others, one after the other, are sent away meanwhile.
    for (let round = 0; round < 2; round++) await (await served.user()).expectReply(421);
    gate.open();
    await client.expectReply(226);
    await client.assertQuiet();
    await client.expectReply(421);
  });

  test("never during a commit", async () => {
    const gate = new Gate();
    const store = new WatchedStore({ before: ({ moment }) => (moment === "commit" ? gate.pass() : undefined) });
    await using served = await serve({ fileSystem: store, idleTimeout: SHORT, stallTimeout: SHORT });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.end("content");
    socket.resume();
    await gate.reached;
    for (let round = 0; round < 2; round++) await (await served.user()).expectReply(421);
    gate.open();
    await client.expectReply(226);
    assert.equal((await content(store.inner, "/f")).toString(), "content");
  });

  test("never while a question waits for the host", async () => {
    const gate = new Gate();
    await using served = await serve({ idleTimeout: SHORT }, (server) => server.on("mkd", () => gate.pass()));
    const client = await served.user();
    client.send("MKD d\r\n");
    await gate.reached;
    for (let round = 0; round < 2; round++) await (await served.user()).expectReply(421);
    gate.open();
    await client.expectReply(257);
  });

  test("0 switches it off", async () => {
    await using served = await serve({ idleTimeout: 0, loginTimeout: 0 });
    await using clock = await serve({ idleTimeout: SHORT });
    const client = await served.client();
    await (await clock.user()).expectReply(421);
    await client.login();
    await (await clock.user()).expectReply(421);
    await client.assertQuiet();
  });

  test("S14.7 SITE IDLE shortens it, never beyond what the host allows", async () => {
    await using served = await serve({ idleTimeout: 2000 });
    const client = await served.user();
    assert.match((await client.expect("SITE IDLE", 200)).text, /\b2\b/);
    await client.expect("SITE IDLE 3", 501);
    await client.expect("SITE IDLE 999999999", 501);
    for (const value of ["0", "-1", "x", "1.5", "9".repeat(400)]) await client.expect(`SITE IDLE ${value}`, 501);
    await client.expect("SITE IDLE 1", 200);
    assert.match((await client.expect("SITE IDLE", 200)).text, /\b1\b/);
    const started = performance.now();
    await client.expectReply(421);
    assert(performance.now() - started < 1900);
  });
});

describe("dataTimeout", () => {
  for (const command of ["RETR f", "STOR g", "LIST", "MLSD"])
    test(`S13.3 ${command} over a passive port where nobody comes: 425, and the session goes on`, async () => {
      const store = new WatchedStore();
      await put(store.inner, "/f", "content");
      await using served = await serve({ fileSystem: store, dataTimeout: SHORT });
      const client = await served.user();
      await client.expect("EPSV", 229);
      await client.expect(command, 150);
      await client.expectReply(425);
      assert(!(await exists(store.inner, "/g")));
      await until(() => store.open === 0, 2000, "the store's handles are closed");
      assert.equal((await download(client, "RETR f")).bytes.toString(), "content");
    });

  test("a stranger's connection does not hold it off", async () => {
    await using served = await serve({ dataTimeout: SHORT });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    await client.expect("LIST", 150);
    await offered.connect({ localAddress: "127.0.0.2" });
    await client.expectReply(425);
  });
});

describe("stallTimeout", () => {
  test("S12.6 a download that the client does not read: 426", async () => {
    const store = new WatchedStore();
    await put(store.inner, "/big", bytesOf(30_000_000));
    await using served = await serve({ fileSystem: store, stallTimeout: SHORT });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    await begin(client, "RETR big", offered);
    await client.expectReply(426);
    await until(() => store.open === 0, 2000, "the file is closed");
    await client.assertQuiet();
  });

  test("S12.11 an upload whose client is silent: 426 and no file", async () => {
    await using served = await serve({ stallTimeout: SHORT });
    const client = await served.user();
    for (const bytes of ["", "half"]) {
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      if (bytes !== "") socket.write(bytes);
      await client.expectReply(426);
      assert(!(await exists(served.fileSystem, "/f")));
    }
    await client.assertQuiet();
  });

  test("a slow client that moves bytes is not stalled", async () => {
    await using served = await serve({ stallTimeout: LONGER });
    await using clock = await serve({ idleTimeout: LONGER });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    const sending = setInterval(() => socket.write("x"), 10);
    for (let round = 0; round < 2; round++) await (await clock.user()).expectReply(421);
    clearInterval(sending);
    socket.end();
    socket.resume();
    await client.expectReply(226);
  });

  test("a slow store is not the client's stall", async () => {
    const gate = new Gate();
    const store = new WatchedStore({
      before: ({ moment, index, signal }) => (moment === "read" && index === 1 ? gate.pass(signal) : undefined),
    });
    await put(store.inner, "/f", bytesOf(200_000));
    await using served = await serve({ fileSystem: store, stallTimeout: SHORT });
    await using clock = await serve({ idleTimeout: SHORT });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    const receiving = collect(socket);
    for (let round = 0; round < 2; round++) await (await clock.user()).expectReply(421);
    gate.open();
    assert.equal((await receiving).length, 200_000);
    await client.expectReply(226);
  });

  test("S10.4 a client that sends commands and reads no replies is let go", async () => {
    await using served = await serve({ stallTimeout: SHORT });
    const client = await served.user();
    client.socket.pause();
    const flooding = setInterval(() => {
      for (let count = 0; count < 2000 && client.socket.writable && client.socket.writableLength < 1_000_000; count++)
        client.send("FEAT\r\nHELP\r\n");
    }, 5);
    try {
      await until(() => [...served.server.sessions].length === 0, 10_000, "the session is gone");
    } finally {
      clearInterval(flooding);
    }
  });
});
