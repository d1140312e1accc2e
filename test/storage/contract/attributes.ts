/** Times, permission bits, identity, capabilities. Part of the contract. */
import assert from "node:assert/strict";
import { at, entries, put, refused } from "../store.js";
import type { Check } from "./check.js";

/** Declares the tests of this part. */
export function attributes(check: Check): void {
  check("modified can be set", async (store) => {
    await put(store, "/a", "x");
    await store.makeDirectory(at("/d"));
    const modified = new Date("2001-02-03T04:05:06.000Z");
    for (const path of ["/a", "/d"]) {
      await store.setTimes(at(path), { modified });
      assert.deepEqual((await store.stat(at(path))).modified, modified);
      assert.deepEqual((await entries(store)).get(path.slice(1))?.modified, modified);
      await store.setTimes(at(path), {});
      assert.deepEqual((await store.stat(at(path))).modified, modified);
    }
    await store.rename(at("/a"), at("/b"));
    assert.deepEqual((await store.stat(at("/b"))).modified, modified, "a move keeps it");
  });

  check("created is set, or refused and nothing changed; supports() tells which", async (store) => {
    await put(store, "/a", "x");
    const [created, modified] = [new Date("2001-01-01T00:00:00Z"), new Date("2002-01-01T00:00:00Z")];
    const setting = store.setTimes(at("/a"), { created, modified });
    if (store.supports("setCreated")) {
      await setting;
      const info = await store.stat(at("/a"));
      assert.deepEqual([info.created, info.modified], [created, modified]);
    } else {
      await refused("ENOSYS", setting, "/a");
      assert.notDeepEqual((await store.stat(at("/a"))).modified, modified);
    }
  });

  check("permission bits are set and kept, more than nine are refused", async (store) => {
    await put(store, "/a", "x");
    await store.makeDirectory(at("/d"));
    for (const mode of [0o777, 0o640, 0o600]) {
      await store.setMode(at("/a"), mode);
      assert.equal((await store.stat(at("/a"))).mode, mode);
    }
    await store.setMode(at("/d"), 0o750);
    assert.equal((await store.stat(at("/d"))).mode, 0o750);
    for (const mode of [0o1000, 0o4755, -1, 1.5, Number.NaN])
      await refused("EINVAL", store.setMode(at("/a"), mode), "/a");
    await put(store, "/a", "new");
    assert.equal((await store.stat(at("/a"))).mode, 0o600, "a new version keeps them");
  });

  check("S16.5 unique: the same for one object, another for each", async (store) => {
    await put(store, "/a", "x");
    await put(store, "/b", "x");
    await store.makeDirectory(at("/d"));
    const all = ["/", "/a", "/b", "/d"].map(async (path) => (await store.stat(at(path))).unique);
    assert.equal(new Set(await Promise.all(all)).size, 4);
    const { unique } = await store.stat(at("/a"));
    assert.equal((await entries(store)).get("a")?.unique, unique);
    await store.rename(at("/a"), at("/d/a"));
    assert.equal((await store.stat(at("/d/a"))).unique, unique);
  });

  check("supports() is true for what was tested here", async (store) => {
    const capabilities = ["list", "openRead", "openWrite", "append", "remove", "makeDirectory"] as const;
    for (const capability of [...capabilities, "removeDirectory", "rename", "setTimes", "setMode"] as const)
      assert.ok(store.supports(capability) && store.supports(capability, at("/x")), capability);
  });
}
