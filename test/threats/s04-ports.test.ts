/** Passive ports: not to be guessed, not to be kept, not to be handed from one to the next, and not endless. */
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { accepts, download, offer, parseEpsv, parsePasv } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { tenPorts } from "../robustness/kit-ports.js";

async function nextPort(client: ScriptedClient): Promise<number> {
  return parseEpsv(await client.expect("EPSV", 229));
}

describe("S4.2 the next port", () => {
  const DRAWS = 200;
  for (const [what, ports] of [
    ["any port", undefined],
    ["a range of 400", [30_000, 30_399]],
  ] as const)
    test(`S4.2 cannot be told from the last ones (${what})`, () =>
      assertNoLeaks(async () => {
        await using served = await serve(ports === undefined ? {} : { passive: { ports } });
        const client = await served.user();
        const drawn: number[] = [];
        for (let draw = 0; draw < DRAWS; draw++) drawn.push(parsePasv(await client.expect("PASV", 227)).port);
        const steps = drawn.slice(1).map((port, index) => port - (drawn[index] ?? 0));
        const rising = steps.filter((step) => step > 0).length;
        assert(rising > 0.3 * DRAWS && rising < 0.7 * DRAWS, `${rising} of ${DRAWS} go up`);
        assert(mostFrequent(steps) < 0.1 * DRAWS, "steps repeat");
        assert(mostFrequent(drawn) < 0.05 * DRAWS, "ports repeat");
        assert(Math.max(...drawn) - Math.min(...drawn) > 200, "they come from one corner");
      }));

  test("S4.2 does not come in the same order again, also from a small range", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ passive: { ports: [30_800, 30_839] } });
      const client = await served.user();
      const drawn: number[] = [];
      for (let draw = 0; draw < DRAWS; draw++) drawn.push(await nextPort(client));
      for (let lag = 1; lag < 60; lag++) {
        const again = drawn.slice(lag).filter((port, index) => port === drawn[index]).length;
        assert(again < 0.3 * DRAWS, `${again} of ${DRAWS} are what came ${lag} before`);
      }
    }));

  test("S4.2 of one session is not told by that of another", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ passive: { ports: [30_400, 30_799] } });
      const [spy, victim] = [await served.user(), await served.user()];
      const apart: number[] = [];
      for (let draw = 0; draw < DRAWS; draw++) apart.push((await nextPort(victim)) - (await nextPort(spy)));
      assert(mostFrequent(apart) < 0.1 * DRAWS, "a fixed distance");
      assert(apart.filter((step) => Math.abs(step) <= 2).length < 0.1 * DRAWS, "next door");
    }));

  function mostFrequent(values: readonly number[]): number {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return Math.max(...counts.values());
  }
});

describe("S4.6 a listener", () => {
  const ENDS: readonly (readonly [string, (client: ScriptedClient) => Promise<unknown>])[] = [
    ["ABOR", (client) => client.expect("ABOR", 226)],
    ["REIN", (client) => client.expect("REIN", 220)],
    ["a new user", (client) => client.expect("USER other", 331)],
    ["another EPSV", (client) => client.expect("EPSV", 229)],
    ["PASV", (client) => client.expect("PASV", 227)],
    ["PORT", (client) => client.expect(`PORT 127,0,0,1,200,1`, 200)],
    ["EPRT", (client) => client.expect("EPRT |1|127.0.0.1|51201|", 200)],
    ["QUIT", (client) => client.expect("QUIT", 221)],
    ["a reset", async (client) => client.reset()],
    ["a FIN", async (client) => client.end()],
  ];
  for (const [what, end] of ENDS)
    test(`S4.6 is gone soon after ${what}`, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ allowRelogin: true });
        const client = await served.user();
        client.socket.on("error", () => undefined);
        const port = await nextPort(client);
        await end(client);
        await until(async () => !(await accepts(port)), 3000, "the port is closed");
      }));

  test("S4.6 is one at the most, however many are asked for", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      const before = listeners();
      client.send("EPSV\r\nPASV\r\n".repeat(500));
      const ports: number[] = [];
      for (let time = 0; time < 500; time++) {
        ports.push(parseEpsv(await client.expectReply(229)));
        ports.push(parsePasv(await client.expectReply(227)).port);
      }
      await until(() => listeners() === before + 1, 3000, "one listener is left");
      const last = ports.at(-1) ?? 0;
      for (const port of ports.slice(-20)) assert.equal(await accepts(port), port === last, `port ${port} of ${last}`);
    }));

  test("S4.6 goes when the client does not come, and does not answer for the next command", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ dataTimeout: 50 });
      const client = await served.user();
      const port = await nextPort(client);
      client.send("LIST\r\n");
      await client.expectReply(150);
      await client.expectReply(425);
      assert.equal(await accepts(port), false);
      await client.expect("LIST", 425);
    }));

  /** Listening sockets of this process. */
  function listeners(): number {
    return process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
  }
});

