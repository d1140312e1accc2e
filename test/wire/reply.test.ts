/** Replies on the wire: nothing that a client supplied may end a line or begin a reply. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeReply, MAX_REPLY_LINE, quotePath, reply } from "../../dist/wire/reply.js";
import type { ReplyCode } from "../../dist/wire/reply-codes.js";
import { decodeText } from "../../dist/wire/text-encoding.js";
import { MAX_PATH_BYTES } from "../../dist/wire/virtual-path.js";

function encoded(code: ReplyCode, ...lines: string[]): Buffer {
  return Buffer.from(encodeReply(reply(code, ...lines)));
}

const replies: readonly (readonly [string, readonly string[], string])[] = [
  ["RFC 959 §4.2: one line", ["Done."], "250 Done.\r\n"],
  ["RFC 959 §4.2: an empty text keeps the space", [""], "250 \r\n"],
  ["RFC 959 §4.2: two lines", ["First", "Last"], "250-First\r\n250 Last\r\n"],
  ["RFC 959 §4.2: an inner line begins with a space", ["A", "inner", "B"], "250-A\r\n inner\r\n250 B\r\n"],
  ["RFC 2389 §3.2: an inner line that has its space keeps one", ["A", " inner", "B"], "250-A\r\n inner\r\n250 B\r\n"],
  ["RFC 3659 §7.2: an entry without facts keeps both spaces", ["A", "  /x", "B"], "250-A\r\n  /x\r\n250 B\r\n"],
  ["RFC 959 §4.2: an empty inner line is a space", ["A", "", "B"], "250-A\r\n \r\n250 B\r\n"],
  ["S2.4 an inner line like a reply", ["A", "250 done", "226-x", "B"], "250-A\r\n 250 done\r\n 226-x\r\n250 B\r\n"],
  ["S2.4 a first and a last line like a reply", ["226 a", "500-b"], "250-226 a\r\n250 500-b\r\n"],
  ["S2.3 CR, LF and NUL", ["a\r\n226 b\0c"], "250 a__226 b_c\r\n"],
  ["S2.3 CR and LF of an inner line", ["A", "x\r\n250 B", "B"], "250-A\r\n x__250 B\r\n250 B\r\n"],
  ["S2.3 a tab first does not stand for the space", ["A", "\tx", "B"], "250-A\r\n _x\r\n250 B\r\n"],
  ["S2.3 escape sequences and DEL", ["\x1b[2J\x7f"], "250 _[2J_\r\n"],
  ["S2.3 C1 controls", ["a\x80b\x85c\x9fd"], "250 a_b_c_d\r\n"],
  ["S2.3 U+2028 and U+2029", ["a\u2028b\u2029c"], "250 a_b_c\r\n"],
  ["S2.3 a C1 control made of two escaped bytes", ["a\udcc2\udc85b"], "250 a_b\r\n"],
  ["RFC 2640 §2.2: UTF-8", ["é 漢 😀"], "250 é 漢 😀\r\n"],
];

for (const [title, lines, expected] of replies)
  test(title, () => assert.equal(encoded(250, ...lines).toString("utf8"), expected));

test("without lines a reply says what its code means", () => {
  assert.equal(encodeReply(reply(530)), "530 Not logged in\r\n");
});

test("ASCII stays a string, whatever the number of lines; the rest is bytes", () => {
  assert.equal(typeof encodeReply(reply(200, "ok")), "string");
  assert.equal(typeof encodeReply(reply(211, "A", "b\0", "C")), "string");
  assert.ok(Buffer.isBuffer(encodeReply(reply(200, "é"))));
});

test("RFC 2640 §2.2: bytes that are not UTF-8 go out as they came", () => {
  assert.deepEqual(encoded(250, "a\udc80\udcfeb"), Buffer.from("250 a\x80\xfeb\r\n", "latin1"));
});

test("S2.6 RFC 854: 0xFF is doubled, the same number in a character is not", () => {
  assert.deepEqual(encoded(250, "a\udcffb\udcff"), Buffer.from("250 a\xff\xffb\xff\xff\r\n", "latin1"));
  assert.deepEqual(encoded(250, "\u{1f0ff}\udcff"), Buffer.from("250 \xf0\x9f\x83\xbf\xff\xff\r\n", "latin1"));
});

const paths: readonly (readonly [string, string])[] = [
  ["/a", '"/a"'],
  ['/a"b', '"/a""b"'],
  ['/"', '"/"""'],
  ['/""', '"/"""""'],
  ['/a" is created', '"/a"" is created"'],
];

for (const [path, quoted] of paths)
  test(`S2.8 RFC 959 Appendix II: ${path} is quoted`, () => assert.equal(quotePath(path), quoted));

test("S2.8 the longest path of nothing but quotes survives", () => {
  const quoted = quotePath(`/${'"'.repeat(MAX_PATH_BYTES - 1)}`);
  assert.equal(
    encodeReply(reply(257, `${quoted} is the current directory.`)),
    `257 ${quoted} is the current directory.\r\n`,
  );
});

test("S2.6 the longest path of nothing but 0xFF survives, doubled", () => {
  assert.equal(encoded(257, quotePath(`/${"\udcff".repeat(MAX_PATH_BYTES - 1)}`)).length, 2 * MAX_PATH_BYTES + 7);
});

test("RFC 959 §4.2: a longer line is cut, never within a character", () => {
  assert.equal(encodeReply(reply(500, "a".repeat(MAX_REPLY_LINE + 1))), `500 ${"a".repeat(MAX_REPLY_LINE)}\r\n`);
  const text = encoded(500, `a${"😀".repeat(MAX_REPLY_LINE)}`).toString("utf8");
  assert.match(text, /^500 a(?:😀)+\r\n$/u);
});

test("S2.8 a quoted path is read back", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', "/", " ", "a", "é") }), (path) => {
      const [, quoted = ""] =
        /^257 "((?:[^"]|"")*)" done\r\n$/.exec(encoded(257, `${quotePath(path)} done`).toString()) ?? [];
      assert.equal(quoted.replaceAll('""', '"'), path);
    }),
  );
});

/** Text of a client at its worst: any code unit, with what ends lines and looks like replies made likely. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\r",
        "\n",
        "\0",
        "\r\n",
        "250 ",
        "250-",
        "226 x",
        " ",
        "\u0085",
        "\u2028",
        "\udcc2",
        "\udc85",
        "\udcff",
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

test("S2.4 no text makes a line that ends the reply or is another reply", () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), (lines) => {
      const sent = encoded(250, ...lines)
        .toString("latin1")
        .split("\r\n");
      assert.equal(sent.pop(), "");
      assert.equal(sent.length, lines.length);
      assert.match(sent.at(-1) ?? "", /^250 /);
      if (sent.length > 1) assert.match(sent[0] ?? "", /^250-/);
      for (const inner of sent.slice(1, -1)) assert.match(inner, /^ /);
      for (const line of sent) assert.doesNotMatch(line, /[\0-\x1f\x7f]/);
    }),
  );
});

test("S2.3 no control character in any alphabet is left, and every 0xFF is doubled", () => {
  fc.assert(
    fc.property(hostile, (line) => {
      const sent = encoded(250, line);
      assert.doesNotMatch(decodeText(sent).slice(0, -2), /[\0-\x1f\x7f-\x9f\u2028\u2029]/);
      assert.doesNotMatch(sent.toString("latin1").replaceAll("\xff\xff", ""), /\xff/);
    }),
  );
});
