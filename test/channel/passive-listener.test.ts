/** Whom a listener tells of connections that belong to nobody. */
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { PassiveListener } from "../../dist/channel/passive-listener.js";

/** A listener with offers for these peers, and what they are told. */
function waiting(...peers: readonly string[]) {
  const server = net.createServer();
  const listener = new PassiveListener(server, {
    host: "127.0.0.1",
    port: 1,
    identify: undefined,
    onLeft: () => undefined,
  });
  const told: string[] = [];
  for (const peer of peers)
    listener.join({
      peer,
      take: () => told.push(`${peer} has a connection`),
      turnedAway: (address) => told.push(`${peer} hears of ${address}`),
      doubt: () => told.push(`${peer} doubts`),
    });
  /** Somebody comes and is gone before we could ask who it was. */
  const missed = (): net.Socket => {
    const socket = new net.Socket();
    server.emit("connection", socket);
    return socket;
  };
  return { told, missed };
}

test("S13.1 who has reset at once may have been the only one that is waited for", () => {
  const { told, missed } = waiting("192.0.2.1");
  assert.equal(missed().destroyed, true);
  assert.deepEqual(told, ["192.0.2.1 hears of undefined", "192.0.2.1 doubts"]);
});

test("S13.1 of several that are waited for, none is given up for who has reset at once", () => {
  const { told, missed } = waiting("192.0.2.1", "192.0.2.2");
  assert.equal(missed().destroyed, true);
  assert.deepEqual(told, ["192.0.2.1 hears of undefined"]);
});

test("nobody is told where nobody is waited for any more", () => {
  const { told, missed } = waiting();
  assert.equal(missed().destroyed, true);
  assert.deepEqual(told, []);
});
