/** The header that a proxy sends: right ones are read as they were written, in any pieces; others never do harm. */
import assert from "node:assert/strict";
import { isIP, isIPv4 } from "node:net";
import fc from "fast-check";
import { normalizeAddress } from "../../dist/wire/address.js";
import { type ProxyHeader, readProxyHeader } from "../../dist/wire/proxy-header.js";
import { WIRE } from "./arbitraries.js";
import { promptly, type Target, target } from "./target.js";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const PORT = fc.integer({ min: 0, max: 65_535 });

/** Both ends of one family. */
const ENDS = fc.constantFrom(4, 6).chain((family) => {
  const address = family === 4 ? fc.ipV4() : fc.ipV6().filter((text) => isIP(text) === 6);
  return fc.record({ family: fc.constant(family), from: address, to: address, fromPort: PORT, toPort: PORT });
});

type Ends = typeof ENDS extends fc.Arbitrary<infer Value> ? Value : never;

function lineOf({ family, from, to, fromPort, toPort }: Ends): Buffer {
  return Buffer.from(`PROXY TCP${family} ${from} ${to} ${fromPort} ${toPort}\r\n`);
}

/** Sixteen bytes of an address, or four. */
function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  const text = address.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes(".")) return tail;
    const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = [], tail = []] = text.split("::").map((side) => side.split(":").filter((group) => group !== ""));
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function blockOf({ family, from, to, fromPort, toPort }: Ends, more: Buffer): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(fromPort, 0);
  ports.writeUInt16BE(toPort, 2);
  const block = Buffer.concat([bytesOf(from), bytesOf(to), ports, more]);
  const head = Buffer.from([0x21, family === 4 ? 0x11 : 0x21, block.length >> 8, block.length & 255]);
  return Buffer.concat([SIGNATURE, head, block]);
}

/** A value that means nothing, behind the addresses. */
const VECTOR = fc.uint8Array({ maxLength: 300 }).map((value) => {
  return Buffer.concat([Buffer.from([0xe0, value.length >> 8, value.length & 255]), value]);
});

const RIGHT = fc.record({ ends: ENDS, binary: fc.boolean(), more: VECTOR, behind: WIRE });

function checkRight({ ends, binary, more, behind }: typeof RIGHT extends fc.Arbitrary<infer V> ? V : never): void {
  const header = binary ? blockOf(ends, more) : lineOf(ends);
  // §2.1: a line of 107 bytes holds every address as the protocol writes it, but not with an IPv4 address at its end.
  if (!binary && header.length > 107) return;
  const expected: ProxyHeader = {
    kind: "whole",
    length: header.length,
    ends: {
      source: { host: normalizeAddress(ends.from), port: ends.fromPort },
      destination: { host: normalizeAddress(ends.to), port: ends.toPort },
    },
  };
  assert.deepEqual(readProxyHeader(Buffer.concat([header, behind])), expected);
  for (let length = 0; length < header.length; length++)
    assert.equal(readProxyHeader(header.subarray(0, length)).kind, "partial", `after ${length} bytes`);
}

/** Right ones with some bytes changed, and rubbish that begins like one. */
const WRONG = fc.oneof(
  WIRE,
  fc.tuple(fc.constantFrom(SIGNATURE, Buffer.from("PROXY "), Buffer.from("PROXY TCP4 ")), WIRE).map(Buffer.concat),
  fc
    .tuple(RIGHT, fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([{ ends, binary, more }, changes]) => {
      const bytes = binary ? blockOf(ends, more) : lineOf(ends);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    }),
);

/** Once it is said what the bytes are, more of them change nothing; and it is always said in the end. */
function checkWrong(bytes: Buffer): void {
  let before: ProxyHeader = { kind: "partial" };
  for (let length = 0; length <= Math.min(bytes.length, 2400); length++) {
    const header = promptly("a header", () => readProxyHeader(bytes.subarray(0, length)));
    if (before.kind !== "partial") assert.deepEqual(header, before, `after ${length} bytes`);
    if (header.kind === "whole") checkEnds(header, length);
    before = header;
  }
  if (bytes.length > 2400) assert.notEqual(before.kind, "partial");
}

function checkEnds({ length, ends }: Extract<ProxyHeader, { kind: "whole" }>, came: number): void {
  assert(length > 0 && length <= came);
  for (const end of ends === undefined ? [] : [ends.source, ends.destination])
    assert(isIP(end.host) !== 0 && Number.isInteger(end.port) && end.port >= 0 && end.port <= 65_535);
}

/** The PROXY protocol. */
export const PROXY_TARGETS: readonly Target[] = [
  target("headers of proxies", RIGHT, checkRight),
  target("headers of proxies with mistakes", WRONG, checkWrong),
];
