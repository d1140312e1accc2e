/** The PROXY header, versions 1 and 2, in tables: whole, cut into bytes, with something behind it, and broken. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { type ProxyHeader, readProxyHeader } from "../../dist/wire/proxy-header.js";
import {
  binaryHeader,
  binaryHeaderOf,
  blockOf,
  crc32c,
  lineHeader,
  type ProxyEnds,
  SIGNATURE,
  summed,
  vector,
} from "../kit/proxy.js";

const ENDS4 = ends("192.0.2.7", 56324, "198.51.100.9", 21);
const ENDS6 = ends("2001:db8::7", 65535, "2001:db8::9", 1);
const EMPTY_SUM = vector(3, Buffer.alloc(4));

function ends(from: string, fromPort: number, to: string, toPort: number): ProxyEnds {
  return { source: { host: from, port: fromPort }, destination: { host: to, port: toPort } };
}

/** What a header says, however it comes: each shorter piece of it is a piece, and what is behind it changes nothing. */
function assertHeader(header: Uint8Array, expected: ProxyEnds | undefined): void {
  for (let length = 0; length < header.length; length++)
    assert.deepEqual(readProxyHeader(header.subarray(0, length)), { kind: "partial" }, `the first ${length} bytes`);
  const whole: ProxyHeader = { kind: "whole", length: header.length, ends: expected };
  assert.deepEqual(readProxyHeader(header), whole);
  for (const behind of ["USER x\r\n", "\r\n", "\0", "PROXY UNKNOWN\r\n"])
    assert.deepEqual(readProxyHeader(Buffer.concat([header, Buffer.from(behind)])), whole);
  assert.deepEqual(readProxyHeader(Buffer.concat([header, Buffer.alloc(70_000)])), whole);
}

/** Refused at this byte at the latest, not before, and for good. */
function assertMalformed(bytes: Uint8Array, reason: RegExp): void {
  const answers = Array.from({ length: bytes.length + 1 }, (_, length) => readProxyHeader(bytes.subarray(0, length)));
  const last = answers.at(-1);
  assert(last?.kind === "malformed", JSON.stringify(last));
  assert.match(last.reason, reason);
  assert.deepEqual([...new Set(answers.map(({ kind }) => kind))], ["partial", "malformed"]);
  assert.equal(readProxyHeader(Buffer.concat([bytes, Buffer.alloc(4096)])).kind, "malformed");
}

