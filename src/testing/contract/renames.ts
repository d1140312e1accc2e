/** Moving files and directories. */
import assert from "node:assert/strict";
import { bytesOf } from "../sample.js";
import { at, bytes, names, put, refused, text } from "../store-words.js";
import { explicit, implicit, type Row } from "./row.js";

/** The rows. */
export const renames: readonly Row[] = [
  {
    title: "a file is moved, also to another directory",
    needs: ["rename", "makeDirectory"],
    async run({ store, can }) {
      const content = bytesOf(Math.max(...can.borders) + 1);
      await put(store, "/a", content);
      await store.makeDirectory(at("/d"));
      await store.rename(at("/a"), at("/b"));
      await store.rename(at("/b"), at("/d/c"));
      assert.deepEqual(await names(store), ["d"]);
      assert.ok((await bytes(store, "/d/c")).equals(content));
    },
  },
  {
    title: "an empty directory is moved",
    needs: ["rename", "makeDirectory"],
    unless: ({ directoryRename }) => directoryRename === "none" && "the store renames no directories",
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await store.rename(at("/d"), at("/moved"));
      assert.deepEqual(await names(store), ["moved"]);
      assert.equal((await store.stat(at("/moved"))).type, "directory");
    },
  },
  {
    title: "a directory is moved with all that it holds",
    needs: ["rename", "makeDirectory"],
    unless: ({ directoryRename }) => directoryRename !== "all" && `the store renames ${directoryRename} directories`,
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await store.makeDirectory(at("/d/e"));
      await put(store, "/d/e/f", "x");
      await put(store, "/d/g", "y");
      await put(store, "/d2", "not below");
      await store.rename(at("/d"), at("/moved"));
      assert.deepEqual(await names(store), ["d2", "moved"]);
      assert.deepEqual(await names(store, "/moved"), ["e", "g"]);
      assert.equal(await text(store, "/moved/e/f"), "x");
      await refused("ENOENT", store.stat(at("/d")), "/d");
    },
  },
  {
    title: "directories that the store does not rename are refused and stay",
    needs: ["rename", "makeDirectory"],
    unless: ({ directoryRename }) => directoryRename === "all" && "the store renames all directories",
    async run({ store, can }) {
      await store.makeDirectory(at("/d"));
      if (can.directoryRename === "none") await refused("ENOSYS", store.rename(at("/d"), at("/moved")), "/d");
      await put(store, "/d/f", "x");
      await refused("ENOSYS", store.rename(at("/d"), at("/moved")), "/d");
      assert.deepEqual(await names(store), ["d"]);
      assert.equal(await text(store, "/d/f"), "x");
    },
  },
  {
    title: "a taken name is EEXIST; with overwrite a file gives way to a file",
    needs: ["rename"],
    async run({ store }) {
      await put(store, "/a", "a");
      await put(store, "/b", "b");
      await refused("EEXIST", store.rename(at("/a"), at("/b")), "/b");
      await refused("EEXIST", store.rename(at("/a"), at("/b"), { overwrite: false }), "/b");
      assert.deepEqual([await text(store, "/a"), await text(store, "/b")], ["a", "b"]);
      await store.rename(at("/a"), at("/b"), { overwrite: true });
      assert.equal(await text(store, "/b"), "a");
      assert.deepEqual(await names(store), ["b"]);
    },
  },
  {
    title: "no directory gives way, and no file to a directory",
    needs: ["rename", "makeDirectory"],
    async run({ store, can }) {
      await put(store, "/a", "a");
      await store.makeDirectory(at("/d"));
      await store.makeDirectory(at("/e"));
      const moves = [["/a", "/d"] as const, ...(can.directoryRename === "none" ? [] : DIRECTORY_MOVES)];
      for (const [from, to] of moves)
        for (const overwrite of [false, true])
          await refused("EEXIST", store.rename(at(from), at(to), { overwrite }), to);
      assert.deepEqual(await names(store), ["a", "d", "e"]);
    },
  },
  {
    title: "to its own name nothing happens; what is missing cannot be moved",
    needs: ["rename", "makeDirectory"],
    async run({ store }) {
      await put(store, "/a", "x");
      await store.makeDirectory(at("/d"));
      await store.rename(at("/a"), at("/a"));
      await store.rename(at("/a"), at("/a"), { overwrite: true });
      await store.rename(at("/d"), at("/d"), { overwrite: true });
      await refused("ENOENT", store.rename(at("/none"), at("/a")), "/none");
      await refused("ENOENT", store.rename(at("/none"), at("/none")), "/none");
      assert.deepEqual(await names(store), ["a", "d"]);
      assert.equal(await text(store, "/a"), "x");
    },
  },
  {
    title: "a directory into itself is EINVAL",
    needs: ["rename", "makeDirectory"],
    unless: ({ directoryRename }) => directoryRename === "none" && "the store renames no directories",
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      await refused("EINVAL", store.rename(at("/d"), at("/d/e")), "/d/e");
      await refused("EINVAL", store.rename(at("/d"), at("/d/e/f")), "/d/e/f");
      assert.deepEqual(await names(store), ["d"]);
    },
  },
  {
    title: "into what is missing is ENOENT, into a file ENOTDIR",
    needs: ["rename", "makeDirectory"],
    unless: implicit,
    async run({ store, can }) {
      await put(store, "/a", "x");
      await put(store, "/b", "y");
      await store.makeDirectory(at("/d"));
      await refused("ENOENT", store.rename(at("/a"), at("/no/a")), "/no/a");
      await refused("ENOTDIR", store.rename(at("/b"), at("/a/b")), "/a/b");
      if (can.directoryRename !== "none") await refused("ENOTDIR", store.rename(at("/d"), at("/a/d")), "/a/d");
      assert.deepEqual(await names(store), ["a", "b", "d"]);
    },
  },
  {
    title: "implicit: a file is moved into a directory that it makes",
    needs: ["rename"],
    unless: explicit,
    async run({ store }) {
      await put(store, "/a", "x");
      await store.rename(at("/a"), at("/new/b"));
      assert.equal(await text(store, "/new/b"), "x");
      assert.deepEqual(await names(store), ["new"]);
    },
  },
];

const DIRECTORY_MOVES = [
  ["/d", "/a"],
  ["/d", "/e"],
] as const;
