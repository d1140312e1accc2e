/** Path names of clients never leave the root. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FtpError } from "../../dist/errors.js";
import {
  baseName,
  childOf,
  isWithin,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  MAX_PATH_DEPTH,
  parentOf,
  ROOT,
  virtualPath,
} from "../../dist/wire/virtual-path.js";

const base = virtualPath("/home/me");

const resolved: readonly (readonly [string, string, string])[] = [
  ["an empty name is the directory", "", "/home/me"],
  [". is the directory", ".", "/home/me"],
  [".. is the directory above", "..", "/home"],
  ["a relative name", "a/b", "/home/me/a/b"],
  ["an absolute name", "/a/b", "/a/b"],
  ["the root", "/", "/"],
  ["slashes collapse", "//a///b//", "/a/b"],
  [". within a name", "a/./b/.", "/home/me/a/b"],
  [".. within a name", "a/../b", "/home/me/b"],
  ["S1.1 .. of the root is the root", "/../../..", "/"],
  ["S1.2 far above the root", "../../../../etc/passwd", "/etc/passwd"],
  ["S1.1 three dots are a name", "...", "/home/me/..."],
  ["S1.1 dots and spaces are a name", ".. ", "/home/me/.. "],
  ["S1.1 a backslash is no separator", "..\\..\\x", "/home/me/..\\..\\x"],
  ["nothing is decoded twice", "%2e%2e/x", "/home/me/%2e%2e/x"],
  ["an overlong dot is no dot", "\udcc0\udcae\udcc0\udcae/x", "/home/me/\udcc0\udcae\udcc0\udcae/x"],
  ["a fullwidth slash is no separator", "..／x", "/home/me/..／x"],
  ["~ is a character", "~/x", "/home/me/~/x"],
  ["S2.9 spaces stay", " a / b ", "/home/me/ a / b "],
  ["a leading - stays", "-la", "/home/me/-la"],
];

for (const [title, name, path] of resolved)
  test(`RFC 3659 §6: ${title}`, () => assert.equal(virtualPath(name, base), path));

const refused: readonly (readonly [string, string])[] = [
  ["S2.1 NUL", "a\0b"],
  ["S2.1 NUL at the end", "a\0"],
  ["S2.3 CR", "a\rb"],
  ["S2.3 LF", "a\nb"],
  ["S2.3 LF within a component that .. removes", "a\n/.."],
  ["a component too many", "a/".repeat(MAX_PATH_DEPTH + 1)],
  ["a byte too many", `/${"a".repeat(MAX_PATH_BYTES)}`],
  ["a byte too many in another alphabet", `/${"é".repeat(MAX_PATH_BYTES / 2)}`],
];

for (const [title, name] of refused)
  test(`${title} is no path name`, () =>
    assert.throws(
      () => virtualPath(name),
      (error) => error instanceof FtpError && error.code === "BAD_PATH",
    ));

test("the longest and the deepest path are paths", () => {
  for (const letter of ["a", "\udcff"]) {
    assert.equal(virtualPath(`/${letter.repeat(MAX_NAME_BYTES)}`).length, MAX_NAME_BYTES + 1);
    assert.equal(virtualPath(`/${letter.repeat(MAX_NAME_BYTES)}`.repeat(16)).length, MAX_PATH_BYTES);
  }
  assert.equal(virtualPath("a/".repeat(MAX_PATH_DEPTH)).length, 2 * MAX_PATH_DEPTH);
});

test("the parts of a path", () => {
  const path = virtualPath("/a/b");
  assert.deepEqual([parentOf(path), parentOf(parentOf(path)), parentOf(ROOT)], ["/a", "/", "/"]);
  assert.deepEqual([baseName(path), baseName(ROOT)], ["b", ""]);
  assert.deepEqual([childOf(ROOT, "a"), childOf(path, "c")], ["/a", "/a/b/c"]);
});

const within: readonly (readonly [string, string, boolean])[] = [
  ["/a/b", "/a", true],
  ["/a", "/a", true],
  ["/a", "/", true],
  ["/", "/", true],
  ["/ab", "/a", false],
  ["/a", "/a/b", false],
  ["/", "/a", false],
];

for (const [path, ancestor, expected] of within)
  test(`RFC 3659 §6: ${path} is ${expected ? "" : "not "}within ${ancestor}`, () =>
    assert.equal(isWithin(virtualPath(path), virtualPath(ancestor)), expected));

const name = fc
  .array(
    fc.oneof(fc.constantFrom("/", "..", ".", "//", "\\", " ", "\udc80"), fc.string({ unit: "binary", maxLength: 3 })),
  )
  .map((parts) => parts.join("").replaceAll(/[\0\r\n]/g, ""));

test("S1.1 whatever the name, the path is absolute, normal, and stays below the root", () => {
  fc.assert(
    fc.property(name, name, (directory, name) => {
      const path = virtualPath(name, virtualPath(directory));
      assert.match(path, /^\//);
      if (path !== ROOT) for (const part of path.slice(1).split("/")) assert.ok(!["", ".", ".."].includes(part));
      assert.equal(virtualPath(path, virtualPath(directory)), path);
    }),
  );
});

test("RFC 3659 §6: parent and name make up a path again", () => {
  fc.assert(
    fc.property(name, (name) => {
      const path = virtualPath(name);
      fc.pre(path !== ROOT);
      assert.equal(childOf(parentOf(path), baseName(path)), path);
      assert.ok(isWithin(path, parentOf(path)));
    }),
  );
});
