import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { type PortLease, PortPool } from "../../dist/channel/port-pool.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { causeOf, freeRange, occupy, rejection, vacate } from "./connections.js";

/** Leases a port with a listener, and gives both back. */
async function use(pool: PortPool): Promise<number> {
  const server = createServer();
  const lease = await pool.listen(server, "127.0.0.1");
  await giveBack(server, lease);
  return lease.port;
}

async function giveBack(server: Server, lease: PortLease): Promise<void> {
  await vacate(server);
  lease.release();
}

/** Leases ports and keeps them. */
async function hold(pool: PortPool, count: number): Promise<[Server, PortLease][]> {
  const held: [Server, PortLease][] = [];
  for (let index = 0; index < count; index++) {
    const server = createServer();
    held.push([server, await pool.listen(server, "127.0.0.1")]);
  }
  return held;
}

describe("a pool without a range", () => {
  test("gives a port of the system's choice and counts it until it is released, once", () =>
    assertNoLeaks(async () => {
      const pool = new PortPool();
      const [first, second] = await hold(pool, 2);
      assert(first && second);
      assert.equal(pool.leased, 2);
      const address = first[0].address();
      assert(address !== null && typeof address === "object");
      assert.equal(address.port, first[1].port);
      await giveBack(...first);
      first[1].release();
      assert.equal(pool.leased, 1);
      await giveBack(...second);
      assert.equal(pool.leased, 0);
    }));

  test("S13.9 what the system refuses is NO_PASSIVE_PORT, and the server keeps no listeners of ours", async () => {
    const pool = new PortPool();
    const server = createServer();
    const error = await rejection(pool.listen(server, "192.0.2.1"), "NO_PASSIVE_PORT");
    assert.equal(causeOf(error), "EADDRNOTAVAIL");
    assert.equal(pool.leased, 0);
    assert.equal(server.listenerCount("error") + server.listenerCount("listening"), 0);
  });
});

