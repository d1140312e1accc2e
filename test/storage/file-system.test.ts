/** What a store has that overrides the three abstract methods and nothing else, and what `supports` makes of others. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { type Capability, FileSystem, type ReadHandle } from "../../dist/storage/file-system.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { at, everyChange, refused } from "./store.js";

class Smallest extends FileSystem {
  override async stat(): Promise<FileInfo> {
    return { name: "", type: "directory", size: 0 };
  }
  override async *list(): AsyncGenerator<FileInfo> {}
  override openRead(): Promise<ReadHandle> {
    return Promise.reject(new Error("nothing to read"));
  }
}

class Writing extends Smallest {
  override openWrite(): Promise<never> {
    return Promise.reject(new Error("nothing to write"));
  }
  override async setTimes(): Promise<void> {}
}

const CHANGING: readonly Capability[] = ["openWrite", "append", "remove", "makeDirectory", "removeDirectory", "rename"];
const ALL: readonly Capability[] = [
  "list",
  "openRead",
  ...CHANGING,
  "setTimes",
  "setCreated",
  "setMode",
  "availableSpace",
];

suite("FileSystem", () => {
  test("what is not overridden refuses: EROFS for changes, ENOSYS for what a store may lack", async () => {
    const store = new Smallest();
    const { setTimes, setMode, renameTo, ...changes } = everyChange(store, "/a");
    for (const run of Object.values(changes)) await refused("EROFS", run(), "/a");
    await refused("EROFS", renameTo!(), "/present");
    await refused("ENOSYS", setTimes!(), "/a");
    await refused("ENOSYS", setMode!(), "/a");
    await refused("ENOSYS", store.availableSpace(at("/a")), "/a");
  });

  test("supports(): a capability is an overridden method", () => {
    const supported = (store: FileSystem) => ALL.filter((capability) => store.supports(capability, at("/a")));
    assert.deepEqual(supported(new Smallest()), ["list", "openRead"]);
    assert.deepEqual(supported(new Writing()), ["list", "openRead", "openWrite", "append", "setTimes"]);
    assert.deepEqual(supported(new FileSystemWrapper(new Smallest())), ["list", "openRead"]);
    assert.deepEqual(supported(new FileSystemWrapper(new Writing())), supported(new Writing()));
  });
});
