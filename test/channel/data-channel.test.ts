import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { DataChannel } from "../../dist/channel/data-channel.js";
import { openPassive } from "../../dist/channel/passive-opening.js";
import { PassivePorts } from "../../dist/channel/passive-ports.js";
import type { FtpError } from "../../dist/errors.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { bytesOf, chunksOf, until, within } from "../kit/temporary.js";
import { causeOf, connected, elapse, everything, gone, ROUTES, received, rejection } from "./connections.js";

for (const route of ROUTES)
  describe(`${route.kind} over ${route.host}`, () => {
    const content = bytesOf(3_000_000);

    connected(
      "says between whom it is",
      async ({ channel, client }) => {
        assert.equal(channel.kind, route.kind);
        assert.equal(channel.remoteAddress, route.host);
        assert.equal(channel.localAddress, route.host);
        assert.equal(channel.remotePort, client.localPort);
        assert.equal(channel.localPort, client.remotePort);
      },
      {},
      route,
    );

    connected(
      "sends every byte, then the end of file (RFC 959 §3.4.1)",
      async ({ channel, client }) => {
        const taken = everything(client);
        for (const chunk of chunksOf(content, 100_001)) await channel.send(chunk);
        await channel.finish();
        assert(content.equals(await taken));
        await channel.closed;
        assert.equal(channel.bytesSent, content.length);
      },
      {},
      route,
    );

    connected(
      "receives every byte until the end of file, then closes",
      async ({ channel, client }) => {
        client.end(content);
        assert(content.equals(await received(channel)));
        assert.equal(channel.bytesReceived, content.length);
        const ends = gone(client);
        await channel.finish();
        await channel.closed;
        await ends;
      },
      {},
      route,
    );
  });

describe("sending", () => {
  connected("goes on at once while there is room, and counts what has left", async ({ channel, client }) => {
    assert.equal(channel.send(Buffer.from("small")), undefined);
    assert.equal(channel.bytesSent, 5);
    client.resume();
  });

  connected("of nothing is an empty file", async ({ channel, client }) => {
    const taken = everything(client);
    await channel.finish();
    assert.equal((await taken).length, 0);
    assert.equal(channel.bytesSent, 0);
  });

  connected("S12.6 a client that does not read costs no memory, and loses nothing", async ({ channel, client }) => {
    const size = 65_536;
    const total = 64 * 1024 * 1024;
    const before = process.memoryUsage().arrayBuffers;
    let handed = 0;
    let most = 0;
    let checked = 0;
    let unread = 0;
    client.pause();
    client.on("data", (chunk) => {
      for (const byte of chunk.subarray(0, 8)) checked += byte === 1 ? 1 : 0;
      unread += chunk.length;
    });
    const sending = (async () => {
      while (handed < total) {
        const room = channel.send(Buffer.alloc(size, 1));
        handed += size;
        most = Math.max(most, handed - channel.bytesSent);
        await room;
      }
      await channel.finish();
    })();
    let stood = -1;
    await until(async () => {
      const same = stood === handed;
      stood = handed;
      if (!same) await elapse(30);
      return same;
    });
    assert(handed < 32 * 1024 * 1024, `${handed} bytes were taken from the store for a client that takes none`);
    assert(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024, "the bytes wait in memory");
    const ended = gone(client);
    await within(sending, "the rest");
    await ended;
    assert.equal(unread, total);
    assert(checked > 0);
    assert(most <= 600_000, `${most} bytes waited`);
  });

  test("S18.6 other work has its turn though a fast client never lets us wait", () =>
    assertNoLeaks(async () => {
      const opening = await openPassive({ host: "127.0.0.1", peer: "127.0.0.1", ports: new PassivePorts() });
      const client = new Worker(
        `require("node:net").connect(${opening.port}, "127.0.0.1").resume().on("close", () => process.exit());`,
        { eval: true },
      );
      const exits = once(client, "exit");
      const channel = new DataChannel(await opening.open({ timeout: 5000 }), { kind: "passive", stallTimeout: 5000 });
      // Up to 4 MiB before, and as much behind, our own place in a turn.
      const piece = Buffer.alloc(256 * 1024);
      let burst = 0;
      let longest = 0;
      const turn = (): void => {
        burst = 0;
        next = setImmediate(turn);
      };
      let next = setImmediate(turn);
      for (let sent = 0; sent < 2000; sent++) {
        const room = channel.send(piece);
        burst += piece.length;
        longest = Math.max(longest, burst);
        if (room !== undefined) await room;
      }
      clearImmediate(next);
      await channel.finish();
      await Promise.all([channel.closed, exits]);
      assert(longest <= 9 * 1024 * 1024, `${longest} bytes in one turn of the event loop`);
    }));

  for (const kind of ["passive", "active"] as const)
    connected(
      `the client's end of file on a ${kind} one is not the end of ours`,
      async ({ channel, client }) => {
        const taken = everything(client);
        client.end();
        const content = bytesOf(1_000_000);
        await channel.send(content.subarray(0, 1000));
        await elapse(30);
        await channel.send(content.subarray(1000));
        await channel.finish();
        assert(content.equals(await taken));
      },
      {},
      { host: "127.0.0.1", kind },
    );

  connected("the client's end of file behind ours does not cost it what still waits", async ({ channel, client }) => {
    const content = bytesOf(16_000_000);
    const room = channel.send(content);
    assert(room !== undefined, "the network took everything");
    const finishing = channel.finish();
    client.end();
    await elapse(50);
    assert(content.equals(await everything(client)));
    await Promise.all([room, finishing]);
  });

  connected("what the client sends meanwhile is dropped, and costs it nothing of ours", async ({ channel, client }) => {
    const content = bytesOf(4_000_000);
    const noise = Buffer.alloc(2_000_000, "noise");
    const errors: Error[] = [];
    client.on("error", (error) => errors.push(error));
    client.write(noise);
    const sending = (async () => {
      for (const chunk of chunksOf(content, 65_536)) await channel.send(chunk);
      await channel.finish();
    })();
    await elapse(50);
    assert(content.equals(await everything(client)));
    await sending;
    await channel.closed;
    assert.deepEqual(errors, []);
    assert.equal(channel.bytesReceived, 0);
  });

  connected("after the end of file is refused", async ({ channel, client }) => {
    client.resume();
    await channel.finish();
    await rejection(Promise.resolve(channel.send(Buffer.from("late"))), "CLOSED");
  });

  connected("finishing twice is finishing once", async ({ channel, client }) => {
    const ends = gone(client);
    assert.equal(channel.finish(), channel.finish());
    await channel.finish();
    await ends;
  });
});

