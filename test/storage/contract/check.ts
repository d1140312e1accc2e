/** One line of the contract. */
import type { FileSystem } from "../../../dist/storage/file-system.js";

/** Declares a test that gets a new, empty file system. */
export type Check = (title: string, run: (store: FileSystem) => Promise<void>) => void;
