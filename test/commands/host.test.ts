/** The names of HOST (RFC 7151 §3.1), each in one spelling (RFC 1035 §2.3, RFC 3490). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostName } from "../../dist/wire/host-name.js";

const LABEL = "a".repeat(63);
const LONGEST = `${LABEL}.${LABEL}.${LABEL}.${"a".repeat(61)}`;

describe("a host in one spelling", () => {
  for (const [given, host] of [
    ["a", "a"],
    ["A.TEST", "a.test"],
    ["a.test.", "a.test"],
    ["1.test", "1.test"],
    ["_ftp.test", "_ftp.test"],
    ["bücher.test", "xn--bcher-kva.test"],
    ["BÜCHER.test", "xn--bcher-kva.test"],
    ["bu\u0308cher.test", "xn--bcher-kva.test"],
    ["xn--bcher-kva.test", "xn--bcher-kva.test"],
    ["ａ.test", "a.test"],
    ["a。test", "a.test"],
    [`${LABEL}.test`, `${LABEL}.test`],
    [LONGEST, LONGEST],
    ["0.0.0.0", "0.0.0.0"],
    ["192.0.2.1", "192.0.2.1"],
    ["[::1]", "::1"],
    ["[::FFFF:192.0.2.1]", "::ffff:192.0.2.1"],
  ] as const)
    test(`${given} is ${host}`, () => assert.equal(hostName(given), host));
});

describe("no host", () => {
  for (const given of [
    "",
    ".",
    "..",
    "a..b",
    ".a",
    "a..",
    "-a",
    "a-",
    `${LABEL}a.test`,
    `${"a.".repeat(128)}a`,
    "a:21",
    "192.0.2.1:21",
    "192.0.2.1.",
    "[::1]:21",
    "::1",
    "[::1",
    "[]",
    "[a]",
    "[192.0.2.1]",
    "[fe80::1%1]",
    "256.1.1.1",
    "1.1.1",
    "1.1.1.1.1",
    "0x7f.1",
    "2130706433",
    "０x7f.1",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
    "a b",
    "a/b",
    "a\\b",
    "a@b",
    "a?b",
    "a#b",
    "a%b",
    "a／b",
    "a＠b",
    "a\0b",
    "a\u0085b",
    "a\u2028b",
    "a\u202eb",
    "xn--",
    "xn--a",
    "\uD800",
  ])
    test(JSON.stringify(given.slice(0, 40)), () => assert.equal(hostName(given), undefined));
});
