/** Clients that do not read, or that speak nothing but Telnet. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertClosed, attack, MIB } from "./kit-flood.js";

describe("S10.4 replies that nobody reads", () => {
  for (const text of ["HELP\r\n", "FEAT\r\n", "STAT /\r\n", "MLST /\r\n"])
    test(`S10.4 ${JSON.stringify(text)}: the server stops reading, and closes when nothing moves`, () =>
      attack({ text, times: Math.ceil((48 * MIB) / text.length), reads: false, patience: 3000 }, {}, (report) => {
        assertClosed(report);
        assert(report.sent < 24 * MIB, `${report.sent} bytes were taken`);
      }));
});

describe("S10.6 Telnet without end", () => {
  for (const [what, text, reads] of [
    ["DO", "\xff\xfd\x01", true],
    ["DO", "\xff\xfd\x01", false],
    ["WILL", "\xff\xfb\x01", false],
    ["NOP", "\xff\xf1", true],
    ["subnegotiation", "\xff\xfaxxxx\xff\xf0", false],
    ["an open subnegotiation", "\xff\xfaxxxx", true],
    ["IP and DM", "\xff\xf4\xff\xf2", false],
  ] as const)
    test(`S10.6 16 MB of ${what}, ${reads ? "read" : "unread"}: few answers, flat memory`, () =>
      attack(
        { text: text.repeat(512), times: Math.ceil((16 * MIB) / (512 * text.length)), reads, patience: 300 },
        {},
        (report) => assert(report.received < 1000, JSON.stringify(report)),
      ));
});
