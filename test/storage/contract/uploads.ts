/** The two phases of an upload: nothing before commit, nothing after abort. Part of the contract. */
import assert from "node:assert/strict";
import type { WriteMode } from "../../../dist/storage/file-system.js";
import { bytesOf } from "../../kit/temporary.js";
import { at, begin, names, put, refused, text } from "../store.js";
import type { Check } from "./check.js";

const MEBIBYTE = 1024 * 1024;

/** Declares the tests of this part. */
export function uploads(check: Check): void {
  for (const mode of ["replace", "exclusive", "append"] as const) {
    check(`${mode}: nothing is visible before commit, everything after it`, async (store) => {
      const handle = await begin(store, "/new", "content", { mode });
      await refused("ENOENT", store.stat(at("/new")));
      assert.deepEqual(await names(store), []);
      await handle.commit();
      assert.equal(await text(store, "/new"), "content");
      assert.deepEqual(await names(store), ["new"]);
    });

    check(`${mode}: abort leaves nothing`, async (store) => {
      const handle = await begin(store, "/new", "content", { mode });
      await handle.abort(new Error("the client left"));
      await handle.abort();
      assert.deepEqual(await names(store), []);
      await store.makeDirectory(at("/new"));
    });
  }

  check("the old content stays until commit", async (store) => {
    await put(store, "/a", "old");
    const handle = await begin(store, "/a", "new content");
    assert.equal(await text(store, "/a"), "old");
    await handle.commit();
    assert.equal(await text(store, "/a"), "new content");
  });

  check("abort leaves what stood there", async (store) => {
    await put(store, "/a", "0123456789");
    const modes: WriteMode[] = [
      { mode: "replace" },
      { mode: "append" },
      { mode: "at", start: 0 },
      { mode: "at", start: 4 },
      { mode: "at", start: 10 },
    ];
    for (const mode of modes) {
      const handle = await begin(store, "/a", bytesOf(MEBIBYTE), mode);
      await handle.abort();
      assert.equal(await text(store, "/a"), "0123456789", JSON.stringify(mode));
      assert.deepEqual(await names(store), ["a"]);
    }
  });

  check("a handle that is disposed without commit is aborted, one that was committed stays", async (store) => {
    {
      await using _lost = await begin(store, "/lost", "x");
      await using kept = await begin(store, "/kept", "x");
      await kept.commit();
    }
    assert.deepEqual(await names(store), ["kept"]);
  });

  check("abort while a write is under way", async (store) => {
    await put(store, "/a", "old");
    for (const mode of ["replace", "append"] as const) {
      const handle = await store.openWrite(at("/a"), { mode });
      const writing = handle.write([bytesOf(4 * MEBIBYTE)]).catch(() => undefined);
      await handle.abort();
      await writing;
      assert.equal(await text(store, "/a"), "old");
    }
  });

  check("after the end: commit and write are refused, abort does nothing", async (store) => {
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
  });

  check("exclusive meets a taken name", async (store) => {
    await put(store, "/a", "old");
    await store.makeDirectory(at("/d"));
    await refused("EEXIST", store.openWrite(at("/a"), { mode: "exclusive" }), "/a");
    await refused("EEXIST", store.openWrite(at("/d"), { mode: "exclusive" }), "/d");
    const late = await begin(store, "/b", "mine", { mode: "exclusive" });
    await put(store, "/b", "theirs");
    await refused("EEXIST", late.commit(), "/b");
    assert.equal(await text(store, "/b"), "theirs");
    assert.deepEqual(await names(store), ["a", "b", "d"]);
  });

  check("a directory cannot be written or read", async (store) => {
    await store.makeDirectory(at("/d"));
    for (const mode of ["replace", "append"] as const)
      await refused("EISDIR", store.openWrite(at("/d"), { mode }), "/d");
    await refused("EISDIR", store.openWrite(at("/d"), { mode: "at", start: 0 }), "/d");
    await refused("EISDIR", store.openRead(at("/d")), "/d");
    await refused("EISDIR", store.remove(at("/d")), "/d");
  });

  check("a commit whose directory is gone or taken is refused and leaves nothing", async (store) => {
    await store.makeDirectory(at("/moved"));
    const handle = await begin(store, "/name", "x");
    await store.makeDirectory(at("/name"));
    await assert.rejects(handle.commit());
    assert.deepEqual(await names(store), ["moved", "name"]);
    assert.deepEqual(await names(store, "/name"), []);
    await store.removeDirectory(at("/name"));
  });
}
