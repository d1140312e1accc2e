/** Directories and moving. Part of the contract. */
import assert from "node:assert/strict";
import { at, entries, names, put, refused, text } from "../store.js";
import type { Check } from "./check.js";

/** Declares the tests of this part. */
export function directories(check: Check): void {
  check("directories are made, found, and removed when empty", async (store) => {
    await store.makeDirectory(at("/d"));
    await refused("EEXIST", store.makeDirectory(at("/d")), "/d");
    const { name, type, size } = await store.stat(at("/d"), { expect: "directory" });
    assert.deepEqual({ name, type, size }, { name: "d", type: "directory", size: 0 });
    await put(store, "/d/f", "x");
    await refused("EEXIST", store.makeDirectory(at("/d/f")), "/d/f");
    await refused("ENOTEMPTY", store.removeDirectory(at("/d")), "/d");
    await refused("ENOTDIR", store.removeDirectory(at("/d/f")), "/d/f");
    await store.remove(at("/d/f"));
    assert.equal((await store.stat(at("/d"))).type, "directory", "it survives its last file");
    await store.removeDirectory(at("/d"));
    await refused("ENOENT", store.removeDirectory(at("/d")), "/d");
    await refused("ENOENT", entries(store, "/d"), "/d");
  });

  check("5,000 entries are streamed, and can be left early", async (store) => {
    await store.makeDirectory(at("/d"));
    const batch = Array.from({ length: 50 }, (_, index) => index);
    for (let start = 0; start < 5000; start += 50)
      await Promise.all(batch.map((index) => store.makeDirectory(at(`/d/${start + index}`))));
    assert.equal((await entries(store, "/d")).size, 5000);
    let seen = 0;
    for await (const entry of store.list(at("/d"))) {
      assert.equal(entry.type, "directory");
      if (++seen === 100) break;
    }
    assert.equal(seen, 100);
  });

  check("a directory that changes while it is listed", async (store) => {
    for (let index = 0; index < 200; index++) await put(store, `/${index}`, "");
    const seen = new Set<string>();
    for await (const { name } of store.list(at("/"))) {
      if (seen.size === 0)
        for (let index = 100; index < 200; index++) if (String(index) !== name) await store.remove(at(`/${index}`));
      seen.add(name);
    }
    for (let index = 0; index < 100; index++) assert.ok(seen.has(String(index)), `${index} was there all the time`);
  });
}

/** Declares the tests of this part. */
export function renames(check: Check): void {
  check("a file is moved, also to another directory", async (store) => {
    await put(store, "/a", "x");
    await store.makeDirectory(at("/d"));
    await store.rename(at("/a"), at("/b"));
    await store.rename(at("/b"), at("/d/c"));
    assert.deepEqual(await names(store), ["d"]);
    assert.equal(await text(store, "/d/c"), "x");
  });

  check("a directory is moved with all that it holds", async (store) => {
    await store.makeDirectory(at("/d"));
    await store.makeDirectory(at("/d/e"));
    await put(store, "/d/e/f", "x");
    await store.rename(at("/d"), at("/moved"));
    assert.equal(await text(store, "/moved/e/f"), "x");
    await refused("ENOENT", store.stat(at("/d")));
  });

  check("a taken name is EEXIST; with overwrite a file gives way to a file, nothing else does", async (store) => {
    await put(store, "/a", "a");
    await put(store, "/b", "b");
    await store.makeDirectory(at("/d"));
    await store.makeDirectory(at("/e"));
    for (const [from, to] of [
      ["/a", "/b"],
      ["/a", "/d"],
      ["/d", "/a"],
      ["/d", "/e"],
    ] as const) {
      await refused("EEXIST", store.rename(at(from), at(to)), to);
      if (to !== "/b") await refused("EEXIST", store.rename(at(from), at(to), { overwrite: true }), to);
    }
    assert.deepEqual(await names(store), ["a", "b", "d", "e"]);
    await store.rename(at("/a"), at("/b"), { overwrite: true });
    assert.equal(await text(store, "/b"), "a");
    assert.deepEqual(await names(store), ["b", "d", "e"]);
  });

  check("to its own name nothing happens; into itself is EINVAL; into what is missing ENOENT", async (store) => {
    await put(store, "/a", "x");
    await store.makeDirectory(at("/d"));
    await store.rename(at("/a"), at("/a"));
    await store.rename(at("/d"), at("/d"), { overwrite: true });
    await refused("EINVAL", store.rename(at("/d"), at("/d/e")), "/d/e");
    await refused("EINVAL", store.rename(at("/d"), at("/d/e/f")), "/d/e/f");
    await refused("ENOENT", store.rename(at("/a"), at("/no/a")), "/no/a");
    await refused("ENOENT", store.rename(at("/none"), at("/a")), "/none");
    await refused("ENOENT", store.rename(at("/none"), at("/none")), "/none");
    await refused("ENOTDIR", store.rename(at("/d"), at("/a/d")), "/a/d");
    assert.deepEqual(await names(store), ["a", "d"]);
  });
}
