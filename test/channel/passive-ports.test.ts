/** Passive ports that several offers share: each connection reaches the offer of its peer, and nobody else's. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { openPassive, type PassiveOpening, type PassiveOptions } from "../../dist/channel/passive-opening.js";
import { PassivePorts } from "../../dist/channel/passive-ports.js";
import { accepts } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";
import { tenPorts } from "../robustness/kit-ports.js";
import { Random } from "../robustness/kit-random.js";
import { dial, everything, gone, occupy, rejection, vacate } from "./connections.js";

const SOON = { timeout: 5000 };
const LOOPBACK = "127.0.0.1";

/** The address of a client, by number. */
function peerOf(number: number): string {
  return `127.0.1.${number + 1}`;
}

/** So many ports, and a way to offer them; whatever is still open at the end is closed, and all must be back. */
function shared(
  title: string,
  count: number,
  run: (offer: Offering, ports: PassivePorts, first: number) => Promise<void>,
): void {
  test(title, () =>
    assertNoLeaks(async () => {
      await using claimed = await tenPorts();
      const [first] = claimed.range;
      const ports = new PassivePorts([first, first + count - 1]);
      const openings: PassiveOpening[] = [];
      const offer: Offering = async (peer, options = {}) => {
        const opening = await openPassive({ host: LOOPBACK, peer, ports, ...options });
        openings.push(opening);
        return opening;
      };
      try {
        await run(offer, ports, first);
      } finally {
        for (const opening of openings) opening.close();
      }
      assert.equal(ports.leased, 0);
      for (let port = first; port < first + count; port++) assert.equal(await accepts(port), false, `port ${port}`);
    }),
  );
}

type Offering = (peer: string, options?: Partial<PassiveOptions>) => Promise<PassiveOpening>;

/** What a client at an address gets of an offer that says its peer. */
async function greeted(opening: PassiveOpening, from: string): Promise<string> {
  const client = dial(opening.port, { localAddress: from });
  const socket = await opening.open(SOON);
  socket.end(`for ${socket.remoteAddress}`);
  const bytes = await everything(client);
  socket.destroy();
  return bytes.toString();
}

