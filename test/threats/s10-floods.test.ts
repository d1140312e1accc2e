/** Clients that send without end: the server stays small, stays quick for others, and ends what has no end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { assertClosed, attack, MIB } from "./kit-flood.js";
import { flood } from "./kit-flooder.js";
import { reachable } from "./kit-measure.js";

describe("S10.1 lines without end", () => {
  for (const [what, text] of [
    ["A", "A"],
    ["NUL", "\0"],
    ["CR", "\r"],
    ["0xFF", "\xff\xff"],
    ["UTF-8 that is none", "\xc3"],
    ["a path", "CWD /"],
  ] as const)
    for (const login of [false, true])
      test(`S10.1 512 MB of ${what}, ${login ? "logged in" : "before login"}: the connection is closed`, () =>
        attack({ text: text.repeat(1024), times: (512 * 1024) / text.length, login }, {}, assertClosed));
});

describe("S10.7 lines that are too long, again and again", () => {
  test("S10.7 32 MB in lines of 60 KB: each is answered once, and nothing is kept", () =>
    attack({ text: `${"A".repeat(60_000)}\r\n`, times: 550, last: "QUIT\r\n" }, {}, (report) => {
      assertClosed(report);
      assert(report.tail.endsWith("500 Line too long\r\n221 Goodbye\r\n"), report.tail);
    }));

  test("S10.7 afterwards the process rests", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      for (const login of [false, true])
        await flood({
          port: served.port,
          login,
          bytes: Buffer.alloc(MIB, 0x41),
          times: 1,
          reads: true,
          patience: 2500,
        });
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { user, system } = process.cpuUsage(before);
      assert(user + system < 250_000, `${user + system} microseconds in half a second`);
    }));
});

describe("S10.3 commands without end", () => {
  for (const [text, times] of [
    ["NOOP\r\n", 100_000],
    ["PWD\r\n", 30_000],
    ["\n", 100_000],
    ["QUUX\r\n", 30_000],
    ["CWD /missing\r\n", 10_000],
    ["EPSV\r\n", 2000],
    ["USER test\r\n", 30_000],
    ["SITE CHMOD 777 /missing\r\n", 10_000],
  ] as const)
    test(`S10.3 ${times} times ${JSON.stringify(text)}: all are answered, and others are served in between`, () =>
      attack({ text, times, last: "QUIT\r\n" }, {}, (report) => {
        assertClosed(report);
        assert.equal(report.sent, text.length * times + 6);
        assert(report.received > 6 * times && report.tail.endsWith("221 Goodbye\r\n"), JSON.stringify(report));
      }));

  test("S10.3 what has been answered is not kept, however long it goes on", () =>
    assertNoLeaks(async () => {
      let answered = 0;
      const held: number[] = [];
      await using served = await serve({}, (server) =>
        server.on("reply", () => {
          if (++answered % 50_000 === 0) held.push(reachable());
        }),
      );
      const bytes = Buffer.from("NOOP\r\n");
      await flood({
        port: served.port,
        login: true,
        bytes,
        times: 250_000,
        reads: true,
        last: "QUIT\r\n",
        patience: 3000,
      });
      assert.equal(held.length, 5);
      const grown = Math.max(...held) - (held[0] ?? 0);
      assert(grown < 4 * MIB, `${grown} bytes more after 200,000 commands more`);
    }));

  test("S10.3 before login too", () =>
    attack(
      { text: "NOOP\r\nUSER x\r\nPASS \r\nQUUX\r\n", times: 5000, login: false, last: "QUIT\r\n" },
      { maxLoginAttempts: 0 },
      (report) => assert(report.received > 300_000, JSON.stringify(report)),
    ));
});
