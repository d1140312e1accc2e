import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { describe, test } from "node:test";
import { DataChannel } from "../../dist/channel/data-channel.js";
import { openPassive, type PassiveOptions } from "../../dist/channel/passive-opening.js";
import { PassivePorts } from "../../dist/channel/passive-ports.js";
import { accepts } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";
import { causeOf, dial, elapse, everything, FAMILIES, freeRange, gone, received, rejection } from "./connections.js";

const SOON = { timeout: 5000 };
const THIEF = "127.0.0.2";

/** A test of one opening whose lease and handles must all be back at its end. */
function opened(
  title: string,
  run: (opening: Awaited<ReturnType<typeof openPassive>>, pool: PassivePorts) => Promise<void>,
  options: Partial<PassiveOptions> = {},
): void {
  test(title, () =>
    assertNoLeaks(async () => {
      const ports = new PassivePorts();
      const opening = await openPassive({ host: "127.0.0.1", peer: "127.0.0.1", ports, ...options });
      assert.equal(ports.leased, 1);
      try {
        await run(opening, ports);
      } finally {
        opening.close();
      }
      assert.equal(ports.leased, 0);
      assert.equal(await accepts(opening.port, opening.host), false);
    }),
  );
}

for (const host of FAMILIES)
  describe(`the right peer over ${host} (RFC 959 §4.1.2, RFC 2428 §3)`, () => {
    opened(
      "may come before the transfer: its socket is paused and has lost nothing",
      async (opening, pool) => {
        assert.equal(opening.kind, "passive");
        const client = dial(opening.port, { host });
        client.end("early");
        await until(() => pool.leased === 0);
        assert.equal(pool.leased, 0);
        const socket = await opening.open(SOON);
        assert.equal(socket.isPaused(), true);
        assert(socket.listenerCount("error") > 0);
        assert.equal((await everything(socket)).toString(), "early");
        client.destroy();
      },
      { host, peer: host },
    );

    opened(
      "may come after the transfer was asked for",
      async (opening) => {
        const opens = opening.open(SOON);
        const client = dial(opening.port, { host });
        const socket = await opens;
        assert.equal(socket.isPaused(), true);
        socket.end("hello");
        assert.equal((await everything(client)).toString(), "hello");
        socket.destroy();
      },
      { host, peer: host },
    );

    opened(
      "S4.4 has one connection: later ones are refused, the first is unharmed",
      async (opening, pool) => {
        const client = dial(opening.port, { host });
        const second = dial(opening.port, { host });
        await until(() => pool.leased === 0);
        await within(gone(second), "the end of the second connection");
        assert.equal(await accepts(opening.port, host), false);
        const socket = await opening.open(SOON);
        assert.equal(socket.remotePort, client.localPort);
        socket.end("for the first");
        assert.equal((await everything(client)).toString(), "for the first");
        socket.destroy();
      },
      { host, peer: host },
    );
  });

describe("spellings of the peer's address (RFC 4291 §2.5.5.2)", () => {
  for (const [host, peer, from] of [
    ["::ffff:127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1"],
    ["127.0.0.1", "::ffff:7f00:1", "127.0.0.1"],
    ["::", "127.0.0.1", "127.0.0.1"],
    ["::", "0:0:0:0:0:0:0:1", "::1"],
  ] as const)
    opened(
      `listening at ${host}, ${peer} is ${from}`,
      async (opening) => {
        const client = dial(opening.port, { host: from });
        (await opening.open(SOON)).destroy();
        client.destroy();
      },
      { host, peer },
    );
});

describe("strangers (RFC 2577 §4)", () => {
  for (const when of ["before", "while"] as const) {
    const strangers: (string | undefined)[] = [];
    opened(
      `S4.1 a thief ${when} we wait gets nothing, and the right peer still works on the same port`,
      async (opening) => {
        const opens = when === "while" ? opening.open(SOON) : undefined;
        const thief = dial(opening.port, { localAddress: THIEF });
        assert.equal((await everything(thief)).length, 0);
        assert.deepEqual(strangers, [THIEF]);
        const client = dial(opening.port);
        const socket = await (opens ?? opening.open(SOON));
        socket.end("the listing");
        assert.equal((await everything(client)).toString(), "the listing");
        socket.destroy();
      },
      { onStranger: (address) => strangers.push(address) },
    );
  }

  opened("S4.5 what a thief sends at once is in nobody's file", async (opening) => {
    const thief = dial(opening.port, { localAddress: THIEF });
    thief.write("poison");
    await gone(thief);
    const client = dial(opening.port);
    client.end("honest");
    assert.equal((await everything(await opening.open(SOON))).toString(), "honest");
    client.destroy();
  });

  opened("S13.1 300 that connect and reset leave the right peer's way free", async (opening) => {
    const opens = opening.open(SOON);
    await Promise.all(Array.from({ length: 300 }, () => resetOnArrival(opening.port, THIEF)));
    const client = dial(opening.port);
    (await opens).destroy();
    client.destroy();
  });
});

/** Connects and resets at once; also where nobody listens. */
async function resetOnArrival(port: number, localAddress?: string): Promise<void> {
  const socket = dial(port, localAddress === undefined ? {} : { localAddress });
  socket.once("connect", () => socket.resetAndDestroy());
  await gone(socket);
}

