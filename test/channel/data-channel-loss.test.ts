import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataChannel } from "../../dist/channel/data-channel.js";
import { FtpError } from "../../dist/errors.js";
import type { ListenerError } from "../../dist/events/emitter.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import {
  type Connection,
  connected,
  connection,
  elapse,
  everything,
  fill,
  gone,
  ROUTES,
  received,
  rejection,
} from "./connections.js";

describe("a stall", () => {
  const stallTimeout = 100;

  connected(
    "S12.11 a client that takes nothing is cut off",
    async ({ channel }) => {
      const start = performance.now();
      await rejection(fill(channel), "STALLED");
      assert(performance.now() - start >= stallTimeout * 0.9);
      await channel.closed;
    },
    { stallTimeout },
  );

  connected(
    "S12.11 a client that takes nothing is cut off, also at the end of file",
    async ({ channel }) => {
      void fill(channel);
      await rejection(channel.finish(), "STALLED");
    },
    { stallTimeout },
  );

  connected(
    "S12.11 a client that takes nothing but sends is cut off",
    async ({ channel, client }) => {
      const sending = setInterval(() => client.write("still here"), 10);
      try {
        await within(rejection(fill(channel), "STALLED"), "the stall", 3000);
      } finally {
        clearInterval(sending);
      }
    },
    { stallTimeout },
  );

  connected(
    "S12.11 a client that sends nothing is cut off",
    async ({ channel }) => {
      await rejection(received(channel), "STALLED");
    },
    { stallTimeout },
  );

  connected(
    "a client that takes one large piece slowly is not stalled",
    async ({ channel, client }) => {
      const total = 24 * 1024 * 1024;
      const sending = (async () => {
        await channel.send(Buffer.alloc(total));
        await channel.finish();
      })();
      let taken = 0;
      let failure: unknown;
      sending.catch((error: unknown) => {
        failure = error;
      });
      client.on("data", (chunk) => {
        taken += chunk.length;
      });
      client.once("end", () => client.end());
      client.pause();
      while (taken < total && failure === undefined) {
        const goal = Math.min(total, taken + 768 * 1024);
        client.resume();
        await until(() => taken >= goal || failure !== undefined);
        client.pause();
        await elapse(25);
      }
      client.resume();
      await sending;
      await until(() => taken === total);
    },
    { stallTimeout: 300 },
  );

  connected(
    "our own slow source is not the client's stall",
    async ({ channel, client }) => {
      const taken = everything(client);
      for (const piece of ["one ", "two ", "three"]) {
        await elapse(stallTimeout * 2.5);
        await channel.send(Buffer.from(piece));
      }
      await elapse(stallTimeout * 2.5);
      await channel.finish();
      assert.equal((await taken).toString(), "one two three");
    },
    { stallTimeout },
  );

  connected(
    "our own slow sink is not the client's stall, and the clock starts when we wait again",
    async ({ channel, client }) => {
      client.write("one");
      const batches = channel.receive();
      await batches.next();
      for (const pause of [700, 400]) {
        await elapse(pause);
        const next = batches.next();
        await elapse(250);
        client.write("more");
        assert.equal((await next).done, false);
      }
      client.end();
      assert.equal((await batches.next()).done, true);
      await channel.finish();
    },
    { stallTimeout: 500 },
  );

  connected("never comes with 0", async ({ channel }) => {
    let failed = false;
    fill(channel).catch(() => {
      failed = true;
    });
    await elapse(200);
    assert.equal(failed, false);
  });
});

/** The moments at which something can go wrong, and what waits then. */
const MOMENTS: Readonly<Record<string, (both: Connection) => Promise<{ readonly waiting?: Promise<unknown> }>>> = {
  "before the first byte": async () => ({}),
  "between two pieces": async ({ channel }) => {
    await channel.send(Buffer.from("one"));
    return {};
  },
  "while a piece waits": async ({ channel }) => ({ waiting: fill(channel) }),
  "while the end of file waits": async ({ channel }) => {
    void fill(channel);
    return { waiting: channel.finish() };
  },
  "while nothing arrives": async ({ channel }) => ({ waiting: channel.receive().next() }),
  "midway in a file": async ({ channel, client }) => {
    const batches = channel.receive();
    client.write("one");
    await batches.next();
    return { waiting: batches.next() };
  },
};