describe("S4.7 the port of somebody who has left", () => {
  test("S4.7 rests before the next one gets it", () =>
    assertNoLeaks(async () => {
      await using free = await tenPorts();
      await using served = await serve({ passive: { ports: free.range } });
      for (let round = 0; round < 20; round++) {
        const leaving = await served.user();
        const port = await nextPort(leaving);
        await leaving.expect("QUIT", 221);
        await leaving.expectClosed();
        const next = await served.user();
        for (let time = 0; time < 3; time++) assert.notEqual(await nextPort(next), port, `round ${round}`);
        await next.expect("QUIT", 221);
        await next.expectClosed();
      }
    }));

  test("S4.7 a connection that comes late from another address reaches nobody's transfer", () =>
    assertNoLeaks(async () => {
      await using free = await tenPorts();
      await using served = await serve({ passive: { ports: free.range } });
      await put(served.fileSystem, "/secret.txt", "secret");
      const left = await served.user();
      const port = await nextPort(left);
      await left.expect("QUIT", 221);
      await left.expectClosed();
      const others = await Promise.all(Array.from({ length: 8 }, () => served.user()));
      const offers = [];
      for (const other of others) offers.push(await offer(other, "EPSV"));
      const late = net.connect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" });
      const got: Buffer[] = [];
      late.on("error", () => undefined).on("data", (chunk) => got.push(chunk));
      const gone = new Promise((resolve) => late.once("close", resolve));
      for (const [index, other] of others.entries()) {
        other.send("RETR secret.txt\r\n");
        await other.expectReply(150);
        (await offers[index]?.connect())?.resume();
        await other.expectReply(226);
      }
      await gone;
      assert.equal(Buffer.concat(got).length, 0);
      for (const offered of offers) await offered[Symbol.asyncDispose]();
    }));
});

describe("S4.8 when every port is in use", () => {
  test("S4.8 the next client is told so at once, and gets one when one is given back", () =>
    assertNoLeaks(async () => {
      let exhausted = 0;
      await using free = await tenPorts();
      await using served = await serve({ passive: { ports: free.range } }, (server) =>
        server.on("portsExhausted", () => exhausted++),
      );
      await put(served.fileSystem, "/file", "x");
      const holders: ScriptedClient[] = [];
      let refused: ScriptedClient | undefined;
      while (refused === undefined) {
        const client = await served.user();
        const { code } = await client.expect("EPSV", 229, 425);
        if (code === 425) refused = client;
        else holders.push(client);
      }
      assert(holders.length >= 1 && holders.length <= 10, `${holders.length} ports`);
      for (const line of ["PASV", "EPSV", "EPSV 1"]) await refused.expect(line, 425);
      assert.equal(exhausted, 4);
      assert.equal((await download(refused, "RETR file", "PORT")).bytes.toString(), "x");
      const [holder] = holders;
      await holder?.expect("EPSV", 229);
      await holder?.expect("ABOR", 226);
      assert.equal((await download(refused, "RETR file", "EPSV")).bytes.toString(), "x");
    }));

  test("S4.8 none is given to who has not logged in", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.client();
      for (const line of ["PASV", "EPSV", "EPSV 1", "EPSV ALL", "PORT 127,0,0,1,200,1", "LIST"])
        await client.expect(line, 530);
    }));
});
