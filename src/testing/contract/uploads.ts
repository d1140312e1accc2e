/** The two phases of an upload: nothing is visible before commit, everything after it. */
import assert from "node:assert/strict";
import { bytesOf, MEBIBYTE } from "../sample.js";
import { asRefusal, at, begin, bytes, names, put, refused, text } from "../store-words.js";
import { implicit, type Row } from "./row.js";
import type { Trial } from "./trial.js";

const MODES = ["replace", "exclusive", "append"] as const;

/** A row for each way to make a new file. */
function eachMode(title: string, run: (trial: Trial, mode: (typeof MODES)[number]) => Promise<void>): readonly Row[] {
  return MODES.map((mode) => ({
    title: `${mode}: ${title}`,
    ...(mode === "append" && { needs: ["append"] as const }),
    run: (trial) => run(trial, mode),
  }));
}

/** The rows. */
export const uploads: readonly Row[] = [
  ...eachMode("nothing is visible before commit, everything after it", async ({ store }, mode) => {
    const handle = await begin(store, "/new", "content", { mode });
    await refused("ENOENT", store.stat(at("/new")));
    await refused("ENOENT", store.openRead(at("/new")));
    assert.deepEqual(await names(store), []);
    await handle.commit();
    assert.equal(await text(store, "/new"), "content");
    assert.deepEqual(await names(store), ["new"]);
  }),
  ...eachMode("nothing is visible of many bytes before commit either", async ({ store, can }, mode) => {
    const content = bytesOf(2 * Math.max(...can.borders) + 1);
    const handle = await begin(store, "/new", content, { mode });
    await refused("ENOENT", store.stat(at("/new")));
    assert.deepEqual(await names(store), []);
    await handle.commit();
    assert.ok((await bytes(store, "/new")).equals(content));
    assert.deepEqual(await names(store), ["new"]);
  }),
  {
    title: "memory of chunks may be used again after the write, where the store borrows it",
    async run({ store, can }) {
      const content = bytesOf(Math.max(...can.borders) + 1);
      const handle = await store.openWrite(at("/a"), { mode: "replace" });
      const chunk = Buffer.from(content);
      await handle.write([chunk]);
      if (handle.borrows === true) chunk.fill(0);
      await handle.commit();
      assert.ok((await bytes(store, "/a")).equals(content), "what was written has changed");
    },
  },
  {
    title: "the old content stays until commit",
    async run({ store }) {
      await put(store, "/a", "old");
      const handle = await begin(store, "/a", "new content");
      assert.equal(await text(store, "/a"), "old");
      assert.equal((await store.stat(at("/a"))).size, 3);
      await handle.commit();
      assert.equal(await text(store, "/a"), "new content");
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "who reads while a file is replaced gets the old or the new one, whole",
    async run({ store, can }) {
      const contents = [bytesOf(MEBIBYTE, 1), bytesOf(2 * MEBIBYTE + 3, 2)] as const;
      await put(store, "/a", contents[0]);
      for (let round = 1; round <= 6; round++) {
        const handle = await begin(store, "/a", contents[round % 2 === 0 ? 0 : 1]);
        const upload = { committing: true };
        const committed = handle.commit().finally(() => (upload.committing = false));
        const reader = async (): Promise<void> => {
          do {
            const read = await wholeOf(store, can.snapshotReads);
            assert.ok(read === "refused" || contents.some((content) => content.equals(read)), `${read.length} bytes`);
            await new Promise((resolve) => setImmediate(resolve));
          } while (upload.committing);
        };
        await Promise.all([committed, reader(), reader(), reader()]);
      }
    },
  },
  {
    title: "exclusive meets a taken name",
    needs: ["makeDirectory"],
    async run({ store }) {
      await put(store, "/a", "old");
      await store.makeDirectory(at("/d"));
      await refused("EEXIST", store.openWrite(at("/a"), { mode: "exclusive" }), "/a");
      await refused("EEXIST", store.openWrite(at("/d"), { mode: "exclusive" }), "/d");
      assert.equal(await text(store, "/a"), "old");
    },
  },
  {
    title: "exclusive meets a name that was taken meanwhile",
    async run({ store, can, clean }) {
      for (const content of ["mine", bytesOf(2 * Math.max(...can.borders) + 1)]) {
        const path = `/${content.length}`;
        const late = await begin(store, path, content, { mode: "exclusive" });
        await put(store, path, "theirs");
        await refused("EEXIST", late.commit(), path);
        assert.equal(await text(store, path), "theirs");
        await clean();
      }
      assert.equal((await names(store)).length, 2);
    },
  },
  {
    title: "after the end: commit and write are refused, abort does nothing",
    async run({ store }) {
      const handle = await begin(store, "/a", "x");
      await handle.commit();
      await refused("EINVAL", handle.commit(), "/a");
      await refused("EINVAL", handle.write([Buffer.from("y")]), "/a");
      await handle.abort();
      assert.equal(await text(store, "/a"), "x");
      const aborted = await begin(store, "/b", "x");
      await aborted.abort();
      await refused("EINVAL", aborted.commit(), "/b");
      await refused("EINVAL", aborted.write([Buffer.from("y")]), "/b");
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "a commit whose name has become a directory is refused and leaves nothing",
    needs: ["makeDirectory"],
    unless: implicit,
    async run({ store }) {
      const handle = await begin(store, "/name", "x");
      await store.makeDirectory(at("/name"));
      await assert.rejects(handle.commit());
      assert.deepEqual(await names(store), ["name"]);
      assert.deepEqual(await names(store, "/name"), []);
    },
  },
];

/** A whole download; where readers need not keep their version, one that was refused for that is as good. */
async function wholeOf(store: Trial["store"], snapshotReads: boolean): Promise<Buffer | "refused"> {
  try {
    return await bytes(store, "/a");
  } catch (error) {
    if (snapshotReads) throw error;
    asRefusal(["EBUSY", "ENOENT"], error);
    return "refused";
  }
}
