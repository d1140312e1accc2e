/** The stores that every test of stored files runs over. */
import { type FileSystem, LocalFileSystem, MemoryFileSystem } from "../../dist/index.js";
import { localFolder } from "./kit-local.js";

/** A store for one test. Disposing it removes it. */
export interface MadeStore extends AsyncDisposable {
  readonly fileSystem: FileSystem;
}

/** By name: how a store is made, empty. */
export const STORES: Readonly<Record<"disk" | "memory", () => Promise<MadeStore>>> = {
  async disk() {
    const folder = await localFolder();
    const dispose = async () => {
      await folder.assertCanary();
      await folder[Symbol.asyncDispose]();
    };
    return { fileSystem: new LocalFileSystem(folder.root), [Symbol.asyncDispose]: dispose };
  },
  async memory() {
    return { fileSystem: new MemoryFileSystem(), [Symbol.asyncDispose]: async () => undefined };
  },
};
