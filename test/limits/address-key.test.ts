/** Which addresses count as one client. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKey } from "../../dist/limits/address-key.js";

const KEYS = {
  "192.0.2.7": "192.0.2.7",
  "2001:db8::1": "2001:db8:0:0::/64",
  "2001:db8:0:0:ffff:ffff:ffff:ffff": "2001:db8:0:0::/64",
  "2001:db8:0:1::1": "2001:db8:0:1::/64",
  "2001:0db8:0000:0001:1:2:3:4": "2001:db8:0:1::/64",
  "::1": "0:0:0:0::/64",
  "fe80::1%eth0": "fe80:0:0:0::/64",
  "1:2:3:4:5:6:7::": "1:2:3:4::/64",
  "::2:3:4:5:6:7:8": "0:2:3:4::/64",
  "::ffff:192.0.2.7": "192.0.2.7",
  "::ffff:c000:207": "192.0.2.7",
  "64:ff9b::192.0.2.1": "192.0.2.1",
  "64:ff9b::c000:201": "192.0.2.1",
  "64:ff9b:1::192.0.2.1": "64:ff9b:1:0::/64",
};

for (const [address, key] of Object.entries(KEYS))
  test(`S13.10 ${address} counts as ${key}`, () => assert.equal(addressKey(address), key));
