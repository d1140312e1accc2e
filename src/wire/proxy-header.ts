/**
 * The header that a proxy sends before everything else: the PROXY protocol, versions 1 (§2.1, text) and 2 (§2.2,
 * binary). Looks at what has come so far and says whether that is a header, may become one, or never will. Bounded.
 * Knows no sockets and trusts nobody: whose header is believed is decided elsewhere.
 * @see https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 */
import { isIPv4, isIPv6 } from "node:net";
import { type Endpoint, normalizeAddress } from "./address.js";
import { parseDecimal } from "./number.js";

/** Both ends of the connection that a proxy relays. */
export interface RelayedEnds {
  /** Who has connected to the proxy. */
  readonly source: Endpoint;
  /** The address that it has connected to. */
  readonly destination: Endpoint;
}

/** What the first bytes of a connection are. */
export type ProxyHeader =
  | { readonly kind: "partial" }
  | { readonly kind: "malformed"; readonly reason: string }
  | {
      readonly kind: "whole";
      /** Bytes of the header; what follows is the client's. */
      readonly length: number;
      /** `undefined` where the proxy speaks for itself (LOCAL), or does not know (UNKNOWN, and what is not TCP). */
      readonly ends: RelayedEnds | undefined;
    };

/** §2.1: the longest line, its CR LF included. */
const MAX_LINE = 107;
const LINE_SIGNATURE = Buffer.from("PROXY ");
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
/** Signature, version and command, family and protocol, length. */
const FIXED = 16;
/** Bytes that may follow them: addresses, and what proxies add of TLS and of names. */
const MAX_BLOCK = 2048;
/** Bytes of both addresses and ports, by family: IPv4, IPv6, UNIX. */
const BLOCK = [0, 12, 36, 216] as const;
const STREAM = 1;
const DATAGRAM = 2;
const CRC32C_TYPE = 0x03;
const CR = 0x0d;
const LF = 0x0a;

/** What addresses look like, by the protocol of version 1. */
const ADDRESS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["TCP4", isIPv4],
  ["TCP6", isPlainIPv6],
]);

const PARTIAL = { kind: "partial" } as const;

/** Reads the header at the beginning of `bytes`. More bytes never change an answer but `partial`. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0) return PARTIAL;
  if (buffer[0] === SIGNATURE[0]) return begins(buffer, SIGNATURE) ? readBinary(buffer) : malformed("no signature");
  return begins(buffer, LINE_SIGNATURE) ? readLine(buffer) : malformed("no signature");
}

function readLine(bytes: Buffer): ProxyHeader {
  const head = bytes.subarray(0, MAX_LINE);
  const end = head.findIndex((byte) => byte === CR || byte === LF);
  if (end === -1 || end === head.length - 1) {
    if (head[end] === LF || head.length === MAX_LINE) return malformed("no CR LF");
    return PARTIAL;
  }
  if (head[end] !== CR || head[end + 1] !== LF) return malformed("no CR LF");
  const line = head.toString("latin1", 0, end);
  // Whatever stands behind UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return whole(end + 2);
  const ends = endsOfLine(line.split(" "));
  return ends === undefined ? malformed("no PROXY line") : whole(end + 2, ends);
}

function endsOfLine([, protocol = "", ...fields]: readonly string[]): RelayedEnds | undefined {
  const [from = "", to = "", fromPort = "", toPort = ""] = fields;
  const valid = ADDRESS.get(protocol);
  const source = { host: normalizeAddress(from), port: portOf(fromPort) };
  const destination = { host: normalizeAddress(to), port: portOf(toPort) };
  if (fields.length !== 4 || valid === undefined || !valid(from) || !valid(to)) return undefined;
  return isEndpoint(source) && isEndpoint(destination) ? { source, destination } : undefined;
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes("%");
}

/** §2.1: no zeros in front. */
function portOf(text: string): number | undefined {
  return /^0[0-9]/.test(text) ? undefined : parseDecimal(text, 65_535);
}

function isEndpoint(end: { readonly host: string; readonly port: number | undefined }): end is Endpoint {
  return end.port !== undefined;
}

function readBinary(bytes: Buffer): ProxyHeader {
  const [versionAndCommand = 0x20, familyAndProtocol = 0] = bytes.subarray(SIGNATURE.length);
  if (versionAndCommand >> 4 !== 2) return malformed("not version 2");
  const isLocal = versionAndCommand === 0x20;
  if (!isLocal && versionAndCommand !== 0x21) return malformed("an unknown command");
  const [family, protocol] = [familyAndProtocol >> 4, familyAndProtocol & 15];
  if (!isLocal && (family >= BLOCK.length || protocol > DATAGRAM)) return malformed("an unknown family");
  if (bytes.length < FIXED) return PARTIAL;
  const length = FIXED + bytes.readUInt16BE(FIXED - 2);
  if (length > FIXED + MAX_BLOCK) return malformed(`more than ${MAX_BLOCK} bytes`);
  if (bytes.length < length) return PARTIAL;
  // LOCAL: everything is to be skipped. Without family or protocol nobody knows how long the addresses are.
  if (isLocal || family === 0 || protocol === 0) return whole(length);
  return readBlock(bytes.subarray(0, length), family, protocol);
}

function readBlock(header: Buffer, family: number, protocol: number): ProxyHeader {
  const addresses = FIXED + (BLOCK[family] ?? 0);
  if (header.length < addresses) return malformed("too short for its addresses");
  const wrong = objectionTo(header, addresses);
  if (wrong !== undefined) return malformed(wrong);
  const size = { 1: 4, 2: 16 }[family];
  if (size === undefined || protocol !== STREAM) return whole(header.length);
  const ports = FIXED + 2 * size;
  return whole(header.length, {
    source: { host: hostOf(header.subarray(FIXED, FIXED + size)), port: header.readUInt16BE(ports) },
    destination: { host: hostOf(header.subarray(FIXED + size, ports)), port: header.readUInt16BE(ports + 2) },
  });
}

/** Four or sixteen bytes. */
function hostOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  return normalizeAddress(bytes.toString("hex").replaceAll(/(.{4})(?!$)/g, "$1:"));
}

/** What is wrong with what follows the addresses (§2.2: type, length, value), of which only the checksum matters. */
function objectionTo(header: Buffer, start: number): string | undefined {
  let checksum: number | undefined;
  for (let at = start; at < header.length; ) {
    if (at + 3 > header.length) return "half a vector";
    const next = at + 3 + header.readUInt16BE(at + 1);
    if (next > header.length) return "half a vector";
    if (header[at] === CRC32C_TYPE) {
      if (checksum !== undefined || next !== at + 7) return "a checksum that is none";
      checksum = at + 3;
    }
    at = next;
  }
  if (checksum === undefined || header.readUInt32BE(checksum) === checksumOf(header, checksum)) return undefined;
  return "a wrong checksum";
}

/** CRC32C (RFC 4960 appendix B) of a header whose own checksum, at `hole`, counts as zeros (§2.2.3). */
function checksumOf(header: Buffer, hole: number): number {
  let crc = 0xffffffff;
  for (const [index, byte] of header.entries()) {
    crc ^= index >= hole && index < hole + 4 ? 0 : byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** Whether bytes, few as they may be, can be the beginning of what begins with the signature. */
function begins(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function whole(length: number, ends?: RelayedEnds): ProxyHeader {
  return { kind: "whole", length, ends };
}

function malformed(reason: string): ProxyHeader {
  return { kind: "malformed", reason };
}
