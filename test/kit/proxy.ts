/** Headers of the PROXY protocol as proxies write them, and as they should not. Knows nothing of what reads them. */
import { isIPv4 } from "node:net";

/** One end, as a header tells of it. */
export interface ProxyEnd {
  readonly host: string;
  readonly port: number;
}

/** The client and where it has connected to. */
export interface ProxyEnds {
  readonly source: ProxyEnd;
  readonly destination: ProxyEnd;
}

/** Version 1 (§2.1). */
export function lineHeader({ source, destination }: ProxyEnds): Buffer {
  const protocol = isIPv4(source.host) ? "TCP4" : "TCP6";
  return Buffer.from(`PROXY ${protocol} ${source.host} ${destination.host} ${source.port} ${destination.port}\r\n`);
}

/** What version 2 begins with (§2.2). */
export const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A header of version 2 with any command, family and block. */
export function binaryHeaderOf(command: number, family: number, block: Uint8Array = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.from([command, family, block.length >> 8, block.length & 255]);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

/** Version 2 (§2.2), and behind the addresses what else a proxy tells. */
export function binaryHeader(ends: ProxyEnds, ...vectors: readonly Uint8Array[]): Buffer {
  const family = isIPv4(ends.source.host) ? 0x11 : 0x21;
  return binaryHeaderOf(0x21, family, Buffer.concat([blockOf(ends), ...vectors]));
}

/** Both addresses and ports as version 2 has them. */
export function blockOf({ source, destination }: ProxyEnds): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return Buffer.concat([addressOf(source.host), addressOf(destination.host), ports]);
}

/** Type, length, value. */
export function vector(type: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** The same header with the right checksum in its last vector, which must be an empty one of four bytes. */
export function summed(header: Buffer): Buffer {
  const whole = Buffer.from(header);
  whole.writeUInt32BE(crc32c(whole), whole.length - 4);
  return whole;
}

/** CRC32C by the definition: the remainder of a division, bit by bit. */
export function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffffn;
  for (const byte of bytes) {
    rest ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1n) === 1n ? (rest >> 1n) ^ 0x82f63b78n : rest >> 1n;
  }
  return Number(rest ^ 0xffffffffn);
}

function addressOf(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from(host.split(".").map(Number));
  const [head = "", tail = ""] = host.split("::");
  const [left, right] = [head, tail].map((part) => part.split(":").filter((field) => field !== ""));
  const zeros = Array.from({ length: 8 - (left?.length ?? 0) - (right?.length ?? 0) }, () => "0");
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
