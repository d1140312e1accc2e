/** Directories: made, found, removed; and those that are there because of what lies below them. */
import assert from "node:assert/strict";
import { at, entries, names, put, refused, text } from "../store-words.js";
import { explicit, type Row } from "./row.js";

/** The rows. */
export const directories: readonly Row[] = [
  {
    title: "directories are made and found",
    needs: ["makeDirectory"],
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await refused("EEXIST", store.makeDirectory(at("/d")), "/d");
      const { name, type, size } = await store.stat(at("/d"), { expect: "directory" });
      assert.deepEqual({ name, type, size }, { name: "d", type: "directory", size: 0 });
      assert.equal((await store.stat(at("/d"), { expect: "file" })).type, "directory");
      assert.equal((await entries(store)).get("d")?.type, "directory");
      assert.deepEqual(await names(store, "/d"), []);
      await put(store, "/d/f", "x");
      assert.deepEqual(await names(store, "/d"), ["f"]);
      assert.deepEqual(await names(store), ["d"]);
    },
  },
  {
    title: "a directory is removed only when it is empty",
    needs: ["makeDirectory", "removeDirectory", "remove"],
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await put(store, "/d/f", "x");
      await refused("ENOTEMPTY", store.removeDirectory(at("/d")), "/d");
      assert.equal(await text(store, "/d/f"), "x");
      await store.remove(at("/d/f"));
      await store.makeDirectory(at("/d/e"));
      await refused("ENOTEMPTY", store.removeDirectory(at("/d")), "/d");
      await store.removeDirectory(at("/d/e"));
      await store.removeDirectory(at("/d"));
      await refused("ENOENT", store.removeDirectory(at("/d")), "/d");
      await refused("ENOENT", entries(store, "/d"), "/d");
      assert.deepEqual(await names(store), []);
    },
  },
  {
    title: "a directory survives its last entry",
    needs: ["makeDirectory", "removeDirectory", "remove", "rename"],
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await put(store, "/d/f", "x");
      await store.remove(at("/d/f"));
      assert.equal((await store.stat(at("/d"))).type, "directory", "its last file was removed");
      await put(store, "/d/f", "x");
      await store.rename(at("/d/f"), at("/f"));
      assert.equal((await store.stat(at("/d"))).type, "directory", "its last file was moved");
      await store.makeDirectory(at("/d/e"));
      await store.removeDirectory(at("/d/e"));
      assert.equal((await store.stat(at("/d"))).type, "directory", "its last directory was removed");
    },
  },
  {
    title: "implicit: what lies below it makes a directory",
    unless: explicit,
    async run({ store }) {
      await put(store, "/a/b/c", "x");
      for (const path of ["/a", "/a/b"]) assert.equal((await store.stat(at(path))).type, "directory");
      assert.deepEqual(await names(store), ["a"]);
      assert.equal((await entries(store)).get("a")?.type, "directory");
      assert.deepEqual(await names(store, "/a"), ["b"]);
      await refused("EISDIR", store.openRead(at("/a")), "/a");
      await refused("EISDIR", store.openWrite(at("/a"), { mode: "replace" }), "/a");
    },
  },
  {
    title: "implicit: directories can be made below, and are taken, not empty, no files",
    needs: ["makeDirectory", "removeDirectory", "remove"],
    unless: explicit,
    async run({ store }) {
      await put(store, "/a/b/c", "x");
      await refused("EEXIST", store.makeDirectory(at("/a")), "/a");
      await refused("ENOTEMPTY", store.removeDirectory(at("/a")), "/a");
      await refused("EISDIR", store.remove(at("/a")), "/a");
      await store.makeDirectory(at("/a/d"));
      assert.deepEqual(await names(store, "/a"), ["b", "d"]);
    },
  },
  {
    title: 'implicit: a file "a" beside a directory "a": the file counts, and both are listed',
    unless: explicit,
    async run({ store }) {
      await put(store, "/a", "the file");
      await put(store, "/a/b", "below");
      assert.equal(await text(store, "/a"), "the file");
      assert.equal(await text(store, "/a/b"), "below");
      assert.equal((await store.stat(at("/a"))).type, "file");
      assert.equal((await store.stat(at("/a"), { expect: "directory" })).type, "directory");
      assert.deepEqual(await names(store), ["a", "a"]);
      assert.deepEqual(await names(store, "/a"), ["b"]);
    },
  },
  {
    title: 'implicit: a file "a" beside a directory "a": the name is taken, and one goes without the other',
    needs: ["makeDirectory", "removeDirectory", "rename", "remove"],
    unless: explicit,
    async run({ store }) {
      await put(store, "/a", "the file");
      await put(store, "/a/b", "below");
      await put(store, "/c", "c");
      await refused("EEXIST", store.makeDirectory(at("/a")), "/a");
      await refused("EEXIST", store.rename(at("/c"), at("/a"), { overwrite: true }), "/a");
      await store.rename(at("/a"), at("/moved"));
      assert.deepEqual(await names(store), ["a", "c", "moved"]);
      assert.equal(await text(store, "/a/b"), "below");
      await put(store, "/x", "the file");
      await put(store, "/x/y", "below");
      await store.remove(at("/x"));
      assert.equal((await store.stat(at("/x"))).type, "directory");
      assert.equal(await text(store, "/x/y"), "below");
    },
  },
];
