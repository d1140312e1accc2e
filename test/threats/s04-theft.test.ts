/** Somebody else connects to the passive port (RFC 2577 §3): he gets nothing, and the client loses nothing by it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { begin, collect, download, listen, type Offer, offer, pour } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, put } from "../kit/store.js";
import { within } from "../kit/temporary.js";

const THIEF = { localAddress: "127.0.0.2" } as const;
const SECRET = "for your eyes only\n";

async function scene(
  work: (served: Served, client: ScriptedClient, strangers: string[]) => Promise<void>,
): Promise<void> {
  await assertNoLeaks(async () => {
    const strangers: string[] = [];
    await using served = await serve({}, (server) =>
      server.on("stranger", ({ address }) => strangers.push(String(address))),
    );
    await put(served.fileSystem, "/secret.txt", SECRET);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await work(served, client, strangers);
    await client.assertQuiet();
  });
}

/** Everything that a thief is sent until he is turned away. */
async function loot(thief: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  thief.on("data", (chunk) => chunks.push(chunk));
  if (!thief.closed) await within(new Promise((resolve) => thief.once("close", resolve)), "the thief's end");
  return Buffer.concat(chunks).toString();
}

describe("S4.1 a connection from another address", () => {
  for (const mode of ["PASV", "EPSV"] as const) {
    test(`S4.1 ${mode}: before the command: the thief gets nothing, the client all on the same port`, () =>
      scene(async (_served, client, strangers) => {
        for (const line of ["RETR secret.txt", "LIST", "MLSD"]) {
          await using offered = await offer(client, mode);
          assert.equal(await loot(await offered.connect(THIEF)), "");
          const [, socket] = await begin(client, line, offered);
          assert((await collect(socket)).length >= SECRET.length);
          await client.expectReply(226);
        }
        assert.deepEqual(strangers, ["127.0.0.2", "127.0.0.2", "127.0.0.2"]);
      }));

    test(`S4.1 ${mode}: while the command waits for the client`, () =>
      scene(async (_served, client) => {
        await using offered = await offer(client, mode);
        client.send("RETR secret.txt\r\n");
        await client.expectReply(150);
        const thieves = await Promise.all(Array.from({ length: 10 }, () => offered.connect(THIEF)));
        for (const stolen of await Promise.all(thieves.map(loot))) assert.equal(stolen, "");
        assert.equal((await collect(await offered.connect())).toString(), SECRET);
        await client.expectReply(226);
      }));
  }

  test("S4.1 a crowd at the port does not keep the client out", () =>
    scene(async (_served, client, strangers) => {
      await using offered = await offer(client, "EPSV");
      const crowd = Array.from({ length: 100 }, () => net.connect({ host: "127.0.0.1", port: offered.port, ...THIEF }));
      for (const thief of crowd) thief.on("error", () => undefined).on("data", () => assert.fail("loot"));
      const [, socket] = await begin(client, "RETR secret.txt", offered);
      assert.equal((await collect(socket)).toString(), SECRET);
      await client.expectReply(226);
      // Some of them never learn from their system that nobody is there.
      for (const thief of crowd) thief.destroy();
      assert(strangers.every((address) => address === "127.0.0.2"));
    }));

  test("S4.1 a thief who hangs up at once, or resets, is no thief either", () =>
    scene(async (_served, client) => {
      await using offered = await offer(client, "EPSV");
      for (let time = 0; time < 20; time++) {
        const thief = await offered.connect(THIEF);
        if (time % 2 === 0) thief.resetAndDestroy();
        else thief.end();
      }
      const [, socket] = await begin(client, "RETR secret.txt", offered);
      assert.equal((await collect(socket)).toString(), SECRET);
      await client.expectReply(226);
    }));
});

