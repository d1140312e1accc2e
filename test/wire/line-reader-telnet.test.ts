/** Telnet on the control connection: taken out, refused, bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LineEvent, LineReader } from "../../dist/wire/line-reader.js";

function texts(events: readonly LineEvent[]): (string | null)[] {
  return events.map((event) => (event.kind === "line" ? event.text : null));
}

/** Hexadecimal with text between quotes: `FF F4 "ABOR" 0D 0A`. */
function bytes(notation: string): Buffer {
  const parts = notation.match(/"[^"]*"|[0-9A-F]{2}/g) ?? [];
  return Buffer.concat(
    parts.map((part) => (part.startsWith('"') ? Buffer.from(part.slice(1, -1)) : Buffer.from(part, "hex"))),
  );
}

const streams: readonly (readonly [string, string, readonly string[], string])[] = [
  ["RFC 854: IAC IAC is the byte 0xFF", '"A" FF FF "B" 0A', ["A\udcffB"], ""],
  ["RFC 854: IAC IAC before the end", '"A" FF FF 0D 0A', ["A\udcff"], ""],
  ["RFC 1123 §4.1.2.12: DO is answered WONT", 'FF FD 01 "NOOP" 0D 0A', ["NOOP"], "FF FC 01"],
  ["RFC 1123 §4.1.2.12: WILL is answered DONT", 'FF FB 18 "NOOP" 0D 0A', ["NOOP"], "FF FE 18"],
  ["RFC 1123 §4.1.2.12: WONT and DONT are not answered", 'FF FC 01 FF FE 01 "NOOP" 0A', ["NOOP"], ""],
  ["RFC 1123 §4.1.2.12: answers keep their order", "FF FD 03 FF FB 05", [], "FF FC 03 FF FE 05"],
  ["RFC 854: the option may be any byte", '"A" FF FD FF "B" FF FD 0A "C" 0A', ["ABC"], "FF FC FF FF FC 0A"],
  [
    "RFC 854: NOP, DM, BRK, IP, AO, AYT, EC, EL, GA and SE are taken out",
    'FF F1 FF F2 FF F3 "N" FF F4 FF F5 "O" FF F6 FF F7 "O" FF F8 FF F9 FF F0 "P" 0A',
    ["NOOP"],
    "",
  ],
  ["RFC 854: a subnegotiation is taken out", '"NO" FF FA 18 00 "xterm" 0D 0A FF FF FF F0 "OP" 0D 0A', ["NOOP"], ""],
  ["RFC 854: IAC within CR LF changes nothing", '"A" 0D FF F1 0A "B" 0A', ["A", "B"], ""],
  ["RFC 854: IAC within CR NUL changes nothing", '"A" 0D FF F1 00 "B" 0A', ["A\rB"], ""],
  ["S18.10 IAC IP IAC DM, DM urgent", 'FF F4 FF "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 IAC IP IAC DM, IAC urgent", 'FF F4 F2 "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 IAC IP IAC DM, nothing urgent", 'FF F4 FF F2 "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 IAC IP, IAC urgent", 'F4 "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 IAC IP, IP urgent", 'FF "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 IP and DM of two urgent sends", 'F4 F2 "ABOR" 0D 0A', ["ABOR"], ""],
  ["S18.10 a verb of small letters behind IAC", 'FF F4 FF "abor" 0D 0A', ["abor"], ""],
  ["S18.10 behind another line", '"NOOP" 0D 0A FF F4 F2 "ABOR" 0D 0A', ["NOOP", "ABOR"], ""],
  ["S18.10 F2 and F4 within a line are data", '"RETR " F2 F4 0D 0A', ["RETR \udcf2\udcf4"], ""],
  [
    "S18.10 a character that begins with F4 is whole within a line",
    '"RETR " F4 8F BF BF 0D 0A',
    ["RETR \u{10ffff}"],
    "",
  ],
  ["S18.10 IAC before CR LF", '"ABOR" FF 0D 0A', ["ABOR"], ""],
  ["S2.7 0xFF first", 'FF FF "NOOP" 0A', ["\udcffNOOP"], ""],
];

for (const [title, stream, lines, answers] of streams)
  for (const size of [1, 2, 1 << 16])
    test(`${title.startsWith("S") ? "" : "S2.6 "}${title} (chunks of ${size})`, () => {
      const reader = new LineReader();
      const data = bytes(stream);
      const events: LineEvent[] = [];
      for (let at = 0; at < data.length; at += size) events.push(...reader.push(data.subarray(at, at + size)));
      assert.deepEqual(texts(events), lines);
      assert.deepEqual(Buffer.from(reader.takeTelnetReplies() ?? []), bytes(answers));
    });

test("S2.6 answers are taken once", () => {
  const reader = new LineReader();
  reader.push(bytes("FF FD 01"));
  assert.equal(reader.takeTelnetReplies()?.length, 3);
  assert.equal(reader.takeTelnetReplies(), undefined);
});

test("S10.6 after 64 requests there is silence, for the whole session", () => {
  const reader = new LineReader();
  let answered = 0;
  for (let round = 0; round < 100; round++) {
    reader.push(Buffer.alloc(3000, bytes("FF FD 01")));
    answered += reader.takeTelnetReplies()?.length ?? 0;
  }
  assert.equal(answered, 64 * 3);
  assert.deepEqual(texts(reader.push(bytes('"NOOP" 0D 0A'))), ["NOOP"]);
});

for (const [title, data] of [
  ["0xFF", Buffer.alloc(65536, 0xff)],
  ["IAC SB without SE", Buffer.concat([bytes("FF FA"), Buffer.alloc(65536, 0x41)])],
  ["IAC SB with IAC only", Buffer.concat([bytes("FF FA"), Buffer.alloc(65536, 0xff)])],
  ["IAC SB over and over", Buffer.alloc(65536, bytes("FF FA"))],
] as const)
  test(`S2.6 64 KB of ${title} is one overlong line, and the next line is read`, () => {
    for (const size of [1, 1460, 1 << 20]) {
      const reader = new LineReader();
      const events: LineEvent[] = [];
      for (let at = 0; at < data.length; at += size) events.push(...reader.push(data.subarray(at, at + size)));
      assert.deepEqual(texts(events), [null]);
      assert.equal(reader.pending, 0);
      assert.ok(reader.overlongDiscarded > 0);
      // What is unfinished may be half a command, or a subnegotiation that ends here.
      assert.deepEqual(texts(reader.push(bytes('"DELE x" FF F0 0D 0A "NOOP" 0D 0A'))).at(-1), "NOOP");
    }
  });

test("S2.6 64 KB of IAC NOP is nothing", () => {
  const reader = new LineReader();
  assert.deepEqual(reader.push(Buffer.alloc(65536, bytes("FF F1"))), []);
  assert.deepEqual([reader.pending, reader.overlongDiscarded, reader.takeTelnetReplies()], [0, 0, undefined]);
  assert.deepEqual(texts(reader.push(bytes('"NOOP" 0D 0A'))), ["NOOP"]);
});

test("S2.5 what follows a subnegotiation without end is never a command", () => {
  const reader = new LineReader({ maxLength: 16 });
  const events = reader.push(
    Buffer.concat([bytes("FF FA"), Buffer.alloc(17, 0x41), bytes('"DELE x" 0D 0A "NOOP" 0D 0A')]),
  );
  assert.deepEqual(texts(events), [null, "NOOP"]);
});

const segments: readonly (readonly [string, string, string, string])[] = [
  ["IAC within a line", '"NOO" FF', '"P" 0D 0A', "NOOP"],
  ["IAC before a line", "FF", '"NOOP" 0D 0A', "NOOP"],
  ["IAC DO before a line", "FF FD", '"ANOOP" 0D 0A', "NOOP"],
  ["IAC SB before a line", "FF FA", '"A" 0A FF F0 "NOOP" 0D 0A', "NOOP"],
  ["CR after a byte 0xFF", "FF FF 0D", "0A", "\udcff"],
];

for (const [title, first, second, line] of segments)
  test(`S2.6 ${title} at the end of a segment`, () => {
    const reader = new LineReader();
    assert.deepEqual(reader.push(bytes(first)), []);
    assert.deepEqual(texts(reader.push(bytes(second))), [line]);
  });