describe("version 1 (§2.1)", () => {
  const good: readonly (readonly [line: string, expected: ProxyEnds | undefined])[] = [
    ["TCP4 192.0.2.7 198.51.100.9 56324 21", ENDS4],
    ["TCP4 255.255.255.255 255.255.255.255 65535 65535", ends("255.255.255.255", 65535, "255.255.255.255", 65535)],
    ["TCP4 0.0.0.0 0.0.0.0 0 0", ends("0.0.0.0", 0, "0.0.0.0", 0)],
    ["TCP6 2001:DB8::7 2001:db8:0:0:0:0:0:9 65535 1", ENDS6],
    ["TCP6 ::ffff:192.0.2.7 ::ffff:c633:6409 56324 21", ENDS4],
    [`TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}fffe 65535 65535`, longest()],
    ["UNKNOWN", undefined],
    ["UNKNOWN ", undefined],
    [`UNKNOWN ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535`, undefined],
    ["UNKNOWN TCP4 nonsense \0\xff", undefined],
  ];
  for (const [line, expected] of good)
    test(`PROXY ${line}`, () => assertHeader(Buffer.from(`PROXY ${line}\r\n`, "latin1"), expected));

  const bad: readonly string[] = [
    ["TCP4 192.0.2.7 198.51.100.9 56324", "TCP4 192.0.2.7 198.51.100.9 56324 21 1", "TCP4", "TCP4 ", ""],
    ["TCP4  192.0.2.7 198.51.100.9 56324 21", " TCP4 192.0.2.7 198.51.100.9 1 2", "TCP4 192.0.2.7 198.51.100.9 1 2 "],
    ["TCP4\t192.0.2.7 198.51.100.9 1 2", "tcp4 192.0.2.7 198.51.100.9 1 2", "TCP5 192.0.2.7 198.51.100.9 1 2"],
    ["UDP4 192.0.2.7 198.51.100.9 1 2", "UNKNOWNX", "unknown", "constructor 192.0.2.7 198.51.100.9 1 2"],
    ["TCP4 2001:db8::7 2001:db8::9 1 2", "TCP6 192.0.2.7 198.51.100.9 1 2", "TCP6 ::1 127.0.0.1 1 2"],
    ["TCP4 192.0.2.07 198.51.100.9 1 2", "TCP4 192.0.2 198.51.100.9 1 2", "TCP4 192.0.2.256 198.51.100.9 1 2"],
    ["TCP6 [::1] ::1 1 2", "TCP6 fe80::1%lo ::1 1 2", "TCP6 :::1 ::1 1 2", "TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2"],
    ["TCP4 192.0.2.7 198.51.100.9 65536 21", "TCP4 192.0.2.7 198.51.100.9 1 99999", "TCP4 192.0.2.7 1.2.3.4 -1 2"],
    ["TCP4 192.0.2.7 198.51.100.9 01 21", "TCP4 192.0.2.7 198.51.100.9 1 +2", "TCP4 192.0.2.7 1.2.3.4 0x1 2"],
    ["TCP4 192.0.2.7 198.51.100.9 00 21", "TCP4 192.0.2.7 198.51.100.9 1 2\0", "TCP4 localhost localhost 1 2"],
  ].flat();
  for (const line of bad)
    test(`S15.3 PROXY ${JSON.stringify(line)} is refused`, () =>
      assertMalformed(Buffer.from(`PROXY ${line}\r\n`), /^no PROXY line$/));

  for (const [title, bytes] of [
    ["a lone LF", "PROXY UNKNOWN\n"],
    ["a lone CR", "PROXY UNKNOWN\rx"],
    ["CR CR LF", "PROXY UNKNOWN\r\r\n"],
    ["107 bytes without an end", `PROXY UNKNOWN ${"x".repeat(93)}`],
    ["a CR as the 107th byte", `PROXY UNKNOWN ${"x".repeat(92)}\r`],
  ] as const)
    test(`S15.3 ${title} is refused`, () => assertMalformed(Buffer.from(bytes), /^no CR LF$/));

  test("107 bytes are the longest line", () =>
    assertHeader(Buffer.from(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`), undefined));

  function longest(): ProxyEnds {
    const host = `${"ffff:".repeat(7)}ff`;
    return ends(`${host}ff`, 65535, `${host}fe`, 65535);
  }
});

describe("version 2 (§2.2)", () => {
  const filler = vector(4, "x".repeat(100));
  const tls = vector(0x20, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), vector(0x21, "TLSv1.3")]));
  const good: readonly (readonly [title: string, header: Buffer, expected: ProxyEnds | undefined])[] = [
    ["TCP over IPv4", binaryHeader(ENDS4), ENDS4],
    ["TCP over IPv6", binaryHeader(ENDS6), ENDS6],
    ["IPv4 that IPv6 maps", binaryHeader(ends("::ffff:c000:207", 1, "::ffff:c633:6409", 2)), mapped()],
    ["vectors are skipped", binaryHeader(ENDS4, vector(1, "ftp"), vector(2, "ftp.test"), filler, tls), ENDS4],
    ["an empty vector", binaryHeader(ENDS4, vector(4, "")), ENDS4],
    ["an unknown vector", binaryHeader(ENDS6, vector(0xee, "own")), ENDS6],
    ["a checksum", summed(binaryHeader(ENDS4, tls, EMPTY_SUM)), ENDS4],
    ["a checksum over IPv6", summed(binaryHeader(ENDS6, EMPTY_SUM)), ENDS6],
    ["a block of 2048 bytes", binaryHeader(ENDS4, vector(4, "x".repeat(2033))), ENDS4],
    ["LOCAL", binaryHeaderOf(0x20, 0x00), undefined],
    ["LOCAL with addresses", binaryHeaderOf(0x20, 0x11, blockOf(ENDS4)), undefined],
    ["LOCAL with anything", binaryHeaderOf(0x20, 0xff, Buffer.alloc(50, 255)), undefined],
    ["UNSPEC", binaryHeaderOf(0x21, 0x00), undefined],
    ["UNSPEC with anything", binaryHeaderOf(0x21, 0x00, Buffer.alloc(50, 255)), undefined],
    ["IPv4 without a protocol", binaryHeaderOf(0x21, 0x10, blockOf(ENDS4)), undefined],
    ["a stream without a family", binaryHeaderOf(0x21, 0x01), undefined],
    ["UDP over IPv4", binaryHeaderOf(0x21, 0x12, blockOf(ENDS4)), undefined],
    ["UDP over IPv6", binaryHeaderOf(0x21, 0x22, blockOf(ENDS6)), undefined],
    ["a UNIX stream", binaryHeaderOf(0x21, 0x31, Buffer.alloc(216)), undefined],
    ["a UNIX datagram", binaryHeaderOf(0x21, 0x32, Buffer.concat([Buffer.alloc(216), filler])), undefined],
  ];
  for (const [title, header, expected] of good) test(title, () => assertHeader(header, expected));

  const wrongSum = summed(binaryHeader(ENDS4, EMPTY_SUM));
  wrongSum[20] = (wrongSum[20] ?? 0) ^ 1;
  const bad: readonly (readonly [title: string, bytes: Uint8Array, reason: RegExp])[] = [
    ["version 1 in binary", binaryHeaderOf(0x11, 0x11, blockOf(ENDS4)), /^not version 2$/],
    ["version 3", binaryHeaderOf(0x31, 0x11, blockOf(ENDS4)), /^not version 2$/],
    ["an unknown command", binaryHeaderOf(0x22, 0x11, blockOf(ENDS4)), /^an unknown command$/],
    ["an unknown family", binaryHeaderOf(0x21, 0x41), /^an unknown family$/],
    ["an unknown protocol", binaryHeaderOf(0x21, 0x13, blockOf(ENDS4)), /^an unknown family$/],
    ["more than 2048 bytes", binaryHeaderOf(0x21, 0x11, Buffer.alloc(2049)), /^more than 2048 bytes$/],
    ["LOCAL of more than 2048 bytes", binaryHeaderOf(0x20, 0, Buffer.alloc(2049)), /^more than 2048 bytes$/],
    ["IPv4 in 11 bytes", binaryHeaderOf(0x21, 0x11, Buffer.alloc(11)), /^too short for its addresses$/],
    ["IPv6 in 35 bytes", binaryHeaderOf(0x21, 0x21, Buffer.alloc(35)), /^too short for its addresses$/],
    ["UNIX in 215 bytes", binaryHeaderOf(0x21, 0x31, Buffer.alloc(215)), /^too short for its addresses$/],
    ["nothing for the addresses", binaryHeaderOf(0x21, 0x11), /^too short for its addresses$/],
    ["two bytes of a vector", binaryHeader(ENDS4, Buffer.from([4, 0])), /^half a vector$/],
    ["a vector that is longer than the header", binaryHeader(ENDS4, Buffer.from([4, 0, 1])), /^half a vector$/],
    ["a wrong checksum", wrongSum, /^a wrong checksum$/],
    ["a checksum of zeros", binaryHeader(ENDS4, EMPTY_SUM), /^a wrong checksum$/],
    ["a checksum of three bytes", binaryHeader(ENDS4, vector(3, "xxx")), /^a checksum that is none$/],
    ["two checksums", summed(binaryHeader(ENDS4, EMPTY_SUM, EMPTY_SUM)), /^a checksum that is none$/],
  ];
  for (const [title, bytes, reason] of bad) test(`S15.3 ${title} is refused`, () => assertMalformed(bytes, reason));

  test("the kit's checksum is CRC32C (RFC 3720 §B.4)", () => {
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(crc32c(Buffer.alloc(32, 255)), 0x62a8ab43);
  });

  function mapped(): ProxyEnds {
    return ends("192.0.2.7", 1, "198.51.100.9", 2);
  }
});

describe("what is no header", () => {
  for (const text of [
    "USER anna\r\n",
    "PROXYTCP4",
    "proxy UNKNOWN\r\n",
    " PROXY",
    "GET / HTTP/1.1\r\n",
    "\n",
    "\0",
    "\x16\x03\x01",
  ])
    test(`S15.3 ${JSON.stringify(text)} is refused, at its first byte that is none of a header`, () => {
      const bytes = Buffer.from(text, "latin1");
      assert.deepEqual(readProxyHeader(bytes), { kind: "malformed", reason: "no signature" });
    });

  for (let index = 0; index < SIGNATURE.length; index++)
    test(`S15.3 a signature with another byte ${index} is refused there`, () => {
      const bytes = Buffer.from(SIGNATURE.subarray(0, index + 1));
      bytes[index] = (bytes[index] ?? 0) ^ 0x20;
      assert.equal(readProxyHeader(bytes).kind, "malformed");
    });

  test("any bytes: one answer for good, and in bounds", () => {
    const headers = [lineHeader(ENDS4), lineHeader(ENDS6), summed(binaryHeader(ENDS4, EMPTY_SUM)), binaryHeader(ENDS6)];
    const changed = fc.tuple(fc.constantFrom(...headers), fc.nat(120), fc.nat(255)).map(([header, at, byte]) => {
      const bytes = Buffer.from(header);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    const begun = fc.uint8Array({ maxLength: 80 }).map((tail) => Buffer.concat([SIGNATURE, tail]));
    const lines = fc.string({ maxLength: 120 }).map((text) => Buffer.from(`PROXY ${text}\r\n`));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), changed, begun, lines), (bytes) => {
        let settled: ProxyHeader | undefined;
        for (let length = 0; length <= bytes.length; length++) {
          const answer = readProxyHeader(bytes.subarray(0, length));
          if (settled !== undefined) assert.equal(answer.kind, settled.kind);
          if (answer.kind === "partial") continue;
          settled ??= answer;
          if (answer.kind === "whole") assert.deepEqual(answer, settled);
          if (answer.kind === "whole") assert(answer.length <= length);
        }
        const whole = readProxyHeader(Buffer.concat([bytes, Buffer.alloc(2200)]));
        assert.notEqual(whole.kind, "partial", "2200 bytes more decide");
      }),
      { numRuns: 500 },
    );
  });

  test("what a proxy writes is what is read, in both versions", () => {
    const port = fc.nat(65_535);
    const ipv4 = fc.tuple(fc.ipV4(), port, fc.ipV4(), port).map((fields) => ends(...fields));
    fc.assert(
      fc.property(ipv4, (given) => {
        assertHeader(lineHeader(given), given);
        assertHeader(binaryHeader(given), given);
        assertHeader(summed(binaryHeader(given, EMPTY_SUM)), given);
      }),
      { numRuns: 50 },
    );
  });
});
