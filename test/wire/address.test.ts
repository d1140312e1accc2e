/** Addresses of PORT and EPRT, and when two are the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  familyOf,
  formatExtendedPort,
  formatPort,
  isUnicast,
  normalizeAddress,
  parseExtendedPort,
  parsePort,
  sameAddress,
} from "../../dist/wire/address.js";

const ports: readonly (readonly [string, string, number])[] = [
  ["127,0,0,1,4,1", "127.0.0.1", 1025],
  ["255,255,255,255,255,255", "255.255.255.255", 65535],
  ["0,0,0,0,0,0", "0.0.0.0", 0],
  ["010,000,000,001,004,001", "10.0.0.1", 1025],
];

for (const [argument, host, port] of ports)
  test(`RFC 959 §5.3.2: PORT ${argument}`, () => assert.deepEqual(parsePort(argument), { host, port }));

const badPorts: readonly string[] = [
  ["", "1", "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,", ",1,2,3,4,5,6", "1,,2,3,4,5"],
  ["256,0,0,1,4,1", "127,0,0,1,4,256", "0177,0,0,1,4,1", "0x7f,0,0,1,4,1", "2130706433,4,1", "127.0.0.1,4,1"],
  ["-1,0,0,1,4,1", "+1,0,0,1,4,1", "1.5,0,0,1,4,1", "1e1,0,0,1,4,1", "١,0,0,1,4,1"],
  [" 127,0,0,1,4,1", "127,0,0,1,4,1 ", "127, 0,0,1,4,1", "127,0,0,1,4,1\n", "127,0,0,1,4,1\0", "(127,0,0,1,4,1)"],
].flat();

for (const argument of badPorts)
  test(`S3.2 PORT ${JSON.stringify(argument)} is refused`, () => assert.equal(parsePort(argument), undefined));

const extended: readonly (readonly [string, number, string, number])[] = [
  ["|1|132.235.1.2|6275|", 1, "132.235.1.2", 6275],
  ["|2|1080::8:800:200C:417A|5282|", 2, "1080::8:800:200c:417a", 5282],
  ["!1!127.0.0.1!1!", 1, "127.0.0.1", 1],
  ["~2~::1~65535~", 2, "::1", 65535],
  ["a1a127.0.0.1a1025a", 1, "127.0.0.1", 1025],
  ["|2|::ffff:127.0.0.2|1025|", 2, "127.0.0.2", 1025],
  ["|2|::FFFF:7f00:2|1025|", 2, "127.0.0.2", 1025],
];

for (const [argument, family, host, port] of extended)
  test(`RFC 2428 §2: EPRT ${argument}`, () => assert.deepEqual(parseExtendedPort(argument), { family, host, port }));

test("RFC 2428 §2: the host of an unknown family is for 522 and not looked into", () => {
  assert.deepEqual(parseExtendedPort("|3|anything %|1025|"), { family: 3, host: "anything %", port: 1025 });
  assert.deepEqual(parseExtendedPort("|0||1025|"), { family: 0, host: "", port: 1025 });
});

const badExtended: readonly (readonly [string, string])[] = [
  ["S3.2 nothing", ""],
  ["S3.2 a delimiter alone", "|"],
  ["S3.2 only delimiters", "|||||"],
  ["S3.2 no last delimiter", "|1|127.0.0.1|1025"],
  ["S3.2 something behind", "|1|127.0.0.1|1025|x"],
  ["S3.2 a field too many", "|1|127.0.0.1|1025||"],
  ["S3.2 a field too few", "|1|127.0.0.1|"],
  ["S3.2 a space for a delimiter", " 1 127.0.0.1 1025 "],
  ["S3.2 a delimiter beyond 126", "\x7f1\x7f127.0.0.1\x7f1025\x7f"],
  ["S3.2 two delimiters", "|1|127.0.0.1!1025|"],
  ["S3.2 a delimiter that the address holds", ".1.127.0.0.1.1025."],
  ["S3.3 port 0", "|1|127.0.0.1|0|"],
  ["S3.3 port 65536", "|1|127.0.0.1|65536|"],
  ["S3.3 port 99999", "|1|127.0.0.1|99999|"],
  ["S3.3 a negative port", "|1|127.0.0.1|-1|"],
  ["S3.3 a hexadecimal port", "|1|127.0.0.1|0x401|"],
  ["S3.3 a port of 400 digits", `|1|127.0.0.1|${"1".repeat(400)}|`],
  ["S3.2 a family that is no number", "|IPv4|127.0.0.1|1025|"],
  ["S3.2 family 1 with IPv6", "|1|::1|1025|"],
  ["S3.2 family 2 with IPv4", "|2|127.0.0.1|1025|"],
  ["S3.2 a short IPv4 address", "|1|127.1|1025|"],
  ["S3.2 a decimal IPv4 address", "|1|2130706433|1025|"],
  ["S3.2 an octal IPv4 address", "|1|0177.0.0.1|1025|"],
  ["S3.2 a name", "|1|localhost|1025|"],
  ["S3.5 a zone", "|2|fe80::1%eth0|1025|"],
  ["S3.5 brackets", "|2|[::1]|1025|"],
];

for (const [title, argument] of badExtended)
  test(`${title} in EPRT is refused`, () => assert.equal(parseExtendedPort(argument), undefined));

const spellings: readonly (readonly [string, string])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["::ffff:102:304", "1.2.3.4"],
  ["0:0:0:0:0:FFFF:0102:0304", "1.2.3.4"],
  ["::ffff:1.2.3.4%eth0", "1.2.3.4"],
  ["::1.2.3.4", "::102:304"],
  ["::fffe:1.2.3.4", "::fffe:102:304"],
  ["FE80::1%eth0", "fe80::1"],
  ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["1:0:0:0:0:0:0:0", "1::"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ["localhost", "localhost"],
  ["", ""],
];

for (const [address, normal] of spellings)
  test(`S3.5 RFC 5952 §4: "${address}" is "${normal}"`, () => assert.equal(normalizeAddress(address), normal));

const pairs: readonly (readonly [string, string, boolean])[] = [
  ["127.0.0.1", "::ffff:127.0.0.1", true],
  ["::ffff:7f00:1", "127.0.0.1", true],
  ["fe80::1%eth0", "fe80:0::1", true],
  ["::1", "127.0.0.1", false],
  ["127.0.0.1", "127.0.0.2", false],
  ["::ffff:127.0.0.2", "127.0.0.1", false],
  ["::127.0.0.1", "127.0.0.1", false],
  ["", "", false],
  ["localhost", "localhost", false],
];

for (const [a, b, same] of pairs)
  test(`S3.5 "${a}" and "${b}" are ${same ? "the same" : "different"}`, () => {
    assert.equal(sameAddress(a, b), same);
    assert.equal(sameAddress(b, a), same);
  });

const unicast: readonly (readonly [string, boolean])[] = [
  ["127.0.0.1", true],
  ["1.0.0.0", true],
  ["223.255.255.255", true],
  ["::1", true],
  ["fe80::1", true],
  ["::ffff:10.0.0.1", true],
  ["0.0.0.0", false],
  ["0.0.0.1", false],
  ["224.0.0.1", false],
  ["239.255.255.255", false],
  ["240.0.0.1", false],
  ["255.255.255.255", false],
  ["::", false],
  ["0:0:0:0:0:0:0:0", false],
  ["ff02::1", false],
  ["FF0E::1", false],
  ["::ffff:0.0.0.0", false],
  ["::ffff:e000:1", false],
  ["localhost", false],
  ["", false],
];

for (const [address, expected] of unicast)
  test(`S3.5 "${address}" ${expected ? "can" : "cannot"} be one host`, () =>
    assert.equal(isUnicast(address), expected));

test("RFC 2428 §2: the family of an address; mapped IPv4 is IPv4", () => {
  assert.deepEqual(["1.2.3.4", "::ffff:1.2.3.4", "::1", "fe80::1%eth0"].map(familyOf), [4, 4, 6, 6]);
});

test("RFC 959 §5.3.2: a mapped address is written as six numbers, IPv6 is not", () => {
  assert.equal(formatPort({ host: "::ffff:10.0.0.1", port: 65535 }), "10,0,0,1,255,255");
  assert.throws(() => formatPort({ host: "::1", port: 1025 }), RangeError);
});

test("RFC 2428 §2: the family follows from the host", () => {
  assert.equal(formatExtendedPort({ host: "127.0.0.1", port: 1025 }), "|1|127.0.0.1|1025|");
  assert.equal(formatExtendedPort({ host: "::1", port: 1025 }), "|2|::1|1025|");
  assert.equal(formatExtendedPort({ host: "::ffff:127.0.0.1", port: 1025 }), "|1|127.0.0.1|1025|");
});

const port = fc.integer({ min: 1, max: 65535 });

test("RFC 959 §5.3.2: PORT reads what it prints", () => {
  fc.assert(
    fc.property(fc.ipV4(), port, (host, port) =>
      assert.deepEqual(parsePort(formatPort({ host, port })), { host, port }),
    ),
  );
});

test("RFC 2428 §2: EPRT reads what it prints", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), port, (address, port) => {
      const host = normalizeAddress(address);
      const family = familyOf(host) === 4 ? 1 : 2;
      assert.deepEqual(parseExtendedPort(formatExtendedPort({ host, port })), { family, host, port });
    }),
  );
});

test("S3.5 a normal spelling is normal, and the URL parser of the platform agrees with it", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const normal = normalizeAddress(address);
      assert.equal(normalizeAddress(normal), normal);
      assert.ok(sameAddress(address, normal));
      if (familyOf(address) === 6) assert.equal(`[${normal}]`, new URL(`http://[${address}]/`).hostname);
    }),
  );
});

test("S3.2 whatever the argument, a port is of 16 bits and a host is an address", () => {
  const argument = fc.string({ unit: fc.constantFrom(..."0123456789,|.:af%".split("")) });
  fc.assert(
    fc.property(argument, (argument) => {
      for (const end of [parsePort(argument), parseExtendedPort(argument)]) {
        if (end === undefined || ("family" in end && end.family !== 1 && end.family !== 2)) continue;
        assert.ok(end.port >= 0 && end.port <= 65535 && sameAddress(end.host, end.host));
      }
    }),
  );
});
