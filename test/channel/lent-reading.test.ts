import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import type { DataChannel } from "../../dist/channel/data-channel.js";
import { giveBack, LentMemory } from "../../dist/channel/lent-memory.js";
import { takeOver } from "../../dist/channel/node-reading.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until } from "../kit/temporary.js";
import { type Connection, connected, connection, elapse, ROUTES, rejection } from "./connections.js";

const MEBIBYTE = 1024 * 1024;
/** Long enough to be read into lent memory. */
const LONG = 8 * MEBIBYTE;

/** What a channel receives; its memory is overwritten as soon as it is copied, as the channel may do from then on. */
async function copied(channel: DataChannel, eachBatch?: () => Promise<void>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const batch of channel.receive()) {
    pieces.push(...batch.map((chunk) => Buffer.from(chunk)));
    for (const chunk of batch) chunk.fill(0);
    await eachBatch?.();
  }
  return Buffer.concat(pieces);
}

/** Receives until so many bytes have come, which then are with the receiver. */
async function some(channel: DataChannel, bytes: number): Promise<AsyncGenerator<readonly Uint8Array[]>> {
  const batches = channel.receive();
  while (channel.bytesReceived < bytes) await batches.next();
  return batches;
}

/** Sends in pieces of many sizes. */
function sendIn(client: net.Socket, content: Buffer): void {
  for (let from = 0, size = 1; from < content.length; from += size, size = ((size * 7) % 200_003) + 1)
    client.write(content.subarray(from, from + size));
  client.end();
}

describe("reading into lent memory", () => {
  for (const route of ROUTES)
    test(`an upload comes whole: ${route.kind} ${route.host}`, () =>
      assertNoLeaks(async () => {
        const content = randomBytes(LONG + 12_345);
        await using made = await connection({ lends: true, stallTimeout: 5000 }, route);
        sendIn(made.client, content);
        const came = await copied(made.channel);
        assert.ok(came.equals(content), `${came.length} of ${content.length} bytes`);
        assert.equal(made.channel.bytesReceived, content.length);
        await made.channel.finish();
      }));

  connected(
    "a slow receiver holds the client back, and loses nothing",
    async ({ channel, client }) => {
      const content = randomBytes(4 * LONG);
      sendIn(client, content);
      let most = 0;
      let taken = 0;
      const came = await copied(channel, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, channel.bytesReceived - taken);
        taken = channel.bytesReceived;
      });
      assert.ok(came.equals(content));
      assert.ok(most < 3 * MEBIBYTE, `${most} bytes were taken at once`);
    },
    { lends: true },
  );

  connected(
    "while nobody asks for more, little more is taken",
    async ({ channel, client }) => {
      client.write(randomBytes(8 * LONG));
      await some(channel, MEBIBYTE);
      const before = channel.bytesReceived;
      await elapse(100);
      assert.ok(channel.bytesReceived - before < 3 * MEBIBYTE, `${channel.bytesReceived - before} bytes`);
      assert.ok(client.writableLength > 0);
    },
    { lends: true },
  );

  connected(
    "a client that is reset midway is lost, after what it has sent",
    async ({ channel, client }) => {
      client.write(randomBytes(LONG));
      const batches = await some(channel, MEBIBYTE);
      client.resetAndDestroy();
      const rest = async (): Promise<void> => {
        for await (const batch of batches) assert.ok(batch.length > 0);
      };
      await rejection(rest(), "DATA_LOST");
      assert.equal(channel.ended, false);
      await channel.closed;
    },
    { lends: true },
  );

  connected(
    "a client that stops midway is cut off",
    async ({ channel, client }) => {
      client.write(randomBytes(MEBIBYTE));
      await rejection(copied(channel), "STALLED");
      assert.equal(channel.bytesReceived, MEBIBYTE);
      await channel.closed;
    },
    { lends: true, stallTimeout: 100 },
  );

  connected(
    "an abort ends it midway",
    async ({ channel, client }) => {
      client.write(randomBytes(LONG));
      const batches = await some(channel, MEBIBYTE);
      channel.abort("enough");
      await rejection(batches.next(), "ABORTED");
      await channel.closed;
    },
    { lends: true },
  );

  connected(
    "what comes behind our own end is discarded, and the client is not reset",
    async ({ channel, client }) => {
      client.write(randomBytes(4 * LONG));
      await some(channel, MEBIBYTE);
      const before = channel.bytesReceived;
      const finished = once(client.end().resume(), "finish");
      await channel.finish();
      await finished;
      assert.equal(channel.bytesReceived, before);
      await channel.closed;
      assert.equal(client.errored, null);
    },
    { lends: true },
  );

  test("only so many have it at once; the others are read as ever", () =>
    assertNoLeaks(async () => {
      const made: Connection[] = [];
      for (let count = 0; count < 103; count++) made.push(await connection({ lends: true }));
      const lent = await Promise.all(
        made.map(async ({ channel, client }) => {
          client.write(randomBytes(MEBIBYTE));
          let isLent = false;
          for await (const batch of channel.receive()) {
            // Node makes 64 KiB for each read.
            isLent ||= batch.some(({ buffer }) => buffer.byteLength > 65_536);
            if (channel.bytesReceived >= MEBIBYTE) break;
          }
          return isLent;
        }),
      );
      assert.equal(lent.filter(Boolean).length, 100);
      for (const each of made) await each[Symbol.asyncDispose]();
    }));

  connected(
    "an end of file that came already is not missed",
    async ({ channel, client }) => {
      const content = randomBytes(300 * 1024);
      client.end(content);
      await once(client, "finish");
      await elapse(50);
      assert.ok((await copied(channel)).equals(content));
    },
    { lends: true, stallTimeout: 5000 },
  );

  test("where Node does not let, it reads as ever", () =>
    assertNoLeaks(async () => {
      const [ours, client] = await pair();
      const inside = (ours as unknown as { readonly _handle: object })._handle;
      Object.defineProperty(inside, "useUserBuffer", { value: undefined });
      assert.equal(takeOver(ours, { memory: () => Buffer.alloc(9), arrived: () => assert.fail() }), undefined);
      client.end("as ever");
      const [chunk] = (await once(ours.resume(), "data")) as [Buffer];
      assert.equal(chunk.toString(), "as ever");
      ours.destroy();
      client.destroy();
    }));
});

