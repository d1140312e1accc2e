/** A store without end: directories that hold as many entries as one likes, made up as they are asked for, and counted. */
import { setImmediate } from "node:timers/promises";
import { type FileInfo, FileSystem, FileSystemError, type ReadHandle, type VirtualPath } from "../../dist/index.js";

/** What every directory of a `VastStore` holds. */
export interface VastOptions {
  /** Entries, directories included. */
  readonly entries: number;
  /** How many of them are directories: `d0`, `d1` and so on; the others are files, `f0`, `f1` and so on. Default 0. */
  readonly directories?: number;
  /** Entries after which the store waits for the event loop, as a disk would; 0 never, as a cache would not. Default 16. */
  readonly pace?: number;
  /** Characters by which the names of files are longer than they need be. Default 0. */
  readonly padding?: number;
}

export class VastStore extends FileSystem {
  /** Entries that were asked for so far, of all directories. */
  pulled = 0;
  /** Listings that are open now. */
  open = 0;
  readonly #options: Required<VastOptions>;

  constructor(options: VastOptions) {
    super();
    this.#options = { directories: 0, pace: 16, padding: 0, ...options };
  }

  override async stat(path: VirtualPath): Promise<FileInfo> {
    if (!/^\/(d\d+\/?)*$/.test(path)) throw new FileSystemError("ENOENT", path);
    return { name: path.slice(path.lastIndexOf("/") + 1), type: "directory", size: 0 };
  }

  override async *list(_path: VirtualPath, options?: { readonly signal?: AbortSignal }): AsyncGenerator<FileInfo> {
    const { entries, directories, pace, padding } = this.#options;
    const tail = "x".repeat(padding);
    const modified = new Date(0);
    this.open++;
    try {
      for (let index = 0; index < entries; index++) {
        this.pulled++;
        options?.signal?.throwIfAborted();
        if (pace > 0 && index % pace === 0) await setImmediate();
        if (index < directories) yield { name: `d${index}`, type: "directory", size: 0, modified };
        else yield { name: `f${index}${tail}`, type: "file", size: index, modified };
      }
    } finally {
      this.open--;
    }
  }

  override async openRead(path: VirtualPath): Promise<ReadHandle> {
    throw new FileSystemError("ENOENT", path);
  }
}
