/**
 * A tree of files in a store of objects. Directories are there because of what lies below them, or because of a
 * marker, an empty object whose key ends with `/`. Knows no SDK: see `ObjectStore`.
 */
import type { Checksum } from "../../storage/checksum.js";
import type { FileInfo } from "../../storage/file-info.js";
import {
  type Capability,
  type ChecksumOptions,
  type CreationOptions,
  FileSystem,
  type FileTimes,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  type RenameOptions,
  type StatOptions,
  type WriteHandle,
  type WriteOptions,
} from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { baseName, ROOT, type VirtualPath } from "../../storage/names.js";
import { Keys } from "./keys.js";
import { listEntries } from "./object-listing.js";
import { type ObjectFileSystemOptions, type ObjectSettings, objectSettings } from "./object-options.js";
import { openObject } from "./object-reading.js";
import { renameEntry } from "./object-renaming.js";
import type { ObjectInfo, ObjectStore } from "./object-store.js";
import { ObjectTree } from "./object-tree.js";
import { ObjectUpload, type ObjectUploadOptions } from "./object-upload.js";
import { PartBudget } from "./part-budget.js";
import { told } from "./told.js";

/** The metadata that keeps a time that was set: seconds since 1970, as other tools write it. */
const MTIME = "mtime";

/**
 * A file system in a store of objects.
 *
 * Uploads and renames of files need no parent directory: it is there with them. A file `a` may stand beside a directory
 * `a`; the file counts, unless a directory is looked for. Names that are no Unicode are refused with `EINVAL`. A rename
 * is a copy and a removal: who writes to the old name meanwhile loses that.
 */
export abstract class ObjectFileSystem extends FileSystem {
  readonly #store: ObjectStore;
  readonly #keys: Keys;
  readonly #tree: ObjectTree;
  readonly #settings: ObjectSettings;
  readonly #budget: PartBudget;

  /** @throws TypeError, RangeError naming the option */
  constructor(store: ObjectStore, options: ObjectFileSystemOptions) {
    super();
    this.#store = store;
    this.#settings = objectSettings(options);
    this.#keys = new Keys(options.prefix ?? "", store.limits.keyBytes);
    this.#tree = new ObjectTree(store, this.#keys, this.#settings.keepEmptyDirectories);
    this.#budget = new PartBudget(this.#settings.partBudget);
  }

