/** Passive ports where clients come through a proxy that tells their addresses: shared ports, and the hint on private addresses. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { describe, test } from "node:test";
import type { ServerOptions } from "../../dist/index.js";
import { collect, parseEpsv, parsePasv, pour } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { tenPorts } from "../robustness/kit-ports.js";

const PROXIED = { proxy: { from: ["127.0.0.1"], passive: true } } as const;

/** What the proxy says of a client that has come to an address of ours. */
function headerOf(client: string, here: string): Buffer {
  return lineHeader({ source: { host: client, port: 40_000 }, destination: { host: here, port: 21 } });
}

async function userThrough(served: Served, client: string, here = "203.0.113.1"): Promise<ScriptedClient> {
  const control = await ScriptedClient.open(served.port);
  control.raw.write(headerOf(client, here));
  await control.expectReply(220);
  return await control.login();
}

/** The proxy's connection to a passive port for a client. */
async function dataThrough(port: number, client: string): Promise<Socket> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(headerOf(client, "203.0.113.1"));
  return socket;
}

describe("clients of one proxy", () => {
  const CLIENTS = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "192.168.0.9"];

  test("S15.3 S4.8 share a port, and each connection reaches the client that its header names", () =>
    assertNoLeaks(async () => {
      await using free = await tenPorts();
      const [port] = free.range;
      await using served = await serve({ ...PROXIED, passive: { ports: [port, port] } });
      await put(served.fileSystem, "/f", "content");
      const controls = await Promise.all(CLIENTS.map((client) => userThrough(served, client)));
      for (const control of controls) assert.equal(parseEpsv(await control.expect("EPSV", 229)), port);
      for (const [index, control] of controls.entries()) {
        control.send(index % 2 === 0 ? "RETR f\r\n" : `STOR ${index}\r\n`);
        await control.expectReply(150);
      }
      for (const [index, control] of [...controls.entries()].toReversed()) {
        const data = await dataThrough(port, CLIENTS[index] as string);
        if (index % 2 === 0) assert.equal((await collect(data)).toString(), "content");
        else await pour(data, `from ${CLIENTS[index]}`);
        await control.expectReply(226);
        if (index % 2 === 1)
          assert.equal((await content(served.fileSystem, `/${index}`)).toString(), `from ${CLIENTS[index]}`);
      }
      for (const control of controls) await control[Symbol.asyncDispose]();
    }));

  test("S15.3 S4.1 a header that names somebody else gets nothing of a shared port", () =>
    assertNoLeaks(async () => {
      await using free = await tenPorts();
      const [port] = free.range;
      const strangers: unknown[] = [];
      await using served = await serve({ ...PROXIED, passive: { ports: [port, port] } }, (server) =>
        server.on("stranger", ({ address }) => strangers.push(address)),
      );
      const controls = await Promise.all(CLIENTS.map((client) => userThrough(served, client)));
      for (const control of controls) await control.expect("EPSV", 229);
      for (const control of controls) {
        control.send("LIST\r\n");
        await control.expectReply(150);
      }
      assert.equal((await collect(await dataThrough(port, "198.51.100.200"))).length, 0);
      assert.deepEqual(strangers, ["198.51.100.200"]);
      for (const [index, control] of controls.entries()) {
        await collect(await dataThrough(port, CLIENTS[index] as string));
        await control.expectReply(226);
        await control[Symbol.asyncDispose]();
      }
    }));
});

describe("a private address for a client on the internet", () => {
  /** The hints that clients with these addresses, in turn, make a server tell, and what PASV told them. */
  async function hinted(passive: ServerOptions["passive"], here: string, ...clients: readonly string[]) {
    const hints: { option: string; text: string; client: string }[] = [];
    const told: string[] = [];
    await using served = await serve({ proxy: { from: ["127.0.0.1"] }, passive }, (server) =>
      server.on("hint", ({ option, text, session }) => hints.push({ option, text, client: session.remoteAddress })),
    );
    for (const client of clients) {
      await using control = await userThrough(served, client, here);
      for (let round = 0; round < 2; round++) {
        await control.expect("EPSV", 229);
        told.push(parsePasv(await control.expect("PASV", 227)).host);
      }
    }
    return { hints, told };
  }

  for (const here of ["10.1.2.3", "172.20.0.1", "192.168.1.2", "100.64.3.4", "169.254.0.5", "127.0.0.1"])
    test(`${here}: is told of once, by the option that helps`, async () => {
      const { hints, told } = await hinted(undefined, here, "192.168.7.7", "203.0.113.5", "203.0.113.6");
      assert.deepEqual(
        told,
        Array.from({ length: 6 }, () => here),
      );
      const text = `PASV tells clients on the internet to connect to ${here}, which they cannot: set passive.address to the public address`;
      assert.deepEqual(hints, [{ option: "passive.address", text, client: "203.0.113.5" }]);
    });

  test("also where it is the option that says so", async () => {
    const { hints } = await hinted({ address: "192.168.1.2" }, "203.0.113.1", "203.0.113.5");
    assert.equal(hints.length, 1);
  });

  test("is none where the client is in such a network too, or the address is public", async () => {
    assert.deepEqual((await hinted(undefined, "10.1.2.3", "10.9.9.9", "100.64.0.1", "127.0.0.9")).hints, []);
    assert.deepEqual((await hinted({ address: "203.0.113.7" }, "10.1.2.3", "203.0.113.5")).hints, []);
    assert.deepEqual((await hinted({ address: { "0.0.0.0/0": "203.0.113.7" } }, "10.1.2.3", "203.0.113.5")).hints, []);
  });

  test("EPSV tells no address, and nothing is said", async () => {
    let hints = 0;
    await using served = await serve({ proxy: { from: ["127.0.0.1"] } }, (server) => server.on("hint", () => hints++));
    await using control = await userThrough(served, "203.0.113.5", "10.1.2.3");
    await control.expect("EPSV", 229);
    assert.equal(hints, 0);
    await control.expect("PASV", 227);
    await until(() => hints === 1);
  });
});
