import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseListArgument } from "../../dist/listing/list-arguments.js";

type Row = readonly [argument: string | undefined, flags: string, path: string | undefined];

function check(rows: readonly Row[]): void {
  for (const [argument, flags, path] of rows) {
    const request = parseListArgument(argument);
    const found = `${request.long ? "l" : ""}${request.recursive ? "R" : ""}`;
    assert.deepEqual([found, request.path], [flags, path], JSON.stringify(argument));
  }
}

test("arguments of LIST and NLST: options of ls, then a path name (RFC 959 §4.1.3)", () => {
  check([
    [undefined, "", undefined],
    ["", "", undefined],
    ["dir", "", "dir"],
    ["-a", "", undefined],
    ["-A", "", undefined],
    ["-la", "l", undefined],
    ["-l -a", "l", undefined],
    ["-al dir", "l", "dir"],
    ["-lR /a b", "lR", "/a b"],
    ["-R", "R", undefined],
    ["-r", "", undefined],
    ["-a ", "", undefined],
  ]);
});

test("blanks of the name stay, one separates it from the options", () => {
  check([
    [" a", "", " a"],
    ["a ", "", "a "],
    ["-a  a ", "", " a "],
    ["-a  -l", "", " -l"],
    ["a -l", "", "a -l"],
  ]);
});

test("S2.11 names with a leading dash are reached as ./-x and behind --", () => {
  check([
    ["./-x", "", "./-x"],
    ["-- -x", "", "-x"],
    ["-a -- -l", "", "-l"],
    ["-- -- -l", "", "-- -l"],
    ["--", "", undefined],
    ["-", "", "-"],
    ["- -a", "", "- -a"],
    ["-a -", "", "-"],
  ]);
});

test("S2.11 unknown options are ignored", () => {
  check([
    ["--help", "", undefined],
    ["--all --recursive", "", undefined],
    ["-la;x", "l", undefined],
    ["-Z1@ dir", "", "dir"],
  ]);
});

test("S2.10 what a shell would run is a name", () => {
  for (const name of ["; touch pwned", "$(touch pwned)", "`touch pwned`", "| touch pwned", "&& touch pwned", "{a,b}"])
    check([
      [name, "", name],
      [`-l ${name}`, "l", name],
    ]);
});

test("S11.7 every option letter by itself and in mixes leaves the path alone", () => {
  const letters = "aAbBcCdDfFgGhHiIkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ1";
  for (const letter of letters) {
    const known = { l: "l", R: "R" }[letter] ?? "";
    check([
      [`-${letter}`, known, undefined],
      [`-${letter} -x y`, known, "y"],
    ]);
  }
  check([[`-${letters} dir`, "lR", "dir"]]);
  const mix = fc.array(fc.string({ unit: fc.constantFrom(...letters), minLength: 1 }), { minLength: 1 });
  fc.assert(
    fc.property(mix, (words) => {
      const all = words.join("");
      const request = parseListArgument(`${words.map((word) => `-${word}`).join(" ")} the path`);
      assert.deepEqual(request, {
        long: all.includes("l"),
        recursive: all.includes("R"),
        path: "the path",
      });
    }),
  );
});

test("a whole line of options costs no time", () => {
  const started = performance.now();
  assert.equal(parseListArgument("-a ".repeat(100_000)).path, undefined);
  assert.ok(performance.now() - started < 2_000);
});
