/**
 * Networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), and whether an address lies in one. An IPv4 address that
 * IPv6 maps is IPv4, in networks too. Pure text: knows no sockets and no options.
 */
import { isIP, isIPv4 } from "node:net";
import { familyOf, groupsOf, normalizeAddress } from "./address.js";
import { parseDecimal } from "./number.js";

/** Bits of an address, by family. */
const WIDTH = { 4: 32, 6: 128 } as const;
/** Bits of an IPv6 address before the IPv4 address that it maps. */
const MAPPED_PREFIX = 96;

/** The addresses that begin with the same bits. */
export interface Network {
  readonly family: 4 | 6;
  /** How many bits: 0 to 32, or to 128. */
  readonly prefix: number;
  /** These bits. */
  readonly bits: bigint;
}

/**
 * Reads `192.0.2.0/24`, `2001:db8::/32`, or one address. A zone is dropped.
 * @throws RangeError where the text is anything else, or has bits set behind its prefix
 */
export function parseNetwork(text: string): Network {
  const [address = "", length, ...more] = text.split("/");
  if (isIP(address) === 0 || more.length > 0) throw new RangeError(`${quoted(text)} is no address and no network`);
  const family = familyOf(address);
  const prefix = length === undefined ? WIDTH[family] : prefixOf(text, length, family, !isIPv4(address));
  const number = numberOf(address);
  const network = { family, prefix, bits: number >> BigInt(WIDTH[family] - prefix) };
  const first = network.bits << BigInt(WIDTH[family] - prefix);
  if (first !== number)
    throw new RangeError(
      `${quoted(text)} has bits set behind its prefix; its network is ${textOf(first, family)}/${prefix}`,
    );
  return network;
}

/** Several networks, for one question. However many they are, an answer takes a look for each length of prefix. */
export class Networks {
  readonly #bits: ReadonlyMap<4 | 6, Map<number, Set<bigint>>> = new Map([
    [4, new Map<number, Set<bigint>>()],
    [6, new Map<number, Set<bigint>>()],
  ]);

  /** @throws RangeError as `parseNetwork` */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#add(parseNetwork(text));
  }

  /** Whether an address, with or without a zone, lies in one of them. False for what is no address. */
  has(address: string): boolean {
    if (isIP(address) === 0) return false;
    const family = familyOf(address);
    const number = numberOf(address);
    for (const [prefix, bits] of this.#bits.get(family) ?? [])
      if (bits.has(number >> BigInt(WIDTH[family] - prefix))) return true;
    return false;
  }

  #add({ family, prefix, bits }: Network): void {
    const known = this.#bits.get(family)?.get(prefix);
    if (known === undefined) this.#bits.get(family)?.set(prefix, new Set([bits]));
    else known.add(bits);
  }
}

/** The length of a prefix; of a mapped address that of the IPv4 address. */
function prefixOf(text: string, length: string, family: 4 | 6, inIPv6: boolean): number {
  const skipped = family === 4 && inIPv6 ? MAPPED_PREFIX : 0;
  const most = WIDTH[family] + skipped;
  const prefix = /^(?:0|[1-9][0-9]*)$/.test(length) ? parseDecimal(length, most) : undefined;
  if (prefix === undefined || prefix < skipped)
    throw new RangeError(`${quoted(text)} is no network: its prefix must be an integer from ${skipped} to ${most}`);
  return prefix - skipped;
}

function numberOf(address: string): bigint {
  const normal = normalizeAddress(address);
  const [fields, size] = isIPv4(normal) ? [normal.split(".").map(Number), 8n] : [groupsOf(normal), 16n];
  return fields.reduce((number, field) => (number << size) | BigInt(field), 0n);
}

function textOf(number: bigint, family: 4 | 6): string {
  const [count, size] = family === 4 ? [4, 8n] : [8, 16n];
  const field = (index: number): number => Number((number >> (BigInt(count - 1 - index) * size)) & ((1n << size) - 1n));
  const fields = Array.from({ length: count }, (_, index) => field(index));
  return family === 4 ? fields.join(".") : normalizeAddress(fields.map((group) => group.toString(16)).join(":"));
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
