/**
 * The floors of the house: no file of `src/` imports from a floor above its own, types included.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { PROJECT, parse, sourceFiles } from "./source-file.js";

const FLOORS: Readonly<Record<string, number>> = {
  "errors.ts": 0,
  wire: 0,
  events: 0,
  limits: 1,
  cluster: 2,
  storage: 1,
  listing: 1,
  channel: 1,
  transfer: 1,
  session: 2,
  commands: 3,
  observe: 3,
  server: 4,
  "index.ts": 5,
};

/** The rooms beside the floors, and all that each may import besides itself and `errors.ts`: rooms, or single files. */
const GUESTS: Readonly<Record<string, readonly string[]>> = {
  adapters: ["storage"],
  testing: ["storage", "index.ts"],
  prometheus: ["index.ts"],
  redis: ["index.ts"],
  cli: [
    "index.ts",
    "adapters/s3/s3-file-system.ts",
    "adapters/azure/azure-file-system.ts",
    "adapters/gcs/gcs-file-system.ts",
    "prometheus/collect-metrics.ts",
    "prometheus/aggregate-metrics.ts",
  ],
};

/** The modules from npm that the library may import; Node's own are free. */
const MODULES = ["eventemitter3", "tslib"];

/** The optional peers that the files of a folder may import besides, where they are installed. */
const PEERS: Readonly<Record<string, string>> = {
  cli: "selfsigned",
  "adapters/s3": "@aws-sdk/client-s3",
  "adapters/azure": "@azure/storage-blob",
  "adapters/gcs": "@google-cloud/storage",
  prometheus: "prom-client",
  redis: "redis",
};

/** Where nothing that leads to a peer may be imported from: the public face works without any of them. */
const WITH_PEERS = /^adapters\/(?:s3|azure|gcs)\//;

