/** The contract through a wrapper that lets everything pass, over stores of two kinds. */
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileSystem } from "../../dist/storage/file-system.js";
import { fileSystemContract, type StoreFeature } from "../../dist/testing/index.js";
import { temporaryDirectory } from "../kit/temporary.js";

/** What the wrapper does is not more with more entries; the adapters are tested with many. */
const ENTRIES = 300;

/** @param added what the stores lack and the wrapper has */
export function contractThrough(
  name: string,
  wrap: (store: FileSystem) => FileSystem | Promise<FileSystem>,
  added: readonly StoreFeature[] = [],
): void {
  const without = (lacking: readonly StoreFeature[]) => lacking.filter((feature) => !added.includes(feature));
  fileSystemContract({
    name: `${name} over memory`,
    capabilities: { without: without(["availableSpace"]), entries: ENTRIES },
    make: async () => ({ store: await wrap(new MemoryFileSystem()), [Symbol.asyncDispose]: async () => undefined }),
  });
  fileSystemContract({
    name: `${name} over a disk`,
    capabilities: { without: without(["setCreated", "version"]), entries: ENTRIES },
    make: async () => {
      const folder = await temporaryDirectory();
      const store = await wrap(new LocalFileSystem(folder.path));
      return { store, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
    },
  });
}