describe("the end of file", () => {
  connected("a client that keeps its side open holds neither the reply nor, for long, the socket", async (both) => {
    const { channel, client } = both;
    let error: FtpError | undefined | null = null;
    channel.on("close", (event) => {
      error = event.error;
    });
    client.on("data", () => undefined);
    await channel.send(Buffer.from("all of it"));
    await within(channel.finish(), "the end of file", 1500);
    await within(channel.closed, "the end of the socket", 4000);
    await until(() => error !== null);
    assert.equal(error, undefined);
  });

  connected("reaches a client that reads late, though the socket has gone", async ({ channel, client }) => {
    const content = bytesOf(1_500_000);
    await channel.send(content);
    await channel.finish();
    await within(channel.closed, "the end of the socket", 4000);
    assert(content.equals(await everything(client)));
  });

  connected("lingering ends at once when it is aborted, and stays a success", async ({ channel }) => {
    let error: FtpError | undefined | null = null;
    channel.on("close", (event) => {
      error = event.error;
    });
    await channel.finish();
    channel.abort("shutdown");
    await within(channel.closed, "the end of the socket", 1500);
    await until(() => error !== null);
    assert.equal(error, undefined);
  });
});

describe("receiving", () => {
  connected("S12.7 a slow store stops the client instead of filling memory", async ({ channel, client }) => {
    const total = 64 * 1024 * 1024;
    const piece = bytesOf(65_536);
    let written = 0;
    const writing = (async () => {
      for (; written < total; written += piece.length)
        if (!client.write(piece)) await new Promise<void>((resolve) => client.once("drain", resolve));
      client.end();
    })();
    let taken = 0;
    let rounds = 0;
    for await (const batch of channel.receive()) {
      const held = batch.reduce((sum, chunk) => sum + chunk.byteLength, 0);
      assert(held <= 1.2 * 1024 * 1024, `a batch of ${held} bytes`);
      taken += held;
      // As long as the batch is worked on, no more than one batch more is taken from the network.
      if (++rounds <= 10) {
        await elapse(20);
        assert(channel.bytesReceived - taken <= 1.2 * 1024 * 1024, `${channel.bytesReceived - taken} bytes wait`);
        assert(written < total, "the client was not stopped");
      }
    }
    await writing;
    assert.equal(taken, total);
    assert.equal(channel.bytesReceived, total);
    await channel.finish();
  });

  connected("S12.7 single bytes count for what they cost, not only for what they are", async ({ channel, client }) => {
    const batches = channel.receive();
    client.setNoDelay(true);
    client.write("x");
    await batches.next();
    // Nobody takes a batch from here on.
    for (let written = 1; written < 10_000; written++) {
      client.write("x");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await elapse(50);
    assert(channel.bytesReceived < 9000, `${channel.bytesReceived} single bytes wait in memory`);
    client.end();
    let length = 1;
    for await (const batch of batches) for (const piece of batch) length += piece.length;
    assert.equal(length, 10_000);
    await channel.finish();
  });

  connected("hands over what has arrived, without waiting for more", async ({ channel, client }) => {
    const batches = channel.receive();
    for (const text of ["first", "second", "third"]) {
      client.write(text);
      const { value } = await within(batches.next(), text);
      assert.equal(Buffer.concat(value ?? []).toString(), text);
    }
    client.end();
    assert.deepEqual(await within(batches.next(), "the end of file"), { value: undefined, done: true });
    await channel.finish();
  });

  connected("what came before a reset is handed over before the error", async ({ channel, client }) => {
    client.write("half of it");
    const batches = channel.receive();
    const { value } = await within(batches.next(), "the half");
    assert.equal(Buffer.concat(value ?? []).toString(), "half of it");
    client.resetAndDestroy();
    assert.equal(causeOf(await rejection(batches.next(), "DATA_LOST")), "ECONNRESET");
    assert.equal(channel.bytesReceived, 10);
  });
});
