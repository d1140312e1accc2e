/** Bytes to text and back without loss. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeText, encodeText } from "../../dist/wire/text-encoding.js";

const cases: readonly (readonly [string, readonly number[], string])[] = [
  ["nothing", [], ""],
  ["ASCII", [0x00, 0x41, 0x7f], "\0A\x7f"],
  ["two bytes", [0xc3, 0xa9], "é"],
  ["three bytes", [0xe6, 0xbc, 0xa2], "漢"],
  ["four bytes", [0xf0, 0x9f, 0x98, 0x80], "😀"],
  ["the last character", [0xf4, 0x8f, 0xbf, 0xbf], "\u{10ffff}"],
  ["a byte order mark stays", [0xef, 0xbb, 0xbf, 0x41], "\ufeffA"],
  ["a replacement character is itself", [0xef, 0xbf, 0xbd], "\ufffd"],
  ["latin1", [0x61, 0xe9, 0x62], "a\udce9b"],
  ["a continuation byte alone", [0x80], "\udc80"],
  ["0xFF", [0xff, 0xff], "\udcff\udcff"],
  ["an overlong slash of two bytes", [0xc0, 0xaf], "\udcc0\udcaf"],
  ["an overlong slash of three bytes", [0xe0, 0x80, 0xaf], "\udce0\udc80\udcaf"],
  ["an overlong slash of four bytes", [0xf0, 0x80, 0x80, 0xaf], "\udcf0\udc80\udc80\udcaf"],
  ["a surrogate", [0xed, 0xa0, 0x80], "\udced\udca0\udc80"],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  ["a sequence cut short by the end", [0xe6, 0xbc], "\udce6\udcbc"],
  ["a sequence cut short by a character", [0xe6, 0xbc, 0x41], "\udce6\udcbcA"],
  ["a pair and an escaped byte side by side", [0xf0, 0x9f, 0x83, 0xbf, 0xff], "\u{1f0ff}\udcff"],
];

for (const [title, bytes, text] of cases)
  test(`RFC 3629 §4: ${title}`, () => {
    assert.equal(decodeText(Uint8Array.from(bytes)), text);
    assert.deepEqual([...encodeText(text)], [...bytes]);
  });

test("RFC 3629 §4: no byte sequence other than 0x2F is a slash, none other than 0x2E a dot", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const count = (code: number) => bytes.filter((byte) => byte === code).length;
      const text = decodeText(bytes);
      assert.equal(text.split("/").length - 1, count(0x2f));
      assert.equal(text.split(".").length - 1, count(0x2e));
    }),
  );
});

const byte = fc.oneof(
  fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff),
  fc.integer({ min: 0, max: 255 }),
);

test("RFC 2640 §2.2: whatever the bytes, they come back", () => {
  fc.assert(
    fc.property(fc.array(byte), (bytes) =>
      assert.deepEqual([...encodeText(decodeText(Uint8Array.from(bytes)))], bytes),
    ),
    { numRuns: 2000 },
  );
});

test("RFC 2640 §2.2: two different names never become one text", () => {
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 4 }), fc.array(byte, { maxLength: 4 }), (a, b) =>
      assert.equal(decodeText(Uint8Array.from(a)) === decodeText(Uint8Array.from(b)), a.join() === b.join()),
    ),
  );
});

test("RFC 3629 §4: well-formed text is the UTF-8 of the platform both ways", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = new TextEncoder().encode(text);
      assert.deepEqual([...encodeText(text)], [...bytes]);
      assert.equal(decodeText(bytes), text);
      assert.equal(text.isWellFormed(), true);
    }),
  );
});

test("RFC 2640 §2.2: a name that was not UTF-8 can be told", () => {
  assert.equal(decodeText(Uint8Array.of(0x61, 0xe9)).isWellFormed(), false);
});

test("S18.9 a view into a larger buffer is read within its bounds", () => {
  assert.equal(decodeText(new Uint8Array(Buffer.from("xxabyy")).subarray(2, 4)), "ab");
});
