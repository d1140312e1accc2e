/** What is served: the folder, looked at before anybody connects, or memory. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { type FileSystem, LocalFileSystem, MemoryFileSystem } from "../index.js";
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
