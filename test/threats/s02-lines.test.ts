/** Lines that are too long, that Telnet tears apart, or that mean something to a shell, to `ls` or to some locale. */
import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { join } from "node:path";
import { describe, test } from "node:test";
import { download } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { exists, names, put } from "../kit/store.js";
import { ATTACKS, Jail } from "./kit-jail.js";

const EDGES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 1_000_000];

describe("S2.5 a line that is too long", () => {
  for (const [what, verb, letter] of [
    ["a verb without end", "", "A"],
    ["a path without end", "CWD ", "/"],
    ["a password without end", "PASS ", "p"],
    ["a SITE command without end", "SITE ", "S"],
  ] as const)
    test(`S2.5 ${what}: its tail is never a command, wherever buffers end`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        await put(served.fileSystem, "/x", "");
        let client = await served.user();
        for (const length of EDGES.flatMap((edge) => [edge - 1, edge, edge + 1])) {
          const head = verb + letter.repeat(length - verb.length);
          for (const pieces of [[`${head}DELE x\r\n`], [head, "DELE x\r\n"], [head, "DELE x", "\r", "\n"]]) {
            client = await sendLong(served, client, pieces);
            assert(await exists(served.fileSystem, "/x"), `the tail behind ${length} bytes was executed`);
          }
        }
        await client.assertQuiet();
      }));

  /** Gives the client that is left: the same one, or a new one where the server has closed the connection. */
  async function sendLong(served: Served, client: ScriptedClient, pieces: readonly string[]): Promise<ScriptedClient> {
    client.socket.on("error", () => undefined);
    for (const piece of pieces) {
      client.send(piece);
      await new Promise(setImmediate);
    }
    try {
      await client.expectReply(500, 501, 503, 504, 550);
      await client.expect("NOOP", 200);
      return client;
    } catch {
      await client.expectClosed();
      return await served.user();
    }
  }

  test("S2.5 a chunk with many long lines and commands between them executes the commands, once each", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      const long = `${"A".repeat(9000)}\r\n`;
      client.send(`${long}MKD a\r\n${long}${long}MKD b\r\n${long}`);
      for (const code of [500, 257, 500, 500, 257, 500]) await client.expectReply(code);
      await client.assertQuiet();
      assert.deepEqual(await names(served.fileSystem), ["a", "b"]);
    }));
});

const IAC = 0xff;
const [SB, SE, DO, WILL] = [0xfa, 0xf0, 0xfd, 0xfb];

describe("S2.6 Telnet commands", () => {
  const FLOODS: readonly (readonly [what: string, flood: Buffer, whole?: true])[] = [
    ["64 KB of IAC", Buffer.alloc(65_536, IAC)],
    ["65,537 bytes of IAC", Buffer.alloc(65_537, IAC)],
    ["a subnegotiation without end", Buffer.concat([Buffer.of(IAC, SB, 1), Buffer.alloc(60_000, 0x41)])],
    ["subnegotiations within each other", Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.of(IAC, SB)))],
    [
      "100,000 DO",
      Buffer.concat(Array.from({ length: 100_000 }, (_, index) => Buffer.of(IAC, DO, index & 0x7f))),
      true,
    ],
    ["100,000 WILL", Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.of(IAC, WILL, 3))), true],
    ["IAC without successor", Buffer.of(IAC), true],
    ["SE without beginning", Buffer.of(IAC, SE, IAC, SE), true],
  ];
  for (const [what, flood, whole = false] of FLOODS)
    test(`S2.6 ${what}: few answers, and what follows is a command only where Telnet has come to an end`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        await put(served.fileSystem, "/x", "");
        const client = await served.user();
        client.socket.on("error", () => undefined);
        const before = client.transcript.length;
        client.send(flood);
        client.send("DELE x\r\nNOOP\r\n");
        client.end();
        await client.expectClosed();
        assert(client.transcript.length - before < 1000, `${client.transcript.length - before} bytes of answers`);
        assert.equal(await exists(served.fileSystem, "/x"), !whole);
        await (await served.user()).assertQuiet();
      }));

  test("S2.6 cut at every byte they are the same as whole", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const line = Buffer.from([
        IAC,
        DO,
        1,
        0x4e,
        0x4f,
        IAC,
        SB,
        1,
        IAC,
        IAC,
        0x0d,
        0x0a,
        IAC,
        SE,
        0x4f,
        0x50,
        IAC,
        WILL,
        3,
        0x0d,
        0x0a,
      ]);
      for (let cut = 1; cut < line.length; cut++) {
        const client = await served.client();
        client.send(line.subarray(0, cut));
        await new Promise(setImmediate);
        client.send(line.subarray(cut));
        await client.expectReply(200);
        assert.equal(client.negotiations.length, 2, `cut at ${cut}`);
        await client[Symbol.asyncDispose]();
      }
    }));
});

