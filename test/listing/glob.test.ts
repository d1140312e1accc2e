import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileGlob, hasGlob, splitGlob } from "../../dist/listing/glob.js";

function check(pattern: string, matching: readonly string[], others: readonly string[]): void {
  const matches = compileGlob(pattern);
  for (const name of matching) assert.equal(matches(name), true, `${pattern} should match ${JSON.stringify(name)}`);
  for (const name of others) assert.equal(matches(name), false, `${pattern} should not match ${JSON.stringify(name)}`);
}

test("patterns of the last component (RFC 959 §4.1.3 leaves them open)", () => {
  check("*", ["a", "a b", "é", "\uDC80", "a.b"], [".", ".a", "..."]);
  check("", [""], ["a"]);
  check("abc", ["abc"], ["ab", "abcd", "ABC"]);
  check("*.txt", ["a.txt", "a.b.txt"], [".txt", "a.txt~", "a.TXT"]);
  check("a*b*c", ["abc", "axxbxxc", "abbcc"], ["ab", "acb", "abcd"]);
  check("?", ["a", "é", "😀", "\uDC80"], ["", "ab", "."]);
  check("a?c", ["abc", "a😀c"], ["ac", "abbc"]);
  check("**a**", ["a", "bab"], ["b"]);
});

test("classes: members, ranges, negation with ! and ^", () => {
  check("[abc]", ["a", "b", "c"], ["d", "ab", ""]);
  check("[a-c]x", ["ax", "cx"], ["dx", "-x"]);
  check("[!a-c]", ["d", "-", "😀"], ["a", "b", "c"]);
  check("[^a]", ["b", "^"], ["a"]);
  check("[a^!]", ["a", "^", "!"], ["b"]);
  check("[]a]", ["]", "a"], ["[", "[]a]"]);
  check("[!]a]", ["b"], ["]", "a"]);
  check("[a-]", ["a", "-"], ["b"]);
  check("[-a]", ["a", "-"], ["b"]);
  check("[z-a]", [], ["a", "m", "z"]);
  check("[[]", ["["], ["]"]);
  check("[*?]", ["*", "?"], ["a"]);
  check("[à-ÿ]", ["é"], ["e"]);
  check("[😀-😂]", ["😁"], ["😄"]);
});

test("a backslash takes a character's meaning away", () => {
  check("\\*", ["*"], ["a", "\\*"]);
  check("a\\?", ["a?"], ["ab"]);
  check("\\[a]", ["[a]"], ["a"]);
  check("[\\]]", ["]"], ["\\"]);
  check("[a\\-c]", ["a", "-", "c"], ["b"]);
  check("[a-\\]]", [], ["b"]);
  check("[A-\\]]", ["B", "]"], ["a"]);
  check("\\\\", ["\\"], ["\\\\"]);
  check("a\\", ["a\\"], ["a"]);
});

test("a bracket that never ends means itself", () => {
  check("[", ["["], ["a"]);
  check("[a", ["[a"], ["a"]);
  check("[]", ["[]"], ["]"]);
  check("[!]", ["[!]"], ["a"]);
  check("[[[[", ["[[[["], ["["]);
  check("[\\]", ["[]"], ["]"]);
  check("[a-\\", ["[a-\\"], ["a"]);
});

test("a leading dot is matched by a dot only", () => {
  check(".*", [".", ".a", ".a.b"], ["a", ""]);
  check("\\.*", [".a"], ["a"]);
  check("[.]a", [], [".a"]);
  check("[!b]a", ["aa"], [".a"]);
  check("?a", ["ba"], [".a"]);
  check("*.", ["a."], ["."]);
});

test("no braces", () => {
  check("{a,b}", ["{a,b}"], ["a", "b"]);
});

test("a name is a pattern where it holds *, ? or [", () => {
  for (const name of ["*", "a?", "[", "\\*"]) assert.equal(hasGlob(name), true, name);
  for (const name of ["", "a", "]", "{a,b}", "\\", "~", "!"]) assert.equal(hasGlob(name), false, name);
});

