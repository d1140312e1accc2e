/** Data connections and commands that come earlier, later or in another number than usual; all of it legal, all of it seen in the wild. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { orHandshake, tlsMode } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { content, exists, names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

describe("data before its command", () => {
  for (const size of [3, 3_000_000])
    test(`${size} bytes and FIN before STOR: the file is whole`, async () => {
      await using served = await serve();
      const bytes = bytesOf(size);
      const client = await served.user();
      await client.expect("TYPE I", 200);
      await using offered = await offer(client, "EPSV");
      const socket = await offered.connect();
      socket.end(bytes);
      socket.resume();
      // Under TLS they leave with the handshake, which the server begins behind its 150.
      if (size < 1000 && tlsMode() === undefined) await new Promise((resolve) => socket.once("finish", resolve));
      client.send("STOR f\r\n");
      await client.expectReply(125, 150);
      await client.expectReply(226);
      assert((await content(served.fileSystem, "/f")).equals(bytes));
    });

  test("S4.5 what a stranger sent before STOR is not in the file", async () => {
    await using served = await serve();
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    (await offered.connect({ localAddress: "127.0.0.2" })).end("evil");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.end("good");
    socket.resume();
    await client.expectReply(226);
    assert.equal((await content(served.fileSystem, "/f")).toString(), "good");
  });

  test("a client that has sent FIN on the data connection still gets its download", async () => {
    await using served = await serve();
    const bytes = bytesOf(3_000_000);
    await put(served.fileSystem, "/f", bytes);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const socket = await offered.connect();
    const receiving = collect(socket);
    socket.end();
    client.send("RETR f\r\n");
    await client.expectReply(125, 150);
    assert((await receiving).equals(bytes));
    await client.expectReply(226);
  });

  test("bytes that the client sends while it downloads mean nothing", async () => {
    await using served = await serve();
    const bytes = bytesOf(1_000_000);
    await put(served.fileSystem, "/f", bytes);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const socket = await offered.connect();
    socket.write("nobody asked for this");
    client.send("RETR f\r\n");
    await client.expectReply(125, 150);
    assert((await collect(socket)).equals(bytes));
    await client.expectReply(226);
  });

  for (const [how, codes] of [
    ["FIN", [226, 425, 426]],
    ["RST", [425, 426]],
  ] as const)
    test(`the client connects and leaves (${how}) before LIST: ${codes.join(" or ")}, and the session goes on`, async () => {
      const store = new WatchedStore();
      await using served = await serve({ fileSystem: store });
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const socket = await offered.connect();
      if (how === "FIN") socket.destroy();
      else reset(socket);
      await client.assertQuiet();
      await client
        .expect("LIST", 125, 150, ...codes)
        .then(({ code }) => (code < 200 ? client.expectReply(...orHandshake(...codes)) : undefined));
      await until(() => store.open === 0, 2000, "the listing is closed");
      await download(client, "LIST");
    });
});

describe("several commands for one offer", () => {
  test("two transfers behind one offer: the first moves, the second is 425", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const socket = await offered.connect();
    client.send("RETR f\r\nRETR f\r\nNOOP\r\n");
    await client.expectReply(125, 150);
    assert.equal((await collect(socket)).toString(), "content");
    for (const code of [226, 425, 200]) await client.expectReply(code);
  });

  test("commands that change the login wait for the end of the transfer", async () => {
    // What stands behind REIN would cross the border of TLS: there it is refused, as it is by default.
    for (const [line, code, after] of [
      tlsMode() === undefined ? (["REIN", 220, 530] as const) : (["REIN", 502, 257] as const),
      ["USER test", 331, 530],
      ["QUIT", 221, undefined],
    ] as const) {
      const gate = new Gate();
      const store = new WatchedStore({
        before: ({ moment, signal }) => (moment === "sent" ? gate.pass(signal) : undefined),
      });
      await put(store.inner, "/f", "content");
      await using served = await serve({ fileSystem: store, allowRelogin: true });
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "RETR f", offered);
      const receiving = collect(socket);
      await gate.reached;
      client.send(`${line}\r\nPWD\r\n`);
      await served.user();
      assert.equal(client.unread, 0);
      gate.open();
      assert.equal((await receiving).toString(), "content");
      await client.expectReply(226);
      await client.expectReply(code);
      if (after !== undefined) await client.expectReply(after);
    }
  });

  test("S10.5 many ABORs: one 426 for the transfer, one 226 for each", async () => {
    await using served = await serve();
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    await begin(client, "STOR f", offered);
    client.send("ABOR\r\n".repeat(200));
    await client.expectReply(426);
    for (let count = 0; count < 200; count++) await client.expectReply(226);
    await client.assertQuiet();
    assert.deepEqual(await names(served.fileSystem), []);
  });

  test("the next offer may be made while a transfer runs, and is answered behind it", async () => {
    await using served = await serve();
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    client.send("EPSV\r\n");
    socket.end("content");
    socket.resume();
    await client.expectReply(226);
    await client.expectReply(229);
  });
});

describe("the client leaves while something is decided", () => {
  for (const leave of ["reset", "end"] as const)
    for (const [event, line] of [
      ["retr", "RETR f"],
      ["stor", "STOR g"],
      ["list", "LIST"],
      ["dele", "DELE f"],
      ["mkd", "MKD d"],
    ] as const)
      test(`S17.5 ${event} is being asked (${leave}): nothing is left over, whatever the answer`, async () => {
        const gate = new Gate();
        const store = new WatchedStore();
        const errors: unknown[] = [];
        let closed = 0;
        await using served = await serve({ fileSystem: store }, (server) => {
          server.on(event, () => gate.pass());
          server.on("closed", () => closed++);
          server.on("error", ({ error }) => errors.push(error));
        });
        await put(store.inner, "/f", "content");
        const client = await served.user();
        await client.expect("EPSV", 229);
        client.send(`${line}\r\n`);
        await gate.reached;
        client[leave]();
        await served.user();
        gate.open();
        await until(() => closed === 1 && store.open === 0, 5000, "the session is gone");
        assert(!(await exists(store.inner, "/g")));
        assert.deepEqual(errors, []);
      });

  test("login is being asked: an answer to nobody does no harm", async () => {
    const gate = new Gate();
    await using served = await serve({}, (server) => {
      server.once("login", () => gate.pass());
    });
    const client = await served.client();
    client.send("USER test\r\nPASS secret\r\nMKD d\r\n");
    await client.expectReply(331);
    await gate.reached;
    client.reset();
    await until(async () => !(await served.user()).socket.destroyed);
    gate.open();
    await until(() => [...served.server.sessions].length === 1, 5000, "only the other session is left");
  });

  test("an upload that is being committed when the client leaves is stored", async () => {
    const gate = new Gate();
    const store = new WatchedStore({ before: ({ moment }) => (moment === "commit" ? gate.pass() : undefined) });
    const stored: string[] = [];
    await using served = await serve({ fileSystem: store }, (server) =>
      server.on("stored", ({ path }) => void stored.push(path)),
    );
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.end("whole");
    socket.resume();
    await gate.reached;
    client.reset();
    await served.user();
    gate.open();
    await until(() => stored.length === 1, 5000);
    assert.equal((await content(store.inner, "/f")).toString(), "whole");
  });
});

describe("what changes between two commands", () => {
  test("RNTO when the source is gone: 550", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const [client, other] = [await served.user(), await served.user()];
    await client.expect("RNFR f", 350);
    await other.expect("DELE f", 250);
    await client.expect("RNTO g", 550, 553);
  });

  test("a working directory that somebody else removed: its files are missing, CDUP leads out", async () => {
    await using served = await serve();
    const [client, other] = [await served.user(), await served.user()];
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    await other.expect("RMD d", 250);
    await client.expect("EPSV", 229);
    for (const line of ["LIST", "RETR f", "STOR f"]) await client.expect(line, 450, 550, 553);
    await client.expect("CDUP", 250);
    await download(client, "LIST");
  });

  test("a file that is replaced while it is downloaded arrives as it was", async () => {
    const gate = new Gate();
    const store = new WatchedStore({
      before: ({ moment, index, signal }) => (moment === "read" && index === 1 ? gate.pass(signal) : undefined),
    });
    const bytes = bytesOf(200_000);
    await put(store.inner, "/f", bytes);
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    const receiving = collect(socket);
    await gate.reached;
    await upload(await served.user(), "STOR f", "new");
    gate.open();
    assert((await receiving).equals(bytes), "S12.14");
    await client.expectReply(226);
  });
});
