/** Storing, telling, reading, removing: what everything else rests on. */
import assert from "node:assert/strict";
import { bytesOf, MEBIBYTE } from "../sample.js";
import { at, bytes, entries, names, put, refused, text } from "../store-words.js";
import type { Row } from "./row.js";

/** The rows. */
export const basics: readonly Row[] = [
  {
    title: "the root is an empty directory without a name",
    async run({ store }) {
      const { name, type, size } = await store.stat(at("/"));
      assert.deepEqual({ name, type, size }, { name: "", type: "directory", size: 0 });
      assert.deepEqual(await names(store), []);
    },
  },
  {
    title: "a file is stored, told of, listed and read",
    async run({ store }) {
      const committed = await put(store, "/a.txt", "hello");
      const told = await store.stat(at("/a.txt"), { expect: "file" });
      const listed = (await entries(store)).get("a.txt");
      await using handle = await store.openRead(at("/a.txt"));
      for (const info of [committed, told, listed, handle.info])
        assert.deepEqual([info?.name, info?.type, info?.size], ["a.txt", "file", 5]);
      assert.equal(await text(store, "/a.txt"), "hello");
    },
  },
  {
    title: "a new file was modified just now",
    async run({ store }) {
      const before = Date.now();
      await put(store, "/a.txt", "hello");
      for (const info of [await store.stat(at("/a.txt")), (await entries(store)).get("a.txt")]) {
        assert.ok(info?.modified instanceof Date, "the time is told");
        assert.ok(Math.abs(info.modified.getTime() - before) < 60_000, info.modified.toISOString());
      }
    },
  },
  {
    title: "what was removed is gone",
    needs: ["remove"],
    async run({ store }) {
      await put(store, "/a.txt", "hello");
      await store.remove(at("/a.txt"));
      await refused("ENOENT", store.stat(at("/a.txt")), "/a.txt");
      await refused("ENOENT", store.remove(at("/a.txt")), "/a.txt");
      assert.deepEqual(await names(store), []);
    },
  },
  {
    title: "a file without bytes",
    async run({ store }) {
      const handle = await store.openWrite(at("/empty"), { mode: "replace" });
      assert.equal((await handle.commit()).size, 0);
      assert.equal((await store.stat(at("/empty"))).size, 0);
      assert.equal(await text(store, "/empty"), "");
      const nothing = await store.openWrite(at("/nothing"), { mode: "replace" });
      await nothing.write([]);
      await nothing.write([new Uint8Array(0)]);
      assert.equal((await nothing.commit()).size, 0);
      assert.deepEqual(await names(store), ["empty", "nothing"]);
    },
  },
  {
    title: "12 MiB in chunks of every size come back as they were, whatever size was hinted at",
    async run({ store }) {
      const content = bytesOf(12 * MEBIBYTE + 7);
      const handle = await store.openWrite(at("/big"), { mode: "replace", sizeHint: 5 });
      for (let start = 0, size = 1; start < content.length; start += size, size = (size * 3 + 1) % 300_000) {
        const [middle, end] = [start + Math.floor(size / 3), start + size];
        await handle.write([content.subarray(start, middle), new Uint8Array(0), content.subarray(middle, end)]);
      }
      assert.equal((await handle.commit()).size, content.length);
      assert.ok((await bytes(store, "/big")).equals(content));
    },
  },
  {
    title: "sizes round the borders of parts and buffers",
    async run({ store, can }) {
      const content = bytesOf(2 * Math.max(...can.borders) + 1);
      for (const border of can.borders)
        for (const size of [border - 1, border, border + 1, 2 * border - 1, 2 * border, 2 * border + 1]) {
          const wanted = content.subarray(0, size);
          assert.equal((await put(store, "/file", wanted)).size, size);
          assert.ok((await bytes(store, "/file")).equals(wanted), `${size} bytes`);
        }
    },
  },
  {
    title: "reads come in large pieces",
    async run({ store, can }) {
      await put(store, "/big", bytesOf(4 * MEBIBYTE));
      await using handle = await store.openRead(at("/big"));
      const sizes: number[] = [];
      for await (const chunk of handle.body) sizes.push(chunk.length);
      assert.equal(handle.info.size, 4 * MEBIBYTE);
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        4 * MEBIBYTE,
      );
      assert.deepEqual(
        sizes.slice(0, -1).filter((size) => size < can.pieceBytes),
        [],
      );
    },
  },
  {
    title: "close() before, midway and twice",
    async run({ store }) {
      await put(store, "/big", bytesOf(MEBIBYTE));
      const unread = await store.openRead(at("/big"));
      await unread.close();
      await unread.close();
      const midway = await store.openRead(at("/big"));
      for await (const chunk of midway.body) {
        assert.ok(chunk.length > 0);
        break;
      }
      await midway.close();
      await midway.close();
      assert.equal((await bytes(store, "/big")).length, MEBIBYTE);
    },
  },
  {
    title: "what a reader does to its bytes does not change the file",
    async run({ store }) {
      await put(store, "/a", "content");
      await using handle = await store.openRead(at("/a"));
      for await (const chunk of handle.body) chunk.fill(0);
      assert.equal(await text(store, "/a"), "content");
    },
  },
];
