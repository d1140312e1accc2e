/** What arrives on the control connection, however it is cut and whatever is in it (RFC 959 §5.3, RFC 854, RFC 1123 §4.1.2.10, RFC 2640). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { collect, offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { serve } from "../kit/serve.js";
import { names, put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";

describe("line ends", () => {
  for (const [what, end] of [
    ["CRLF", "\r\n"],
    ["a bare LF", "\n"],
  ] as const)
    test(`${what} ends a line`, async () => {
      await using served = await serve();
      const client = await served.client();
      client.send(`NOOP${end}NOOP${end}SYST${end}`);
      for (const code of [200, 200, 215]) await client.expectReply(code);
    });

  test("S10.10 one byte at a time gives the same dialogue", async () => {
    await using served = await serve();
    const client = await served.client();
    for (const byte of Buffer.from("USER test\r\nPASS secret\r\nPWD\r\n")) {
      client.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    for (const code of [331, 230, 257]) await client.expectReply(code);
  });

  test("S18.9 a name that was cut within a character arrives whole", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const byte of Buffer.from("MKD 日本ä🎉\r\n")) {
      client.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    assert((await client.expectReply(257)).text.startsWith('"/日本ä🎉"'));
    assert.deepEqual(await names(served.fileSystem), ["日本ä🎉"]);
  });

  test("an empty line is answered with 500, before login with 500 or 530", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("", 500, 530);
    await client.login();
    await client.expect("", 500);
    await client.expect(" ", 500);
    await client.assertQuiet();
  });
});

describe("verbs and arguments", () => {
  test("the verb's case does not matter, and only ASCII letters have one (S2.7)", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const client = await served.user();
    for (const line of ["noop", "NoOp", "nOOP"]) await client.expect(line, 200);
    for (const line of ["\u017fize f", "l\u0131st", "S\u0130ZE f", "\u0140ist"]) await client.expect(line, 500);
  });

  test("a tab is no separator and a leading blank no indent", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("CWD\t/", 500);
    await client.expect(" NOOP", 500);
  });

  test("S2.9 every blank behind the first is part of the name (RFC 3659 §2.2)", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of [" x", "x ", "  ", " x  y "]) await client.expect(`MKD ${name}`, 257);
    assert.deepEqual(await names(served.fileSystem), [" x", "x ", "  ", " x  y "].sort());
  });

  test("S2.2 NUL is refused with 501 and nothing is made", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of ["a\0b", "\0", "a\0"]) await client.expect(`MKD ${name}`, 501, 550, 553);
    for (const line of ["CWD /\0", "NOOP\0", "US\0ER x"]) await client.expect(line, 500, 501, 550);
    assert.deepEqual(await names(served.fileSystem), []);
  });

  test("S2.3 CR (as CR NUL), LF and other control characters make no name", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of ["a\r\0b", "a\rb", "a\x1bb", "a\x7fb", "a\x01", "a\u0085b", "a\u2028b"])
      await client.expect(`MKD ${name}`, 501, 550, 553);
    assert.deepEqual(await names(served.fileSystem), []);
  });

  test("S1.18 bytes that are not UTF-8 survive, and two of them never meet", async () => {
    await using served = await serve();
    const client = await served.user();
    const made: Buffer[] = [];
    for (const byte of [0xe4, 0xf6]) {
      client.send(Buffer.concat([Buffer.from("MKD x"), Buffer.of(byte), Buffer.from("\r\n")]));
      made.push((await client.expectReply(257)).raw);
    }
    assert(made[0]?.includes(Buffer.of(0x78, 0xe4)) && made[1]?.includes(Buffer.of(0x78, 0xf6)));
    assert.equal((await names(served.fileSystem)).length, 2);
  });

  test("0xFF in a name is doubled both ways (RFC 854)", async () => {
    await using served = await serve();
    const client = await served.user();
    client.send(Buffer.concat([Buffer.from("MKD x"), Buffer.of(0xff, 0xff), Buffer.from("y\r\n")]));
    const reply = await client.expectReply(257);
    assert(reply.raw.includes(Buffer.of(0x78, 0xff, 0x79)), "one byte once the Telnet layer has taken its own");
    assert(client.transcript.includes(Buffer.of(0x78, 0xff, 0xff, 0x79)), "two bytes on the wire");
  });
});

describe("long lines", () => {
  test("S2.5 a line over the bound is answered with 500 and its tail is never executed", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/x", "");
    const client = await served.user();
    for (const size of [8180, 8192, 8193, 9000, 16_384, 20_000]) {
      client.send(`${"A".repeat(size)}DELE x\r\n`);
      await client.expectReply(500);
    }
    await client.assertQuiet();
    assert.deepEqual(await names(served.fileSystem), ["x"]);
  });

  test("maxLineLength sets the bound", async () => {
    await using served = await serve({ maxLineLength: 512 });
    const client = await served.user();
    await client.expect(`NOOP ${"x".repeat(500)}`, 200);
    await client.expect(`NOOP ${"x".repeat(512)}`, 500);
    await client.assertQuiet();
  });

  test("S10.1 a line without end is given up: the connection is closed", async () => {
    await using served = await serve();
    const client = await served.client();
    client.socket.on("error", () => undefined);
    for (let sent = 0; sent < 4_000_000 && client.socket.writable; sent += 100_000) {
      client.send(Buffer.alloc(100_000, 0x41));
      await new Promise(setImmediate);
    }
    await client.expectClosed();
  });
});

describe("pipelining", () => {
  test("many commands in one segment are answered in order", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "abc");
    const client = await served.user();
    client.send("TYPE I\r\nMKD d\r\nCWD d\r\nPWD\r\nSIZE /f\r\nCDUP\r\nRMD d\r\nQUUX\r\nNOOP\r\n");
    for (const code of [200, 257, 250, 257, 213, 250, 250, 500, 200]) await client.expectReply(code);
  });

  test("a whole session in one segment, transfer included", async () => {
    await using served = await serve();
    const bytes = bytesOf(50_000);
    await put(served.fileSystem, "/f", bytes);
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const socket = await offered.connect();
    client.send("TYPE I\r\nRETR f\r\nPWD\r\nDELE f\r\nQUIT\r\n");
    await client.expectReply(200);
    await client.expectReply(125, 150);
    assert((await collect(socket)).equals(bytes));
    for (const code of [226, 257, 250, 221]) await client.expectReply(code);
    await client.expectClosed();
  });

  test("S10.3 ten thousand commands are all answered, in order", async () => {
    await using served = await serve();
    const client = await served.user();
    client.send("NOOP\r\n".repeat(9999) + "SYST\r\n");
    for (let index = 0; index < 9999; index++) await client.expectReply(200);
    await client.expectReply(215);
  });

  test("S10.3 behind a command that waits the server stops reading, and the client has to wait too", async () => {
    const gate = new Gate();
    await using served = await serve({}, (server) => server.on("mkd", () => gate.pass()));
    const client = await served.user();
    client.send("MKD d\r\n");
    await gate.reached;
    const flood = Buffer.from(`NOOP ${"x".repeat(8000)}\r\n`.repeat(100));
    // 40 MB: more than the buffers of the system hold.
    for (let round = 0; round < 50; round++) client.send(flood);
    for (let round = 0; round < 20; round++) await served.user();
    assert(client.socket.writableLength > 0, "everything was taken in");
    assert.equal(client.unread, 0);
    client.reset();
    gate.open();
  });

  test("S13.5 a client that sends FIN behind its commands gets all its replies", async () => {
    await using served = await serve();
    const client = await served.client();
    client.send("NOOP\r\nSYST\r\nFEAT\r\n");
    client.end();
    for (const code of [200, 215, 211]) await client.expectReply(code);
    await client.expectClosed();
  });
});

describe("Telnet (RFC 854, RFC 1123 §4.1.2.12)", () => {
  test("DO and WILL are refused, WONT and DONT get no answer", async () => {
    await using served = await serve();
    const client = await served.client();
    client.send(Uint8Array.of(0xff, 0xfd, 1, 0xff, 0xfb, 3, 0xff, 0xfc, 5, 0xff, 0xfe, 6));
    await client.expect("NOOP", 200);
    assert.deepEqual(Buffer.concat(client.negotiations), Buffer.of(0xff, 0xfc, 1, 0xff, 0xfe, 3));
  });

  test("commands within a line are taken out of it", async () => {
    await using served = await serve();
    const client = await served.client();
    client.send(Buffer.concat([Buffer.from("NO"), Buffer.of(0xff, 0xf1), Buffer.from("OP\r\n")]));
    await client.expectReply(200);
    client.send(Buffer.concat([Buffer.of(0xff, 0xfa, 1, 2, 3, 0xff, 0xf0), Buffer.from("NOOP\r\n")]));
    await client.expectReply(200);
  });

  const ABORS: readonly (readonly [string, readonly number[], string])[] = [
    ["IAC IP, IAC DM", [0xff, 0xf4, 0xff, 0xf2], "ABOR\r\n"],
    ["IAC IP, IAC and a lost urgent byte", [0xff, 0xf4, 0xff], "ABOR\r\n"],
    ["IAC IP, DM", [0xff, 0xf4, 0xf2], "ABOR\r\n"],
    ["a line end that lost its LF", [], "ABOR\r"],
  ];
  for (const [what, prefix, line] of ABORS)
    test(`S18.10 ABOR behind ${what}: one 226`, async () => {
      await using served = await serve();
      const client = await served.user();
      client.send(Buffer.concat([Uint8Array.from(prefix), Buffer.from(line)]));
      await client.expectReply(226);
      await client.assertQuiet();
    });

  test("S2.6 floods of IAC do not grow anything and the session lives or is closed", async () => {
    await using served = await serve();
    const client = await served.client();
    client.send(Buffer.alloc(65_536, 0xff));
    client.send(Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.of(0xff, 0xfd, 1))));
    client.send("\r\nNOOP\r\n");
    await client.reply();
    assert(client.transcript.length < 65_536, `${client.transcript.length} bytes of answers`);
  });
});

describe("replies", () => {
  test("S2.4 names that look like replies never stand at the start of a line", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of ["226 done", "211 End", "250-x", "500 "]) {
      await client.expect(`MKD ${name}`, 257);
      await client.expect(`MLST ${name}`, 250);
      await client.expect(`STAT ${name}`, 212, 213);
    }
    await client.expect("STAT /", 212);
    await client.expect("QUUX 226 done", 500);
    await client.assertQuiet();
  });

  test("S6.3 the first words of HTTP and SMTP end the session at once, what follows is not executed", async () => {
    await using served = await serve();
    for (const first of ["GET / HTTP/1.1", "POST / HTTP/1.1", "HEAD / HTTP/1.0", "EHLO x", "Host: x", "SSH-2.0-x"]) {
      const client = await served.client();
      client.send(`${first}\r\nUSER test\r\nPASS secret\r\nMKD owned\r\n`);
      await client.expectClosed();
    }
    assert.deepEqual(await names(served.fileSystem), []);
  });
});
