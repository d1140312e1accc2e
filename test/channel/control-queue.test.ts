/** How many lines a control connection lets wait: as many as its watcher says at that moment. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { ControlChannel, type ControlWatcher } from "../../dist/channel/control-channel.js";
import { until } from "../kit/temporary.js";

interface Line extends AsyncDisposable {
  readonly channel: ControlChannel;
  /** The server's end. */
  readonly socket: net.Socket;
  readonly client: net.Socket;
  readonly watcher: ControlWatcher & { maxQueued: number; full: number };
}

async function connected(maxQueued: number): Promise<Line> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  client.setNoDelay(true);
  const [socket] = (await once(server, "connection")) as [net.Socket];
  const channel = new ControlChannel(socket, { maxLineLength: 512 });
  const watcher = {
    maxQueued,
    full: 0,
    queueFull: () => void watcher.full++,
    controlEnded: () => undefined,
    controlClosed: () => undefined,
    hopelessLine: () => undefined,
  };
  channel.watch(watcher);
  channel.start();
  return {
    channel,
    socket,
    client,
    watcher,
    async [Symbol.asyncDispose]() {
      channel.destroy();
      client.destroy();
      await channel.closed;
      server.close();
      await once(server, "close");
    },
  };
}

/** Takes lines until none is there. */
function takeAll(channel: ControlChannel): number {
  let taken = 0;
  while (channel.shift() !== undefined) taken++;
  return taken;
}

test("S10.3 so many lines stop the reading, half of them let it go on, and no line is lost", async () => {
  await using line = await connected(4);
  const { channel, client, socket, watcher } = line;
  client.write("NOOP\r\n".repeat(4));
  await until(() => socket.isPaused());
  assert.equal(watcher.full, 1);
  client.write("QUIT\r\n");
  channel.shift();
  assert.equal(socket.isPaused(), true);
  channel.shift();
  assert.equal(socket.isPaused(), false);
  let taken = 2;
  await until(() => (taken += takeAll(channel)) === 5);
});

test("S10.3 another bound holds at once, wider or narrower", async () => {
  await using line = await connected(2);
  const { channel, client, socket, watcher } = line;
  client.write("NOOP\r\n".repeat(8));
  await until(() => socket.isPaused());
  watcher.maxQueued = 100;
  channel.shift();
  assert.equal(socket.isPaused(), false);
  watcher.maxQueued = 6;
  client.write("NOOP\r\n");
  await until(() => socket.isPaused());
  assert.equal(watcher.full, 2);
  assert.equal(takeAll(channel), 8);
  assert.equal(socket.isPaused(), false);
});
