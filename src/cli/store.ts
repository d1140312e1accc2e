/** What is served: the folder, looked at before anybody connects, or memory. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { type FileSystem, LocalFileSystem, MemoryFileSystem, quota, ROOT } from "../index.js";
import { SAMPLES } from "./samples.js";

/** A store, and how to call it. */
export interface Store {
  readonly fileSystem: FileSystem;
  /** For people. */
  readonly title: string;
  /** The absolute path of the folder; `undefined` in memory. */
  readonly folder: string | undefined;
}

/** Whoever tries the program must not be able to fill the memory of the machine. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Opens the store.
 * @param folder `undefined` for memory
 * @throws Error saying what is wrong with the folder
 */
export function openStore(folder: string | undefined): Store {
  if (folder === undefined)
    return {
      fileSystem: new MemoryFileSystem({ files: SAMPLES, maxBytes: MAX_BYTES }),
      title: "sample files in memory, gone when it stops",
      folder,
    };
  check(folder);
  const path = realpathSync(folder);
  return { fileSystem: new LocalFileSystem(path), title: path, folder: path };
}

/**
 * The store with a bound on the bytes of its files. What is there is counted now: the first client need not wait for it.
 * @throws Error where it cannot be counted
 */
export async function bounded(store: Store, bytes: number): Promise<Store> {
  const fileSystem = quota(store.fileSystem, { bytes, maxEntries: Number.POSITIVE_INFINITY });
  try {
    await fileSystem.availableSpace(ROOT);
  } catch (cause) {
    throw new Error(`--quota: what is there cannot be counted: ${(cause as Error).message}`, { cause });
  }
  return { ...store, fileSystem };
}

function check(folder: string): void {
  const name = JSON.stringify(folder);
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) throw new Error(`the folder ${name} does not exist`);
  if (!stats.isDirectory()) throw new Error(`${name} is not a folder`);
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (cause) {
    throw new Error(`the folder ${name} cannot be read by this user`, { cause });
  }
}
