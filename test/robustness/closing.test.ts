/** S13.8: close() in the middle of everything: it resolves, on time, and nothing of the server is left. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem, MemoryFileSystem, Server } from "../../dist/index.js";
import { accepts, begin, collect, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { run } from "../kit/programs.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { deaf, FaultStore, hanging, type Operation } from "./kit-fault-store.js";
import { localFolder } from "./kit-local.js";

const LARGE = bytesOf(6_000_000);

/** One of a hundred sessions, with its transfer under way. */
interface Busy {
  readonly client: ScriptedClient;
  readonly socket: Socket;
  readonly command: string;
}

/** Sessions with transfers that wait for their clients. */
async function busySessions(served: Served, count: number): Promise<Busy[]> {
  const begun: Busy[] = [];
  for (let index = 0; index < count; index++) {
    const client = await served.user();
    await client.expect("TYPE I", 200);
    const command = index % 2 === 0 ? "RETR large" : `STOR new${index}`;
    const [, socket] = await begin(client, command, await offer(client, index % 3 === 0 ? "PASV" : "EPSV"));
    if (index % 2 === 1) socket.write(LARGE.subarray(0, 1000));
    begun.push({ client, socket, command });
  }
  return begun;
}

test("S13.8 close() while 100 sessions transfer: 426, 421, FIN; no upload is left", async () => {
  await using folder = await localFolder();
  const store = new LocalFileSystem(folder.root);
  await put(store, "/large", LARGE);
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store });
    const sessions = await busySessions(served, 100);
    const begun = performance.now();
    const closed = within(served.server.close(), "close()");
    for (const { client } of sessions) {
      await client.expectReply(426);
      await client.expectReply(421);
      await client.expectClosed();
    }
    await closed;
    assert(performance.now() - begun < 8000);
    assert.equal(served.server.sessions.length, 0);
    for (const { socket } of sessions) socket.destroy();
    assert.equal(await accepts(served.port), false, "still listening");
  });
  assert.deepEqual(await folder.names(), ["large"]);
});

test("S13.8 close({ drain }) lets 100 running transfers finish, ends idle sessions at once and takes no new ones", async () => {
  await using folder = await localFolder();
  const store = new LocalFileSystem(folder.root);
  await put(store, "/large", LARGE);
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store });
    const idle = await served.user();
    const sessions = await busySessions(served, 100);
    const closed = within(served.server.close({ drain: 60_000 }), "close()", 60_000);
    await idle.expectReply(421);
    await idle.expectClosed();
    assert.equal(await accepts(served.port), false, "still listening");
    for (const { client, socket, command } of sessions) {
      if (command.startsWith("STOR")) socket.end(LARGE.subarray(1000)).resume();
      else assert((await collect(socket)).equals(LARGE));
      await client.expectReply(226);
      await client.expectReply(421);
      await client.expectClosed();
    }
    await closed;
  });
  assert.equal((await folder.names()).length, 51, "an upload is missing, or something is left");
});

test("S13.8 close({ drain }) cuts what has not finished when the time is over", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: new MemoryFileSystem({ files: { "/large": LARGE } }) });
    const [one] = await busySessions(served, 1);
    assert(one);
    const begun = performance.now();
    const closed = served.server.close({ drain: 300 });
    await one.client.expectReply(426);
    await one.client.expectReply(421);
    await closed;
    const took = performance.now() - begun;
    assert(took >= 290 && took < 5000, `took ${took} ms`);
    one.socket.destroy();
  });
});

test("S13.8 close() during a drain ends the drain; every call resolves", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: new MemoryFileSystem({ files: { "/large": LARGE } }) });
    const sessions = await busySessions(served, 5);
    const drained = served.server.close({ drain: 600_000 });
    const closed = Promise.all([served.server.close(), served.server.close({ drain: 5 }), served.server.close()]);
    await within(Promise.all([drained, closed]), "close()");
    for (const { socket } of sessions) socket.destroy();
  });
});

describe("S13.8 close() at every moment of a session that does not read or say anything", () => {
  const moments: Readonly<Record<string, (client: ScriptedClient) => Promise<unknown>>> = {
    connected: async () => undefined,
    "in the middle of a line": async (client) => client.send("USE"),
    "with an open passive port": async (client) => (await client.login()).expect("EPSV", 229),
    "with a data connection that waits": async (client) => (await offer(await client.login(), "EPSV")).connect(),
    "waiting for a data connection": async (client) => {
      await (await client.login()).expect("EPSV", 229);
      await client.expect("LIST", 150);
    },
    "with commands waiting behind a transfer": async (client) => {
      await (await client.login()).expect("EPSV", 229);
      client.send(`LIST\r\n${"PWD\r\n".repeat(100)}`);
      await client.expectReply(150);
    },
    "with unread replies": async (client) => {
      await client.login();
      client.socket.pause();
      client.send("HELP\r\n".repeat(20_000));
    },
  };
  for (const [moment, reach] of Object.entries(moments))
    test(moment, async () => {
      await assertNoLeaks(async () => {
        await using served = await serve();
        const client = await served.client();
        await reach(client);
        const begun = performance.now();
        await served.server.close();
        assert(performance.now() - begun < 5000, "close() took its time");
        assert.equal(served.server.sessions.length, 0);
      });
    });
});

describe("S13.8 S17.5 close() while the store does not answer", () => {
  for (const [operation, command] of [
    ["stat", "SIZE f"],
    ["stat", "LIST"],
    ["entry", "NLST"],
    ["openRead", "RETR f"],
    ["read", "RETR f"],
    ["openWrite", "STOR g"],
    ["write", "STOR g"],
    ["commit", "STOR g"],
    ["makeDirectory", "MKD x"],
  ] as const satisfies readonly (readonly [Operation, string])[])
    for (const [kind, fault] of [
      ["heeds its signal", hanging],
      ["heeds nothing", deaf],
    ] as const) {
      // A commit heeds no signal by contract; who heeds nothing costs the time that stores are given.
      if (fault === hanging ? operation === "commit" : ["openRead", "openWrite", "entry"].includes(operation)) continue;
      test(`${command} waits for ${operation}, and the store ${kind}`, async () => {
        const store = new FaultStore(new MemoryFileSystem({ files: { "/f": "content" } }));
        await assertNoLeaks(async () => {
          await using served = await serve({ fileSystem: store });
          const client = await served.user();
          await client.expect("TYPE I", 200);
          await using offered = await offer(client, "EPSV");
          const socket = await offered.connect();
          let asked = false;
          store.plan = (name) => {
            asked ||= name === operation;
            return name === operation ? fault : undefined;
          };
          client.send(`${command}\r\n`);
          socket.end("content");
          await until(() => asked, undefined, "the store is asked");
          const begun = performance.now();
          await served.server.close();
          assert(performance.now() - begun < 8000, "close() took its time");
        });
      });
    }
});

for (const how of ["close", "drain", "await using"])
  test(`S13.8 S18.11 a program with 20 running transfers ends by itself after ${how}`, async () => {
    const child = join(import.meta.dirname, "kit-child-closing.js");
    const finished = await run(process.execPath, ["--unhandled-rejections=strict", child, how], { timeout: 30_000 });
    assert.deepEqual(finished, { code: 0, stdout: "closed\n", stderr: "", timedOut: false });
  });

test("S13.8 close() of a server that never listened, twice, and listen() afterwards", async () => {
  const server = new Server({ host: "127.0.0.1", port: 0 });
  await server.close();
  await server.close();
  await assert.rejects(server.listen());
  assert.deepEqual(server.addresses, []);
});