describe("S4.4 more than one connection", () => {
  /** Connects, and tells what came of it: what was received, or nothing where the port was closed. */
  async function tryAgain(port: number): Promise<string> {
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.on("error", () => undefined);
    return loot(socket);
  }

  test("S4.4 the second one is closed at once, also before the transfer, and the first is not disturbed", () =>
    scene(async (_served, client) => {
      await using offered = await offer(client, "EPSV");
      const first = await offered.connect();
      await client.expect("NOOP", 200);
      for (let time = 0; time < 5; time++) assert.equal(await tryAgain(offered.port), "");
      client.send("RETR secret.txt\r\n");
      await client.expectReply(150);
      assert.equal(await tryAgain(offered.port), "");
      assert.equal((await collect(first)).toString(), SECRET);
      await client.expectReply(226);
    }));

  test("S4.4 of ten at the same time one is served", () =>
    scene(async (_served, client) => {
      await using offered = await offer(client, "EPSV");
      const sockets = Array.from({ length: 10 }, () => net.connect({ host: "127.0.0.1", port: offered.port }));
      for (const socket of sockets) socket.on("error", () => undefined);
      client.send("RETR secret.txt\r\n");
      await client.expectReply(125, 150);
      await client.expectReply(226);
      const received = await Promise.all(sockets.map(loot));
      assert.deepEqual(
        received.filter((text) => text !== ""),
        [SECRET],
      );
    }));
});

describe("S4.5 data that came early", () => {
  /** Sends text that nobody asked for, and is turned away. */
  async function sendAsThief(offered: Offer): Promise<void> {
    const thief = await offered.connect(THIEF);
    thief.write("evil ".repeat(1000));
    await loot(thief);
  }

  test("S4.5 from a thief is not in the file; from the client it is, whole", () =>
    scene(async (served, client) => {
      for (const command of ["STOR file", "APPE file2", "STOU"]) {
        await using offered = await offer(client, "PASV");
        await sendAsThief(offered);
        const own = await offered.connect();
        own.write("early ");
        await client.expect("NOOP", 200);
        client.send(`${command}\r\n`);
        const { text } = await client.expectReply(125, 150);
        const name = /FILE: (\S+)/.exec(text)?.[1] ?? command.slice(5);
        await pour(own, "late");
        await client.expectReply(226);
        assert.equal((await content(served.fileSystem, `/${name}`)).toString(), "early late");
      }
    }));

  test("S4.5 while STOR waits: only the client is waited for", () =>
    scene(async (served, client) => {
      await using offered = await offer(client, "EPSV");
      client.send("STOR file\r\n");
      await client.expectReply(150);
      await sendAsThief(offered);
      await pour(await offered.connect(), "honest");
      await client.expectReply(226);
      assert.equal((await content(served.fileSystem, "/file")).toString(), "honest");
    }));

  test("S4.5 sent by a client that asks for a download is read by nobody", () =>
    scene(async (_served, client) => {
      await using offered = await offer(client, "EPSV");
      const own = await offered.connect();
      own.write("x".repeat(100_000));
      client.send("RETR secret.txt\r\n");
      await client.expectReply(150);
      assert.equal((await collect(own)).toString(), SECRET);
      await client.expectReply(226);
    }));
});

describe("S4.10 the server's own address", () => {
  test("S4.9 S4.10 is the one that the client knows, in both directions", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ host: "0.0.0.0" });
      await put(served.fileSystem, "/secret.txt", SECRET);
      await using client = await ScriptedClient.connect(served.port, "127.0.0.3", { localAddress: "127.0.0.4" });
      await client.login();
      const own = await listen("127.0.0.4");
      await client.expect(`PORT 127,0,0,4,${own.port >> 8},${own.port & 255}`, 200);
      client.send("RETR secret.txt\r\n");
      await client.expectReply(150);
      const socket = await own.accept();
      assert.equal(socket.remoteAddress, "127.0.0.3");
      socket.resume();
      await client.expectReply(226);
      await own.close();
      await using offered = await offer(client, "PASV");
      assert.match(offered.reply.text, /\(127,0,0,3,/);
      const elsewhere = net.connect({ host: "127.0.0.1", port: offered.port, localAddress: "127.0.0.4" });
      await assert.rejects(once(elsewhere, "connect"), { code: "ECONNREFUSED" });
      assert.equal((await download(client, "LIST", "PORT")).replies[1].code, 226);
    }));
});
