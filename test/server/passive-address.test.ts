/** What PASV tells clients behind NAT: an address for each network, a name, other ports; and a hint where it cannot be right. */
import assert from "node:assert/strict";
import net, { type Socket } from "node:net";
import { describe, test } from "node:test";
import { type PassiveOptions, partOfPorts, Server } from "../../dist/index.js";
import { accepts, begin, collect, download, offer, parseEpsv, parsePasv } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { tenPorts } from "../robustness/kit-ports.js";

/** A client that comes from another address of this machine. */
async function userFrom(served: Served, localAddress: string): Promise<ScriptedClient> {
  return (await ScriptedClient.connect(served.port, served.host, { localAddress })).login();
}

/** The address that PASV tells a client from another address of this machine. */
async function toldTo(served: Served, localAddress: string): Promise<string> {
  await using client = await userFrom(served, localAddress);
  return parsePasv(await client.expect("PASV", 227)).host;
}

describe("passive.address by the client's network", () => {
  test("the first network that the client is in counts; undefined is the address that it came to", () =>
    assertNoLeaks(async () => {
      await using served = await serve({
        passive: {
          address: {
            "127.0.0.2": "203.0.113.2",
            "127.0.0.0/29": undefined,
            "127.0.0.0/8": "203.0.113.8",
            "127.1.0.0/16": "203.0.113.16",
          },
        },
      });
      assert.equal(await toldTo(served, "127.0.0.2"), "203.0.113.2");
      assert.equal(await toldTo(served, "127.0.0.3"), "127.0.0.1");
      assert.equal(await toldTo(served, "127.0.0.8"), "203.0.113.8");
      assert.equal(await toldTo(served, "127.1.0.1"), "203.0.113.8");
    }));

  test("who is in none is told the address that it came to", async () => {
    await using served = await serve({ passive: { address: { "10.0.0.0/8": "203.0.113.7", "::/0": "203.0.113.8" } } });
    assert.equal(await toldTo(served, "127.0.0.1"), "127.0.0.1");
  });

  test("a network may have a name", async () => {
    await using served = await serve({
      passive: { address: { "127.0.0.2/32": "localhost", "0.0.0.0/0": "203.0.113.7" } },
    });
    assert.equal(await toldTo(served, "127.0.0.2"), "127.0.0.1");
    assert.equal(await toldTo(served, "127.0.0.3"), "203.0.113.7");
  });

  for (const [what, address, told] of [
    ["a network that is none", { "10.0.0.0/33": "203.0.113.7" }, /^passive\.address: "10\.0\.0\.0\/33" is no network/],
    ["bits behind the prefix", { "10.0.0.1/8": "203.0.113.7" }, /^passive\.address: "10\.0\.0\.1\/8" has bits set/],
    ["a name as a network", { localhost: "203.0.113.7" }, /^passive\.address: "localhost" is no address/],
    [
      "IPv6, which PASV cannot tell",
      { "10.0.0.0/8": "::1" },
      /^passive\.address\["10\.0\.0\.0\/8"\] must be .*, not ::1$/,
    ],
    ["IPv6 in brackets", { "::/0": "[::1]" }, /^passive\.address\["::\/0"\] must be .*, not \[::1\]$/],
    ["no host's address", { "::/0": "224.0.0.1" }, /^passive\.address\["::\/0"\] must be /],
    ["nothing", { "::/0": "" }, /^passive\.address\["::\/0"\] must be /],
    ["null", { "::/0": null }, /^passive\.address\["::\/0"\] must be .*, not null$/],
    ["a list", ["203.0.113.7"], /^passive\.address must be /],
    ["null alone", null, /^passive\.address must be /],
    ["a number", 7, /^passive\.address must be /],
    ["a URL", "ftp://example.org", /^passive\.address must be .*, not ftp:\/\/example\.org$/],
    ["a short form of an address", "127.1", /^passive\.address must be /],
  ] as const)
    test(`${what} is refused`, () =>
      assert.throws(
        () => new Server({ passive: { address } as unknown as PassiveOptions }),
        (error: Error) => (error instanceof TypeError || error instanceof RangeError) && told.test(error.message),
      ));
});

