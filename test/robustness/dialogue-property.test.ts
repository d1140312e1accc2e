/** Any chunking of any command stream gives the same dialogue. RFC 1123 §4.1.2.10, S18.9. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryFileSystem, type Server } from "../../dist/index.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";

/** Lines whose answers do not hang on the clock. None leaves, none has a transfer that waits. */
const LINES = [
  "NOOP",
  "noop",
  "PWD",
  "XPWD",
  "CWD dir",
  "CWD /nothing",
  "CDUP",
  "MKD new",
  "MKD new",
  "RMD new",
  'MKD a"b',
  "MKD ünï",
  "CWD ünï",
  "TYPE I",
  "TYPE A",
  "TYPE L 8",
  "TYPE X",
  "MODE S",
  "MODE Z",
  "STRU F",
  "STRU R",
  "REST 2",
  "REST -1",
  "ALLO 5",
  "ALLO 5 R 6",
  "SIZE file",
  "SIZE dir",
  "MDTM file",
  "MLST file",
  "MLST",
  "OPTS MLST size;",
  "OPTS MLST type;size;modify;",
  "OPTS UTF8 ON",
  "FEAT",
  "HELP",
  "HELP RETR",
  "SYST",
  "STAT /dir",
  "STAT file",
  "RNFR file",
  "RNTO moved",
  "RNFR moved",
  "RNTO file",
  "DELE nothing",
  "SITE HELP",
  "SITE CHMOD 600 file",
  "SITE X",
  "MFMT 20200101000000 file",
  "EPSV",
  "PASV",
  "EPSV ALL",
  "PORT 127,0,0,1,200,1",
  "PORT 1,2",
  "EPRT |1|127.0.0.1|50000|",
  "RETR nothing",
  "ABOR",
  "USER test",
  "USER other",
  "PASS secret",
  "PASS wrong",
  "ACCT x",
  "REIN",
  "",
  " ",
  "X",
  "XYZZY with argument",
  "CWD  two spaces ",
  `CWD ${"x".repeat(9000)}`,
  "A".repeat(20_000),
  "LANG",
  "LANG de",
  "CLNT me",
].map((line) => Buffer.from(line));

/** Bytes that no text would hold: Telnet, NUL, lone CR, names that are not UTF-8. */
const RAW = [
  [0xff, 0xfd, 0x01, 0x4e, 0x4f, 0x4f, 0x50],
  [0xff, 0xf4, 0xff, 0xf2, 0x41, 0x42, 0x4f, 0x52],
  [0xff, 0xfa, 0x18, 0x01, 0xff, 0xf0, 0x50, 0x57, 0x44],
  [0x4d, 0x4b, 0x44, 0x20, 0xe9, 0xff, 0xff],
  [0x43, 0x57, 0x44, 0x20, 0xe9, 0xff, 0xff],
  [0x43, 0x57, 0x44, 0x20, 0x61, 0x00, 0x62],
  [0x43, 0x57, 0x44, 0x20, 0x61, 0x0d, 0x00, 0x62],
  [0x43, 0x57, 0x44, 0x20, 0x61, 0x0d, 0x62],
  [0x4e, 0x4f, 0x4f, 0x50, 0x0d],
].map((bytes) => Buffer.from(bytes));

const ENDS = [Buffer.from("\r\n"), Buffer.from("\r\n"), Buffer.from("\n")];

const line = fc.record({ text: fc.constantFrom(...LINES, ...RAW), end: fc.constantFrom(...ENDS) });
const dialogue = fc.record({
  login: fc.boolean(),
  lines: fc.array(line, { minLength: 1, maxLength: 25 }),
  sizes: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9000 })), {
    minLength: 1,
    maxLength: 30,
  }),
});

test("any chunking of any command stream gives the same dialogue", async () => {
  // Each login has a store of its own, so that every dialogue begins with the same files.
  const setUp = (server: Server): void =>
    void server.on("login", (login) => {
      if (login.password !== "secret") return;
      const files = { "/file": "some text\n", "/dir/inner": "" };
      login.accept({ fileSystem: new MemoryFileSystem({ files }) });
    });
  await using served = await serve({ maxLoginAttempts: 0 }, setUp);
  await fc.assert(
    fc.asyncProperty(dialogue, async ({ login, lines, sizes }) => {
      const begin = login ? "USER test\r\nPASS secret\r\n" : "";
      const stream = Buffer.concat([
        Buffer.from(begin),
        ...lines.flatMap(({ text, end }) => [text, end]),
        Buffer.from("QUIT\r\n"),
      ]);
      const whole = await transcript(served, [stream]);
      assert.equal(await transcript(served, cut(stream, sizes)), whole);
    }),
    { numRuns: 60, endOnFailure: false },
  );
});

test("a stream of bytes that are no commands is answered the same in any chunking, and ends", async () => {
  await using served = await serve();
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 }),
      async (bytes, sizes) => {
        const stream = Buffer.concat([Buffer.from("NOOP\r\n"), bytes, Buffer.from("\r\nQUIT\r\n")]);
        const whole = await transcript(served, [stream]);
        assert.equal(await transcript(served, cut(stream, sizes)), whole);
      },
    ),
    { numRuns: 50 },
  );
});

test("S18.9 a name cut at every byte arrives as it was sent", async () => {
  await using served = await serve();
  const client = await served.user();
  const name = Buffer.concat([Buffer.from("MKD ä€😀 "), Buffer.from([0xe9, 0xff, 0xff, 0xc3]), Buffer.from(" end")]);
  const shown = Buffer.concat([Buffer.from('"/ä€😀 '), Buffer.from([0xe9, 0xff, 0xff, 0xc3]), Buffer.from(' end"')]);
  for (let at = 1; at < name.length; at++) {
    client.send(name.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(Buffer.concat([name.subarray(at), Buffer.from("\r\n")]));
    await client.expectReply(257);
    assert(client.transcript.includes(shown), `cut at ${at}`);
    await client.expect("CWD /", 250);
    client.send(Buffer.concat([Buffer.from("RMD"), name.subarray(3), Buffer.from("\r\n")]));
    await client.expectReply(250);
  }
});

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

/**
 * All that the server says to these bytes, without what differs between two dialogues. Telnet answers as soon as it is
 * asked, also between the replies to commands that came before: its answers stand at the end.
 */
async function transcript(served: Served, chunks: Iterable<Buffer>): Promise<string> {
  await using client = await ScriptedClient.connect(served.port);
  for (const chunk of chunks) {
    if (client.socket.writableEnded || client.socket.destroyed) break;
    client.send(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.expectClosed();
  const replies = client.transcript
    .toString("latin1")
    .replace(/\xff(?:[\xfb-\xfe][^]|(\xff))/g, (_all, doubled: string | undefined) => (doubled ? "\xff\xff" : ""))
    .replace(/\(127,0,0,1,\d+,\d+\)/g, "(address)")
    .replace(/\(\|\|\|\d+\|\)/g, "(port)")
    .replace(/modify=[\d.]+/g, "modify=time")
    .replace(/^213 \d{14}(\.\d+)?/gm, "213 time")
    .replace(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, "date");
  return replies + Buffer.concat(client.negotiations).toString("latin1");
}
