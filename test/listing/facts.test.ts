import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine } from "basic-ftp/dist/parseListMLSD.js";
import fc from "fast-check";
import type { Fact, Rights, ShownAs } from "../../dist/listing/facts.js";
import { DEFAULT_FACTS, FACTS, factLine, factsFeature, parseFacts, permFact } from "../../dist/listing/facts.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { parseTimestamp } from "../../dist/wire/timestamp.js";

const NONE: Rights = {
  list: false,
  read: false,
  write: false,
  append: false,
  remove: false,
  makeDirectory: false,
  removeDirectory: false,
  rename: false,
};
const ALL: Rights = {
  list: true,
  read: true,
  write: true,
  append: true,
  remove: true,
  makeDirectory: true,
  removeDirectory: true,
  rename: true,
};
const EVERY: ReadonlySet<Fact> = new Set(FACTS);
const FILE: FileInfo = {
  name: "a b",
  type: "file",
  size: 7,
  modified: new Date("2024-01-02T03:04:05Z"),
  created: new Date("2023-01-02T03:04:05Z"),
  mode: 0o640,
  owner: "jane",
  group: "staff",
  unique: "u1",
};
const DIRECTORY: FileInfo = { name: "d", type: "directory", size: 0 };

test("a line is the selected facts, each with its semicolon, a blank and the name (RFC 3659 §7.2)", () => {
  const rows: readonly (readonly [FileInfo, readonly Fact[], ShownAs | undefined, string])[] = [
    [
      FILE,
      FACTS,
      undefined,
      "type=file;size=7;modify=20240102030405;create=20230102030405;perm=adfrw;unique=u1;UNIX.mode=0640;UNIX.owner=jane;UNIX.group=staff; a b",
    ],
    [FILE, [], undefined, " a b"],
    [FILE, ["UNIX.mode", "type"], undefined, "type=file;UNIX.mode=0640; a b"],
    [{ ...FILE, mode: 0 }, ["UNIX.mode"], undefined, "UNIX.mode=0000; a b"],
    [{ ...FILE, mode: 0o7777 }, ["UNIX.mode"], undefined, "UNIX.mode=0777; a b"],
    [FILE, ["type"], { name: "/x/a b" }, "type=file; /x/a b"],
    [DIRECTORY, ["type", "size"], undefined, "type=dir; d"],
    [DIRECTORY, ["type"], { type: "cdir", name: "/d" }, "type=cdir; /d"],
    [DIRECTORY, ["type"], { type: "pdir", name: ".." }, "type=pdir; .."],
    [DIRECTORY, ["size"], { type: "cdir" }, " d"],
    [{ ...FILE, type: "link", target: "x; y" }, ["type", "size"], undefined, "type=OS.unix=symlink; a b"],
  ];
  for (const [info, facts, as, line] of rows) assert.equal(factLine(info, new Set(facts), ALL, as), line);
});

test("a fact that the store does not know is absent (RFC 3659 §7.5)", () => {
  assert.equal(factLine({ name: "f", type: "file", size: 0 }, EVERY, NONE), "type=file;size=0;perm=; f");
});

