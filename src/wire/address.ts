/**
 * Addresses as text: the arguments of PORT (RFC 959 §5.3.2) and EPRT (RFC 2428 §2), and whether two spellings
 * are one address (RFC 4291 §2.2, RFC 5952 §4). Pure text: opens nothing, and decides nothing about who may
 * connect where.
 */
import { isIP, isIPv4, isIPv6 } from "node:net";
import { parseDecimal } from "./number.js";

/** One end of a TCP connection. */
export interface Endpoint {
  /** An IPv4 or IPv6 address without brackets or zone. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** What EPRT asks for, before anybody has looked at the family. */
export interface ExtendedPort extends Endpoint {
  /** Address family number: 1 is IPv4, 2 is IPv6; any other was not looked into (answer 522). */
  readonly family: number;
}

/**
 * Reads the argument of PORT: exactly six decimals of one to three digits, 0 to 255, and no space.
 * `010` is ten; port 0 is read, for the caller to refuse.
 * @returns `undefined` where the argument is anything else
 */
export function parsePort(argument: string): Endpoint | undefined {
  if (!/^[0-9]{1,3}(?:,[0-9]{1,3}){5}$/.test(argument)) return undefined;
  const numbers = argument.split(",").map(Number);
  if (numbers.some((number) => number > 255)) return undefined;
  const [high = 0, low = 0] = numbers.slice(4);
  return { host: numbers.slice(0, 4).join("."), port: high * 256 + low };
}

/**
 * Writes the six numbers of PORT and of the 227 reply: `127,0,0,1,4,1`.
 * @throws RangeError where the host is not IPv4, plain or mapped
 */
export function formatPort(endpoint: Endpoint): string {
  const host = normalizeAddress(endpoint.host);
  if (!isIPv4(host)) throw new RangeError("only an IPv4 address can be written as six numbers");
  return `${host.replaceAll(".", ",")},${endpoint.port >> 8},${endpoint.port & 255}`;
}

/**
 * Reads the argument of EPRT, `|family|address|port|` with any delimiter of the codes 33 to 126. The host of
 * the families 1 and 2 is normalised (a mapped `::ffff:a.b.c.d` becomes `a.b.c.d`); that of any other family is
 * what the client sent.
 * @returns `undefined` where the form is wrong, the port is not 1 to 65535, the host is not of its family,
 * or it has a zone
 */
export function parseExtendedPort(argument: string): ExtendedPort | undefined {
  const delimiter = argument.charAt(0);
  if (!/^[!-~]$/.test(delimiter)) return undefined;
  // A limit of six: one field too many is enough to refuse.
  const fields = argument.split(delimiter, 6);
  if (fields.length !== 5 || fields[4] !== "") return undefined;
  const [, net = "", host = "", tcpPort = ""] = fields;
  const family = parseDecimal(net);
  const port = parseDecimal(tcpPort, 65535);
  if (family === undefined || port === undefined || port === 0) return undefined;
  if (family !== 1 && family !== 2) return { family, host, port };
  const valid = family === 1 ? isIPv4(host) : isIPv6(host) && !host.includes("%");
  return valid ? { family, host: normalizeAddress(host), port } : undefined;
}

/** Writes the argument of EPRT: `|1|127.0.0.1|1025|`. A mapped IPv4 address is written as IPv4. */
export function formatExtendedPort(endpoint: Endpoint): string {
  const host = normalizeAddress(endpoint.host);
  return `|${isIPv4(host) ? 1 : 2}|${host}|${endpoint.port}|`;
}

/**
 * One spelling for each address: IPv4 for what IPv6 maps (`::ffff:a.b.c.d`, in hexadecimal as well), no zone,
 * lower case, the longest run of zeros compressed. What is no address comes back as it is.
 */
export function normalizeAddress(address: string): string {
  // Every IPv6 address has one, and to look for it costs little.
  if (!address.includes(":") || !isIPv6(address)) return address;
  const zone = address.indexOf("%");
  const groups = groupsOf(zone === -1 ? address : address.slice(0, zone));
  return mappedAddress(groups) ?? compressed(groups);
}

/** Whether both are one address, however spelt. What is no address is the same as nothing, itself included. */
export function sameAddress(a: string, b: string): boolean {
  return isIP(a) !== 0 && normalizeAddress(a) === normalizeAddress(b);
}

/** The family of an address; a mapped IPv4 address is IPv4. */
export function familyOf(address: string): 4 | 6 {
  return isIPv4(normalizeAddress(address)) ? 4 : 6;
}

/**
 * Whether the address can be that of one host: not unspecified, `0.0.0.0/8`, multicast, reserved or broadcast.
 * False for what is no address.
 */
export function isUnicast(address: string): boolean {
  const host = normalizeAddress(address);
  if (isIPv4(host)) {
    const first = Number.parseInt(host, 10);
    return first > 0 && first < 224;
  }
  return isIPv6(host) && host !== "::" && !host.startsWith("ff");
}

/** The eight groups of a valid IPv6 address without a zone. */
export function groupsOf(address: string): readonly number[] {
  const [head = "", tail = ""] = address.split("::", 2);
  const left = fieldsOf(head);
  const right = fieldsOf(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right];
}

function fieldsOf(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((field) => {
    if (!field.includes(".")) return [Number.parseInt(field, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = field.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** The IPv4 address that `::ffff:0:0/96` maps. */
function mappedAddress(groups: readonly number[]): string | undefined {
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return undefined;
  const [high = 0, low = 0] = groups.slice(6);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** RFC 5952 §4.2: `::` for the longest run of two or more zeros, the first of equals. */
function compressed(groups: readonly number[]): string {
  let start = 0;
  let length = 1;
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === 0) to++;
    if (to - from > length) {
      start = from;
      length = to - from;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (length === 1) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
