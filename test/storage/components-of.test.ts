/** Paths that stores take and refuse, as a table. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { componentsOf, isComponent } from "../../dist/storage/components-of.js";
import { at } from "./store.js";

const TAKEN: readonly (readonly [path: string, components: readonly string[]])[] = [
  ["/", []],
  ["/a", ["a"]],
  ["/a/b c/...", ["a", "b c", "..."]],
  ["/..a/b..", ["..a", "b.."]],
  ["/é/🚢/\udcff", ["é", "🚢", "\udcff"]],
  ["/a\\b/c:d", ["a\\b", "c:d"]],
];

const REFUSED = ["", "a", "a/b", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/\0", "/a\rb", "/a\nb"];
/** Surrogates that no bytes decode to: each would lead to the name of another file. */
const ALIASES = ["/\ud83d", "/\udc00", "/\udc7f", "/\ude00", "/\udcc3\udca9", "/a\udced\udcb2\udc80\ud800"];

suite("componentsOf", () => {
  for (const [path, components] of TAKEN)
    test(`takes ${JSON.stringify(path)}`, () => assert.deepEqual(componentsOf(at(path)), components));

  for (const path of [...REFUSED, ...ALIASES])
    test(`S1.1 S1.18 refuses ${JSON.stringify(path)}`, () => {
      assert.throws(() => componentsOf(at(path)), { name: "FileSystemError", code: "EINVAL", path });
    });

  test("isComponent", () => {
    for (const name of ["", ".", "..", "a/b", "a\0", "\r", "\n", "\ud800"]) assert.equal(isComponent(name), false);
    for (const name of ["a", "...", ".a", "-", " ", "\udcff", "\t"]) assert.equal(isComponent(name), true);
  });
});