test("S13.2 a process without file descriptors gets NO_PASSIVE_PORT, and a port once it has some again", async () => {
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { createServer } from "node:net";
    import { PortPool } from ${JSON.stringify(new URL("../../dist/channel/port-pool.js", import.meta.url).href)};
    const pool = new PortPool();
    const listen = () => {
      const server = createServer().on("error", () => undefined);
      return pool.listen(server, "127.0.0.1").then(() => (server.close(), "listens"), (error) => error.code + " " + error.cause.code);
    };
    const open = [];
    try { for (;;) open.push(openSync("/")); } catch {}
    const without = await listen();
    open.forEach((fd) => closeSync(fd));
    process.stdout.write(without + ", " + (await listen()));`;
  const { stdout } = await promisify(execFile)(
    "/bin/sh",
    ["-c", 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1"', process.execPath, script],
    { timeout: 10_000 },
  );
  assert.equal(stdout, "NO_PASSIVE_PORT EMFILE, listens");
});

describe("a pool with a range", () => {
  for (const [range, why] of [
    [[0, 10], "port 0"],
    [[2000, 1999], "the wrong order"],
    [[1, 65_536], "beyond the last port"],
    [[1.5, 3], "a fraction"],
    [[Number.NaN, 3], "not a number"],
  ] as const)
    test(`refuses ${why}`, () => assert.throws(() => new PortPool(range), RangeError));

  test("leases ports of the range only, each to one", () =>
    assertNoLeaks(async () => {
      const [min, max] = await freeRange(5);
      const pool = new PortPool([min, max]);
      const held = await hold(pool, 5);
      const ports = held.map(([, lease]) => lease.port).sort((a, b) => a - b);
      assert.deepEqual(ports, [min, min + 1, min + 2, min + 3, max]);
      for (const one of held) await giveBack(...one);
      assert.equal(pool.leased, 0);
    }));

  test("S4.2 200 leases follow no order that could be guessed", async () => {
    const range = await freeRange(101);
    const pool = new PortPool(range);
    const ports: number[] = [];
    for (let round = 0; round < 200; round++) ports.push(await use(pool));
    const steps = ports.slice(1).map((port, index) => port - (ports[index] as number));
    assert(new Set(ports).size >= 60, `only ${new Set(ports).size} different ports`);
    assert(commonest(ports) <= 10, "one port comes too often");
    assert(commonest(steps) <= 20, "one step comes too often");
    const rises = steps.filter((step) => step > 0).length;
    assert(rises > 60 && rises < 140, `${rises} of 199 steps rise`);
    for (let period = 1; period <= 150; period++) {
      const again = ports.slice(period).filter((port, index) => port === ports[index]).length;
      assert(again <= 4 + (200 - period) / 4, `${again} of ${200 - period} ports come again after ${period}`);
    }
  });

  test("S4.2 two pools of one range do not agree on what comes next", async () => {
    const range = await freeRange(101);
    const [one, other] = [new PortPool(range), new PortPool(range)];
    let equal = 0;
    for (let round = 0; round < 50; round++) if ((await use(one)) === (await use(other))) equal++;
    assert(equal < 15, `${equal} of 50 are the same`);
  });

  test("S4.7 a port that was just given back rests while others are free", async () => {
    const pool = new PortPool(await freeRange(3));
    for (let round = 0, last = 0; round < 60; round++) {
      const port = await use(pool);
      assert.notEqual(port, last);
      last = port;
    }
  });

  test("S4.7 the only port is leased again", async () => {
    const pool = new PortPool(await freeRange(1));
    assert.equal(await use(pool), await use(pool));
  });

  test("S4.8 an exhausted range is refused at once and works again after a release", () =>
    assertNoLeaks(async () => {
      const pool = new PortPool(await freeRange(10));
      const held = await hold(pool, 10);
      let turned = false;
      const turn = setImmediate(() => {
        turned = true;
      });
      await rejection(pool.listen(createServer(), "127.0.0.1"), "NO_PASSIVE_PORT");
      assert.equal(turned, false, "the system was asked");
      clearImmediate(turn);
      assert.equal(pool.leased, 10);
      const freed = held.shift();
      assert(freed);
      await giveBack(...freed);
      assert.equal(await use(pool), freed[1].port);
      for (const one of held) await giveBack(...one);
    }));

  test("S4.8 many sessions at once get different ports, and too many are refused", () =>
    assertNoLeaks(async () => {
      const pool = new PortPool(await freeRange(8));
      const servers = Array.from({ length: 12 }, () => createServer());
      const results = await Promise.allSettled(servers.map((server) => pool.listen(server, "127.0.0.1")));
      const leases = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      assert.equal(new Set(leases.map((lease) => lease.port)).size, 8);
      assert.equal(pool.leased, 8);
      await Promise.all(servers.filter((server) => server.listening).map(vacate));
      for (const lease of leases) lease.release();
      assert.equal(pool.leased, 0);
    }));

  test("S13.9 a port with a foreign listener is passed over", () =>
    assertNoLeaks(async () => {
      const [min, max] = await freeRange(2);
      const pool = new PortPool([min, max]);
      const foreign = await occupy(min);
      for (let round = 0; round < 20; round++) assert.equal(await use(pool), max);
      await vacate(foreign);
      const ports = new Set<number>();
      for (let round = 0; round < 4; round++) ports.add(await use(pool));
      assert.deepEqual(
        [...ports].sort((a, b) => a - b),
        [min, max],
      );
    }));

  test("S13.9 a range full of foreign listeners is NO_PASSIVE_PORT, each tried once", () =>
    assertNoLeaks(async () => {
      const [min, max] = await freeRange(4);
      const foreign = await Promise.all([0, 1, 2, 3].map((index) => occupy(min + index)));
      const pool = new PortPool([min, max]);
      const server = createServer();
      const tried: number[] = [];
      server.on("error", (error: NodeJS.ErrnoException & { port?: number }) => tried.push(error.port ?? 0));
      const error = await rejection(pool.listen(server, "127.0.0.1"), "NO_PASSIVE_PORT");
      assert.equal(causeOf(error), "EADDRINUSE");
      assert.deepEqual(
        tried.sort((a, b) => a - b),
        [min, min + 1, min + 2, max],
      );
      assert.equal(pool.leased, 0);
      await Promise.all(foreign.map(vacate));
      assert((await use(pool)) >= min);
    }));

  test("S13.9 where the system refuses to listen at all, the other ports are not tried", async () => {
    const pool = new PortPool(await freeRange(5));
    const server = createServer();
    let refused = 0;
    server.on("error", () => refused++);
    const error = await rejection(pool.listen(server, "192.0.2.1"), "NO_PASSIVE_PORT");
    assert.equal(causeOf(error), "EADDRNOTAVAIL");
    assert.equal(refused, 1);
  });
});

/** How often the commonest value comes. */
function commonest(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Math.max(...counts.values());
}