describe("a port that several offers share", () => {
  shared("S4.8 the only port serves clients of different addresses at once, each its own", 1, async (offer, ports) => {
    const peers = [0, 1, 2, 3].map(peerOf);
    const openings = await Promise.all(peers.map((peer) => offer(peer)));
    assert.equal(new Set(openings.map(({ port }) => port)).size, 1);
    assert.equal(ports.leased, 1);
    // The last to ask is the first to come.
    for (const [index, opening] of [...openings.entries()].toReversed())
      assert.equal(await greeted(opening, peerOf(index)), `for ${peerOf(index)}`);
    assert.equal(ports.leased, 0);
  });

  shared("they may all come before any transfer is asked for", 1, async (offer) => {
    const openings = await Promise.all([0, 1, 2].map((number) => offer(peerOf(number))));
    const clients = [2, 0, 1].map((number) => dial(openings[0]?.port ?? 0, { localAddress: peerOf(number) }));
    await Promise.all(clients.map((client) => once(client, "connect")));
    for (const [index, opening] of openings.entries()) {
      const socket = await opening.open(SOON);
      assert.equal(socket.isPaused(), true);
      assert.equal(socket.remoteAddress, peerOf(index));
      socket.destroy();
    }
    await Promise.all(clients.map(gone));
  });

  shared("is not shared while the range has a free one", 4, async (offer, ports) => {
    const openings = [];
    for (const number of [0, 1, 2, 3]) openings.push(await offer(peerOf(number)));
    assert.equal(new Set(openings.map(({ port }) => port)).size, 4);
    assert.equal(ports.leased, 4);
  });

  shared("S4.8 one client needs a port for each offer, and takes none from the others", 2, async (offer, ports) => {
    const [one, other] = [await offer(peerOf(0)), await offer(peerOf(0))];
    assert.notEqual(one.port, other.port);
    await rejection(offer(peerOf(0)), "NO_PASSIVE_PORT");
    const second = await offer(peerOf(1));
    assert.notEqual((await offer(peerOf(1))).port, second.port);
    await rejection(offer(peerOf(1)), "NO_PASSIVE_PORT");
    assert.equal(ports.leased, 2);
    one.close();
    assert.equal((await offer(peerOf(0))).port, one.port);
  });

  shared("a mapped address is the same client as the plain one", 1, async (offer) => {
    await offer("127.0.0.9");
    await rejection(offer("::ffff:127.0.0.9"), "NO_PASSIVE_PORT");
  });

  shared("many that ask at the same moment for few ports all get one", 2, async (offer, ports) => {
    const openings = await Promise.all(Array.from({ length: 40 }, (_, number) => offer(peerOf(number))));
    assert.equal(ports.leased, 2);
    const used = openings.map(({ port }) => port);
    const [first = 0] = used;
    const times = used.filter((port) => port === first).length;
    assert(times > 4 && times < 36, `${times} of 40 on one port`);
  });

  shared("stays open until the last offer is gone", 1, async (offer, ports) => {
    const [one, other] = [await offer(peerOf(0)), await offer(peerOf(1))];
    one.close();
    one.close();
    assert.equal(ports.leased, 1);
    assert.equal(await greeted(other, peerOf(1)), `for ${peerOf(1)}`);
    assert.equal(await accepts(other.port), false);
  });

  shared("a wait that times out leaves the others alone", 1, async (offer) => {
    const [late, other] = [await offer(peerOf(0)), await offer(peerOf(1))];
    await rejection(late.open({ timeout: 20 }), "DATA_TIMEOUT");
    const client = dial(late.port, { localAddress: peerOf(0) });
    assert.equal((await everything(client)).length, 0);
    assert.equal(await greeted(other, peerOf(1)), `for ${peerOf(1)}`);
  });

  shared("S4.4 has one connection for each offer: a second is turned away at once", 1, async (offer) => {
    const [one, other] = [await offer(peerOf(0)), await offer(peerOf(1))];
    const first = dial(one.port, { localAddress: peerOf(0) });
    await once(first, "connect");
    const second = dial(one.port, { localAddress: peerOf(0) });
    assert.equal((await everything(second)).length, 0);
    const socket = await one.open(SOON);
    assert.equal(socket.remotePort, first.localPort);
    socket.end("for the first");
    assert.equal((await everything(first)).toString(), "for the first");
    assert.equal(await greeted(other, peerOf(1)), `for ${peerOf(1)}`);
  });
});

describe("strangers at a shared port (RFC 2577 §4)", () => {
  shared("S4.1 get nothing, are told of once, and harm no offer", 1, async (offer) => {
    const told: string[] = [];
    const openings = await Promise.all(
      [0, 1, 2].map((number) => offer(peerOf(number), { onStranger: (address) => told.push(`${number}: ${address}`) })),
    );
    const thief = dial(openings[0]?.port ?? 0, { localAddress: "127.0.0.2" });
    thief.write("poison");
    assert.equal((await everything(thief)).length, 0);
    assert.deepEqual(told, ["0: 127.0.0.2"]);
    for (const [index, opening] of openings.entries())
      assert.equal(await greeted(opening, peerOf(index)), `for ${peerOf(index)}`);
  });

  shared("S13.1 one that resets again and again costs the others nothing", 1, async (offer) => {
    const [one, other] = [await offer(peerOf(0)), await offer(peerOf(1))];
    const first = one.open({ timeout: 0 }).then(
      (socket) => socket.destroy(),
      () => undefined,
    );
    const opens = other.open(SOON);
    for (let round = 0; round < 100; round++) {
      const socket = dial(one.port, { localAddress: peerOf(0) });
      socket.once("connect", () => socket.resetAndDestroy());
      await gone(socket);
    }
    const client = dial(other.port, { localAddress: peerOf(1) });
    const socket = await opens;
    assert.equal(socket.remoteAddress, peerOf(1));
    socket.destroy();
    await gone(client);
    one.close();
    await first;
  });
});

