/**
 * The store that the page "Write a file system of your own" goes through: it passes the contract, and the page shows what
 * the example says.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { FileSystem } from "../../dist/index.js";
import { type ContractSubject, fileSystemContract } from "../../dist/testing/index.js";
import { PROJECT } from "./source-file.js";

interface ExampleDatabase {
  orphans(): readonly number[];
}

/** What of the database a trial looks at. */
interface Subject extends ContractSubject {
  readonly database: ExampleDatabase;
}

/** What the example exports. */
interface Example {
  readonly Database: new () => ExampleDatabase;
  readonly DatabaseFileSystem: new (database: ExampleDatabase) => FileSystem;
}

const { Database, DatabaseFileSystem } = (await import(
  pathToFileURL(join(PROJECT, ".build/examples/own-database-store.js")).href
)) as Example;

fileSystemContract<Subject>({
  name: "the store of the example",
  capabilities: {
    without: ["append", "at", "setCreated", "setMode", "availableSpace", "unique"],
    snapshotReads: false,
    keepsName: (name) => name.isWellFormed(),
    pieceBytes: 1,
  },
  probes: { leftovers: async ({ database }) => database.orphans().map(String) },
  make: async () => {
    const database = new Database();
    return { store: new DatabaseFileSystem(database), database, [Symbol.asyncDispose]: async () => undefined };
  },
});

suite("the page that goes through it", () => {
  const page = readFileSync(join(PROJECT, "docs/write-your-own-filesystem.md"), "utf8");
  const example = readFileSync(join(PROJECT, "examples/own-database-store.ts"), "utf8");
  const shown = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = ""]) => text);
  const own = readFileSync(import.meta.filename.replace("/.build/", "/test/").replace(/js$/, "ts"), "utf8");

  test("shows what the example and this test say, line by line", () => {
    assert.ok(shown.length >= 5, "the page has been read");
    for (const text of shown)
      for (const part of text.split(/^ *\/\/ …\n/m)) assert.ok(`${example}${own}`.includes(part), part);
  });
});
