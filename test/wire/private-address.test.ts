import assert from "node:assert/strict";
import { test } from "node:test";
import { isPrivate } from "../../dist/wire/private-address.js";

for (const [inside, outside] of [
  ["10.0.0.0", "9.255.255.255"],
  ["10.255.255.255", "11.0.0.0"],
  ["172.16.0.0", "172.15.255.255"],
  ["172.31.255.255", "172.32.0.0"],
  ["192.168.0.1", "192.167.255.255"],
  ["192.168.255.255", "192.169.0.0"],
  ["100.64.0.0", "100.63.255.255"],
  ["100.127.255.255", "100.128.0.0"],
  ["127.0.0.1", "128.0.0.1"],
  ["169.254.1.1", "169.253.255.255"],
  ["0.0.0.0", "1.0.0.0"],
  ["::1", "::2"],
  ["::", "2001:db8::1"],
  ["fe80::1%eth0", "fec0::1"],
  ["febf::1", "fe7f::1"],
  ["fc00::1", "fbff::1"],
  ["fdff::1", "fe00::1"],
  ["::ffff:10.0.0.1", "::ffff:203.0.113.1"],
] as const)
  test(`${inside} is of one network only, ${outside} is not`, () => {
    assert.equal(isPrivate(inside), true);
    assert.equal(isPrivate(outside), false);
  });

test("what is no address is not private", () => {
  for (const text of ["", "localhost", "10.0.0", "10.0.0.0/8"]) assert.equal(isPrivate(text), false);
});
