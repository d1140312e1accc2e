/** Bytes into lines, however they are cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseCommandLine } from "../../dist/wire/command-line.js";
import { type LineEvent, LineReader } from "../../dist/wire/line-reader.js";
import { decodeText } from "../../dist/wire/text-encoding.js";

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Overlong lines are `null`. */
function texts(events: readonly LineEvent[]): (string | null)[] {
  return events.map((event) => (event.kind === "line" ? event.text : null));
}

function read(reader: LineReader, data: Uint8Array, size: number): LineEvent[] {
  const events: LineEvent[] = [];
  for (let at = 0; at < data.length; at += size) events.push(...reader.push(data.subarray(at, at + size)));
  return events;
}

const streams: readonly (readonly [string, string, readonly string[]])[] = [
  ["RFC 959 §5.3.1: CR LF ends a line", "NOOP\r\n", ["NOOP"]],
  ["RFC 959 §5.3.1: so does LF", "NOOP\n", ["NOOP"]],
  ["RFC 1123 §4.1.2.10: several lines in one chunk", "USER a\r\nPASS b\nPWD\r\n", ["USER a", "PASS b", "PWD"]],
  ["RFC 1123 §4.1.2.10: an unfinished line waits", "NOOP\r\nPW", ["NOOP"]],
  ["RFC 959 §5.3.1: one CR belongs to the end, one before it does not", "A\r\r\n", ["A\r"]],
  ["RFC 2640 §2.1: a CR within a line is data", "A\rB\n", ["A\rB"]],
  ["S2.3 RFC 2640 §2.1: CR NUL is CR", "A\r\0B\r\n", ["A\rB"]],
  ["S2.3 RFC 2640 §2.1: CR NUL before the end stays", "A\r\0\n", ["A\r"]],
  ["S2.3 CR NUL takes only one NUL away", "A\r\0\0B\n", ["A\r\0B"]],
  ["S2.1 any other NUL stays", "USER a\0b\r\n\0\r\n", ["USER a\0b", "\0"]],
  ["S2.7 LF alone is an empty line", "\n", [""]],
  ["S2.7 CR LF alone is an empty line", "\r\n\r\n", ["", ""]],
  ["S2.7 CR alone is no line", "\r", []],
  ["S2.7 a space and a tab are lines", " \r\n\t\r\n", [" ", "\t"]],
  ["S2.3 U+0085 and U+2028 end no line", "a\xc2\x85b\xe2\x80\xa8c\n", ["a\u0085b\u2028c"]],
  ["S2.3 other controls end no line", "a\x0bb\x0cc\x1cd\n", ["a\x0bb\x0cc\x1cd"]],
  ["RFC 2640 §2.2: UTF-8", "RETR \xc3\xa9\r\n", ["RETR é"]],
  ["RFC 2640 §2.2: bytes that are not UTF-8", "RETR \xe9\r\n", ["RETR \udce9"]],
  ["S2.9 spaces stay", " STOR  a \r\n", [" STOR  a "]],
];

for (const [title, stream, expected] of streams)
  for (const size of [1, 2, 3, 1 << 16])
    test(`${title} (chunks of ${size})`, () =>
      assert.deepEqual(texts(read(new LineReader(), bytes(stream), size)), expected));

test("S18.9 a chunk that is no Buffer is read within its bounds", () => {
  const view = new Uint8Array(bytes("xxNOOP\r\nyy")).subarray(2, 8);
  assert.deepEqual(texts(new LineReader().push(view)), ["NOOP"]);
});

test("a text does not change when its chunk is used again", () => {
  const reader = new LineReader();
  const chunk = bytes("RETR \xc3\xa9\r\n");
  const events = [...reader.push(chunk), ...reader.push(bytes("PWD\r\n"))];
  chunk.fill(0);
  assert.deepEqual(texts(events), ["RETR é", "PWD"]);
});

for (const [title, end] of [
  ["LF", "\n"],
  ["CR LF", "\r\n"],
] as const)
  test(`S2.5 a line may have maxLength bytes and ${title}, not one more`, () => {
    for (const size of [1, 7, 1 << 16]) {
      const reader = new LineReader({ maxLength: 16 });
      const stream = bytes(`${"A".repeat(16)}${end}${"B".repeat(17)}${end}C${end}`);
      assert.deepEqual(texts(read(reader, stream, size)), ["A".repeat(16), null, "C"]);
    }
  });

test("S2.5 the bound counts bytes, not characters", () => {
  assert.deepEqual(texts(new LineReader({ maxLength: 3 }).push(Buffer.from("éa\néé\n"))), ["éa", null]);
});

test("S2.5 the default bound is 8192 bytes", () => {
  const stream = bytes(`${"A".repeat(8192)}\r\n${"A".repeat(8193)}\r\n`);
  assert.deepEqual(texts(new LineReader().push(stream)), ["A".repeat(8192), null]);
});

for (const edge of [512, 1024, 4096, 8192, 16384, 65536])
  for (const offset of [-1, 0, 1])
    test(`S2.5 what follows ${edge + offset} bytes of a line is never a command`, () => {
      const stream = bytes(`${"A".repeat(edge + offset)}DELE x\r\nNOOP\r\n`);
      for (const size of [edge - 1, edge, edge + 1, edge + offset, 1460, 1 << 20]) {
        const events = texts(read(new LineReader(), stream, size));
        assert.equal(events.length, 2);
        assert.equal(events[1], "NOOP");
        if (events[0] !== null) assert.notEqual(parseCommandLine(events[0] ?? "").verb, "DELE");
      }
    });

