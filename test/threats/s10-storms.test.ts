/** Many small things at once: ABOR, QUIT, connections, costly commands. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { begin, download, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";
import { BOUNDS, measure, reachable } from "./kit-measure.js";

/** `IAC IP IAC` and, as urgent data, `DM`: what Node hands on of it. */
const URGENT = "\xff\xf4\xff";
const STORM = 5000;

describe("S10.5 a storm of ABOR", () => {
  for (const [what, prefix] of [
    ["plain", ""],
    ["urgent", URGENT],
  ] as const) {
    test(`S10.5 ${what}: one 226 for each`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        const client = await served.user();
        const cost = await measure(async () => {
          client.send(Buffer.from(`${prefix}ABOR\r\n`.repeat(STORM), "latin1"));
          for (let time = 0; time < STORM; time++) await client.expectReply(226);
        });
        await client.assertQuiet();
        assert(cost.turn < BOUNDS.turn && cost.memory < BOUNDS.memory, JSON.stringify(cost));
      }));

    test(`S10.5 ${what}, during a transfer: one 426, and one 226 for each`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        await put(served.fileSystem, "/large", bytesOf(8 * 2 ** 20));
        const client = await served.user();
        for (const command of ["RETR large", "STOR new"]) {
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, command, offered);
          socket.resume().on("error", () => undefined);
          if (command.startsWith("STOR")) socket.write("something");
          client.send(Buffer.from(`${prefix}ABOR\r\n`.repeat(STORM), "latin1"));
          await client.expectReply(426, 226);
          for (let time = 0; time < STORM; time++) await client.expectReply(226);
          await client.assertQuiet();
        }
      }));
  }

  test("S10.5 transfers and ABOR by turns: each transfer has one end", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      await put(served.fileSystem, "/large", bytesOf(2 ** 20));
      const client = await served.user();
      for (let round = 0; round < 100; round++) {
        await using offered = await offer(client, "EPSV");
        const socket = await offered.connect();
        socket.resume().on("error", () => undefined);
        client.send("RETR large\r\nABOR\r\n");
        await client.expectReply(125, 150);
        await client.expectReply(426, 226);
        await client.expectReply(226);
      }
      await client.assertQuiet();
    }));
});

describe("S10.8 S10.11 what a few bytes can call forth", () => {
  const VERBS = [
    "HELP",
    "FEAT",
    "SYST",
    "STAT",
    "NOOP",
    "OPTS",
    "LANG",
    "REIN",
    "QUUX",
    "X",
    "",
    "SITE HELP",
    "HELP HELP",
    "ABOR",
    "CLNT x",
    "AUTH TLS",
  ];
  test("S10.11 is little before login", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.client();
      for (const line of VERBS) {
        const { raw } = await client.command(line);
        assert(raw.length < (line === "HELP" || line === "FEAT" ? 1000 : 100), `${line}: ${raw.length} bytes`);
      }
    }));

  test("S10.8 has an end after login too", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      for (const line of [...VERBS, "STAT", "HELP SITE", "PWD", "MLST"].filter((verb) => verb !== "REIN")) {
        const { raw } = await client.command(line);
        assert(raw.length < 2000, `${line}: ${raw.length} bytes`);
      }
    }));
});

describe("S10.9 clients that come and go", () => {
  const CROWD = 50;
  const VISITS: readonly (readonly [what: string, rounds: number, visit: (client: ScriptedClient) => Promise<void>])[] =
    [
      ["QUIT at once", 40, async (client) => client.send("QUIT\r\n")],
      ["reset", 40, async (client) => client.reset()],
      ["QUIT after login", 20, async (client) => (await client.login()).send("EPSV\r\nQUIT\r\n")],
      [
        "reset after PASV",
        20,
        async (client) => {
          await (await client.login()).expect("PASV", 227);
          client.reset();
        },
      ],
      [
        "reset in the middle of a line",
        20,
        async (client) => {
          client.send("USE");
          client.reset();
        },
      ],
    ];
  for (const [what, rounds, visit] of VISITS)
    test(`S10.9 ${rounds * CROWD} times ${what}: nothing is left of them`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        const storm = async (): Promise<void> => {
          const crowd = await Promise.all(Array.from({ length: CROWD }, () => ScriptedClient.connect(served.port)));
          await Promise.all(crowd.map(visit));
          await Promise.all(crowd.map((client) => client.expectClosed()));
          await until(() => served.server.sessions.length === 0, undefined, "the sessions end");
        };
        await storm();
        const before = reachable();
        for (let round = 0; round < rounds; round++) await storm();
        const grown = reachable() - before;
        assert(grown < 4 * 2 ** 20, `${grown} bytes are still held`);
      }));

  test("S10.9 QUIT and resets during transfers leave nothing either", () =>
    assertNoLeaks(async () => {
      const store = new WatchedStore();
      await using served = await serve({ fileSystem: store });
      await put(store, "/large", bytesOf(2 ** 20));
      for (let round = 0; round < 60; round++) {
        const client = await served.user();
        client.socket.on("error", () => undefined);
        await using offered = await offer(client, round % 2 === 0 ? "EPSV" : "PORT");
        const [, socket] = await begin(client, round % 3 === 0 ? "STOR new" : "RETR large", offered);
        socket.resume().on("error", () => undefined);
        if (round % 4 < 2) client.reset();
        else client.send("QUIT\r\n");
        if (round % 3 === 0 && round % 4 >= 2) socket.end();
        await client.expectClosed();
      }
      await until(() => served.server.sessions.length === 0 && store.open === 0, undefined, "all is closed");
    }));
});

describe("S10.10 costly commands", () => {
  test("S10.10 of one session run one at a time, however many are sent", () =>
    assertNoLeaks(async () => {
      let [running, most] = [0, 0];
      const store = new WatchedStore({
        before: async () => {
          most = Math.max(most, ++running);
          await pause(1);
          running--;
        },
      });
      await using served = await serve({ fileSystem: store });
      await put(store, "/file", "x");
      const client = await served.user();
      const lines = [
        "SIZE file",
        "MDTM file",
        "MLST file",
        "STAT file",
        "CWD /",
        "MFMT 20200101000000 file",
        "RNFR file",
      ];
      client.send(
        lines
          .map((line) => `${line}\r\n`)
          .join("")
          .repeat(50),
      );
      await (await served.user()).expect("NOOP", 200);
      for (let time = 0; time < 50 * lines.length; time++) await client.expectReply(213, 250, 350);
      assert.equal(most, 1);
      // A path may be looked up beside a transfer, and no more.
      await using offered = await offer(client, "EPSV");
      client.send(`LIST\r\n${"STAT /\r\nSIZE file\r\n".repeat(20)}`);
      await offered.connect();
      await client.expectReply(150);
      for (let time = 0; time < 41; time++) await client.expectReply(212, 213, 226);
      assert(most <= 2, `${most} at a time`);
      assert((await download(client, "NLST")).bytes.length > 0);
    }));
});
