/**
 * The ids of attacks: every row of `docs/security.md` has tests that bear its ids in their titles, in the files that it
 * names, and every id in a title has its row. Reads the repository only.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { suite, test } from "node:test";
import { parseSync, Visitor } from "oxc-parser";
import { PROJECT } from "./source-file.js";

/** One row: ids, and the files that its last column names, below `test/` and without `.test.ts`. */
interface Row {
  readonly ids: readonly string[];
  readonly files: readonly string[];
  /** Whether it only says why there is nothing to do. */
  readonly excused: boolean;
}

const EXCUSES = "What does not apply";

/** The ids in a text, in order; `S1.9 to S1.12` is four of them. */
function idsIn(text: string): string[] {
  return [...text.matchAll(/\bS(\d+)\.(\d+)(?: to S\1\.(\d+))?\b/g)].flatMap(([, group, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => `S${group}.${Number(first) + index}`),
  );
}

/** The rows of all tables whose first column has ids. */
function rowsOf(page: string): Row[] {
  return page.split(/^## /m).flatMap((section) => {
    const excused = section.startsWith(EXCUSES);
    const lines = section.split("\n").filter((line) => line.startsWith("| S"));
    return lines.map((line) => {
      const columns = line.split("|").slice(1, -1);
      const named = excused ? [] : (columns.at(-1) ?? "").matchAll(/`([^`]+)`/g);
      const files = [...named].map(([, name = ""]) => (/^s\d\d-/.test(name) ? `threats/${name}` : name));
      return { ids: idsIn(columns[0] ?? ""), files, excused };
    });
  });
}

/** The ids in the titles of a file's tests: in its texts, but for those that an assertion fails with. */
function idsOfTitles(path: string, source: string): Set<string> {
  const { program, errors } = parseSync(path, source);
  assert.deepEqual(errors, [], path);
  const found = new Set<string>();
  let asserting = 0;
  const take = (text: string): void => {
    if (asserting === 0) for (const id of idsIn(text)) found.add(id);
  };
  const isAssertion = (call: { start: number }): boolean => source.startsWith("assert", call.start);
  new Visitor({
    CallExpression: (node) => void (isAssertion(node) && asserting++),
    "CallExpression:exit": (node) => void (isAssertion(node) && asserting--),
    Literal: ({ value }) => typeof value === "string" && take(value),
    TemplateElement: ({ value }) => take(value.raw),
  }).visit(program);
  return found;
}

/** By file, as rows name it, the ids in its titles. */
function titles(): Map<string, Set<string>> {
  const folder = join(PROJECT, "test");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".test.ts"));
  return new Map(
    files
      .map((path) => path.split(sep).join("/"))
      // This one has ids of its own.
      .filter((path) => path !== "project/security.test.ts")
      .map((path) => [path.replace(/\.test\.ts$/, ""), idsOfTitles(path, readFileSync(join(folder, path), "utf8"))]),
  );
}

/** What stands more than once. */
function repeated(ids: readonly string[]): string[] {
  return ids.filter((id, index) => ids.indexOf(id) !== index);
}

const rows = rowsOf(readFileSync(join(PROJECT, "docs/security.md"), "utf8"));
const byFile = titles();

suite("docs/security.md", () => {
  test("what is wrong is seen", () => {
    const page = "## Load\n\n| id | attack |\n|---|---|\n| S1.9 to S1.11, S2.1 | x (S5.5) | y | `s01-a`, `wire/b` |\n";
    assert.deepEqual(rowsOf(page), [
      { ids: ["S1.9", "S1.10", "S1.11", "S2.1"], files: ["threats/s01-a", "wire/b"], excused: false },
    ]);
    assert.deepEqual(rowsOf(`## ${EXCUSES}\n\n| S3.7 | x | there is no \`such\` |\n`), [
      { ids: ["S3.7"], files: [], excused: true },
    ]);
    const source = 'test("S1.1 a", () => assert.ok(x, "S1.2"));\n// S1.3\nconst row = [`S1.4 S1.5`, "S1.6"];';
    assert.deepEqual([...idsOfTitles("x.ts", source)], ["S1.1", "S1.4", "S1.5", "S1.6"]);
    assert.deepEqual(repeated(["S1.1", "S1.2", "S1.1"]), ["S1.1"]);
  });

  test("no id stands in two rows", () => {
    assert.ok(rows.length > 100, "the page has been read");
    assert.deepEqual(repeated(rows.flatMap(({ ids }) => ids)), []);
  });

  test("the files that a row names exist, and bear one of its ids", () => {
    const wrong = rows.flatMap(({ ids, files }) =>
      files.filter((file) => !ids.some((id) => byFile.get(file)?.has(id))).map((file) => `${ids.join()}: ${file}`),
    );
    assert.deepEqual(wrong, []);
  });

  test("every id is in the title of a test in one of the files that its row names", () => {
    const missing = rows
      .filter(({ excused }) => !excused)
      .flatMap(({ ids, files }) => ids.filter((id) => !files.some((file) => byFile.get(file)?.has(id))));
    assert.deepEqual(missing, []);
  });

  test("every id in the title of a test has a row", () => {
    const known = new Set(rows.flatMap(({ ids }) => ids));
    const strange = [...byFile].flatMap(([file, ids]) =>
      [...ids].filter((id) => !known.has(id)).map((id) => `${file}: ${id}`),
    );
    assert.deepEqual(strange, []);
  });
});