test("only the last component is a pattern; the rest stays as the client wrote it", () => {
  assert.deepEqual(splitGlob("*"), { prefix: "", pattern: "*" });
  assert.deepEqual(splitGlob("/*"), { prefix: "/", pattern: "*" });
  assert.deepEqual(splitGlob("a//b/*.txt"), { prefix: "a//b/", pattern: "*.txt" });
  assert.deepEqual(splitGlob("*/a?"), { prefix: "*/", pattern: "a?" });
  for (const path of ["", "a", "*/a", "a*/", "/"]) assert.equal(splitGlob(path), undefined, path);
});

test("the matcher agrees with a naive one on everything small", () => {
  const unit = fc.constantFrom("a", "b", "c", "*", "?", "[", "]", "!", "^", "-", "\\", ".", "é", "😀", "\uDC80");
  const name = fc.string({ unit: fc.constantFrom("a", "b", "c", "[", "]", "-", "\\", ".", "é", "😀"), maxLength: 7 });
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 9 }), name, (pattern, text) => {
      assert.equal(compileGlob(pattern)(text), naive(pattern, text));
    }),
    { numRuns: 5_000 },
  );
});

test("a pattern with every character escaped matches its own name alone", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(text, text, (name, other) => {
      const matches = compileGlob([...name].map((character) => `\\${character}`).join(""));
      assert.equal(matches(name), true);
      assert.equal(matches(other), other === name);
    }),
  );
});

test("S11.1 hostile patterns cost little against the longest names", () => {
  const names = ["a".repeat(255), `${"ab".repeat(127)}c`, "{a,b}".repeat(51), "[".repeat(255), "😀".repeat(63)];
  const patterns = [
    "{a,b}".repeat(20),
    "*?*?*?*?b",
    "*?".repeat(120),
    "[[[[",
    "*".repeat(4096),
    `${"*a".repeat(2000)}b`,
    `*${"a".repeat(127)}b`,
    `${"*a".repeat(120)}b`,
    "[".repeat(4096),
    "[!".repeat(2048),
    "\\".repeat(4096),
    `*${`[${"b".repeat(30)}a]`.repeat(127)}b`,
    `[${"b-".repeat(2000)}`,
  ];
  const started = performance.now();
  for (const pattern of patterns) {
    const matches = compileGlob(pattern);
    for (let round = 0; round < 20; round++) for (const name of names) matches(name);
  }
  // A hundred names for each of the patterns; one that backtracks would take years.
  assert.ok(performance.now() - started < 5_000);
});

/** Straight from the grammar, by recursion and without a thought for time. */
function naive(pattern: string, text: string): boolean {
  if (text.startsWith(".") && !/^\\?\./.test(pattern)) return false;
  return naiveRest([...pattern], [...text]);
}

function naiveRest(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, second] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === "*") return naiveRest(pattern.slice(1), text) || (text.length > 0 && naiveRest(pattern, text.slice(1)));
  const one = text[0];
  if (one === undefined) return false;
  if (first === "?") return naiveRest(pattern.slice(1), text.slice(1));
  if (first === "\\" && second !== undefined) return one === second && naiveRest(pattern.slice(2), text.slice(1));
  const members =
    first === "[" ? /^\[(?:[!^](?:\]|\\.|[^\]\\])|(?:\\.|[^!^\\]))(?:\\.|[^\]\\])*\]/su.exec(pattern.join("")) : null;
  if (members === null) return one === first && naiveRest(pattern.slice(1), text.slice(1));
  return naiveClass(members[0].slice(1, -1), one) && naiveRest(pattern.slice([...members[0]].length), text.slice(1));
}

function naiveClass(body: string, one: string): boolean {
  const negated = /^[!^]/.test(body);
  const units = (negated ? body.slice(1) : body).match(/\\.|[^\\]/gsu) ?? [];
  let member = false;
  for (let at = 0; at < units.length; at++) {
    const low = points(units[at]);
    const high = units[at + 1] === "-" && at + 2 < units.length ? points(units[(at += 2)]) : low;
    member ||= points(one) >= low && points(one) <= high;
  }
  return member !== negated;
}

function points(unit: string | undefined): number {
  return [...(unit ?? "")].at(-1)?.codePointAt(0) ?? Number.NaN;
}
