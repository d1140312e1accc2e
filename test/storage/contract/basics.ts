/** Storing, telling, reading, removing: what everything else rests on. Part of the contract. */
import assert from "node:assert/strict";
import { bytesOf } from "../../kit/temporary.js";
import { at, bytes, entries, everyOperation, names, put, refused, text } from "../store.js";
import type { Check } from "./check.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the tests of this part. */
export function basics(check: Check): void {
  check("the root is an empty directory without a name", async (store) => {
    const { name, type, size } = await store.stat(at("/"));
    assert.deepEqual({ name, type, size }, { name: "", type: "directory", size: 0 });
    assert.deepEqual(await names(store), []);
  });

  check("a file is stored, told of, read and removed", async (store) => {
    const before = Date.now();
    const committed = await put(store, "/a.txt", "hello");
    const told = await store.stat(at("/a.txt"), { expect: "file" });
    assert.deepEqual([told.name, told.type, told.size], ["a.txt", "file", 5]);
    assert.ok(Math.abs((told.modified?.getTime() ?? 0) - before) < 60_000);
    assert.deepEqual([committed.name, committed.type, committed.size], ["a.txt", "file", 5]);
    assert.equal((await entries(store)).get("a.txt")?.size, 5);
    assert.equal(await text(store, "/a.txt"), "hello");
    await store.remove(at("/a.txt"));
    await refused("ENOENT", store.stat(at("/a.txt")), "/a.txt");
    assert.deepEqual(await names(store), []);
  });

  check("a file without bytes", async (store) => {
    const handle = await store.openWrite(at("/empty"), { mode: "replace" });
    assert.equal((await handle.commit()).size, 0);
    assert.equal(await text(store, "/empty"), "");
  });

  check("12 MiB in chunks of every size come back as they were", async (store) => {
    const content = bytesOf(12 * MEBIBYTE + 7);
    const handle = await store.openWrite(at("/big"), { mode: "replace", sizeHint: 5 });
    for (let start = 0, size = 1; start < content.length; start += size, size = (size * 3 + 1) % 300_000)
      await handle.write([
        content.subarray(start, start + Math.floor(size / 3)),
        new Uint8Array(0),
        content.subarray(start + Math.floor(size / 3), start + size),
      ]);
    assert.equal((await handle.commit()).size, content.length);
    assert.ok((await bytes(store, "/big")).equals(content));
  });

  check("reads come in pieces of 256 KiB", async (store) => {
    await put(store, "/big", bytesOf(MEBIBYTE));
    await using handle = await store.openRead(at("/big"));
    const sizes: number[] = [];
    for await (const chunk of handle.body) sizes.push(chunk.length);
    assert.deepEqual(sizes, [262_144, 262_144, 262_144, 262_144]);
    assert.equal(handle.info.size, MEBIBYTE);
  });

  check("what is missing is ENOENT, what is below a file ENOTDIR", async (store) => {
    await put(store, "/present", "x");
    for (const [name, run] of Object.entries(everyOperation(store, "/no/such")))
      if (name !== "renameFrom") await refused("ENOENT", run(), "/no/such");
    await refused("ENOENT", store.rename(at("/no/such"), at("/x")), "/no/such");
    for (const [name, run] of Object.entries(everyOperation(store, "/present/x")))
      if (name !== "renameTo") await refused("ENOTDIR", run(), "/present/x");
    await refused("ENOTDIR", entries(store, "/present"), "/present");
  });

  check("S1.16 the root can be neither read, written, removed nor moved", async (store) => {
    await put(store, "/present", "x");
    const codes: Record<string, string> = {};
    for (const [name, run] of Object.entries(everyOperation(store, "/")))
      codes[name] = await run().then(
        () => "done",
        (error: NodeJS.ErrnoException) => String(error.code),
      );
    delete codes.setTimes;
    delete codes.setMode;
    assert.deepEqual(codes, {
      stat: "done",
      list: "done",
      openRead: "EISDIR",
      replace: "EISDIR",
      exclusive: codes.exclusive === "EEXIST" ? "EEXIST" : "EISDIR",
      append: "EISDIR",
      at: "EISDIR",
      remove: "EISDIR",
      makeDirectory: "EEXIST",
      removeDirectory: "EACCES",
      renameFrom: "EACCES",
      renameTo: "EEXIST",
    });
    assert.deepEqual(await names(store), ["present"]);
  });

  check("close() before, midway and twice", async (store) => {
    await put(store, "/big", bytesOf(MEBIBYTE));
    const unread = await store.openRead(at("/big"));
    await unread.close();
    await unread.close();
    const midway = await store.openRead(at("/big"));
    for await (const chunk of midway.body) {
      assert.equal(chunk.length, 262_144);
      break;
    }
    await midway.close();
    await midway.close();
  });
}
