/** Numbers of clients: digits only, never beyond what a stream position can hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseDecimal } from "../../dist/wire/number.js";

const accepted: readonly (readonly [string, number])[] = [
  ["0", 0],
  ["00", 0],
  ["007", 7],
  ["1000000000", 1e9],
  ["2147483648", 2 ** 31],
  ["4294967296", 2 ** 32],
  ["9007199254740991", 2 ** 53 - 1],
];

for (const [text, value] of accepted)
  test(`S12.1 RFC 959 §5.3.2: "${text}" is a number`, () => assert.equal(parseDecimal(text), value));

const refused: readonly string[] = [
  ["", "-1", "-0", "+1", "1.5", "1e9", "0x10", " 1", "1 ", "1 2", "1,2", "1_000", "1n", "0b1", "0o7"],
  ["NaN", "Infinity", "-Infinity", "٣", "１", "1\0", "1\n", "\t1", "1\u00a0"],
  ["9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616"],
  ["00000000000000001", "9".repeat(400)],
].flat();

for (const text of refused)
  test(`S12.1 ${JSON.stringify(text.slice(0, 24))} is no number`, () => assert.equal(parseDecimal(text), undefined));

test("S12.1 max is the largest number accepted", () => {
  assert.equal(parseDecimal("65535", 65535), 65535);
  assert.equal(parseDecimal("65536", 65535), undefined);
  assert.equal(parseDecimal("9007199254740992", Number.POSITIVE_INFINITY), undefined);
});

test("S12.1 every safe integer is read as it is printed", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (number) => parseDecimal(String(number)) === number));
});

test("S12.1 whatever the text, the result is a safe integer from 0 or nothing", () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789-+.eE xn".split("")) }));
  fc.assert(
    fc.property(text, (text) => {
      const value = parseDecimal(text);
      return value === undefined || (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0));
    }),
  );
});
