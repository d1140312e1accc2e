/** What stands between a socket and TLS, without TLS: bytes in order, the end after them, and the socket given back. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { TlsBridge } from "../../dist/channel/tls-bridge.js";
import { reset } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { bytesOf, until } from "../kit/temporary.js";
import { dial } from "../threats/kit-data-tls.js";

interface Ends {
  readonly bridge: TlsBridge;
  readonly ours: net.Socket;
  readonly client: net.Socket;
}

function bridged(title: string, work: (ends: Ends) => Promise<void>, receives = false): void {
  test(title, () =>
    assertNoLeaks(async () => {
      const listener = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, "127.0.0.1");
      await once(listener, "listening");
      const arrival = once(listener, "connection");
      const client = await dial((listener.address() as net.AddressInfo).port);
      const [ours] = (await arrival) as [net.Socket];
      listener.close();
      const bridge = new TlsBridge(ours, receives);
      bridge.on("error", () => undefined);
      try {
        await work({ bridge, ours, client });
      } finally {
        bridge.destroy();
        client.destroy();
        ours.destroy();
      }
    }),
  );
}

/** Everything that the bridge hands to TLS. */
function taken(bridge: TlsBridge): { readonly bytes: Buffer } {
  const chunks: Buffer[] = [];
  bridge.on("data", (chunk: Buffer) => chunks.push(chunk));
  return {
    get bytes() {
      return Buffer.concat(chunks);
    },
  };
}

const record = (type: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 255]), Buffer.alloc(length, 7)]);

bridged("bytes go both ways, and FIN after them", async ({ bridge, client }) => {
  const bytes = bytesOf(3_000_000);
  const up = taken(bridge);
  client.end(bytes);
  await once(bridge, "end");
  assert(up.bytes.equals(bytes));
  assert.deepEqual([bridge.readableEnded, bridge.failure], [true, undefined]);
  const down: Buffer[] = [];
  client.on("data", (chunk: Buffer) => down.push(chunk));
  bridge.end(bytes);
  await once(client, "end");
  assert(Buffer.concat(down).equals(bytes));
});

bridged("it is not exhausted before TLS has been given everything", async ({ bridge, client }) => {
  client.end(bytesOf(100));
  await until(() => bridge.readableLength === 100);
  assert.equal(bridge.readableEnded, false);
  const up = taken(bridge);
  let atTheEnd: boolean | undefined;
  bridge.once("end", () => {
    atTheEnd = bridge.readableEnded;
  });
  await once(bridge, "end");
  assert.deepEqual([up.bytes.length, atTheEnd], [100, true]);
});

bridged("where TLS takes nothing, the socket is not read to its end", async ({ bridge, ours, client }) => {
  const bytes = bytesOf(30_000_000);
  client.end(bytes);
  await until(() => ours.isPaused());
  assert(bridge.readableLength < 1_000_000, `${bridge.readableLength} bytes wait`);
  const up = taken(bridge);
  await once(bridge, "end");
  assert(up.bytes.equals(bytes));
});

bridged("a reset is remembered, and what came before it is handed over", async ({ bridge, client }) => {
  const up = taken(bridge);
  client.write("before");
  await until(() => up.bytes.length === 6);
  reset(client);
  await once(bridge, "end");
  assert.equal((bridge.failure as NodeJS.ErrnoException).code, "ECONNRESET");
  assert.equal(bridge.readableEnded, true);
});

bridged("silenced, it sends nothing, and FIN neither", async ({ bridge, ours, client }) => {
  const down: Buffer[] = [];
  client.on("data", (chunk: Buffer) => down.push(chunk));
  bridge.silence();
  bridge.end("tickets");
  await once(bridge, "finish");
  assert.equal(ours.writable, true);
  ours.end("plain");
  await once(client, "end");
  assert.equal(Buffer.concat(down).toString(), "plain");
});

bridged(
  "what is sent to a client that has said all and is gone is no error",
  async ({ bridge, client }) => {
    const up = taken(bridge);
    client.write("all");
    await until(() => up.bytes.length === 3);
    bridge.conclude();
    for (let round = 0; round < 3; round++) {
      if (round === 1) reset(client);
      await new Promise<void>((resolve, reject) => {
        bridge.write("tickets", (error) => (error ? reject(error) : resolve()));
      });
    }
  },
  true,
);

bridged(
  "what TLS sends can be held back until it has read all",
  async ({ bridge, client }) => {
    const down: Buffer[] = [];
    client.on("data", (chunk: Buffer) => down.push(chunk));
    bridge.holdBack();
    bridge.write("held ");
    bridge.write("back, ");
    const up = taken(bridge);
    client.write("all");
    await until(() => up.bytes.length === 3);
    assert.equal(down.length, 0);
    bridge.conclude();
    bridge.end("and sent");
    await once(client, "end");
    assert.equal(Buffer.concat(down).toString(), "held back, and sent");
  },
  true,
);

for (const [first, second] of [
  ["bridge", "ours"],
  ["ours", "bridge"],
] as const)
  bridged(
    `destroying ${first === "ours" ? "the socket ends the bridge" : "the bridge destroys the socket"}`,
    async (ends) => {
      ends.bridge.resume();
      ends[first].destroy();
      await until(() => (second === "ours" ? ends.ours.destroyed : ends.bridge.readableEnded));
    },
  );

for (const piece of [1, 3, 1000])
  bridged(
    `given back after one more record, with what came behind, in pieces of ${piece}`,
    async ({ bridge, ours, client }) => {
      const up = taken(bridge);
      bridge.keepSocket();
      const last = record(21, 26);
      const releasing = bridge.release(async () => up.bytes.length === last.length);
      const all = Buffer.concat([last, Buffer.from("NOOP\r\n")]);
      for (let start = 0; start < all.length; start += piece) client.write(all.subarray(start, start + piece));
      assert.equal(await releasing, ours);
      assert(up.bytes.equals(last));
      const plain: Buffer[] = [];
      ours.on("data", (chunk: Buffer) => plain.push(chunk)).resume();
      await until(() => Buffer.concat(plain).toString() === "NOOP\r\n");
      bridge.destroy();
      assert.equal(ours.destroyed, false);
    },
  );

bridged("given back at once where the client speaks clear without an answer", async ({ bridge, ours, client }) => {
  const up = taken(bridge);
  bridge.keepSocket();
  const releasing = bridge.release(async () => false);
  client.write("NOOP\r\n");
  await releasing;
  assert.equal(up.bytes.length, 0);
  assert.equal(String(ours.read()), "NOOP\r\n");
});

for (const way of ["FIN", "RST", "FIN in a record"] as const)
  bridged(`given back where the client ends instead: ${way}`, async ({ bridge, ours, client }) => {
    bridge.resume();
    bridge.keepSocket();
    const releasing = bridge.release(async () => false);
    if (way === "RST") reset(client);
    else client.end(way === "FIN" ? "" : record(21, 26).subarray(0, 9));
    assert.equal(await releasing, ours);
  });
