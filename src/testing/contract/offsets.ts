/** Ranges of files, resumed uploads, appending (RFC 3659 §5, RFC 959 APPE). */
import assert from "node:assert/strict";
import { bytesOf } from "../sample.js";
import { at, begin, bytes, bytesInto, names, put, refused, text } from "../store-words.js";
import type { Row } from "./row.js";

const NOWHERE = [11, 2 ** 53, -1, Number.NaN, Infinity];

/** The rows. */
export const offsets: readonly Row[] = [
  {
    title: "S12.2 a range of a file",
    async run({ store }) {
      await put(store, "/a", "0123456789");
      assert.equal(await text(store, "/a", { start: 3 }), "3456789");
      assert.equal(await text(store, "/a", { start: 3, end: 5 }), "34");
      assert.equal(await text(store, "/a", { end: 4 }), "0123");
      assert.equal(await text(store, "/a", { start: 2, end: 99 }), "23456789");
      assert.equal(await text(store, "/a", { start: 5, end: 5 }), "");
      assert.equal(await text(store, "/a", { start: 10 }), "");
      assert.equal(await text(store, "/a", { end: 0 }), "");
      await using handle = await store.openRead(at("/a"), { start: 4 });
      assert.equal(handle.info.size, 10);
    },
  },
  {
    title: "a range that begins beyond the end is ERANGE",
    async run({ store }) {
      await put(store, "/a", "0123456789");
      await put(store, "/empty", "");
      for (const start of [...NOWHERE, 2 ** 32]) await refused("ERANGE", store.openRead(at("/a"), { start }), "/a");
      await refused("ERANGE", store.openRead(at("/a"), { start: 11, end: 11 }), "/a");
      await refused("ERANGE", store.openRead(at("/empty"), { start: 1 }), "/empty");
      assert.equal(await text(store, "/empty", { start: 0 }), "");
    },
  },
  {
    title: "ranges round the borders of pieces",
    async run({ store, can }) {
      const border = Math.max(...can.borders);
      const content = bytesOf(2 * border + Math.ceil(border / 2));
      await put(store, "/big", content);
      for (const middle of [262_144, border, 2 * border].filter((middle) => middle < content.length))
        for (const start of [middle - 1, middle, middle + 1])
          for (const end of [start, start + 1, middle + 300_000, content.length]) {
            const read = await bytes(store, "/big", { start, end });
            assert.ok(read.equals(content.subarray(start, end)), `${start} to ${end}`);
          }
    },
  },
  {
    title: "bytes that are read into memory of the reader are the same, where the store reads so",
    async run({ store, can }) {
      const content = bytesOf(Math.max(...can.borders) + 1000);
      await put(store, "/a", content);
      for (const [start, end] of [[], [7], [5, 5], [1, 70_000], [content.length - 3, content.length + 9]]) {
        const read = await bytesInto(Buffer.alloc(60_000), store, "/a", { start, end });
        assert.ok(read === undefined || read.equals(content.subarray(start, end)), `${start} to ${end}`);
      }
    },
  },
  {
    title: "S12.2 at: below and at the size",
    needs: ["at"],
    async run({ store }) {
      const table = [
        [0, "new"],
        [1, "0new"],
        [9, "012345678new"],
        [10, "0123456789new"],
      ] as const;
      for (const [start, expected] of table) {
        await put(store, "/a", "0123456789");
        const handle = await begin(store, "/a", "new", { mode: "at", start });
        assert.equal(handle.offset, start);
        assert.equal((await handle.commit()).size, expected.length);
        assert.equal(await text(store, "/a"), expected);
      }
      await put(store, "/none", "made", { mode: "at", start: 0 });
      assert.equal(await text(store, "/none"), "made");
    },
  },
  {
    title: "S12.2 at: beyond the size is ERANGE",
    needs: ["at"],
    async run({ store }) {
      await put(store, "/a", "0123456789");
      for (const start of NOWHERE) await refused("ERANGE", store.openWrite(at("/a"), { mode: "at", start }), "/a");
      await refused("ERANGE", store.openWrite(at("/none"), { mode: "at", start: 1 }), "/none");
      assert.equal(await text(store, "/a"), "0123456789");
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "at keeps a long prefix exactly and ends at the last byte sent",
    needs: ["at"],
    async run({ store, can }) {
      const content = bytesOf(3 * Math.max(...can.borders));
      const starts = can.borders.flatMap((border) => [border - 1, border, border + 1, 2 * border + 1]);
      for (const start of [...starts, content.length]) {
        await put(store, "/big", content);
        await put(store, "/big", "tail", { mode: "at", start });
        const wanted = Buffer.concat([content.subarray(0, start), Buffer.from("tail")]);
        assert.ok((await bytes(store, "/big")).equals(wanted), `from ${start}`);
      }
    },
  },
  {
    title: "at without a byte cuts the file",
    needs: ["at"],
    async run({ store }) {
      for (const start of [10, 4, 0]) {
        await put(store, "/a", "0123456789");
        const handle = await store.openWrite(at("/a"), { mode: "at", start });
        assert.equal((await handle.commit()).size, start);
        assert.equal(await text(store, "/a"), "0123456789".slice(0, start));
      }
    },
  },
  {
    title: "append adds to the end, and makes a missing file",
    needs: ["append"],
    async run({ store }) {
      for (let count = 0; count < 10; count++) {
        const handle = await begin(store, "/log", `${count};`, { mode: "append" });
        assert.equal(handle.offset, count * 2);
        assert.equal((await handle.commit()).size, count * 2 + 2);
      }
      assert.equal(await text(store, "/log"), "0;1;2;3;4;5;6;7;8;9;");
    },
  },
  {
    title: "append of small to large and of large to small",
    needs: ["append"],
    async run({ store, can }) {
      const [small, large] = [bytesOf(5, 2), bytesOf(2 * Math.max(...can.borders) + 3, 3)];
      await put(store, "/f", large);
      await put(store, "/f", small, { mode: "append" });
      await put(store, "/f", large, { mode: "append" });
      assert.ok((await bytes(store, "/f")).equals(Buffer.concat([large, small, large])));
    },
  },
  {
    title: "append of nothing leaves a file as it is, and makes a missing one",
    needs: ["append"],
    async run({ store }) {
      await put(store, "/a", "old");
      for (const [path, size] of [
        ["/a", 3],
        ["/none", 0],
      ] as const) {
        const handle = await store.openWrite(at(path), { mode: "append" });
        assert.equal((await handle.commit()).size, size);
        assert.equal((await store.stat(at(path))).size, size);
      }
      assert.equal(await text(store, "/a"), "old");
    },
  },
];
