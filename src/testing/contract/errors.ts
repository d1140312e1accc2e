/** What is refused, with which code and which path. */
import assert from "node:assert/strict";
import type { StoreFeature } from "../capabilities.js";
import { at, entries, everyOperation, names, type Operation, put, refused, text } from "../store-words.js";
import { implicit, type Row } from "./row.js";
import type { Trial } from "./trial.js";

/** The features behind the operations, by the names of `everyOperation`. */
const FEATURES: Readonly<Record<string, StoreFeature>> = {
  append: "append",
  at: "at",
  remove: "remove",
  makeDirectory: "makeDirectory",
  removeDirectory: "removeDirectory",
  renameFrom: "rename",
  renameTo: "rename",
  setTimes: "setTimes",
  setMode: "setMode",
};

/** Those that make what is missing, and therefore find nothing missing where directories are implicit. */
const MAKING: readonly string[] = ["replace", "exclusive", "append", "at", "renameTo"];

/** The operations that the store has, on one path. */
export function operationsOf({ store, has }: Trial, path: string): readonly (readonly [string, Operation])[] {
  return Object.entries(everyOperation(store, path)).filter(([name]) => {
    const feature = FEATURES[name];
    return feature === undefined || has(feature);
  });
}

/** How an operation ends: `done` or its code. */
export async function codeOf(operation: Promise<unknown>): Promise<string> {
  return await operation.then(
    () => "done",
    (error: unknown) => String((error as NodeJS.ErrnoException).code),
  );
}

/** The rows. */
export const errors: readonly Row[] = [
  {
    title: "what is missing is ENOENT",
    async run(trial) {
      await put(trial.store, "/present", "x");
      for (const path of ["/none", "/no/such"])
        for (const [name, run] of operationsOf(trial, path)) {
          const makes = MAKING.includes(name) || name === "makeDirectory";
          if (makes && path === "/none") continue;
          if (trial.can.implicitDirectories && MAKING.includes(name)) continue;
          await refused("ENOENT", run(), path);
        }
      assert.deepEqual(await names(trial.store), ["present"]);
    },
  },
  {
    title: "what is below a file is ENOTDIR",
    unless: implicit,
    async run(trial) {
      await put(trial.store, "/present", "x");
      for (const [name, run] of operationsOf(trial, "/present/x"))
        if (name !== "renameTo") await refused("ENOTDIR", run(), "/present/x");
      assert.equal(await text(trial.store, "/present"), "x");
    },
  },
  {
    title: "a file is no directory",
    async run({ store, has }) {
      await put(store, "/present", "x");
      await refused("ENOTDIR", entries(store, "/present"), "/present");
      if (has("removeDirectory")) await refused("ENOTDIR", store.removeDirectory(at("/present")), "/present");
      if (has("makeDirectory")) await refused("EEXIST", store.makeDirectory(at("/present")), "/present");
    },
  },
  {
    title: "a directory cannot be written, read or removed as a file",
    needs: ["makeDirectory"],
    async run({ store, has }) {
      await store.makeDirectory(at("/d"));
      await refused("EISDIR", store.openWrite(at("/d"), { mode: "replace" }), "/d");
      if (has("append")) await refused("EISDIR", store.openWrite(at("/d"), { mode: "append" }), "/d");
      if (has("at")) await refused("EISDIR", store.openWrite(at("/d"), { mode: "at", start: 0 }), "/d");
      await refused("EISDIR", store.openRead(at("/d")), "/d");
      if (has("remove")) await refused("EISDIR", store.remove(at("/d")), "/d");
      assert.deepEqual(await names(store), ["d"]);
    },
  },
  {
    title: "S1.16 the root can be neither read, written, removed nor moved",
    async run(trial) {
      await put(trial.store, "/present", "x");
      const operations = operationsOf(trial, "/").filter(([name]) => !name.startsWith("set"));
      const codes: Record<string, string> = {};
      for (const [name, run] of operations) codes[name] = await codeOf(run());
      const expected: Record<string, string> = {
        stat: "done",
        list: "done",
        openRead: "EISDIR",
        checksum: "EISDIR",
        replace: "EISDIR",
        exclusive: codes.exclusive === "EEXIST" ? "EEXIST" : "EISDIR",
        append: "EISDIR",
        at: "EISDIR",
        remove: "EISDIR",
        makeDirectory: "EEXIST",
        removeDirectory: "EACCES",
        renameFrom: "EACCES",
        renameTo: "EEXIST",
      };
      assert.deepEqual(codes, Object.fromEntries(operations.map(([name]) => [name, expected[name]])));
      assert.deepEqual(await names(trial.store), ["present"]);
    },
  },
  {
    title: "S1.1 S1.2 paths that no server makes are refused by every operation",
    async run(trial) {
      await put(trial.store, "/present", "x");
      const bad = [
        "",
        "present",
        "/present/",
        "//present",
        "/./present",
        "/../present",
        "/..",
        "/a/../present",
        "/a//b",
      ];
      for (const path of [...bad, "/nul\0", "/cr\rlf", "/lf\n", "/lone\ud800", "/two\udcc3\udca9"])
        for (const [name, run] of operationsOf(trial, path)) {
          const error = await refused("EINVAL", run());
          assert.equal(error.path, path, name);
        }
      assert.deepEqual(await names(trial.store), ["present"]);
    },
  },
];