describe("passive.address by name", () => {
  test("is the address that the name has now", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ passive: { address: "LOCALHOST." } });
      assert.equal(await toldTo(served, "127.0.0.1"), "127.0.0.1");
      const client = await served.user();
      await put(served.fileSystem, "/f", "by name");
      assert.equal((await download(client, "RETR f", "PASV")).bytes.toString(), "by name");
    }));
});

describe("passive.advertise", () => {
  for (const host of ["127.0.0.1", "::1"])
    test(`PASV and EPSV tell the ports of the router, which lead to those that are listened on (${host})`, () =>
      assertNoLeaks(async () => {
        await using free = await tenPorts();
        const [first] = free.range;
        const ports = [first, first + 1] as const;
        const outside = [first + 5, first + 6] as const;
        await using served = await serve({ host, passive: { ports, advertise: outside } });
        await using router = await mapping(host, outside, ports);
        await put(served.fileSystem, "/f", "through the router");
        const client = await served.user();
        const seen = new Set<number>();
        for (const mode of host === "::1" ? (["EPSV"] as const) : (["PASV", "EPSV"] as const))
          for (let round = 0; round < 8; round++) {
            await using offered = await offer(client, mode);
            assert(offered.port === outside[0] || offered.port === outside[1], `port ${offered.port}`);
            assert.equal(await accepts(offered.port - 5, host), true);
            await client.expect("ABOR", 226);
            seen.add(offered.port);
          }
        assert.deepEqual(
          [...seen].sort((a, b) => a - b),
          [...outside],
        );
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, "RETR f", offered);
        assert.equal((await collect(socket)).toString(), "through the router");
        await client.expectReply(226);
        assert(router.relayed > 0);
      }));

  test("the parts of workers do not overlap, outside either", async () => {
    await using free = await tenPorts();
    const [first] = free.range;
    const [ports, advertise] = [[first, first + 3] as const, [50_000, 50_003] as const];
    const told: number[][] = [];
    for (const worker of [0, 1]) {
      const part = { ports: partOfPorts(ports, worker, 2), advertise: partOfPorts(advertise, worker, 2) };
      await using served = await serve({ passive: part });
      const client = await served.user();
      const seen = new Set<number>();
      for (let round = 0; round < 30; round++) seen.add(parseEpsv(await client.expect("EPSV", 229)));
      told.push([...seen].sort((a, b) => a - b));
    }
    assert.deepEqual(told, [
      [50_000, 50_001],
      [50_002, 50_003],
    ]);
  });

  for (const [passive, told] of [
    [{ advertise: [5, 6] }, /^passive\.advertise needs passive\.ports/],
    [{ ports: [5, 7], advertise: [5, 6] }, /^passive\.advertise must be as many ports as passive\.ports, 3, not 2$/],
    [{ ports: [5, 6], advertise: [6, 5] }, /^passive\.advertise must be \[first, last\] in order/],
    [{ ports: [5, 6], advertise: [65_535, 65_536] }, /^passive\.advertise must be an integer from 1 to 65535/],
    [{ ports: [5, 6], advertise: 5 }, /^passive\.advertise must be \[first, last\]/],
  ] as const)
    test(`${JSON.stringify(passive)} is refused`, () =>
      assert.throws(() => new Server({ passive: passive as PassiveOptions }), { message: told }));
});

/** A router that maps ports: connects whoever comes to one of `outside` with the one of `inside`, from the same address. */
async function mapping(host: string, outside: readonly [number, number], inside: readonly [number, number]) {
  let relayed = 0;
  const sockets = new Set<Socket>();
  const servers = [0, 1].map((index) =>
    net.createServer({ allowHalfOpen: true }, (near) => {
      relayed++;
      const far = net.connect({ host, port: inside[index] as number, allowHalfOpen: true });
      for (const socket of [near, far]) sockets.add(socket.on("error", () => undefined));
      near.pipe(far);
      far.pipe(near);
    }),
  );
  await Promise.all(
    servers.map((server, index) => new Promise<void>((resolve) => server.listen(outside[index], host, resolve))),
  );
  return {
    get relayed() {
      return relayed;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