describe("a peer that comes and leaves", () => {
  opened("S18.1 a reset before the transfer is DATA_LOST", async (opening, pool) => {
    const client = dial(opening.port);
    await until(() => pool.leased === 0);
    client.resetAndDestroy();
    await gone(client);
    await elapse(30);
    assert.equal(causeOf(await rejection(opening.open(SOON), "DATA_LOST")), "ECONNRESET");
  });

  opened("an end of file before the transfer is an empty file", async (opening, pool) => {
    const client = dial(opening.port);
    client.end();
    await until(() => pool.leased === 0);
    const channel = new DataChannel(await opening.open(SOON), { kind: "passive", stallTimeout: 0 });
    assert.equal((await within(received(channel), "the end of file")).length, 0);
    await channel.finish();
    client.destroy();
  });

  test("S13.1 200 peers that connect and reset: each wait settles, and the process lives", () =>
    assertNoLeaks(async () => {
      const ports = new PassivePorts();
      for (let round = 0; round < 200; round++) {
        const opening = await openPassive({ host: "127.0.0.1", peer: "127.0.0.1", ports });
        const opens = opening.open({ timeout: 200 }).then(
          (socket) => socket.destroy(),
          (error: unknown) => error,
        );
        await resetOnArrival(opening.port);
        await opens;
        opening.close();
      }
      assert.equal(ports.leased, 0);
    }));
});

describe("a wait that ends without a connection", () => {
  opened("S13.3 times out and gives the port back", async (opening, pool) => {
    await rejection(opening.open({ timeout: 20 }), "DATA_TIMEOUT");
    assert.equal(pool.leased, 0);
  });

  opened("S13.3 times out though strangers come", async (opening) => {
    const opens = rejection(opening.open({ timeout: 100 }), "DATA_TIMEOUT");
    await gone(dial(opening.port, { localAddress: THIEF }));
    await opens;
  });

  for (const moment of ["before", "during"] as const)
    opened(`S12.9 is aborted ${moment} it: the reason is the cause`, async (opening, pool) => {
      const controller = new AbortController();
      const reason = new Error("ABOR");
      if (moment === "before") controller.abort(reason);
      const opens = opening.open({ timeout: 5000, signal: controller.signal });
      controller.abort(reason);
      assert.equal((await rejection(opens, "ABORTED")).cause, reason);
      assert.equal(pool.leased, 0);
      assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    });

  opened("leaves no listener on the signal when the peer comes", async (opening) => {
    const { signal } = new AbortController();
    const client = dial(opening.port);
    (await opening.open({ timeout: 5000, signal })).destroy();
    assert.equal(getEventListeners(signal, "abort").length, 0);
    client.destroy();
  });

  opened("is closed midway", async (opening) => {
    const opens = rejection(opening.open({ timeout: 0 }), "ABORTED");
    opening.close();
    await opens;
  });
});

describe("closing (RFC 959 §3.3)", () => {
  opened("S4.6 refuses connects at once, and a second time does nothing", async (opening, pool) => {
    opening.close();
    opening.close();
    assert.equal(pool.leased, 0);
    assert.equal(await accepts(opening.port), false);
    await rejection(opening.open(SOON), "ABORTED");
  });

  opened("S4.6 drops a peer that has come already", async (opening, pool) => {
    const client = dial(opening.port);
    await until(() => pool.leased === 0);
    opening.close();
    await within(everything(client), "the end of the client");
  });

  opened("leaves alone the socket that was handed out", async (opening) => {
    const client = dial(opening.port);
    const socket = await opening.open(SOON);
    opening.close();
    socket.end("still here");
    assert.equal((await everything(client)).toString(), "still here");
    socket.destroy();
  });

  opened("an opening is good for one connection", async (opening) => {
    const client = dial(opening.port);
    const socket = await opening.open(SOON);
    await assert.rejects(opening.open(SOON), TypeError);
    socket.destroy();
    client.destroy();
  });

  test("S4.6 200 offers, each withdrawn by the next, leave nothing", () =>
    assertNoLeaks(async () => {
      const ports = new PassivePorts();
      for (let round = 0; round < 200; round++) {
        const opening = await openPassive({ host: "127.0.0.1", peer: "127.0.0.1", ports });
        assert.equal(ports.leased, 1);
        opening.close();
      }
      assert.equal(ports.leased, 0);
    }));

  test("S4.8 an exhausted range refuses the offer and leaves no listener", () =>
    assertNoLeaks(async () => {
      const ports = new PassivePorts(await freeRange(2));
      const options = { host: "127.0.0.1", peer: "127.0.0.1", ports };
      const held = [await openPassive(options), await openPassive(options)];
      await rejection(Promise.resolve(openPassive(options)), "NO_PASSIVE_PORT");
      const client = dial(held[0]?.port ?? 0);
      await once(client, "connect");
      await until(() => ports.leased === 1);
      // The port is free again as soon as the peer is there, not only when the transfer is over.
      const third = await openPassive(options);
      assert.equal(third.port, held[0]?.port);
      for (const opening of [...held, third]) opening.close();
      await gone(client.resume().end());
      assert.equal(ports.leased, 0);
    }));
});
