/** What a slow store said a moment ago, said again without asking it. */

import { borrowingAs } from "./borrowing.js";
import { Kept } from "./cached/kept.js";
import { SharedRequest } from "./cached/shared-request.js";
import type { Checksum } from "./checksum.js";
import type { FileInfo } from "./file-info.js";
import type {
  ChecksumOptions,
  CreationOptions,
  FileSystem,
  FileTimes,
  OperationOptions,
  RenameOptions,
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "./file-system.js";
import { FileSystemError } from "./file-system-error.js";
import { FileSystemWrapper } from "./file-system-wrapper.js";
import { isWithin, type VirtualPath } from "./names.js";

/** How long and how much is kept. */
export interface CacheOptions {
  /** Milliseconds after which the store is asked again: so old may be what clients see of changes beside this wrapper. */
  readonly milliseconds: number;
  /** Entries that are kept, those of listings included; a listing longer than a quarter of it is not. */
  readonly entries: number;
}

/**
 * The same tree, remembering for a while what `stat` and `list` found: for stores where each costs a request. Found
 * are entries, listings that were read to their end, and for `stat` that nothing is there (`ENOENT`); other errors
 * are not remembered. Several who `stat` one path at a time share one request, and a caller who leaves takes it from
 * nobody. Whatever is changed through this file system is forgotten at once: the path, what lies below it, and the
 * directories above it. Changes made elsewhere, or to the same file by another name (a link), show when the time is
 * over: make one for each store and keep it. Reading and writing files are not touched.
 * @throws RangeError where `milliseconds` is not above 0, or `entries` no number from 1
 * @example
 * const fileSystem = cached(bucket, { milliseconds: 5_000, entries: 10_000 });
 */
export function cached(fileSystem: FileSystem, options: CacheOptions): FileSystem {
  const { milliseconds, entries } = options;
  if (!(milliseconds > 0 && milliseconds < Infinity)) throw new RangeError("cached: milliseconds must be above 0");
  if (!(Number.isSafeInteger(entries) && entries >= 1)) throw new RangeError("cached: entries must be 1 or more");
  return new CachedFileSystem(fileSystem, options);
}

/** An entry, or that there is none: an error may hold much more, and its stack is that of who asked first. */
type Found = FileInfo | "missing";

/** One reading of a directory; worth keeping only while nothing has changed. */
interface Reading {
  readonly path: VirtualPath;
  valid: boolean;
}

class CachedFileSystem extends FileSystemWrapper {
  readonly #found: Kept<Found>;
  readonly #listings: Kept<readonly FileInfo[]>;
  readonly #requests = new Map<string, SharedRequest<FileInfo>>();
  readonly #readings = new Set<Reading>();
  readonly #longest: number;

  constructor(inner: FileSystem, { milliseconds, entries }: CacheOptions) {
    super(inner);
    this.#longest = Math.floor(entries / 4);
    this.#listings = new Kept(milliseconds, Math.floor(entries / 2));
    this.#found = new Kept(milliseconds, Math.ceil(entries / 2));
  }

  override async stat(path: VirtualPath, options: StatOptions = {}): Promise<FileInfo> {
    const { expect, signal } = options;
    signal?.throwIfAborted();
    const key = keyOf(path, expect);
    const found = this.#found.get(key);
    if (found === "missing") throw new FileSystemError("ENOENT", path);
    if (found !== undefined) return found;
    const running = this.#requests.get(key);
    const request = running?.abandoned === false ? running : this.#ask(path, expect);
    return request.wait(signal);
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    options?.signal?.throwIfAborted();
    const kept = this.#listings.get(path);
    if (kept === undefined) yield* this.#read(path, options);
    for (const info of kept ?? []) {
      options?.signal?.throwIfAborted();
      yield info;
    }
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.inner.checksum(path, options);
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    const abort = (reason?: unknown): Promise<void> => this.#changing([path], () => handle.abort(reason));
    return borrowingAs(handle, {
      offset: handle.offset,
      write: (chunks) => handle.write(chunks),
      commit: () => this.#changing([path], () => handle.commit()),
      // A file that grew in place was longer for a while.
      abort,
      [Symbol.asyncDispose]: () => abort(),
    });
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#changing([path], () => super.remove(path, options));
  }

  override makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    return this.#changing([path], () => super.makeDirectory(path, options));
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#changing([path], () => super.removeDirectory(path, options));
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    return this.#changing([from, to], () => super.rename(from, to, options));
  }

  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return this.#changing([path], () => super.setTimes(path, times, options));
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return this.#changing([path], () => super.setMode(path, mode, options));
  }

  #ask(path: VirtualPath, expect: StatOptions["expect"]): SharedRequest<FileInfo> {
    const key = keyOf(path, expect);
    const keep = (found: Found | undefined): void => {
      // Another request, or a change, may have come between.
      if (this.#requests.get(key) !== request) return;
      this.#requests.delete(key);
      if (found !== undefined) this.#found.set(key, found);
    };
    const request = new SharedRequest((signal) => super.stat(path, { expect, signal }), {
      succeeded: keep,
      failed: (error) => keep(isMissing(error) ? "missing" : undefined),
    });
    this.#requests.set(key, request);
    return request;
  }

  /** Reads a directory from the store, and keeps it where it was read whole. */
  async *#read(path: VirtualPath, options: OperationOptions | undefined): AsyncGenerator<FileInfo> {
    const reading: Reading = { path, valid: true };
    let listing: FileInfo[] | undefined = [];
    this.#readings.add(reading);
    try {
      for await (const info of super.list(path, options)) {
        if (listing !== undefined && listing.push(info) > this.#longest) listing = undefined;
        yield info;
      }
      if (reading.valid && listing !== undefined) this.#listings.set(path, listing, listing.length + 1);
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** Runs a change and forgets what it touches, also where it has failed: perhaps halfway. */
  async #changing<Result>(paths: readonly VirtualPath[], change: () => Promise<Result>): Promise<Result> {
    try {
      return await change();
    } finally {
      this.#forget(paths);
    }
  }

  /** The directories above are touched too: their times, and where a store makes directories by itself, their being. */
  #forget(changed: readonly VirtualPath[]): void {
    const touched = (path: VirtualPath): boolean =>
      changed.some((change) => isWithin(path, change) || isWithin(change, path));
    for (const key of this.#listings.keys()) if (touched(key as VirtualPath)) this.#listings.delete(key);
    for (const key of this.#found.keys()) if (touched(pathOf(key))) this.#found.delete(key);
    for (const key of this.#requests.keys()) if (touched(pathOf(key))) this.#requests.delete(key);
    for (const reading of this.#readings) if (touched(reading.path)) reading.valid = false;
  }
}

/** File and directory of one name may be told apart by how `stat` is asked. */
function keyOf(path: VirtualPath, expect: StatOptions["expect"]): string {
  return `${expect ?? ""}:${path}`;
}

function pathOf(key: string): VirtualPath {
  return key.slice(key.indexOf(":") + 1) as VirtualPath;
}

function isMissing(error: unknown): boolean {
  return error instanceof FileSystemError && error.code === "ENOENT";
}
