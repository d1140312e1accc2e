/** What reads the text of clients does so in linear time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeAddress, parseExtendedPort, parsePort } from "../../dist/wire/address.js";
import { parseCommandLine } from "../../dist/wire/command-line.js";
import { LineReader } from "../../dist/wire/line-reader.js";
import { parseDecimal } from "../../dist/wire/number.js";
import { encodeReply, quotePath, reply } from "../../dist/wire/reply.js";
import { decodeText, encodeText } from "../../dist/wire/text-encoding.js";
import { parseTimestamp } from "../../dist/wire/timestamp.js";
import { ROOT, virtualPath } from "../../dist/wire/virtual-path.js";

const KILOBYTES_8 = 8192;

const units: readonly string[] = [
  ["a", "0", ",", ";", " ", "/", "../", "./", "|", "*", '"', ".", ":", "%", "1,", "|1", "a/", "\x80", "\0", "\r"],
  ["\u2028", "\udce0\udc80", "\udcff", "\ud800", "😀", "é"],
].flat();

const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ["parseCommandLine", parseCommandLine],
  ["parseDecimal", (text) => parseDecimal(text)],
  ["parsePort", parsePort],
  ["parseExtendedPort", parseExtendedPort],
  ["normalizeAddress", normalizeAddress],
  ["parseTimestamp", parseTimestamp],
  ["parseTimestamp of a fraction", (text) => parseTimestamp(`20240101000000.${text}`)],
  ["quotePath", quotePath],
  ["encodeReply", (text) => encodeReply(reply(500, text))],
  ["encodeReply of lines", (text) => encodeReply(reply(211, text, text, text))],
  ["decodeText and encodeText", (text) => decodeText(encodeText(text))],
  ["LineReader", (text) => new LineReader().push(encodeText(text))],
];

/** Milliseconds of the best of three: a busy machine must not fail the test. */
function fastest(run: () => unknown): number {
  const times = [0, 1, 2].map(() => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return Math.min(...times);
}

for (const [name, run] of readers)
  test(`S18.5 ${name} takes 8 KB of anything in less than 50 ms`, () => {
    for (const unit of units) {
      const text = unit.repeat(KILOBYTES_8 / unit.length);
      assert.ok(fastest(() => run(text)) < 50, JSON.stringify(unit));
    }
  });

test("S18.5 virtualPath takes or refuses 8 KB of anything in less than 50 ms", () => {
  const settle = (text: string) => {
    try {
      return virtualPath(text);
    } catch {
      return ROOT;
    }
  };
  for (const unit of units) {
    const text = unit.repeat(KILOBYTES_8 / unit.length);
    assert.ok(fastest(() => settle(text)) < 50, JSON.stringify(unit));
  }
});

test("S18.5 64 KB of short lines that are not UTF-8 take less than 100 ms", () => {
  const data = Buffer.alloc(65536, Buffer.from([0xe0, 0x80, 0x0a]));
  assert.ok(fastest(() => new LineReader().push(data)) < 100);
});