test("a time without fourteen digits is absent, milliseconds are shown (RFC 3659 §2.3)", () => {
  for (const time of ["+010000-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "nonsense"])
    assert.equal(factLine({ ...FILE, modified: new Date(time) }, new Set(["modify"]), ALL), " a b", time);
  const modified = new Date("2024-01-02T03:04:05.070Z");
  assert.equal(factLine({ ...FILE, modified }, new Set(["modify"]), ALL), "modify=20240102030405.070; a b");
});

test("perm has the letters of what the user may do (RFC 3659 §7.5.5)", () => {
  const rows: readonly (readonly [keyof Rights, string, string])[] = [
    ["list", "", "el"],
    ["read", "r", "e"],
    ["write", "w", "ce"],
    ["append", "a", "e"],
    ["remove", "d", "ep"],
    ["makeDirectory", "", "em"],
    ["removeDirectory", "", "dep"],
    ["rename", "f", "ef"],
  ];
  for (const [right, ofFile, ofDirectory] of rows) {
    assert.equal(permFact(FILE, { ...NONE, [right]: true }), ofFile, right);
    assert.equal(permFact({ ...FILE, type: "link" }, { ...NONE, [right]: true }), ofFile, right);
    assert.equal(permFact(DIRECTORY, { ...NONE, [right]: true }), ofDirectory, right);
  }
  assert.equal(permFact(FILE, ALL), "adfrw");
  assert.equal(permFact(DIRECTORY, ALL), "cdeflmp");
  assert.equal(permFact(DIRECTORY, NONE), "e");
  assert.equal(permFact({ ...DIRECTORY, name: "" }, ALL), "celmp");
});

test("OPTS MLST: names in any case and order, unknown ones ignored (RFC 3659 §7.9)", () => {
  const rows: readonly (readonly [string, readonly Fact[] | undefined])[] = [
    ["", []],
    ["type;", ["type"]],
    ["type", ["type"]],
    ["SIZE;Type;unix.MODE;", ["type", "size", "UNIX.mode"]],
    ["size;size;", ["size"]],
    ["nonsense;", []],
    ["nonsense;size;x.y;", ["size"]],
    [";", undefined],
    [";;", undefined],
    ["type;;size;", undefined],
    [" type;", undefined],
    ["type; size;", undefined],
    ["type;\tsize", undefined],
    ["type=file;", undefined],
    ["ſize;", undefined],
    ["*", undefined],
  ];
  for (const [argument, facts] of rows) {
    const parsed = parseFacts(argument);
    assert.deepEqual(parsed && [...parsed], facts, JSON.stringify(argument));
  }
});

test("FEAT shows all facts with stars that move with OPTS (RFC 3659 §7.8)", () => {
  assert.equal(
    factsFeature(DEFAULT_FACTS),
    "MLST type*;size*;modify*;create;perm*;unique;UNIX.mode*;UNIX.owner;UNIX.group;",
  );
  assert.equal(
    factsFeature(new Set(["unique"])),
    "MLST type;size;modify;create;perm;unique*;UNIX.mode;UNIX.owner;UNIX.group;",
  );
});

test("what FEAT prints selects the same again", () => {
  fc.assert(
    fc.property(fc.subarray([...FACTS]), (facts) => {
      const starred =
        factsFeature(new Set(facts))
          .slice(5)
          .match(/[^;*]+(?=\*)/g) ?? [];
      assert.deepEqual([...(parseFacts(starred.join(";")) ?? [])], facts);
    }),
  );
});

test("S16.5 owners and identities are told only to those who ask", () => {
  for (const fact of ["unique", "UNIX.owner", "UNIX.group"] as const)
    assert.equal(DEFAULT_FACTS.has(fact), false, fact);
});

const unique = (value: string): string => factLine({ ...FILE, unique: value }, new Set(["unique"]), NONE);

test("S11.10 unique is escaped, never replaced or cut: two objects share no value (RFC 3659 §7.5.2)", () => {
  assert.equal(unique("10.2A$x=,+/"), "unique=10.2A$x=,+/; a b");
  assert.equal(unique("a;b c"), "unique=a%3Bb%20c; a b");
  assert.equal(unique("100%"), "unique=100%25; a b");
  assert.equal(unique("a\r\nb\0"), "unique=a%0D%0Ab%00; a b");
  assert.equal(unique("é\uDC80"), "unique=%C3%A9%80; a b");
  assert.equal(unique(""), " a b");
  assert.equal(unique("x".repeat(255)), `unique=${"x".repeat(255)}; a b`);
  assert.equal(unique("x".repeat(256)), " a b");
  const value = fc.string({ unit: "binary", maxLength: 20 });
  fc.assert(fc.property(value, value, (one, other) => assert.equal(unique(one) === unique(other), one === other)));
});

const infos = fc.record<FileInfo>(
  {
    name: fc.string({ unit: "binary", minLength: 1 }).filter((name) => !/[/\0\r\n]|^\.\.?$/.test(name)),
    type: fc.constantFrom("file", "directory", "link"),
    size: fc.maxSafeNat(),
    modified: fc.date({
      noInvalidDate: true,
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
    }),
    created: fc.date(),
    mode: fc.integer({ min: 0, max: 0o777 }),
    owner: fc.string({ unit: "binary" }),
    group: fc.string({ unit: "binary" }),
    target: fc.string({ unit: "binary" }),
    unique: fc.string({ unit: "binary" }),
  },
  { requiredKeys: ["name", "type", "size"] },
);

test("S11.10 every line follows the grammar whatever the store says (RFC 3659 §7.2)", () => {
  const form = /^((?:[A-Za-z.]+=[^\s;\p{Cc}]*;)*) (.+)$/su;
  const rights = fc.constantFrom(ALL, NONE);
  fc.assert(
    fc.property(infos, fc.subarray([...FACTS]), rights, (info, facts, may) => {
      const line = factLine(info, new Set(facts), may);
      const [, list = "", name] = form.exec(line) ?? [];
      assert.equal(name, info.name);
      const shown = list
        .split(";")
        .slice(0, -1)
        .map((fact) => fact.slice(0, fact.indexOf("=")));
      assert.deepEqual(
        shown,
        facts.filter((fact) => shown.includes(fact)),
      );
      assert.ok(list.length < 500);
    }),
    { numRuns: 1_000 },
  );
});

test("every line is read back by the parser of a client", () => {
  fc.assert(
    fc.property(infos, (info) => {
      const parsed = parseLine(factLine(info, EVERY, ALL));
      assert.ok(parsed, "the line does not parse");
      assert.deepEqual(
        [parsed.name, parsed.isFile, parsed.isDirectory, parsed.isSymbolicLink],
        [info.name, info.type === "file", info.type === "directory", info.type === "link"],
      );
      assert.equal(parsed.size, info.type === "file" ? info.size : 0);
      assert.equal(parsed.permissions !== undefined, info.mode !== undefined);
    }),
    { numRuns: 1_000 },
  );
});

test("times are read back to the millisecond", () => {
  fc.assert(
    fc.property(infos, (info) => {
      const value = /modify=(.*?);/.exec(factLine(info, new Set(["modify"]), ALL))?.[1];
      assert.equal(value && parseTimestamp(value)?.getTime(), info.modified?.getTime());
    }),
  );
});
