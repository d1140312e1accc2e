/** A quota that machines share: exact among processes, begun with what is there, closed where Redis is away. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { FileSystemError, MemoryFileSystem, quota, virtualPath } from "../../dist/index.js";
import { put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import { race, withRedis } from "./scene.js";

const FILE = virtualPath("/file");

function isOver(error: unknown): boolean {
  return error instanceof FileSystemError && error.code === "EDQUOT";
}

describe("RedisQuota", () => {
  withRedis("both numbers or none, up to the bound and not a byte beyond", async ({ store }) => {
    const counter = store().quota("tree", { bytes: 100, files: 2 });
    assert.equal(await counter.add(100, 1), true);
    assert.equal(await counter.add(1, 0), false);
    assert.equal(await counter.add(0, 1), true);
    assert.equal(await counter.add(0, 1), false);
    assert.deepEqual(await counter.used(), { bytes: 100, files: 2 });
    assert.equal(await counter.bytesLeft(), 0);
    assert.equal(await counter.add(-40, -1), true);
    assert.equal(await counter.add(41, 1), false);
    assert.equal(await counter.add(40, 1), true);
    assert.deepEqual(await counter.used(), { bytes: 100, files: 2 });
  });

  withRedis("gives back also where the bound is passed already", async ({ store }) => {
    const counter = store().quota("tree", { bytes: 100 });
    await counter.set({ bytes: 500, files: 3 });
    assert.equal(await counter.bytesLeft(), 0);
    assert.equal(await counter.add(-1, -1), true);
    assert.equal(await counter.add(-10, 1), true);
    assert.deepEqual(await counter.used(), { bytes: 489, files: 3 });
  });

  withRedis("without a bound of bytes there is room for ever", async ({ store }) => {
    const counter = store().quota("tree", { files: 1 });
    assert.equal(await counter.bytesLeft(), Infinity);
    assert.equal(await counter.add(2 ** 50, 1), true);
    assert.equal(await counter.add(2 ** 50, 0), true);
    assert.deepEqual(await counter.used(), { bytes: 2 ** 51, files: 1 });
  });

  withRedis("begins once, whoever comes first", async ({ store }) => {
    const [one, other] = [store().quota("tree", { bytes: 100 }), store().quota("tree", { bytes: 100 })];
    const begun = await Promise.all([one.begin({ bytes: 60, files: 1 }), other.begin({ bytes: 60, files: 1 })]);
    assert.equal(begun.filter((did) => did).length, 1);
    assert.equal(await one.add(41, 1), false);
    assert.equal(await other.add(40, 1), true);
    assert.equal(await one.begin({ bytes: 0, files: 0 }), false);
    assert.deepEqual(await store().quota("other", { bytes: 1 }).used(), { bytes: 0, files: 0 });
  });

  withRedis("two processes reserve the last of it: the bound is met exactly", async ({ redis, store }) => {
    const results = await race(redis, "reserve", 2, 500);
    assert.equal(results.flat().filter((given) => given === true).length, Math.floor(1000 / 7));
    const { bytes, files } = await store().quota("tree", { bytes: 1000 }).used();
    assert.deepEqual([bytes, files], [7 * Math.floor(1000 / 7), Math.floor(1000 / 7)]);
  });

  withRedis("bounds one tree behind two file systems, and gives back", async ({ store }) => {
    const tree = new MemoryFileSystem();
    const [one, other] = [0, 1].map(() => quota(tree, { counter: store().quota("tree", { bytes: 1000 }) }));
    assert.ok(one && other);
    await put(one, "/file", bytesOf(800));
    await assert.rejects(put(other, "/second", bytesOf(300)), isOver);
    await put(other, "/second", bytesOf(200));
    await assert.rejects(put(one, "/third", bytesOf(1)), isOver);
    await other.remove(FILE);
    await put(one, "/third", bytesOf(800));
    assert.equal(await other.availableSpace(virtualPath("/")), 0);
  });

  withRedis("where Redis is away nothing is written: EIO", async ({ redis, store }) => {
    const bounded = quota(new MemoryFileSystem(), { counter: store().quota("tree", { bytes: 1000 }) });
    await put(bounded, "/file", bytesOf(10));
    await redis.kill();
    await assert.rejects(put(bounded, "/second", bytesOf(10)), { code: "EIO" });
    await redis.run();
  });

  withRedis("wrong bounds", async ({ store }) => {
    const made = store();
    assert.throws(() => made.quota("tree", {}), TypeError);
    assert.throws(() => made.quota("tree", { bytes: -1 }), { name: "RangeError", message: /bytes/ });
    assert.throws(() => made.quota("tree", { files: 1.5 }), { name: "RangeError", message: /files/ });
    const counter = made.quota("tree", { bytes: 1 });
    await assert.rejects(counter.set({ bytes: Infinity, files: 0 }), RangeError);
    await assert.rejects(counter.begin({ bytes: 0, files: -1 }), RangeError);
  });
});
