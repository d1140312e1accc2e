/** Networks in CIDR notation, in tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Networks, parseNetwork } from "../../dist/wire/network.js";

const MEMBERS: readonly (readonly [network: string, inside: readonly string[], outside: readonly string[]])[] = [
  ["192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7", "::FFFF:c000:207"], ["192.0.1.255", "192.0.3.0"]],
  ["192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]],
  ["192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6", "192.0.2.8", "::192.0.2.7"]],
  ["192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]],
  ["128.0.0.0/1", ["128.0.0.0", "255.255.255.255"], ["127.255.255.255", "8000::"]],
  ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::", "::1", "::1.2.3.4"]],
  ["::/0", ["::", "::1", "2001:db8::1", "::1.2.3.4"], ["1.2.3.4", "::ffff:1.2.3.4"]],
  [
    "2001:db8::/32",
    ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["2001:db7::", "2001:db9::", "192.0.2.1"],
  ],
  ["2001:DB8:0:8000::/49", ["2001:db8:0:8000::", "2001:db8:0:ffff::1"], ["2001:db8:0:7fff::", "2001:db8:1:8000::"]],
  ["::1", ["::1", "0:0:0:0:0:0:0:1"], ["::", "::2", "127.0.0.1"]],
  ["::1/128", ["::1"], ["::"]],
  ["fe80::/10", ["fe80::1", "fe80::1%eth0", "febf::%lo"], ["fec0::", "fe7f::1"]],
  ["fe80::1%eth0", ["fe80::1", "fe80::1%wlan0"], ["fe80::2"]],
  ["::ffff:10.0.0.0/104", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["11.0.0.0", "::"]],
  ["::ffff:a00:1", ["10.0.0.1"], ["10.0.0.2"]],
  ["::ffff:0:0/96", ["0.0.0.0", "255.255.255.255"], ["::1"]],
];

for (const [network, inside, outside] of MEMBERS)
  test(`RFC 4632 §3.1, RFC 4291 §2.3: ${network}`, () => {
    const networks = new Networks([network]);
    for (const address of inside) assert.equal(networks.has(address), true, address);
    for (const address of outside) assert.equal(networks.has(address), false, address);
  });

test("several networks, of several lengths, are one question", () => {
  const networks = new Networks(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "192.0.2.3", "2001:db8::/32"]);
  for (const address of ["10.9.9.9", "10.1.1.1", "192.0.2.1", "192.0.2.3", "2001:db8::5"])
    assert.equal(networks.has(address), true, address);
  for (const address of ["11.0.0.1", "192.0.2.2", "2001:db9::5"]) assert.equal(networks.has(address), false, address);
  assert.equal(new Networks([]).has("10.0.0.1"), false);
});

test("what is no address is in no network", () => {
  const networks = new Networks(["0.0.0.0/0", "::/0"]);
  for (const text of ["", "localhost", "10.0.0.1/8", "10.0.0", " 10.0.0.1", "[::1]", "10.0.0.256", "010.0.0.1"])
    assert.equal(networks.has(text), false, text);
});

const NO_NETWORK = / is no address and no network$/;

const BAD: readonly (readonly [text: string, message: RegExp])[] = [
  ...["", "/", "/8", "a", "localhost", "10.0.0/8", "10/8", "10.0.0.0/8/8", "10.0.0.0 /8", " 10.0.0.0/8", "[::1]"].map(
    (text) => [text, NO_NETWORK] as const,
  ),
  ...["", "33", "-1", "+8", "8.0", "08", "0x8", "1e1", " 8", "8 ", "255.0.0.0", "٨", "9".repeat(40)].map(
    (length) => [`10.0.0.0/${length}`, /^"10\.0\.0\.0\/.*" is no network: .* an integer from 0 to 32$/] as const,
  ),
  ["::/129", /^"::\/129" is no network: its prefix must be an integer from 0 to 128$/],
  ["::ffff:10.0.0.0/95", /from 96 to 128$/],
  ["::ffff:10.0.0.0/8", /from 96 to 128$/],
  ["10.0.0.1/8", /^"10\.0\.0\.1\/8" has bits set behind its prefix; its network is 10\.0\.0\.0\/8$/],
  ["1.2.3.4/0", /its network is 0\.0\.0\.0\/0$/],
  ["192.0.2.129/25", /its network is 192\.0\.2\.128\/25$/],
  ["2001:db8::1/64", /its network is 2001:db8::\/64$/],
  ["::ffff:10.0.0.1/104", /its network is 10\.0\.0\.0\/8$/],
];

for (const [text, message] of BAD)
  test(`${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parseNetwork(text), { name: "RangeError", message }));

test("a network has exactly the addresses that begin with its bits", () => {
  const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const bitsOf = (fields: readonly number[], length: number) =>
    fields
      .map((field) => field.toString(2).padStart(8, "0"))
      .join("")
      .slice(0, length);
  fc.assert(
    fc.property(address, address, fc.nat(32), (network, other, prefix) => {
      const first = bitsOf(network, prefix).padEnd(32, "0");
      const text = [0, 8, 16, 24].map((at) => Number.parseInt(first.slice(at, at + 8), 2)).join(".");
      const expected = bitsOf(network, prefix) === bitsOf(other, prefix);
      assert.equal(new Networks([`${text}/${prefix}`]).has(other.join(".")), expected);
      assert.equal(new Networks([`${text}/${prefix}`]).has(network.join(".")), true);
    }),
  );
});