for (const [moment, prepare] of Object.entries(MOMENTS))
  describe(moment, () => {
    for (const kind of ["passive", "active"] as const)
      connected(
        `S18.1 S12.8 the client's reset of a ${kind} one is DATA_LOST, told once, and everything is back`,
        async (both) => {
          const { channel, client } = both;
          const told: (FtpError | undefined)[] = [];
          channel.on("close", ({ error }) => told.push(error));
          const { waiting } = await prepare(both);
          const rejects = waiting === undefined ? undefined : rejection(waiting, "DATA_LOST");
          client.resetAndDestroy();
          await rejects;
          await within(channel.closed, "the end of the socket");
          await rejection(Promise.resolve(channel.send(Buffer.from("x"))), "DATA_LOST");
          await rejection(channel.finish(), "DATA_LOST");
          await rejection(received(channel), "DATA_LOST");
          assert.equal(told.length, 1);
          assert.equal(told[0]?.code, "DATA_LOST");
        },
        {},
        { host: "127.0.0.1", kind },
      );

    for (const reason of ["ABOR", new FtpError("CONTROL_LOST", "the control connection is gone")])
      connected(
        `S12.9 S12.10 abort(${typeof reason === "string" ? "text" : "error"}) ends it at once`,
        async (both) => {
          const { channel, client } = both;
          const told: (FtpError | undefined)[] = [];
          channel.on("close", ({ error }) => told.push(error));
          const { waiting } = await prepare(both);
          const code = typeof reason === "string" ? "ABORTED" : reason.code;
          const rejects = waiting === undefined ? undefined : rejection(waiting, code);
          channel.abort(reason);
          channel.abort("a second reason does not count");
          const error = (await rejects) ?? (await rejection(channel.finish(), code));
          assert.equal(error.message, typeof reason === "string" ? reason : reason.message);
          await within(channel.closed, "the end of the socket", 1000);
          await within(gone(client), "the end of the client's socket", 1000);
          assert.deepEqual(told, [error]);
        },
      );
  });

for (const end of ["a reset", "an abort"])
  connected(`what never left us is not counted as sent after ${end}`, async ({ channel, client }) => {
    await channel.send(Buffer.from("gone"));
    const waiting = fill(channel).catch((error: unknown) => error);
    if (end === "a reset") client.resetAndDestroy();
    else channel.abort("ABOR");
    await waiting;
    await channel.closed;
    assert.equal(channel.bytesSent, 4);
  });

connected("S12.9 an abort drops what has arrived and was not taken yet", async ({ channel, client }) => {
  client.write("one");
  const batches = channel.receive();
  await batches.next();
  client.write("two");
  await until(() => channel.bytesReceived === 6);
  channel.abort("ABOR");
  await rejection(batches.next(), "ABORTED");
});

test("S18.1 a socket that was reset before it became a channel is DATA_LOST", () =>
  assertNoLeaks(async () => {
    await using made = await connection();
    const { client } = made;
    // The same socket again: by now it is gone.
    client.destroy();
    await gone(client);
    const late = new DataChannel(client, { kind: "active", stallTimeout: 100 });
    await late.closed;
    await rejection(late.finish(), "DATA_LOST");
    assert.equal(late.remotePort, client.remotePort);
  }));

function rejectLater(): Promise<never> {
  return Promise.reject(new Error("rejected"));
}

test("S18.2 a listener that fails is reported and harms nothing", () =>
  assertNoLeaks(async () => {
    const failures: ListenerError[] = [];
    await using made = await connection({ onListenerError: (error) => failures.push(error) });
    const { channel } = made;
    channel.on("close", () => {
      throw new Error("thrown");
    });
    channel.on("close", rejectLater);
    channel.abort("the end");
    await channel.closed;
    await until(() => failures.length === 2);
  }));

test("S18.11 200 transfers each way, each with its own connection, leave nothing", () =>
  assertNoLeaks(async () => {
    const content = bytesOf(100_000);
    for (let round = 0; round < 200; round++) {
      const route = ROUTES[round % ROUTES.length];
      const down = await connection({ stallTimeout: 5000 }, route);
      const taken = everything(down.client);
      await down.channel.send(content);
      await down.channel.finish();
      assert.equal((await taken).length, content.length);
      const up = await connection({ stallTimeout: 5000 }, route);
      up.client.end(content);
      assert.equal((await received(up.channel)).length, content.length);
      const ends = gone(up.client);
      await up.channel.finish();
      await Promise.all([ends, up.channel.closed, down.channel.closed]);
    }
    // Sooner than a timer that was forgotten would go by itself.
  }, 1000));
