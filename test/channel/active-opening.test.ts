import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { openActive } from "../../dist/channel/active-opening.js";
import { listen } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until } from "../kit/temporary.js";
import { causeOf, elapse, everything, FAMILIES, freeRange, rejection } from "./connections.js";

const SOON = { timeout: 5000 };

for (const host of FAMILIES)
  describe(`a connect to ${host} (RFC 959 §3.2, RFC 2428 §2)`, () => {
    test("is made when the transfer starts, not before, from the address of the control connection", () =>
      assertNoLeaks(async () => {
        const listener = await listen(host);
        const opening = openActive({ host, port: listener.port, localAddress: host });
        assert.equal(opening.kind, "active");
        await elapse(30);
        assert.equal(listener.arrivals, 0);
        const socket = await opening.open(SOON);
        const client = await listener.accept();
        assert.equal(client.remoteAddress, host);
        assert.equal(socket.isPaused(), true);
        assert(socket.listenerCount("error") > 0);
        socket.end("hello");
        assert.equal((await everything(client)).toString(), "hello");
        socket.destroy();
        await listener.close();
      }));

    test("S13.6 comes from the port that was asked for, also for two clients at once", () =>
      assertNoLeaks(async () => {
        const [localPort] = await freeRange(1);
        const listeners = [await listen(host), await listen(host)];
        for (const listener of listeners) {
          const opening = openActive({ host, port: listener.port, localAddress: host, localPort });
          const socket = await opening.open(SOON);
          assert.equal((await listener.accept()).remotePort, localPort);
          // With a reset the port does not stay in TIME_WAIT after the test.
          socket.resetAndDestroy();
        }
        for (const listener of listeners) await listener.close();
      }));

    test("S13.4 that is refused is DATA_LOST at once", () =>
      assertNoLeaks(async () => {
        const [port] = await freeRange(1);
        const error = await rejection(openActive({ host, port }).open({ timeout: 0 }), "DATA_LOST");
        assert.equal(causeOf(error), "ECONNREFUSED");
      }));
  });

test("a local address in IPv6 spelling binds IPv4 (RFC 4291 §2.5.5.2)", () =>
  assertNoLeaks(async () => {
    const listener = await listen("127.0.0.1");
    const options = { host: "127.0.0.1", port: listener.port, localAddress: "::ffff:127.0.0.2" };
    (await openActive(options).open(SOON)).destroy();
    assert.equal((await listener.accept()).remoteAddress, "127.0.0.2");
    await listener.close();
  }));

test("S3.8 is made once, however it ends", () =>
  assertNoLeaks(async () => {
    let arrivals = 0;
    const server = createServer((socket) => {
      arrivals++;
      socket.resetAndDestroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert(address !== null && typeof address === "object");
    const opening = openActive({ host: "127.0.0.1", port: address.port });
    // The reset may come before or after the connection counts as made.
    await opening.open(SOON).then(
      (socket) => socket.destroy(),
      (error) => assert.equal(error.code, "DATA_LOST"),
    );
    await assert.rejects(opening.open(SOON), TypeError);
    await elapse(50);
    assert.equal(arrivals, 1);
    server.close();
    await once(server, "close");
  }));

test("S13.9 a local port that is not ours to take is DATA_LOST", () =>
  assertNoLeaks(async () => {
    const listener = await listen("127.0.0.1");
    const options = { host: "127.0.0.1", port: listener.port, localAddress: "192.0.2.1" };
    assert.equal(causeOf(await rejection(openActive(options).open(SOON), "DATA_LOST")), "EADDRNOTAVAIL");
    assert.equal(listener.arrivals, 0);
    await listener.close();
  }));

test("an impossible port leaves no timer behind", () =>
  assertNoLeaks(async () => {
    await rejection(openActive({ host: "127.0.0.1", port: 70_000 }).open(SOON), "DATA_LOST");
  }));

describe("a client that does not answer", () => {
  test("S13.4 times out", () =>
    silent(async (port) => {
      await rejection(openActive({ host: "127.0.0.1", port }).open({ timeout: 50 }), "DATA_TIMEOUT");
    }));

  test("S13.4 is given up by ABOR: the reason is the cause", () =>
    silent(async (port) => {
      const controller = new AbortController();
      const reason = new Error("ABOR");
      const opens = openActive({ host: "127.0.0.1", port }).open({ timeout: 0, signal: controller.signal });
      await elapse(20);
      controller.abort(reason);
      assert.equal((await rejection(opens, "ABORTED")).cause, reason);
      assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    }));

  test("S4.6 is given up when the offer is withdrawn", () =>
    silent(async (port) => {
      const opening = openActive({ host: "127.0.0.1", port });
      const opens = rejection(opening.open(SOON), "ABORTED");
      opening.close();
      opening.close();
      await opens;
    }));
});

test("an opening that was closed, or whose transfer was aborted before, connects nowhere", () =>
  assertNoLeaks(async () => {
    const listener = await listen("127.0.0.1");
    const closed = openActive({ host: "127.0.0.1", port: listener.port });
    closed.close();
    await rejection(closed.open(SOON), "ABORTED");
    const opening = openActive({ host: "127.0.0.1", port: listener.port });
    await rejection(opening.open({ timeout: 5000, signal: AbortSignal.abort() }), "ABORTED");
    await elapse(30);
    assert.equal(listener.arrivals, 0);
    await listener.close();
  }));

test("closing leaves alone the socket that was handed out", () =>
  assertNoLeaks(async () => {
    const listener = await listen("127.0.0.1");
    const opening = openActive({ host: "127.0.0.1", port: listener.port });
    const socket = await opening.open(SOON);
    opening.close();
    socket.end("still here");
    assert.equal((await everything(await listener.accept())).toString(), "still here");
    socket.destroy();
    await listener.close();
  }));

/** Listens in a thread that never accepts, fills what the kernel accepts for it, and so leaves a connect unanswered. */
async function silent(run: (port: number) => Promise<void>): Promise<void> {
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const server = require("node:net").createServer((socket) => socket.destroy());
     server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(workerData, 0, 0);
       process.exit();
     });`,
    { eval: true, workerData: wake },
  );
  const [port] = (await once(worker, "message")) as [number];
  const fillers: Socket[] = [];
  for (let full = false; !full; ) {
    const filler = connect({ port, host: "127.0.0.1" });
    filler.on("error", () => undefined);
    fillers.push(filler);
    full = await until(() => !filler.connecting, 100).then(
      () => false,
      () => true,
    );
  }
  try {
    await assertNoLeaks(() => run(port));
  } finally {
    for (const filler of fillers) filler.destroy();
    Atomics.store(wake, 0, 1);
    Atomics.notify(wake, 0);
    await once(worker, "exit");
  }
}
