/** Several at once on one store. */
import assert from "node:assert/strict";
import { bytesOf, eachOf, MEBIBYTE, numbers } from "../sample.js";
import { asRefusal, at, begin, bytes, names, put, refused, rest, text } from "../store-words.js";
import type { Row } from "./row.js";

/** Runs eight at once. @returns the numbers of those that succeeded; the others must have been refused with the code */
async function winners(code: string, run: (index: number) => Promise<unknown>): Promise<readonly number[]> {
  const results = await Promise.allSettled(numbers(8).map(run));
  for (const result of results)
    if (result.status === "rejected") assert.equal((result.reason as NodeJS.ErrnoException).code, code);
  return numbers(8).filter((index) => results[index]?.status === "fulfilled");
}

/** The rows. */
export const concurrency: readonly Row[] = [
  {
    title: "of eight who make the same name exactly one succeeds",
    unless: ({ exclusive }) => exclusive === "checked" && "the name is looked at first, and may be taken meanwhile",
    async run({ store }) {
      const content = (index: number) => String(index).repeat(1000);
      const won = await winners("EEXIST", (index) => put(store, "/one", content(index), { mode: "exclusive" }));
      assert.equal(won.length, 1);
      assert.equal(await text(store, "/one"), content(won[0] ?? -1));
      assert.deepEqual(await names(store), ["one"]);
    },
  },
  {
    title: "of eight who move to the same name exactly one succeeds",
    needs: ["rename"],
    unless: ({ exclusiveRename }) =>
      exclusiveRename === "checked" && "the name is looked at first, and may be taken meanwhile",
    async run({ store }) {
      await eachOf(8, (index) => put(store, `/${index}`, String(index)));
      const won = await winners("EEXIST", (index) => store.rename(at(`/${index}`), at("/one")));
      assert.equal(won.length, 1);
      assert.equal(await text(store, "/one"), String(won[0]));
      assert.equal((await names(store)).length, 8);
    },
  },
  {
    title: "S12.13 of two uploads to one name the later commit wins whole, or is refused with EBUSY",
    async run({ store, can }) {
      const large = "1".repeat(Math.max(...can.borders));
      const [first, second] = await Promise.all([begin(store, "/a", large), begin(store, "/a", "2222")]);
      await Promise.all([first.write([Buffer.from("1")]), second.write([Buffer.from("2")])]);
      await second.commit();
      assert.equal(await text(store, "/a"), "22222");
      const wins = await first.commit().then(
        () => true,
        (error: unknown) => asRefusal("EBUSY", error, "/a") === undefined,
      );
      assert.ok((await text(store, "/a")) === (wins ? `${large}1` : "22222"), "one of them, whole");
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "of uploads that end at the same moment one stands whole",
    async run({ store, can }) {
      const size = Math.max(...can.borders) + 1;
      const contents = numbers(4).map((index) => bytesOf(size + index, index + 1));
      const handles = await Promise.all(contents.map((content) => begin(store, "/a", content)));
      const results = await Promise.allSettled(handles.map((handle) => handle.commit()));
      const won = contents.filter((_, index) => results[index]?.status === "fulfilled");
      for (const result of results) if (result.status === "rejected") asRefusal("EBUSY", result.reason, "/a");
      const stands = await bytes(store, "/a");
      assert.ok(won.some((content) => content.equals(stands)));
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "S12.13 two who append: one is refused with EBUSY, bytes never mix",
    needs: ["append"],
    async run({ store }) {
      await put(store, "/log", "old;");
      const first = await begin(store, "/log", "first;", { mode: "append" });
      const second = put(store, "/log", "second;", { mode: "append" });
      const won = await second.then(
        () => "second",
        () => "first",
      );
      if (won === "first") await refused("EBUSY", second, "/log");
      if (won === "first") await first.commit();
      else await refused("EBUSY", first.commit(), "/log");
      assert.equal(await text(store, "/log"), `old;${won};`);
      await put(store, "/log", "third;", { mode: "append" });
      assert.equal(await text(store, "/log"), `old;${won};third;`);
    },
  },
  {
    title: "an append to a file that was replaced meanwhile is refused",
    needs: ["append"],
    async run({ store, can }) {
      for (const old of ["old", bytesOf(2 * Math.max(...can.borders))]) {
        await put(store, "/log", old);
        const replaced = await begin(store, "/log", "+", { mode: "append" });
        await put(store, "/log", "other");
        await refused("EBUSY", replaced.commit(), "/log");
        assert.equal(await text(store, "/log"), "other");
      }
      const made = await begin(store, "/new", "mine", { mode: "append" });
      await put(store, "/new", "theirs");
      await refused("EBUSY", made.commit(), "/new");
      assert.equal(await text(store, "/new"), "theirs");
    },
  },
  {
    title: "an append to a file that was removed meanwhile is refused",
    needs: ["append", "remove"],
    async run({ store }) {
      await put(store, "/log", "old");
      const removed = await begin(store, "/log", "+", { mode: "append" });
      await store.remove(at("/log"));
      await refused("EBUSY", removed.commit(), "/log");
      assert.deepEqual(await names(store), []);
    },
  },
  {
    title: "S12.14 a reader never sees bytes of two versions, while the file is replaced and removed",
    needs: ["remove"],
    async run({ store, can }) {
      const old = bytesOf(4 * MEBIBYTE);
      await put(store, "/a", old);
      await using handle = await store.openRead(at("/a"));
      const chunks: Uint8Array[] = [];
      const read = async (): Promise<void> => {
        for await (const chunk of handle.body) {
          chunks.push(chunk);
          if (chunks.length === 1) await put(store, "/a", bytesOf(4 * MEBIBYTE, 2));
          if (chunks.length === 2) await store.remove(at("/a"));
        }
      };
      const over = read();
      if (can.snapshotReads) await over;
      else await over.catch((error: unknown) => asRefusal(["EBUSY", "ENOENT"], error, "/a"));
      const seen = Buffer.concat(chunks);
      assert.ok(seen.equals(old.subarray(0, seen.length)));
    },
  },
  {
    title: "a reader of a file that is added to gets what was there when it began",
    needs: ["append"],
    async run({ store, can }) {
      const old = bytesOf(MEBIBYTE);
      await put(store, "/a", old);
      await using handle = await store.openRead(at("/a"));
      await put(store, "/a", "more", { mode: "append" });
      assert.equal(handle.info.size, old.length);
      const seen = rest(handle);
      if (can.snapshotReads) assert.ok((await seen).equals(old));
      else await seen.catch((error: unknown) => asRefusal("EBUSY", error, "/a"));
    },
  },
  {
    title: "twenty uploads at once",
    async run({ store }) {
      const contents = numbers(20).map((index) => bytesOf(300_000 + index, index + 1));
      await Promise.all(contents.map((content, index) => put(store, `/${index}`, content)));
      for (const [index, content] of contents.entries()) assert.ok((await bytes(store, `/${index}`)).equals(content));
    },
  },
];
