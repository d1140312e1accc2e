/** Clients that are slow on purpose, and limits that would overflow a timer. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Server, type ServerOptions } from "../../dist/index.js";
import { type TestCertificates, testCertificates } from "../kit/certificates.js";
import { begin, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { within } from "../kit/temporary.js";

/** Milliseconds: short enough for a test, long enough for several drops. */
const LIMIT = 300;
const DROP = 20;

/** Sends the pieces in turn, for ever, and gives the milliseconds until the server has ended it. */
async function drip(client: ScriptedClient, pieces: readonly string[]): Promise<number> {
  const begun = performance.now();
  client.socket.on("error", () => undefined);
  let next = 0;
  const tap = setInterval(() => client.socket.writable && client.send(pieces[next++ % pieces.length] ?? ""), DROP);
  try {
    await client.expectClosed();
  } finally {
    clearInterval(tap);
  }
  return performance.now() - begun;
}

/** The code of the last reply. */
function lastCode(client: ScriptedClient): string | undefined {
  return /^(\d{3}) [^\n]*\n$/m.exec(
    client.transcript
      .toString()
      .split(/(?<=\n)/)
      .at(-1) ?? "",
  )?.[1];
}

describe("S10.2 the time until login", () => {
  for (const [what, pieces] of [
    ["bytes of a line without end", ["x"]],
    ["bytes of many lines", [..."USER test\r\n"]],
    ["whole commands", ["NOOP\r\n"]],
    ["user after user", ["USER a\r\n"]],
    ["empty lines", ["\r\n"]],
    ["Telnet", ["\xff\xf1"]],
    ["lines that are too long", ["A".repeat(20_000), "\r\n"]],
    ["commands that need a login", ["RETR x\r\n", "EPSV\r\n"]],
  ] as const)
    test(`S10.2 is not prolonged by ${what}`, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ loginTimeout: LIMIT });
        const client = await served.client();
        const lasted = await drip(client, pieces);
        assert(lasted > LIMIT / 2, `closed after ${lasted} ms`);
        assert.equal(lastCode(client), "421");
        await (await served.user()).assertQuiet();
      }));

  for (const command of ["REIN", "USER other"])
    test(`S10.2 begins again when ${command} has ended a login`, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ loginTimeout: LIMIT, allowRelogin: true });
        const client = await served.user();
        await client.expect(command, 220, 331);
        const lasted = await drip(client, ["NOOP\r\n"]);
        assert(lasted > LIMIT / 2, `closed after ${lasted} ms`);
        assert.equal(lastCode(client), "421");
      }));

  test("S10.2 ends with the login, and fifty who wait take nothing from those who do not", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ loginTimeout: LIMIT });
      const waiting = await Promise.all(Array.from({ length: 50 }, () => served.client()));
      const user = await served.user();
      await Promise.all(waiting.map((client) => client.expectClosed()));
      await user.assertQuiet();
      assert.equal(served.server.sessions.length, 1);
    }));
});

describe("S10.2 the time between commands", () => {
  for (const [what, pieces] of [
    ["bytes of a line without end", ["x"]],
    ["Telnet", ["\xff\xf1", "\xff\xfd\x01"]],
    ["nothing", [""]],
  ] as const)
    test(`S10.2 is not prolonged by ${what}`, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ idleTimeout: LIMIT });
        const client = await served.user();
        const lasted = await drip(client, pieces);
        assert(lasted > LIMIT / 2, `closed after ${lasted} ms`);
        assert.equal(lastCode(client), "421");
      }));

  test("S10.2 begins again with each command", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ idleTimeout: LIMIT });
      const client = await served.user();
      const begun = performance.now();
      while (performance.now() - begun < 3 * LIMIT) {
        await client.expect("NOOP", 200);
        await new Promise((resolve) => setTimeout(resolve, LIMIT / 10));
      }
      assert.equal(await drip(client, [""]).then((lasted) => lasted > LIMIT / 2), true);
    }));

  test("S10.2 does not run while a transfer does, but a transfer in which nothing moves has its own", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ idleTimeout: LIMIT, stallTimeout: 3 * LIMIT, dataTimeout: 3 * LIMIT });
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const begun = performance.now();
      await begin(client, "STOR file", offered);
      await client.expectReply(426);
      assert(performance.now() - begun > 2 * LIMIT);
      await offer(client, "EPSV");
      client.send("LIST\r\n");
      await client.expectReply(150);
      await client.expectReply(425);
      await client.expect("NOOP", 200);
    }));
});