describe("S2.7 the first bytes of a line", () => {
  test("S2.7 each line gets one reply, whatever it begins with", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      const begins = [
        "\n",
        "\r",
        "\r\n",
        "\r\r\n",
        " ",
        "\t",
        "\xff\xff",
        "\x80",
        "\0",
        "\x7f",
        "\xef\xbb\xbf",
        "\n\n\n",
        "\r\0",
      ];
      for (const begin of begins) {
        client.send(Buffer.from(`${begin}NOOP\r\n`, "latin1"));
        for (let line = 0; line < begin.split("\n").length; line++) await client.expectReply(200, 500);
        await client.assertQuiet();
      }
    }));

  test("S2.7 a letter that some locale takes for an ASCII one makes no command", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      await put(served.fileSystem, "/x", "");
      const client = await served.user();
      for (const verb of [
        "de\u0142e",
        "DE\u013fE",
        "\u017fize",
        "l\u0131st",
        "L\u0130ST",
        "\uff24\uff25\uff2c\uff25",
        "DEL\u0415",
        "S\u0130TE",
        "\u212aWD",
        "d\u00adele",
      ])
        await client.expect(`${verb} x`, 500);
      for (const line of [
        "SITE chmo\u0257 777 x",
        "SITE UT\u0130ME 202001010000 x",
        "OPTS ML\u017fT type;",
        "HELP \u017fIZE",
      ])
        await client.expect(line, 501, 502, 504);
      assert.deepEqual(await names(served.fileSystem), ["x"]);
    }));
});

describe("S2.10 what means something to a shell", () => {
  test("S2.10 is a name; no program is ever started", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const attacker = await jail.attacker();
      let started = 0;
      const hook = createHook({ init: (_id, type) => (started += type === "PROCESSWRAP" ? 1 : 0) }).enable();
      const pwned = join(jail.base, "pwned");
      const payloads = [
        "; touch #",
        "| touch #",
        "$(touch #)",
        "`touch #`",
        "&& touch #",
        "|touch #",
        "x; touch # ;",
        "-la; touch #",
        "-exec touch # {}",
        "> #",
        "--output=#",
        "!touch #",
        "%3btouch #",
        "\u{ff1b} touch #",
      ];
      for (const attack of ATTACKS)
        for (const payload of payloads) await attack.run(attacker, payload.replace("#", pwned));
      for (const line of ["SITE EXEC", "SITE", "HELP", "STAT", "OPTS MLST", "CLNT", "LANG", "QUOTE", "USER"])
        await attacker.say(`${line} $(touch ${pwned})`);
      hook.disable();
      assert.equal(started, 0);
      await jail.assertIntact();
    }));
});

describe("S2.11 names with a dash in front", () => {
  const DASHES = ["-la", "-R", "-rf", "--help", "-", "--", "-file", "- x", "-la;x"];
  test("S2.11 are names for every command but LIST and NLST, and for these behind ./ or --", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      await client.expect("TYPE I", 200);
      for (const name of DASHES) await put(served.fileSystem, `/${name}`, name);
      for (const name of DASHES) {
        await client.expect(`SIZE ${name}`, 213);
        assert.equal((await download(client, `RETR ${name}`)).bytes.toString(), name);
        for (const way of [`./${name}`, `-- ${name}`, `-l -- ${name}`]) {
          assert((await download(client, `LIST ${way}`)).bytes.toString().endsWith(` ${name}\r\n`), way);
          assert((await download(client, `NLST ${way}`)).bytes.toString().endsWith(`${name}\r\n`), way);
        }
        await client.expect(`RNFR ${name}`, 350);
        await client.expect("RNTO -moved", 250);
        await client.expect("DELE -moved", 250);
      }
      assert.deepEqual(await names(served.fileSystem), []);
    }));

  test("S2.11 options that nobody knows mean nothing", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      await put(served.fileSystem, "/file", "");
      const client = await served.user();
      const options = [
        "--help",
        "--version",
        "-Z",
        "-la;x",
        "--color=always -T0",
        "-I file",
        "-w1",
        "-@",
        "-\u00e9",
        `-${"a".repeat(8000)}`,
        "-a ".repeat(2700),
        "--",
        "-l --",
      ];
      for (const option of options)
        for (const verb of ["LIST", "NLST"])
          assert.match(
            (await download(client, `${verb} ${option}`)).bytes.toString(),
            /^[^\r\n]*file\r\n$/,
            option.slice(0, 50),
          );
    }));
});
