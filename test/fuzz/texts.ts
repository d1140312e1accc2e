/** The readers of single texts: addresses, numbers, times, names, paths, patterns, networks, headers of proxies. */
import assert from "node:assert/strict";
import { isIP, isIPv4 } from "node:net";
import fc from "fast-check";
import { FtpError } from "../../dist/index.js";
import { addressKey } from "../../dist/limits/address-key.js";
import { parseFacts } from "../../dist/listing/facts.js";
import { compileGlob, splitGlob } from "../../dist/listing/glob.js";
import { parseListArgument } from "../../dist/listing/list-arguments.js";
import {
  formatExtendedPort,
  formatPort,
  normalizeAddress,
  parseExtendedPort,
  parsePort,
  sameAddress,
} from "../../dist/wire/address.js";
import { hostName } from "../../dist/wire/host-name.js";
import { Networks, parseNetwork } from "../../dist/wire/network.js";
import { parseDecimal } from "../../dist/wire/number.js";
import { encodeText } from "../../dist/wire/text-encoding.js";
import { formatTimestamp, parseTimestamp } from "../../dist/wire/timestamp.js";
import { virtualPath } from "../../dist/wire/virtual-path.js";
import { ARGUMENT } from "./arbitraries.js";
import { promptly, type Target, target } from "./target.js";

function checkPorts(text: string): void {
  const plain = promptly("PORT", () => parsePort(text));
  if (plain !== undefined) {
    assert(isIPv4(formatPort(plain).split(",").slice(0, 4).join(".")) && plain.port <= 65_535);
    assert.deepEqual(parsePort(formatPort(plain)), { ...plain, host: plain.host.replace(/\b0+(?=\d)/g, "") });
  }
  const extended = promptly("EPRT", () => parseExtendedPort(text));
  if (extended === undefined || (extended.family !== 1 && extended.family !== 2)) return;
  assert(isIP(extended.host) !== 0 && extended.port >= 1 && extended.port <= 65_535);
  const { host, port } = parseExtendedPort(formatExtendedPort(extended)) ?? {};
  assert.deepEqual({ host, port }, { host: extended.host, port: extended.port });
}

/** Fields that are times, or nearly: year, month, day, hour, minute, second. */
const STAMP = fc
  .tuple(fc.nat(10_000), fc.nat(13), fc.nat(32), fc.nat(24), fc.nat(60), fc.nat(65), fc.constantFrom("", ".5", ".9999"))
  .map(([year, ...fields]) => {
    const fraction = fields.pop() ?? "";
    return `${String(year).padStart(4, "0")}${fields.map((field) => String(field).padStart(2, "0")).join("")}${fraction}`;
  });

function checkNumbers(text: string): void {
  const number = promptly("a decimal", () => parseDecimal(text));
  if (number !== undefined) assert.equal(String(number), text.replace(/^0+(?=.)/, ""));
  const time = promptly("a time", () => parseTimestamp(text));
  if (time === undefined) return;
  assert(!Number.isNaN(time.getTime()));
  const written = formatTimestamp(time);
  assert.equal(parseTimestamp(written)?.getTime(), time.getTime());
  // A leap second is the second behind it.
  if (!/^\d{12}60/.test(text)) assert.equal(written.slice(0, 14), text.slice(0, 14));
}

function checkPath([name, base]: readonly [string, string]): void {
  const path = promptly("a path", () => resolved(name, resolved(base) ?? virtualPath("/")));
  if (path === undefined) return;
  const components = path.split("/").slice(1);
  assert(path.startsWith("/") && !/[\0\r\n]/.test(path));
  if (path !== "/") assert(components.every((component) => !["", ".", ".."].includes(component)));
  assert(encodeText(path).length <= 4096);
  assert.equal(virtualPath(path), path);
}

function resolved(name: string, base?: ReturnType<typeof virtualPath>): ReturnType<typeof virtualPath> | undefined {
  try {
    return virtualPath(name, base);
  } catch (error) {
    assert(error instanceof FtpError && error.code === "BAD_PATH", String(error));
    return undefined;
  }
}

function checkHost(text: string): void {
  const host = promptly("a host name", () => hostName(text));
  if (host === undefined) return;
  assert.match(host, /^[a-z0-9_.:-]{1,255}$/);
  assert.equal(hostName(host.includes(":") ? `[${host}]` : host), host);
}

function checkListing(text: string): void {
  const { path } = promptly("the argument of LIST", () => parseListArgument(text));
  assert(path === undefined || (path !== "" && text.endsWith(path)));
  promptly("facts", () => parseFacts(text));
  const glob = promptly("a pattern", () => splitGlob(text));
  assert(glob === undefined || glob.prefix + glob.pattern === text);
}

/** A name is never longer than a store may have it; the pattern is as long as a line. */
function checkPattern([pattern, name]: readonly [string, string]): void {
  const short = pattern.slice(0, 8192);
  const matches = promptly("compiling a pattern", () => compileGlob(short));
  assert.equal(typeof promptly("matching a pattern", () => matches(name.slice(0, 255))), "boolean");
  if (/^[^*?[\\]*$/.test(short)) assert(matches(short), "what has no pattern in it matches itself");
}

function checkNetwork(text: string): void {
  assert.equal(
    promptly("an address", () => sameAddress(text, text)),
    isIP(text) !== 0,
  );
  try {
    const { family, prefix } = promptly("a network", () => parseNetwork(text));
    assert(prefix <= (family === 4 ? 32 : 128));
    assert(new Networks([text]).has((text.split("/")[0] ?? "").split("%")[0] ?? ""));
  } catch (error) {
    assert(error instanceof RangeError, String(error));
  }
}

const ADDRESS = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4().map((address) => `::ffff:${address}`),
);

function checkAddress(address: string): void {
  const normal = normalizeAddress(address);
  assert.equal(normalizeAddress(normal), normal);
  assert(sameAddress(address, normal) && isIP(normal) !== 0);
  assert.equal(addressKey(normal), addressKey(normalizeAddress(address.toUpperCase())));
  assert(new Networks([normal]).has(address));
  assert(new Networks(isIPv4(normal) ? ["0.0.0.0/0"] : ["::/0"]).has(address));
  const other = isIPv4(normal) ? "::/0" : "0.0.0.0/0";
  assert(!new Networks([other]).has(address));
}

/** What reads one text. */
export const TEXT_TARGETS: readonly Target[] = [
  target("arguments of PORT and EPRT", ARGUMENT, checkPorts),
  target("numbers and times", fc.oneof(ARGUMENT, STAMP), checkNumbers),
  target("paths", fc.tuple(ARGUMENT, ARGUMENT), checkPath),
  target("names of hosts", ARGUMENT, checkHost),
  target("arguments of listings", ARGUMENT, checkListing),
  target("patterns of names", fc.tuple(ARGUMENT, ARGUMENT), checkPattern),
  target("networks", ARGUMENT, checkNetwork),
  target("addresses", ADDRESS, checkAddress),
];