describe("local addresses of one port", () => {
  shared("clients of IPv4 and IPv6 may have the same one, whoever they are", 1, async (offer, ports) => {
    const four = await offer(LOOPBACK);
    const six = await offer("::1", { host: "::1" });
    assert.equal(four.port, six.port);
    assert.equal(ports.leased, 1);
    four.close();
    assert.equal(ports.leased, 1);
    const client = dial(six.port, { host: "::1" });
    (await six.open(SOON)).destroy();
    await gone(client);
    assert.equal(ports.leased, 0);
  });

  shared(
    "S13.9 where somebody else has the port at the other address, there is none",
    1,
    async (offer, _ports, first) => {
      await offer(LOOPBACK);
      const foreign = await occupy(first, "::1");
      assert(foreign);
      await rejection(offer("::1", { host: "::1" }), "NO_PASSIVE_PORT");
      await vacate(foreign);
      assert.equal((await offer("::1", { host: "::1" })).port, first);
    },
  );

  // However far the second one has come when the first is left: asked for, listened on, or there.
  for (let turns = 0; turns < 24; turns++)
    shared(
      `one that is left while the other is only to be listened on stays in use (${turns})`,
      1,
      async (offer, ports) => {
        const four = await offer(LOOPBACK);
        const coming = offer("::1", { host: "::1" });
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        four.close();
        const six = await coming;
        assert.equal(ports.leased, 1);
        const client = dial(six.port, { host: "::1" });
        (await six.open(SOON)).destroy();
        await gone(client);
      },
    );
});

describe("S4.7 a shared port rests", () => {
  shared("S4.7 who comes next does not get the one that was left last", 3, async (offer) => {
    for (const number of [10, 11, 12]) await offer(peerOf(number));
    let last = 0;
    for (let round = 0; round < 60; round++) {
      const opening = await offer(peerOf(round % 2));
      assert.notEqual(opening.port, last, `round ${round}`);
      last = opening.port;
      opening.close();
    }
  });

  shared("S4.2 and cannot be told from the last ones", 10, async (offer) => {
    for (let number = 100; number < 110; number++) await offer(peerOf(number));
    const drawn: number[] = [];
    for (let round = 0; round < 200; round++) {
      const opening = await offer(peerOf(0));
      drawn.push(opening.port);
      opening.close();
    }
    for (let lag = 1; lag < 30; lag++) {
      const again = drawn.slice(lag).filter((port, index) => port === drawn[index]).length;
      assert(again < 0.4 * drawn.length, `${again} of 200 are what came ${lag} before`);
    }
  });
});

describe("connections whose owner is not the socket's other end", () => {
  /** The first line says whose it is, as a proxy's header would. */
  async function firstLine(socket: Socket): Promise<string | undefined> {
    for (;;) {
      const bytes = socket.read() as Buffer | null;
      const end = bytes?.indexOf("\n") ?? -1;
      if (bytes !== null && end >= 0) {
        socket.unshift(bytes.subarray(end + 1));
        return bytes.subarray(0, end).toString() || undefined;
      }
      if (bytes !== null) socket.unshift(bytes);
      await Promise.race([once(socket, "readable"), once(socket, "close")]);
      if (socket.destroyed) return undefined;
    }
  }

  shared("go to the offer that they are for, all from one address", 1, async (offer) => {
    const names = ["192.0.2.1", "2001:db8::1", "192.0.2.3"];
    const openings = await Promise.all(names.map((peer) => offer(peer, { identify: firstLine })));
    const clients = ["192.0.2.3", "192.0.2.1", "2001:DB8:0::1"].map((name) => {
      const client = dial(openings[0]?.port ?? 0);
      client.end(`${name}\nbytes of ${name.toLowerCase()}`);
      return client;
    });
    for (const [index, bytes] of ["192.0.2.1", "2001:db8:0::1", "192.0.2.3"].entries()) {
      const socket = (await openings[index]?.open(SOON)) as Socket;
      assert.equal((await everything(socket)).toString(), `bytes of ${bytes}`);
    }
    for (const client of clients) await gone(client);
  });

  shared("whom nobody knows is turned away, and is not waited for", 1, async (offer) => {
    const told: unknown[] = [];
    const opening = await offer("192.0.2.1", { identify: firstLine, onStranger: (address) => told.push(address) });
    const opens = opening.open(SOON);
    const nobody = dial(opening.port);
    nobody.write("\n");
    assert.equal((await everything(nobody)).length, 0);
    const stranger = dial(opening.port);
    stranger.write("192.0.2.2\n");
    assert.equal((await everything(stranger)).length, 0);
    assert.deepEqual(told, [undefined, "192.0.2.2"]);
    const client = dial(opening.port);
    client.write("192.0.2.1\n");
    (await opens).destroy();
    await gone(client);
  });

  shared("one that says nothing keeps nobody waiting, and ends with the offer", 1, async (offer) => {
    const opening = await offer("192.0.2.1", { identify: firstLine });
    const silent = dial(opening.port);
    await once(silent, "connect");
    const client = dial(opening.port);
    client.write("192.0.2.1\n");
    const socket = await opening.open(SOON);
    await within(gone(silent), "the end of the silent one");
    socket.destroy();
    await gone(client);
  });

  shared("are not mixed with those that are it: the port is not shared", 1, async (offer) => {
    await offer("192.0.2.1", { identify: firstLine });
    await rejection(offer("192.0.2.2"), "NO_PASSIVE_PORT");
    await rejection(offer("192.0.2.2", { identify: async () => undefined }), "NO_PASSIVE_PORT");
    assert.equal((await offer("192.0.2.2", { identify: firstLine })).kind, "passive");
  });
});

