/** Large directories: streamed, in constant memory, left early, changed meanwhile. */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { FileInfo } from "../../storage/file-info.js";
import { eachOf, fill, MEBIBYTE } from "../sample.js";
import { at, put } from "../store-words.js";
import type { Row } from "./row.js";
import type { Trial } from "./trial.js";

/** Bytes by which memory may grow while any number of entries is listed. */
const CONSTANT = 16 * MEBIBYTE;

/** Collects garbage and tells the bytes that are still reachable. */
function reachable(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Asserts, nine tenths of a listing through, that it has forgotten what it yielded, but for a few pages. */
async function assertForgotten(yielded: readonly WeakRef<FileInfo>[], before: number): Promise<void> {
  // What a weak reference was made for is held until the turn of the loop is over.
  await new Promise((resolve) => setImmediate(resolve));
  const grown = reachable() - before;
  const held = yielded.filter((entry) => entry.deref() !== undefined).length;
  assert.ok(held <= yielded.length * 0.75, `${held} of ${yielded.length} entries looked at are still held`);
  assert.ok(grown < CONSTANT, `the listing holds ${grown} bytes`);
}

/** Counts the entries of `/` by their numbers, and looks at what the listing holds. */
async function counted({ store, can }: Trial): Promise<Uint8Array> {
  const times = new Uint8Array(can.entries);
  const yielded: WeakRef<FileInfo>[] = [];
  const before = reachable();
  let seen = 0;
  for await (const entry of store.list(at("/"))) {
    times[Number(entry.name)] = (times[Number(entry.name)] ?? 0) + 1;
    if (++seen % 10 === 0) yielded.push(new WeakRef(entry));
    if (seen === Math.floor(can.entries * 0.9)) await assertForgotten(yielded, before);
  }
  assert.equal(seen, can.entries);
  return times;
}

/** The rows. */
export const listings: readonly Row[] = [
  {
    title: "many entries: each once, in memory that does not grow with them",
    async run(trial) {
      await fill(trial, "", trial.can.entries);
      const times = await counted(trial);
      assert.ok(
        times.every((count) => count === 1),
        "each of them once",
      );
    },
  },
  {
    title: "many entries: the first is there before the last was fetched",
    probe: "requests",
    async run(trial) {
      await fill(trial, "", trial.can.entries);
      const begun = trial.requests();
      let first = 0;
      for await (const _ of trial.store.list(at("/"))) first ||= trial.requests() - begun;
      const all = trial.requests() - begun;
      assert.ok(first < all, `${first} of ${all} requests were made before the first entry`);
    },
  },
  {
    title: "a listing can be left early, and begun again",
    async run(trial) {
      await fill(trial, "", 300);
      for (let round = 0; round < 3; round++) {
        let seen = 0;
        for await (const entry of trial.store.list(at("/"))) {
          assert.match(entry.name, /^\d+$/);
          if (++seen === 100) break;
        }
        assert.equal(seen, 100);
      }
    },
  },
  {
    title: "what is there all the time is listed, whatever is removed meanwhile",
    needs: ["remove"],
    async run({ store }) {
      await eachOf(200, (index) => put(store, `/${index}`, ""));
      const seen = new Set<string>();
      for await (const { name } of store.list(at("/"))) {
        const first = seen.size === 0;
        seen.add(name);
        if (first)
          await eachOf(100, (index) => (String(index + 100) === name ? kept : store.remove(at(`/${index + 100}`))));
      }
      for (let index = 0; index < 100; index++) assert.ok(seen.has(String(index)), `${index} was there all the time`);
    },
  },
];

/** The one that is being looked at stays. */
const kept = Promise.resolve();
