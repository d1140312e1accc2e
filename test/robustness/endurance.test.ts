/** Many transfers and many connections, one after the other and at once: nothing adds up. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { LocalFileSystem, MemoryFileSystem } from "../../dist/index.js";
import { download, MODES, offer, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";
import { localFolder } from "./kit-local.js";
import { reachableBytes } from "./kit-memory.js";
import { assertPortsAreBack, countPassivePorts, tenPorts } from "./kit-ports.js";
import { Witness } from "./kit-witness.js";

const CONTENT = bytesOf(50_000);

test("200 transfers in a row of one session, in all modes", async () => {
  await using folder = await localFolder();
  await assertNoLeaks(async () => {
    await using free = await tenPorts();
    await using served = await serve({ fileSystem: new LocalFileSystem(folder.root), passive: { ports: free.range } });
    const ports = await countPassivePorts(served);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    for (let round = 0; round < 200; round += 4) await fourTransfers(client, round);
    await client.assertQuiet();
    await assertPortsAreBack(served, ports);
  });
  assert.deepEqual(await folder.names(), ["file"]);
});

/** One of each kind, each in another mode than the last time. */
async function fourTransfers(client: ScriptedClient, round: number): Promise<void> {
  const mode = (index: number) => MODES[(round / 4 + index) % MODES.length] ?? "EPSV";
  await upload(client, "STOR file", CONTENT, mode(0));
  assert((await download(client, "RETR file", mode(1))).bytes.equals(CONTENT));
  await upload(client, "APPE file", "more", mode(2));
  assert.match((await download(client, "LIST", mode(3))).bytes.toString(), / 50004 .* file\r\n$/);
}

/** What a connection does before it goes. */
const CAREERS: readonly ((client: ScriptedClient) => Promise<unknown>)[] = [
  async () => undefined,
  (client) => client.reply(),
  async (client) => client.send("US"),
  async (client) => client.send("USER test\r\nPASS secret\r\nPASV\r\n"),
  (client) => toLogin(client),
  async (client) => (await toLogin(client)).expect("EPSV", 229),
  async (client) => (await offer(await toLogin(client), "PASV")).connect(),
  async (client) => (await toLogin(client)).send("RETR file\r\nNOOP\r\nQUIT\r\n"),
];

/** How it goes. */
const FAREWELLS: readonly ((client: ScriptedClient) => void)[] = [
  (client) => client.reset(),
  (client) => client.end(),
  (client) => client.socket.destroy(),
  (client) => client.send("\r\nQUIT\r\n"),
];

test("S13.1 S10.9 300 connections opened and dropped at every step of a login, in every way", async () => {
  await assertNoLeaks(async () => {
    await using free = await tenPorts();
    await using served = await serve({ passive: { ports: free.range } });
    const ports = await countPassivePorts(served);
    await dropMany(served, 300);
    await assertPortsAreBack(served, ports);
  });
});

async function dropMany(served: Served, times: number): Promise<void> {
  await using witness = await Witness.begin(served);
  const drop = async (index: number) => {
    const client = await ScriptedClient.open(served.port);
    const career = CAREERS[index % CAREERS.length];
    await career?.(client);
    const farewell = FAREWELLS[Math.floor(index / CAREERS.length) % FAREWELLS.length];
    farewell?.(client);
    if (client.socket.readyState !== "closed") await client.expectClosed();
  };
  for (let begun = 0; begun < times; begun += 10)
    await Promise.all(Array.from({ length: Math.min(10, times - begun) }, (_, index) => drop(begun + index)));
  await until(() => served.server.sessions.length === 1, undefined, "only the witness is left");
  await witness.assertUnharmed();
}

async function toLogin(client: ScriptedClient): Promise<ScriptedClient> {
  assert.equal((await client.reply()).code, 220);
  return client.login();
}

test("S13.1 2,000 connections reset at once: the server goes on", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve();
    await using witness = await Witness.begin(served);
    for (let batch = 0; batch < 20; batch++) {
      const gone = Array.from({ length: 100 }, (_, index) => {
        const socket = connect(served.port, served.host);
        socket.on("error", () => undefined);
        // Half of them before they are connected, half as soon as they are.
        if (index % 2 === 0) socket.destroy();
        else socket.once("connect", () => reset(socket));
        return new Promise((resolve) => socket.once("close", resolve));
      });
      await Promise.all(gone);
    }
    await until(() => served.server.sessions.length === 1, undefined, "only the witness is left");
    await witness.assertUnharmed();
  });
});

test("S13.7 500 times connect, login, LIST, QUIT: descriptors, handles and heap come back", async () => {
  const fileSystem = new MemoryFileSystem({ files: { "/a": "a", "/b": "b" } });
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem });
    const visit = async () => {
      await using client = await served.user();
      assert.match((await download(client, "LIST")).bytes.toString(), / a\r\n.* b\r\n$/);
      await client.expect("QUIT", 221);
      await client.expectClosed();
    };
    const visits = async (times: number) => {
      for (let round = 0; round < times; round++) await visit();
      return reachableBytes();
    };
    const warm = await visits(100);
    const after = await visits(400);
    assert(after - warm < 8_000_000, `${after - warm} bytes more are held in 400 visits`);
  });
});
