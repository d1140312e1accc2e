/** Ranges of files, resumed uploads, appending (RFC 3659 §5, RFC 959 APPE). Part of the contract. */
import assert from "node:assert/strict";
import { bytesOf } from "../../kit/temporary.js";
import { at, begin, bytes, names, put, refused, text } from "../store.js";
import type { Check } from "./check.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the tests of this part. */
export function offsets(check: Check): void {
  check("S12.2 a range of a file", async (store) => {
    await put(store, "/a", "0123456789");
    assert.equal(await text(store, "/a", { start: 3 }), "3456789");
    assert.equal(await text(store, "/a", { start: 3, end: 5 }), "34");
    assert.equal(await text(store, "/a", { end: 4 }), "0123");
    assert.equal(await text(store, "/a", { start: 2, end: 99 }), "23456789");
    assert.equal(await text(store, "/a", { start: 5, end: 5 }), "");
    assert.equal(await text(store, "/a", { start: 10 }), "");
    await using handle = await store.openRead(at("/a"), { start: 4 });
    assert.equal(handle.info.size, 10);
    for (const start of [11, 2 ** 32, 2 ** 53, -1, Number.NaN, Infinity])
      await refused("ERANGE", store.openRead(at("/a"), { start }), "/a");
  });

  check("ranges round the borders of pieces", async (store) => {
    const content = bytesOf(3 * 262_144);
    await put(store, "/big", content);
    for (const border of [262_144, 524_288])
      for (const start of [border - 1, border, border + 1])
        for (const end of [start, start + 1, border + 262_144, content.length]) {
          const read = await bytes(store, "/big", { start, end });
          assert.ok(read.equals(content.subarray(start, end)), `${start} to ${end}`);
        }
  });

  check("S12.2 at: below, at and beyond the size", async (store) => {
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
    await put(store, "/a", "0123456789");
    for (const start of [11, 2 ** 53, -1, Number.NaN, Infinity])
      await refused("ERANGE", store.openWrite(at("/a"), { mode: "at", start }), "/a");
    await refused("ERANGE", store.openWrite(at("/none"), { mode: "at", start: 1 }), "/none");
    await put(store, "/none", "made", { mode: "at", start: 0 });
    assert.equal(await text(store, "/none"), "made");
    assert.equal(await text(store, "/a"), "0123456789");
  });

  check("at keeps a long prefix exactly and ends at the last byte sent", async (store) => {
    const content = bytesOf(3 * MEBIBYTE);
    for (const start of [262_143, 262_144, 262_145, 2 * MEBIBYTE + 1]) {
      await put(store, "/big", content);
      await put(store, "/big", "tail", { mode: "at", start });
      assert.ok((await bytes(store, "/big")).equals(Buffer.concat([content.subarray(0, start), Buffer.from("tail")])));
    }
  });
}

/** Declares the tests of this part. */
export function appending(check: Check): void {
  check("append adds to the end, and makes a missing file", async (store) => {
    for (let count = 0; count < 10; count++) {
      const handle = await begin(store, "/log", `${count};`, { mode: "append" });
      assert.equal(handle.offset, count * 2);
      await handle.commit();
    }
    assert.equal(await text(store, "/log"), "0;1;2;3;4;5;6;7;8;9;");
  });

  check("append of small to large and of large to small", async (store) => {
    const [small, large] = [bytesOf(5, 2), bytesOf(2 * MEBIBYTE + 3, 3)];
    await put(store, "/f", large);
    await put(store, "/f", small, { mode: "append" });
    await put(store, "/f", large, { mode: "append" });
    assert.ok((await bytes(store, "/f")).equals(Buffer.concat([large, small, large])));
  });

  check("S12.13 two who append: one is refused with EBUSY, bytes never mix", async (store) => {
    await put(store, "/log", "old;");
    const first = await begin(store, "/log", "first;", { mode: "append" });
    const second = begin(store, "/log", "second;", { mode: "append" }).then((handle) => handle.commit());
    const lost = await second.then(
      () => "first",
      () => "second",
    );
    if (lost === "second") {
      await refused("EBUSY", second, "/log");
      await first.commit();
      assert.equal(await text(store, "/log"), "old;first;");
    } else {
      await refused("EBUSY", first.commit(), "/log");
      assert.equal(await text(store, "/log"), "old;second;");
    }
    await put(store, "/log", "third;", { mode: "append" });
    assert.match(await text(store, "/log"), /^old;(?:first|second);third;$/);
  });

  check("an append to a file that was replaced or removed meanwhile is refused", async (store) => {
    await put(store, "/log", "old");
    const replaced = await begin(store, "/log", "+", { mode: "append" });
    await put(store, "/log", "other");
    await refused("EBUSY", replaced.commit(), "/log");
    assert.equal(await text(store, "/log"), "other");
    const removed = await begin(store, "/log", "+", { mode: "append" });
    await store.remove(at("/log"));
    await refused("EBUSY", removed.commit(), "/log");
    const made = await begin(store, "/log", "mine", { mode: "append" });
    await put(store, "/log", "theirs");
    await refused("EBUSY", made.commit(), "/log");
    assert.equal(await text(store, "/log"), "theirs");
    assert.deepEqual(await names(store), ["log"]);
  });
}