test("S10.1 a megabyte without an end is one event, and its size is told", () => {
  const reader = new LineReader();
  assert.deepEqual(texts(read(reader, bytes("A".repeat(1 << 20)), 4096)), [null]);
  assert.equal(reader.overlongDiscarded, 1 << 20);
  assert.equal(reader.pending, 0);
  assert.deepEqual(texts(reader.push(bytes("DELE x\r\nNOOP\r\n"))), ["NOOP"]);
  assert.equal(reader.overlongDiscarded, 0);
});

test("S2.5 neither CR, nor NUL, nor a flush ends an overlong line", () => {
  const reader = new LineReader({ maxLength: 4 });
  assert.deepEqual(texts(reader.push(bytes("AAAAA\rDELE x\0\r"))), [null]);
  assert.equal(reader.endsInCarriageReturn, false);
  assert.deepEqual(reader.flush(), []);
  assert.deepEqual(texts(reader.push(bytes("DELE y\nNOOP\n"))), ["NOOP"]);
});

test("S18.10 ABOR whose LF was the urgent byte is taken at its CR", () => {
  const reader = new LineReader();
  assert.deepEqual(reader.push(bytes("ABOR\r")), []);
  assert.deepEqual([reader.pending, reader.endsInCarriageReturn], [5, true]);
  assert.deepEqual(texts(reader.flush()), ["ABOR"]);
  assert.deepEqual([reader.pending, reader.endsInCarriageReturn], [0, false]);
  assert.deepEqual(texts(reader.push(bytes("PWD\r\n"))), ["PWD"]);
});

test("S18.10 an LF that comes after all is not another line", () => {
  const reader = new LineReader();
  reader.push(bytes("ABOR\r"));
  reader.flush();
  assert.deepEqual(texts(reader.push(bytes("\nPWD\r\n\n"))), ["PWD", ""]);
});

test("S2.3 a NUL behind a flushed CR stays: what it belongs to is no command", () => {
  const reader = new LineReader();
  reader.push(bytes("STOR a\r"));
  reader.flush();
  assert.deepEqual(texts(reader.push(bytes("\0DELE x\r\n"))), ["\0DELE x"]);
});

test("flush takes a line without CR, and nothing where nothing is pending", () => {
  const reader = new LineReader();
  assert.deepEqual(reader.flush(), []);
  reader.push(bytes("QUIT"));
  assert.deepEqual([reader.pending, reader.endsInCarriageReturn], [4, false]);
  assert.deepEqual(texts(reader.flush()), ["QUIT"]);
  assert.deepEqual(texts(reader.push(bytes("\n"))), [""]);
});

/** Any bytes, with those that mean something made likely. */
const stream = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: fc.constant(0x0a) },
      { weight: 3, arbitrary: fc.constantFrom(0x0d, 0x00, 0xff, 0xf0, 0xf2, 0xf4, 0xfa, 0xfb, 0xfd, 0xfe) },
      { weight: 3, arbitrary: fc.integer({ min: 0x41, max: 0x43 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    ),
    { maxLength: 80 },
  )
  .map((bytes) => Uint8Array.from(bytes));
const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 });

function outcome(reader: LineReader, chunks: readonly Uint8Array[]) {
  const events: LineEvent[] = [];
  const answers: number[] = [];
  for (const chunk of chunks) {
    events.push(...reader.push(chunk));
    answers.push(...(reader.takeTelnetReplies() ?? []));
  }
  const { pending, endsInCarriageReturn, overlongDiscarded } = reader;
  return { events, answers, pending, endsInCarriageReturn, overlongDiscarded, flushed: reader.flush() };
}

function cut(data: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, next = 0; at < data.length; next++) {
    const size = sizes[next % sizes.length] ?? 1;
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

test("RFC 1123 §4.1.2.10: whatever the bytes, it does not matter how they are cut", () => {
  fc.assert(
    fc.property(stream, cuts, fc.constantFrom(1, 2, 6, 8192), (data, sizes, maxLength) => {
      const whole = outcome(new LineReader({ maxLength }), [data]);
      assert.deepEqual(outcome(new LineReader({ maxLength }), cut(data, sizes)), whole);
    }),
    { numRuns: 5000 },
  );
});

test("S2.6 whatever the bytes, no more than a line is held", () => {
  fc.assert(
    fc.property(stream, cuts, (data, sizes) => {
      const reader = new LineReader({ maxLength: 6 });
      for (const chunk of cut(data, sizes)) {
        for (const event of reader.push(chunk)) if (event.kind === "line") assert.ok(event.text.length <= 6);
        assert.ok(reader.pending <= 7);
      }
    }),
  );
});

test("RFC 959 §5.3.1: without Telnet and NUL, lines are what lies between the LFs", () => {
  const plain = stream.map((data) => data.filter((byte) => byte !== 0 && byte < 0xf0));
  fc.assert(
    fc.property(plain, cuts, (data, sizes) => {
      const lines = Buffer.from(data).toString("latin1").split("\n").slice(0, -1);
      const expected = lines.map((line) => {
        const content = line.endsWith("\r") ? line.slice(0, -1) : line;
        return content.length > 6 ? null : decodeText(bytes(content));
      });
      const { events } = outcome(new LineReader({ maxLength: 6 }), cut(data, sizes));
      // The last line may be overlong before it has ended.
      assert.deepEqual(texts(events).slice(0, expected.length), expected);
    }),
  );
});
