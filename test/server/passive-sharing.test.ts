/** A small range of passive ports serves many clients at once: each gets its own files, and nobody those of another. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, collect, type DataMode, offer, pour } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { content, put } from "../kit/store.js";
import { type TenPorts, tenPorts } from "../robustness/kit-ports.js";

const MODES: readonly DataMode[] = ["PASV", "EPSV"];

/** A client that comes from an address of its own. */
interface Client {
  readonly control: ScriptedClient;
  readonly localAddress: string;
}

async function clientFrom(served: Served, number: number): Promise<Client> {
  const localAddress = `127.0.2.${number + 1}`;
  const control = await ScriptedClient.connect(served.port, served.host, { localAddress });
  await control.login();
  return { control, localAddress };
}

/** A server with so many passive ports, and so many clients of it, each from an address of its own. */
function crowded(
  title: string,
  { ports, clients, ...options }: { ports: number; clients: number } & ServeOptions,
  run: (clients: readonly Client[], served: Served, exhausted: () => number) => Promise<void>,
): void {
  test(title, () =>
    assertNoLeaks(async () => {
      await using free: TenPorts = await tenPorts();
      const [first] = free.range;
      let exhausted = 0;
      const passive = { ports: [first, first + ports - 1] } as const;
      await using served = await serve({ ...options, passive }, (server) =>
        server.on("portsExhausted", () => exhausted++),
      );
      const all: Client[] = [];
      try {
        for (let number = 0; number < clients; number++) all.push(await clientFrom(served, number));
        await run(all, served, () => exhausted);
      } finally {
        for (const { control } of all) await control[Symbol.asyncDispose]();
      }
    }),
  );
}

/** RETR from the offer to the final reply. */
async function retrieve({ control, localAddress }: Client, path: string, mode: DataMode): Promise<string> {
  await using offered = await offer(control, mode);
  const [, socket] = await begin(control, `RETR ${path}`, {
    ...offered,
    connect: () => offered.connect({ localAddress }),
  });
  const bytes = await collect(socket);
  await control.expectReply(226);
  return bytes.toString();
}

describe("clients that share the passive ports", () => {
  for (const mode of MODES)
    crowded(
      `S4.8 ${mode}: one port, five clients, all offers open at once`,
      { ports: 1, clients: 5 },
      async (clients, served) => {
        for (const [number] of clients.entries()) await put(served.fileSystem, `/${number}`, `only for ${number}`);
        const offers = await Promise.all(clients.map(({ control }) => offer(control, mode)));
        assert.equal(new Set(offers.map(({ port }) => port)).size, 1);
        for (const [number, { control, localAddress }] of [...clients.entries()].toReversed()) {
          const offered = offers[number] as (typeof offers)[number];
          const connect = () => offered.connect({ localAddress });
          const [, socket] = await begin(control, `RETR ${number}`, { ...offered, connect });
          assert.equal((await collect(socket)).toString(), `only for ${number}`);
          await control.expectReply(226);
        }
        for (const offered of offers) await offered[Symbol.asyncDispose]();
      },
    );

  crowded(
    "two ports, twenty clients, uploads and downloads at the same time",
    { ports: 2, clients: 20 },
    async (clients, served, exhausted) => {
      for (const [number] of clients.entries()) await put(served.fileSystem, `/${number}`, `only for ${number}`);
      await Promise.all(
        clients.map(async (client, number) => {
          for (let round = 0; round < 5; round++) {
            const mode = MODES[(number + round) % 2] as DataMode;
            assert.equal(await retrieve(client, String(number), mode), `only for ${number}`);
            await using offered = await offer(client.control, mode);
            const connect = () => offered.connect({ localAddress: client.localAddress });
            const [, socket] = await begin(client.control, `STOR up-${number}-${round}`, { ...offered, connect });
            await pour(socket, `from ${number} in round ${round}`);
            await client.control.expectReply(226);
          }
        }),
      );
      for (const [number] of clients.entries())
        for (let round = 0; round < 5; round++)
          assert.equal(
            (await content(served.fileSystem, `/up-${number}-${round}`)).toString(),
            `from ${number} in round ${round}`,
          );
      assert.equal(exhausted(), 0);
    },
  );

  crowded(
    "S4.8 who has all the ports keeps nobody else from them",
    { ports: 2, clients: 1 },
    async ([first], served, exhausted) => {
      assert(first);
      await put(served.fileSystem, "/f", "content");
      const same = [await served.user(), await served.user(), await served.user()];
      await same[0]?.expect("EPSV", 229);
      await same[1]?.expect("PASV", 227);
      await same[2]?.expect("EPSV", 425);
      await same[2]?.expect("PASV", 425);
      assert.equal(exhausted(), 2);
      assert.equal(await retrieve(first, "f", "EPSV"), "content");
      assert.equal(exhausted(), 2);
    },
  );

  crowded(
    "S4.1 S4.5 a client gets nothing of another one's port, and harms nobody",
    { ports: 1, clients: 3 },
    async ([one, two, thief], served) => {
      assert(one && two && thief);
      await put(served.fileSystem, "/secret", "secret");
      const strangers: unknown[] = [];
      served.server.on("stranger", ({ address }) => strangers.push(address));
      const offers = [await offer(one.control, "PASV"), await offer(two.control, "PASV")];
      one.control.send("RETR secret\r\n");
      await one.control.expectReply(150);
      two.control.send("STOR poisoned\r\n");
      await two.control.expectReply(150);
      const stolen = await (offers[0] as (typeof offers)[number]).connect({ localAddress: thief.localAddress });
      stolen.end("poison");
      const loot: Buffer[] = [];
      await new Promise((resolve) => stolen.on("data", (chunk) => loot.push(chunk)).once("close", resolve));
      assert.equal(Buffer.concat(loot).length, 0);
      assert.deepEqual(strangers, [thief.localAddress]);
      const upload = await (offers[1] as (typeof offers)[number]).connect({ localAddress: two.localAddress });
      await pour(upload, "clean");
      await two.control.expectReply(226);
      const download = await (offers[0] as (typeof offers)[number]).connect({ localAddress: one.localAddress });
      assert.equal((await collect(download)).toString(), "secret");
      await one.control.expectReply(226);
      assert.equal((await content(served.fileSystem, "/poisoned")).toString(), "clean");
      for (const offered of offers) await offered[Symbol.asyncDispose]();
    },
  );

  crowded(
    "S4.6 one that leaves, by QUIT or by a reset, does not close the port of the others",
    { ports: 1, clients: 3 },
    async ([quits, resets, stays], served) => {
      assert(quits && resets && stays);
      await put(served.fileSystem, "/f", "content");
      await quits.control.expect("EPSV", 229);
      await resets.control.expect("EPSV", 229);
      await using offered = await offer(stays.control, "EPSV");
      await quits.control.expect("QUIT", 221);
      await quits.control.expectClosed();
      resets.control.reset();
      await resets.control.expectClosed();
      const connect = () => offered.connect({ localAddress: stays.localAddress });
      const [, socket] = await begin(stays.control, "RETR f", { ...offered, connect });
      assert.equal((await collect(socket)).toString(), "content");
      await stays.control.expectReply(226);
    },
  );

  crowded(
    "a server that is closed closes the ports that are shared",
    { ports: 1, clients: 4 },
    async (clients, served) => {
      for (const { control } of clients) await control.expect("EPSV", 229);
      await served.server.close();
    },
  );
});