  override stat(path: VirtualPath, { expect, signal }: StatOptions = {}): Promise<FileInfo> {
    return this.#operation(path, signal, async () => {
      if (path === ROOT) return { name: "", type: "directory", size: 0 };
      // Where both are there, the file counts, unless a directory is looked for.
      const inOrder = [() => this.#statFile(path, signal), () => this.#statDirectory(path, signal)];
      if (expect === "directory") inOrder.reverse();
      for (const look of inOrder) {
        const info = await look();
        if (info !== undefined) return info;
      }
      throw new FileSystemError("ENOENT", path);
    });
  }

  override async *list(path: VirtualPath, { signal }: OperationOptions = {}): AsyncGenerator<FileInfo> {
    try {
      signal?.throwIfAborted();
      const directory = this.#keys.directory(path);
      const infoOf = (name: string, object: ObjectInfo) => this.#infoOf(name, object);
      let empty = path !== ROOT;
      for await (const page of listEntries(this.#store, directory, infoOf, signal)) {
        empty &&= page.nothing;
        for (const entry of page.entries) {
          yield entry;
          signal?.throwIfAborted();
        }
      }
      if (empty) throw new FileSystemError(await this.#tree.missingOr("ENOTDIR", path, signal), path);
    } catch (error) {
      throw told(error, path, signal);
    }
  }

  override openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    const { start, end, signal } = options;
    return this.#operation(path, signal, async () => {
      const key = this.#keys.file(path);
      const { requestTimeout: timeout } = this.#settings;
      const opened =
        path === ROOT ? undefined : await openObject({ store: this.#store, key, path, timeout, start, end, signal });
      if (opened === undefined) throw new FileSystemError(await this.#tree.missingOr("EISDIR", path, signal), path);
      const { object, body, close } = opened;
      return { info: this.#infoOf(baseName(path), object), body, close, [Symbol.asyncDispose]: close };
    });
  }

  /** As the store tells it, where it knows; else the object is read. */
  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const { algorithm, start = 0, end, signal } = options;
    return this.#operation(path, signal, async () => {
      const object = start === 0 && end === undefined ? await this.#tree.file(path, signal, true) : undefined;
      const digest = object?.checksums?.[algorithm];
      if (object === undefined || digest === undefined) return super.checksum(path, options);
      return { digest, start: 0, end: object.size };
    });
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const { mode, signal, sizeHint } = options;
    return this.#operation(path, signal, async () => {
      const key = this.#keys.file(path);
      const looksAt = mode === "exclusive" || mode === "append" || (mode === "at" && options.start !== 0);
      const [directory, old] = await Promise.all([
        this.#tree.directory(path, signal),
        looksAt ? this.#tree.file(path, signal) : undefined,
      ]);
      if (mode === "exclusive" && (old ?? directory) !== undefined) throw new FileSystemError("EEXIST", path);
      if (directory !== undefined) throw new FileSystemError("EISDIR", path);
      return await ObjectUpload.begin({
        ...this.#settings,
        ...this.#beginning(path, options, old),
        path,
        key,
        store: this.#store,
        budget: this.#budget,
        signal,
        sizeHint,
        infoOf: (object) => this.#infoOf(baseName(path), object),
      });
    });
  }

  override remove(path: VirtualPath, { signal }: OperationOptions = {}): Promise<void> {
    return this.#operation(path, signal, async () => {
      const file = await this.#tree.file(path, signal);
      if (file === undefined) throw new FileSystemError(await this.#tree.missingOr("EISDIR", path, signal), path);
      await this.#tree.keepParent(path, signal);
      await this.#store.remove(file.key, signal);
    });
  }

  override makeDirectory(path: VirtualPath, { signal }: CreationOptions = {}): Promise<void> {
    return this.#operation(path, signal, async () => {
      const marker = this.#keys.directory(path);
      if (!this.#keys.fits(marker)) throw new FileSystemError("ENAMETOOLONG", path);
      const [file, directory] = await Promise.all([this.#tree.file(path, signal), this.#tree.directory(path, signal)]);
      if (file !== undefined || directory !== undefined) throw new FileSystemError("EEXIST", path);
      await this.#tree.requireParent(path, signal);
      await this.#tree.mark(marker, true, signal);
    });
  }

  override removeDirectory(path: VirtualPath, { signal }: OperationOptions = {}): Promise<void> {
    return this.#operation(path, signal, async () => {
      if (path === ROOT) throw new FileSystemError("EACCES", path);
      const marker = this.#keys.directory(path);
      const { objects, prefixes } = await this.#tree.first(marker, 2, signal);
      if (prefixes.length > 0 || objects.some(({ key }) => key !== marker))
        throw new FileSystemError("ENOTEMPTY", path);
      if (objects.length === 0) throw new FileSystemError(await this.#tree.missingOr("ENOTDIR", path, signal), path);
      await this.#tree.keepParent(path, signal);
      await this.#store.remove(marker, signal);
    });
  }

  override async rename(from: VirtualPath, to: VirtualPath, options: RenameOptions = {}): Promise<void> {
    if (from === to) return void (await this.stat(from, options));
    const target = this.#keys.file(to);
    await this.#operation(from, options.signal, async () => {
      if (from === ROOT) throw new FileSystemError("EACCES", from);
      if (to === ROOT) throw new FileSystemError("EEXIST", to);
      try {
        await renameEntry(this.#tree, { ...options, from, to, maxRename: this.#settings.maxRename });
      } catch (error) {
        const isTarget = error instanceof FileSystemError && `${error.path}/`.startsWith(`${target}/`);
        throw isTarget ? told(error, to, options.signal) : error;
      }
    });
  }

  override setTimes(path: VirtualPath, times: FileTimes, { signal }: OperationOptions = {}): Promise<void> {
    const { modified, created } = times;
    return this.#operation(path, signal, async () => {
      const object = await this.#tree.file(path, signal);
      if (object === undefined) {
        const code = await this.#tree.missingOr("EISDIR", path, signal);
        throw new FileSystemError(code === "EISDIR" ? "ENOSYS" : code, path);
      }
      if (!this.#settings.keepTimes || created !== undefined) throw new FileSystemError("ENOSYS", path);
      if (modified === undefined) return;
      const metadata = { ...object.metadata, [MTIME]: String(modified.getTime() / 1000) };
      await this.#store.setMetadata(object, metadata, signal);
    });
  }

  /**
   * Forgets uploads that were begun long ago and never ended, by processes that were killed. One that is still on its
   * way is forgotten too, and fails.
   * @param olderThan milliseconds, 0 or more
   * @returns how many there were
   * @throws RangeError, FileSystemError
   */
  async sweep(olderThan: number, { signal }: OperationOptions = {}): Promise<number> {
    if (!(olderThan >= 0)) throw new RangeError(`olderThan must be 0 or more milliseconds, not ${olderThan}`);
    const before = new Date(Math.max(0, Date.now() - olderThan));
    return await this.#operation(ROOT, signal, () => this.#store.sweep(this.#keys.prefix, before, signal));
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    if (capability === "setTimes") return this.#settings.keepTimes;
    return super.supports(capability, path);
  }

  /** Runs an operation. @throws FileSystemError about the path, or the signal's reason */
  async #operation<Result>(
    path: VirtualPath,
    signal: AbortSignal | undefined,
    run: () => Promise<Result>,
  ): Promise<Result> {
    try {
      signal?.throwIfAborted();
      return await run();
    } catch (error) {
      throw told(error, path, signal);
    }
  }

  async #statFile(path: VirtualPath, signal?: AbortSignal): Promise<FileInfo | undefined> {
    const object = await this.#tree.file(path, signal);
    return object && this.#infoOf(baseName(path), object);
  }

  async #statDirectory(path: VirtualPath, signal?: AbortSignal): Promise<FileInfo | undefined> {
    const found = await this.#tree.directory(path, signal);
    if (found === undefined) return undefined;
    const { modified } = found;
    return { name: baseName(path), type: "directory", size: 0, ...(modified && { modified }) };
  }

  /** Where an upload begins, and what must then still stand there when it ends. */
  #beginning(
    path: VirtualPath,
    options: WriteOptions,
    old: ObjectInfo | undefined,
  ): Pick<ObjectUploadOptions, "offset" | "oldSize" | "request" | "taken"> {
    const offset = offsetOf(path, options, old);
    const added = options.mode === "append" || offset > 0;
    if (added && old !== undefined) {
      const { [MTIME]: _, ...metadata } = old.metadata ?? {};
      const { contentType, version, size: oldSize } = old;
      return { offset, oldSize, taken: "EBUSY", request: { exclusive: false, contentType, metadata, version } };
    }
    const { contentType } = this.#settings;
    const exclusive = options.mode === "exclusive" || added;
    return {
      offset,
      taken: options.mode === "exclusive" ? "EEXIST" : "EBUSY",
      request: { exclusive, contentType },
    };
  }

  #infoOf(name: string, { size, modified, version, metadata }: ObjectInfo): FileInfo {
    const when = (this.#settings.keepTimes ? timeOf(metadata?.[MTIME]) : undefined) ?? modified;
    return {
      name,
      type: "file",
      size,
      ...(when !== undefined && { modified: when }),
      ...(version !== undefined && { version }),
    };
  }
}

/** The time that metadata tells; other tools may have written anything there. */
function timeOf(seconds: string | undefined): Date | undefined {
  const time = new Date(seconds ? Number(seconds) * 1000 : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function offsetOf(path: VirtualPath, options: WriteOptions, old: ObjectInfo | undefined): number {
  if (options.mode === "append") return old?.size ?? 0;
  if (options.mode !== "at") return 0;
  if (!(options.start >= 0 && options.start <= (old?.size ?? 0))) throw new FileSystemError("ERANGE", path);
  return options.start;
}
