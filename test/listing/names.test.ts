import assert from "node:assert/strict";
import { test } from "node:test";
import { isListable } from "../../dist/listing/names.js";
import { ownerName } from "../../dist/listing/owner-name.js";

test("S2.3 S19.2 names that would forge a line or leave the directory are not listable (RFC 3659 §2.2)", () => {
  for (const name of ["", ".", "..", "a/b", "/", "../x", "a\0", "\0", "a\rb", "a\nb", "a\r\n226 done", "\n"])
    assert.equal(isListable(name), false, JSON.stringify(name));
});

test("every other name is listable, also strange ones", () => {
  const names = ["a", "...", "..a", ".hidden", " ", "a b ", "-l", "a;b", 'a"b', "a\\b", "..\\x", "\t", "\x7f"];
  for (const name of [...names, "\u0085", "\u2028", "\uDCFF", "é", "226 done", "*"])
    assert.equal(isListable(name), true, JSON.stringify(name));
});

test("names of owners are one column and one value (RFC 3659 §7.2)", () => {
  const rows: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ["", undefined],
    ["web", "web"],
    ["1000", "1000"],
    ["DOMAIN\\user", "DOMAIN\\user"],
    ["a=b", "a=b"],
    ["Jane Doe", "Jane_Doe"],
    ["a;b", "a_b"],
    ["a\r\nb\tc\0", "a__b_c_"],
    ["a\u2028b\u0085c\u00a0d", "a_b_c_d"],
    ["müller", "müller"],
    ["x".repeat(40), "x".repeat(32)],
    ["é".repeat(40), "é".repeat(32)],
  ];
  for (const [name, shown] of rows) assert.equal(ownerName(name), shown, JSON.stringify(name));
});
