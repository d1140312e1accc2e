/** Lines into verb and argument. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseCommandLine } from "../../dist/wire/command-line.js";

const lines: readonly (readonly [string, string, string, string | undefined])[] = [
  ["RFC 959 §5.3: a verb alone has no argument", "PWD", "PWD", undefined],
  ["RFC 959 §5.3: the case of the verb does not matter", "rEtR a", "RETR", "a"],
  ["RFC 959 §5.3: the case of the argument stays", "retr aB", "RETR", "aB"],
  ["RFC 3659 §2.2: one space parts, a second is part of the name", "RETR  a", "RETR", " a"],
  ["S2.9 RFC 3659 §2.2: trailing spaces are part of the name", "STOR a  ", "STOR", "a  "],
  ["S2.9 RFC 3659 §2.2: a name of a space", "STOR  ", "STOR", " "],
  ["RFC 959 §4.1.1: an argument may be empty", "PASS ", "PASS", ""],
  ["RFC 959 §5.3: a tab does not part", "RETR\ta", "RETR\tA", undefined],
  ["RFC 959 §5.3: verbs longer than four letters", "xsha256 a", "XSHA256", "a"],
  ["RFC 959 §5.3: verbs that are not letters", "p@sw", "P@SW", undefined],
  ["S2.7 an empty line has an empty verb", "", "", undefined],
  ["S2.7 a space first makes an empty verb", " USER a", "", "USER a"],
  ["S2.7 a tab first is part of the verb", "\tNOOP", "\tNOOP", undefined],
  ["S2.7 a byte 0xFF first is part of the verb", "\udcffnoop", "\udcffNOOP", undefined],
  ["S2.7 ŀ is not an L", "ŀist", "ŀIST", undefined],
  ["S2.7 ı is not an I", "lıst", "LıST", undefined],
  ["S2.7 ſ is not an S", "ſize a", "ſIZE", "a"],
  ["S2.7 ß does not become SS", "paß a", "PAß", "a"],
  ["S2.7 İ stays", "lİst", "LİST", undefined],
  ["S2.7 the Kelvin sign is not a K", "m\u212ad a", "M\u212aD", "a"],
  ["S2.7 fullwidth letters stay", "ｌｉｓｔ", "ｌｉｓｔ", undefined],
  ["S2.1 NUL stays for the commands to refuse", "USER anonymous\0x", "USER", "anonymous\0x"],
  ["S18.4 a verb named like a property is only a verb", "__proto__ x", "__PROTO__", "x"],
];

for (const [title, line, verb, argument] of lines)
  test(title, () => assert.deepEqual(parseCommandLine(line), { verb, argument }));

test("S2.7 no verb with a letter outside of ASCII becomes an ASCII verb", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const { verb } = parseCommandLine(text);
      assert.equal(/[^\0-\x7f]/.test(verb), /[^\0-\x7f]/.test(text.split(" ")[0] ?? ""));
      assert.doesNotMatch(verb, /[a-z]/);
    }),
  );
});

test("RFC 3659 §2.2: verb and argument make up the whole line, nothing is trimmed", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("A", "7", " ", "\t", "é", "\udc80") }), (text) => {
      const { verb, argument } = parseCommandLine(text);
      assert.equal(argument === undefined ? verb : `${verb} ${argument}`, text);
    }),
  );
});
