/** Names on Windows, as a table: nothing may become a device, a stream, a drive or another file. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { NameRules } from "../../dist/adapters/local/name-rules.js";
import { isWindowsName } from "../../dist/adapters/local/windows-name.js";
import { at } from "../storage/store.js";

const DEVICES = ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$", "COM1", "COM9", "COM0", "LPT1", "LPT9"];

const BAD: readonly string[] = [
  ...DEVICES.flatMap((name) => [name, name.toLowerCase(), `${name}.txt`, `${name}.tar.gz`, `${name} .txt`]),
  "COM\u00b9",
  "lpt\u00b3.log",
  "..\\..\\x",
  "a\\b",
  "\\\\.\\x",
  "\\\\?\\C:\\",
  "C:x",
  "C:",
  "x:stream",
  "x::$DATA",
  "a.",
  "a ",
  "a. .",
  "...",
  " ",
  "",
  "what?",
  "*",
  "<in",
  "out>",
  "a|b",
  'quo"te',
  "tab\t",
  "bell\u0007",
  "nul\0",
  "slash/",
  "PROGRA~1",
  "portsi~12.par",
  "lone\udc80",
];

const GOOD: readonly string[] = [
  "a",
  "a.txt",
  ".hidden",
  " leading",
  "a b",
  "console",
  "CON1",
  "COM10",
  "COM",
  "nullable.txt",
  "my.con",
  "aux-x",
  "a~b",
  "~1",
  "long file name~1",
  "backup~",
  "日本語",
  "-dash",
  "100%",
];

suite("S1.1 S1.13 names on Windows", () => {
  for (const name of BAD) test(`refused: ${JSON.stringify(name)}`, () => assert.equal(isWindowsName(name), false));
  for (const name of GOOD) test(`taken: ${JSON.stringify(name)}`, () => assert.equal(isWindowsName(name), true));

  test("they are refused in every component, and not listed, where the disk is one of Windows", () => {
    const rules = new NameRules(false, true);
    for (const path of ["/CON", "/a/x:y", "/..\\..\\x/b", "/a./b"])
      assert.throws(() => rules.check(at(path)), { code: "EINVAL", path });
    rules.check(at("/a/b.txt"));
    assert.equal(rules.lists("aux.c"), false);
    assert.equal(rules.lists("aux.d/x"), false);
    assert.equal(rules.lists("a.c"), true);
    new NameRules(false, false).check(at("/CON/x:y"));
  });
});