describe("S10.12 limits that no timer can hold", () => {
  const TIMES = ["idleTimeout", "loginTimeout", "dataTimeout", "stallTimeout", "hookTimeout"] as const;
  for (const option of TIMES)
    test(`S10.12 ${option} is refused when the server is made`, () => {
      for (const value of [2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, "1000", null, 10n])
        assert.throws(
          () => new Server({ [option]: value }),
          (error: Error) => /RangeError|TypeError/.test(error.name) && error.message.includes(option),
          String(value),
        );
    });

  let certificates: TestCertificates;
  before(async () => {
    certificates = await testCertificates();
  });

  for (const [option, given] of [
    ["listing.maxMilliseconds", (value: unknown) => ({ listing: { maxMilliseconds: value } })],
    ["loginDelay", (value: unknown) => ({ loginDelay: value })],
    ["bans.window", (value: unknown) => ({ bans: { window: value } })],
    ["bans.duration", (value: unknown) => ({ bans: { duration: value } })],
    ["bans.longest", (value: unknown) => ({ bans: { longest: value } })],
    ["proxy.timeout", (value: unknown) => ({ proxy: { from: ["127.0.0.1"], timeout: value } })],
    ["tls.handshakeTimeout", (value: unknown) => ({ tls: { ...certificates.server, handshakeTimeout: value } })],
  ] as const)
    test(`S10.12 ${option} is refused too`, () => {
      for (const value of [2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, "1000", null, 10n])
        assert.throws(
          () => new Server(given(value) as ServerOptions),
          (error: Error) => /RangeError|TypeError/.test(error.name) && error.message.includes(option),
          String(value),
        );
    });

  for (const [what, value] of [
    ["0 is off", 0],
    ["the longest does not fire at once", 2 ** 31 - 1],
  ] as const)
    test(`S10.12 ${what}`, () =>
      assertNoLeaks(async () => {
        await using served = await serve(Object.fromEntries(TIMES.map((option) => [option, value])));
        const idle = await served.client();
        const client = await served.user();
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, "STOR file", offered);
        await new Promise((resolve) => setTimeout(resolve, LIMIT));
        socket.end("text");
        socket.resume();
        await within(client.expectReply(226), "the end of the upload");
        for (const one of [idle, client]) await one.assertQuiet();
      }));

  test("S10.12 SITE IDLE takes no more than the host allows, and nothing that overflows", () =>
    assertNoLeaks(async () => {
      for (const idleTimeout of [0, 300_000, 2 ** 31 - 1]) {
        await using served = await serve({ idleTimeout });
        const client = await served.user();
        for (const seconds of [
          "2147484",
          "4294968",
          "999999999",
          "9007199254740993",
          "1e9",
          "-1",
          "0",
          "0.1",
          "NaN",
          "Infinity",
        ])
          await client.expect(`SITE IDLE ${seconds}`, 501);
        await client.expect("SITE IDLE 60", 200);
        await client.assertQuiet();
      }
    }));

  test("S10.12 close({ drain }) refuses it too", async () => {
    const server = new Server({ host: "127.0.0.1", port: 0 });
    for (const drain of [2 ** 31, -1, Number.NaN, 0.5])
      await assert.rejects(async () => server.close({ drain }), RangeError, String(drain));
    await server.close();
  });
});
