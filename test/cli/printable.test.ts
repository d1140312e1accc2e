/** What clients say, as it is printed: tables and a property. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { printable, printableJson, quoted, shortened } from "../../dist/cli/printable.js";

/** Characters that end a line, move the cursor, turn the writing or are none. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const QUOTED: readonly (readonly [text: string, shown: string])[] = [
  ["anna", "anna"],
  ["/pub/a-b_c.txt", "/pub/a-b_c.txt"],
  ["", '""'],
  ["two words", '"two words"'],
  ["a\r\nb\tc", String.raw`"a\r\nb\tc"`],
  ["\x1b[2J\0\x7f\x9b", String.raw`"\x1b[2J\x00\x7f\u{009b}"`],
  ["a\u202egpj.exe", String.raw`"a\u{202e}gpj.exe"`],
  ["\u2028\u2029\u200b\u{e0041}", String.raw`"\u{2028}\u{2029}\u{200b}\u{e0041}"`],
  ["gr\udcfc\udcdfe", String.raw`"gr\xfc\xdfe"`],
  ["Grüße 😀", '"Grüße 😀"'],
  [String.raw`\n "quoted"`, String.raw`"\\n \"quoted\""`],
];

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

suite("printable", () => {
  for (const [text, shown] of QUOTED)
    test(`S16.1 ${JSON.stringify(text)} is printed ${shown}`, () => assert.equal(quoted(text), shown));

  test("S16.1 nothing unsafe is printed, whatever a client sends", () =>
    fc.assert(
      fc.property(anyText, (text) => {
        assert.doesNotMatch(printable(text), UNSAFE);
        assert.doesNotMatch(quoted(text), UNSAFE);
        assert.doesNotMatch(printableJson({ text }), UNSAFE);
      }),
    ));

  test("JSON stays what it was", () =>
    fc.assert(fc.property(anyText, (text) => assert.deepEqual(JSON.parse(printableJson({ text })), { text }))));

  test("S16.8 long text is cut between characters", () => {
    assert.equal(shortened("x".repeat(300)), "x".repeat(300));
    assert.equal(shortened("x".repeat(301)), `${"x".repeat(300)}…`);
    assert.equal(shortened("😀".repeat(8000)), `${"😀".repeat(300)}…`);
    assert.equal(quoted("x".repeat(8000)).length, 303);
  });
});
