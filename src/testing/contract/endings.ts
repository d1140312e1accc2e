/** What an upload leaves that did not come to its end: nothing. */
import assert from "node:assert/strict";
import type { WriteMode } from "../../storage/file-system.js";
import { bytesOf, MEBIBYTE } from "../sample.js";
import { at, begin, names, put, refused, text } from "../store-words.js";
import type { Row } from "./row.js";
import type { Trial } from "./trial.js";

const OLD = "0123456789";

/** Every way to write to a file of ten bytes that the store has. */
function modesOf({ has }: Trial): readonly WriteMode[] {
  const resumed = [0, 4, 10].map((start) => ({ mode: "at", start }) as const);
  return [{ mode: "replace" }, ...(has("append") ? [{ mode: "append" } as const] : []), ...(has("at") ? resumed : [])];
}

/** How many bytes may have arrived when an upload is given up. */
function stagesOf({ can }: Trial): readonly number[] {
  const border = Math.max(...can.borders);
  return [0, 1, border - 1, border, border + 1, 2 * border + 1];
}

/** The rows. */
export const endings: readonly Row[] = [
  ...(["replace", "exclusive", "append"] as const).map((mode): Row => {
    return {
      title: `${mode}: abort at every stage leaves nothing`,
      ...(mode === "append" && { needs: ["append"] as const }),
      async run(trial) {
        const { store } = trial;
        for (const size of stagesOf(trial)) {
          const handle = await begin(store, "/new", bytesOf(size), { mode });
          await handle.abort(new Error("the client left"));
          await handle.abort();
          assert.deepEqual(await names(store), [], `${size} bytes`);
          await refused("ENOENT", store.stat(at("/new")), "/new");
          await trial.clean();
        }
        await put(store, "/new", "free again", { mode: "exclusive" });
      },
    };
  }),
  {
    title: "abort at every stage leaves what stood there",
    async run(trial) {
      const { store } = trial;
      const content = bytesOf(Math.max(...stagesOf(trial)));
      await put(store, "/a", OLD);
      for (const mode of modesOf(trial))
        for (const size of stagesOf(trial)) {
          const handle = await begin(store, "/a", content.subarray(0, size), mode);
          await handle.abort();
          assert.equal(await text(store, "/a"), OLD, `${JSON.stringify(mode)}, ${size} bytes`);
          assert.deepEqual(await names(store), ["a"]);
          await trial.clean();
        }
    },
  },
  {
    title: "abort while a write is under way",
    async run(trial) {
      const { store } = trial;
      const content = bytesOf(Math.max(4 * MEBIBYTE, ...stagesOf(trial)));
      await put(store, "/a", OLD);
      for (const mode of modesOf(trial)) {
        const handle = await store.openWrite(at("/a"), mode);
        const writing = handle.write([Buffer.from(content)]).catch(() => undefined);
        await handle.abort();
        await writing;
        assert.equal(await text(store, "/a"), OLD, JSON.stringify(mode));
        await trial.clean();
      }
      assert.deepEqual(await names(store), ["a"]);
    },
  },
  {
    title: "a handle that is disposed without commit is aborted, one that was committed stays",
    async run({ store }) {
      {
        await using _lost = await begin(store, "/lost", "x");
        await using kept = await begin(store, "/kept", "x");
        await kept.commit();
      }
      assert.deepEqual(await names(store), ["kept"]);
      assert.equal(await text(store, "/kept"), "x");
    },
  },
];
