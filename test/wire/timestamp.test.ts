/** Time values of RFC 3659 §2.3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatTimestamp, parseTimestamp } from "../../dist/wire/timestamp.js";

const valid: readonly (readonly [string, string, string])[] = [
  ["fourteen digits in UTC", "20240506070809", "2024-05-06T07:08:09.000Z"],
  ["a fraction", "20240506070809.123", "2024-05-06T07:08:09.123Z"],
  ["one digit is tenths", "20240506070809.5", "2024-05-06T07:08:09.500Z"],
  ["digits below milliseconds are dropped", "20240506070809.999999", "2024-05-06T07:08:09.999Z"],
  ["29 February of a leap year", "20240229000000", "2024-02-29T00:00:00.000Z"],
  ["29 February of 2000", "20000229000000", "2000-02-29T00:00:00.000Z"],
  ["the leap second is the next minute", "20161231235960", "2017-01-01T00:00:00.000Z"],
  ["the first year", "00010101000000", "0001-01-01T00:00:00.000Z"],
  ["a year below 100 is that year", "00990101000000", "0099-01-01T00:00:00.000Z"],
  ["a year before 1970", "19500101000000", "1950-01-01T00:00:00.000Z"],
  ["the last moment", "99991231235959.999", "9999-12-31T23:59:59.999Z"],
];

for (const [title, text, iso] of valid)
  test(`RFC 3659 §2.3: ${title}`, () => assert.equal(parseTimestamp(text)?.toISOString(), iso));

const invalid: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["thirteen digits", "2024050607080"],
  ["fifteen digits", "202405060708090"],
  ["the year 0", "00000101000000"],
  ["month 0", "20240001000000"],
  ["month 13", "20241301000000"],
  ["day 0", "20240100000000"],
  ["30 February", "20200230000000"],
  ["29 February of a common year", "20230229000000"],
  ["29 February of 1900", "19000229000000"],
  ["31 April", "20240431000000"],
  ["day 32", "20240132000000"],
  ["hour 24", "20240101240000"],
  ["minute 60", "20240101006000"],
  ["second 61", "20240101000061"],
  ["a leap second beyond the last year", "99991231235960"],
  ["a point without digits", "20240101000000."],
  ["two points", "20240101000000.1.2"],
  ["a sign", "-2024010100000"],
  ["a space in front", " 20240101000000"],
  ["a line end behind", "20240101000000\n"],
  ["a zone", "20240101000000Z"],
  ["letters", "2024010100000x"],
  ["Arabic digits", "٢٠٢٤٠١٠١٠٠٠٠٠٠"],
];

for (const [title, text] of invalid)
  test(`S12.1 RFC 3659 §2.3: ${title} is no time value`, () => assert.equal(parseTimestamp(text), undefined));

const written: readonly (readonly [string, string, string])[] = [
  ["no fraction where there is none", "2024-05-06T07:08:09.000Z", "20240506070809"],
  ["milliseconds where there are some", "2024-05-06T07:08:09.120Z", "20240506070809.120"],
  ["early years keep four digits", "0007-01-01T00:00:00.000Z", "00070101000000"],
  ["a year of five digits becomes the last moment", "+010000-01-01T00:00:00.000Z", "99991231235959.999"],
  ["a year before 1 becomes the first moment", "-000044-03-15T12:00:00.000Z", "00010101000000"],
];

for (const [title, iso, text] of written)
  test(`RFC 3659 §2.3: ${title}`, () => assert.equal(formatTimestamp(new Date(iso)), text));

test("RFC 3659 §2.3: an Invalid Date is the mistake of a store", () => {
  assert.throws(() => formatTimestamp(new Date(Number.NaN)), RangeError);
});

test("RFC 3659 §2.3: what is printed is read back", () => {
  const date = fc.date({
    min: new Date("0001-01-01T00:00:00.000Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(date, (date) => assert.equal(parseTimestamp(formatTimestamp(date))?.getTime(), date.getTime())),
  );
});

test("RFC 3659 §2.3: fourteen digits that are read are printed as they came, but for the leap second", () => {
  const digits = fc
    .tuple(fc.integer({ min: 0, max: 9999 }), ...[13, 32, 24, 60, 60].map((max) => fc.integer({ min: 0, max })))
    .map(([year, ...rest]) => String(year).padStart(4, "0") + rest.map((n) => String(n).padStart(2, "0")).join(""));
  fc.assert(
    fc.property(digits, (text) => {
      const date = parseTimestamp(text);
      if (date !== undefined && !text.endsWith("60")) assert.equal(formatTimestamp(date), text);
    }),
  );
});