describe("lent memory", () => {
  test("no more is taken than there was room for: what lies behind is of others", () => {
    const memory = new LentMemory();
    const { length } = memory.room();
    for (const bytes of [-1, length + 1, Number.NaN]) assert.throws(() => memory.take(bytes), RangeError);
    assert.equal(memory.take(length).length, length);
    assert.throws(() => memory.take(1), RangeError);
    memory.close();
    assert.throws(() => memory.take(0), RangeError);
  });

  /** The memory that is lent next. */
  function next(): ArrayBufferLike {
    const memory = new LentMemory();
    const { buffer } = memory.room();
    memory.close();
    return buffer;
  }

  test("comes back when all that was taken of it was given back, and is used again", () => {
    const memory = new LentMemory();
    const { buffer } = memory.room();
    const first = memory.take(1000);
    const second = memory.take(2000);
    assert.equal(second.byteOffset, first.byteOffset + 1000);
    memory.close();
    giveBack(first);
    assert.notEqual(next(), buffer, "half of it is still with a reader");
    giveBack(second);
    assert.equal(next(), buffer);
  });

  test("is not mixed up with memory of others, nor given back twice", () => {
    const memory = new LentMemory();
    const { buffer } = memory.room();
    const chunk = memory.take(10);
    giveBack(Buffer.alloc(10));
    memory.close();
    giveBack(chunk);
    giveBack(chunk);
    const [one, two] = [new LentMemory(), new LentMemory()];
    assert.equal(one.room().buffer, buffer);
    assert.notEqual(two.room().buffer, buffer);
    one.close();
    two.close();
  });

  test("makes room in the next piece where one has too little", () => {
    const memory = new LentMemory();
    const room = memory.room();
    memory.take(room.length - 1);
    assert.equal(memory.room(1).buffer, room.buffer);
    assert.notEqual(memory.room().buffer, room.buffer);
    memory.close();
  });
});

/** Two ends of a connection; ours is unread. */
async function pair(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  const [ours] = (await once(server, "connection")) as [net.Socket];
  server.close();
  await until(() => !client.connecting);
  return [ours, client];
}