/** Why a file must not import another file or module, or `undefined` where it may. */
function objection(from: string, to: string): string | undefined {
  if (to.startsWith("node:") || MODULES.includes(to)) return undefined;
  if (PEERS[folderOf(from)] === to) return undefined;
  if (!to.endsWith(".ts")) return "not a dependency of the library";
  const [room, wanted] = [roomOf(from), roomOf(to)];
  if (WITH_PEERS.test(to) && from.startsWith("adapters/") && folderOf(from) !== folderOf(to))
    return `${folderOf(to)} needs a peer that ${folderOf(from)} may lack`;
  if (room === wanted || wanted === "errors.ts") return undefined;
  const allowed = GUESTS[room];
  if (allowed !== undefined)
    return allowed.includes(wanted) || allowed.includes(to)
      ? undefined
      : `${room} may import ${allowed.join(", ")} only`;
  if (wanted in GUESTS) {
    const offered = room === "index.ts" && wanted === "adapters" && !WITH_PEERS.test(to);
    return offered ? undefined : `${wanted} is beside the floors`;
  }
  const [floor, other] = [FLOORS[room], FLOORS[wanted]];
  if (floor === undefined || other === undefined) return "this test does not know on which floor that is";
  return other > floor ? `floor ${other} is above floor ${floor}` : undefined;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function roomOf(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

/** One chain of imports that leads back to its first file, or `undefined`. */
function cycleIn(imports: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path].join(" → ");
    if (done.has(path)) return undefined;
    for (const next of imports.get(path) ?? []) {
      const found = visit(next, [...way, path]);
      if (found !== undefined) return found;
    }
    done.add(path);
    return undefined;
  };
  for (const path of imports.keys()) {
    const found = visit(path, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const files = sourceFiles();

suite("floors", () => {
  test("every way to import is seen", () => {
    const text = `
      import { a } from "./a.js"; import type { B } from "../b.js"; import "node:net"; import * as c from "tslib";
      export { d } from "./d.js"; export type { E } from "./e.js"; export * from "./f.js"; export const n = 1;
      type G = import("./g.js").G; const h = import("./h.js"); import i = require("./i.js"); const j = import(name);
      // import "./comment.js"
    `;
    const seen = ["a.ts", "../b.ts", "node:net", "tslib", "d.ts", "e.ts", "f.ts", "g.ts", "h.ts", "i.ts", "(computed)"];
    const expected = seen.map((path) => (/^[a-z]\.ts/.test(path) ? `wire/${path}` : path.replace("../", "")));
    assert.deepEqual(parse("wire/x.ts", text).imports.toSorted(), expected.toSorted());
  });

  for (const [from, to] of [
    ["wire/a.ts", "storage/b.ts"],
    ["storage/a.ts", "session/b.ts"],
    ["session/a.ts", "commands/b.ts"],
    ["commands/a.ts", "server/b.ts"],
    ["server/a.ts", "index.ts"],
    ["server/a.ts", "selfsigned"],
    ["errors.ts", "storage/a.ts"],
    ["adapters/a.ts", "wire/b.ts"],
    ["adapters/a.ts", "session/b.ts"],
    ["storage/a.ts", "adapters/b.ts"],
    ["server/a.ts", "adapters/b.ts"],
    ["cli/a.ts", "server/b.ts"],
    ["cli/a.ts", "adapters/b.ts"],
    ["index.ts", "cli/a.ts"],
    ["attic/a.ts", "wire/b.ts"],
    ["wire/a.ts", "net"],
    ["wire/a.ts", "(computed)"],
    ["adapters/a.ts", "express"],
    ["adapters/a.ts", "@aws-sdk/client-s3"],
    ["adapters/objects/a.ts", "@aws-sdk/client-s3"],
    ["adapters/gcs/a.ts", "@aws-sdk/client-s3"],
    ["adapters/objects/a.ts", "adapters/s3/b.ts"],
    ["adapters/gcs/a.ts", "adapters/azure/b.ts"],
    ["cli/a.ts", "@aws-sdk/client-s3"],
    ["cli/a.ts", "adapters/s3/s3-store.ts"],
    ["cli/a.ts", "testing/b.ts"],
    ["index.ts", "adapters/s3/s3-file-system.ts"],
    ["index.ts", "testing/b.ts"],
    ["storage/a.ts", "testing/b.ts"],
    ["limits/a.ts", "redis"],
    ["redis/a.ts", "limits/b.ts"],
    ["server/a.ts", "redis/b.ts"],
    ["cli/a.ts", "redis/b.ts"],
    ["testing/a.ts", "adapters/b.ts"],
    ["testing/a.ts", "wire/b.ts"],
  ] as const)
    test(`${from} may not import ${to}`, () => assert.notEqual(objection(from, to), undefined));

  for (const [from, to] of [
    ["adapters/s3/a.ts", "@aws-sdk/client-s3"],
    ["adapters/s3/a.ts", "adapters/objects/b.ts"],
    ["cli/a.ts", "adapters/s3/s3-file-system.ts"],
    ["index.ts", "adapters/local-file-system.ts"],
    ["testing/contract/a.ts", "storage/b.ts"],
  ] as const)
    test(`${from} may import ${to}`, () => assert.equal(objection(from, to), undefined));

  test("no file imports from above", () => {
    assert.ok(files.length > 20, "src/ has been read");
    const found = files.flatMap(({ path, imports }) =>
      imports.map((to) => ({ path, to, why: objection(path, to) })).filter(({ why }) => why !== undefined),
    );
    assert.deepEqual(found, []);
  });

  test("no file imports itself in a circle", () => {
    const circle = new Map([
      ["a.ts", ["b.ts"]],
      ["b.ts", ["c.ts"]],
      ["c.ts", ["b.ts"]],
    ]);
    assert.equal(cycleIn(circle), "b.ts → c.ts → b.ts");
    assert.equal(cycleIn(new Map(files.map(({ path, imports }) => [path, imports]))), undefined);
  });

  test("src/index.ts is named re-exports and nothing else", () => {
    const index = files.find(({ path }) => path === "index.ts");
    assert.ok(index, "src/index.ts exists");
    for (const statement of index.program.body) {
      const named = statement.type === "ExportNamedDeclaration" && statement.source !== null;
      assert.ok(named, index.text.slice(statement.start, statement.end));
    }
  });

  test("the runtime dependencies are the two that the library may import", () => {
    const manifest = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
    assert.deepEqual(Object.keys(manifest.dependencies), MODULES);
  });
});