test("without a range nothing is shared, and each offer has a port of its own", () =>
  assertNoLeaks(async () => {
    const ports = new PassivePorts();
    const openings = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => openPassive({ host: LOOPBACK, peer: peerOf(number), ports })),
    );
    assert.equal(new Set(openings.map(({ port }) => port)).size, 20);
    assert.equal(ports.leased, 20);
    for (const opening of openings) opening.close();
    assert.equal(ports.leased, 0);
  }));

describe("whatever happens in whatever order", () => {
  const PORTS = 3;
  const PEERS = 5;
  interface Waiting {
    readonly peer: string;
    readonly opening: PassiveOpening;
  }

  for (let seed = 1; seed <= 6; seed++)
    shared(
      `every connection reaches its own offer, and no port is lost (seed ${seed})`,
      PORTS,
      async (offer, ports) => {
        const random = new Random(seed);
        const waiting: Waiting[] = [];
        const used = () => new Set(waiting.map(({ opening }) => opening.port));
        const take = (): Waiting | undefined => waiting.splice(random.below(waiting.length), 1)[0];

        const ask = async (): Promise<void> => {
          const peer = peerOf(random.below(PEERS));
          const own = waiting.filter((one) => one.peer === peer).map(({ opening }) => opening.port);
          if (own.length === PORTS) return void (await rejection(offer(peer), "NO_PASSIVE_PORT"));
          const before = used();
          const opening = await offer(peer);
          assert(!own.includes(opening.port), "two offers of one client on one port");
          assert(before.size === PORTS || !before.has(opening.port), "shared while others were free");
          waiting.push({ peer, opening });
        };
        const come = async (): Promise<void> => {
          const one = take();
          if (one !== undefined) assert.equal(await greeted(one.opening, one.peer), `for ${one.peer}`);
        };
        const intrude = async (): Promise<void> => {
          const thief = dial(random.pick([...used(), 1]), { localAddress: "127.0.0.2" });
          assert.equal((await everything(thief)).length, 0);
        };
        const giveUp = async (): Promise<void> => {
          const one = take();
          if (one === undefined) return;
          if (random.chance(0.5)) return one.opening.close();
          await rejection(one.opening.open({ timeout: 1 }), "DATA_TIMEOUT");
        };

        for (let step = 0; step < 150; step++) {
          await random.pick([ask, ask, ask, come, come, intrude, giveUp])();
          await until(() => ports.leased === used().size);
          assert.equal(ports.leased, used().size, `step ${step}`);
        }
      },
    );
});
