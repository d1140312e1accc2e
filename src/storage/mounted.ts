/** Several stores as one tree: folders of different stores beside and below each other. */
import type { Checksum } from "./checksum.js";
import { componentsOf } from "./components-of.js";
import type { FileInfo } from "./file-info.js";
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
} from "./file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "./file-system-error.js";
import type { Mount } from "./mounted/mount.js";
import { MountTable } from "./mounted/mount-table.js";
import { baseName, childOf, parentOf, ROOT, type VirtualPath } from "./names.js";

/**
 * A tree of stores, by the path of their roots; a path belongs to the store with the longest one. Mount points and the
 * directories that lead to them are always there, also where the store below has nothing, or a file, of that name: a
 * mount hides what lies under it. They cannot be made (`EEXIST`), written to (`EISDIR`), removed or renamed (`EACCES`).
 * Without a store at `/`, nothing can be made outside the mounts (`EROFS`).
 *
 * Renaming within one mount is left to its store; from one to another is `EACCES`, as nothing is moved by copying.
 * Listings show mount points without times and modes: their stores are not asked. Names are compared byte by
 * byte, and links that a store follows stay in that store, so that neither leads into a mount or out of it.
 * @param stores absolute path to store; what is `undefined` is left out
 * @throws TypeError where a path is not absolute or not normalised, or a store is no FileSystem
 * @example
 * const fileSystem = mounted({ "/": new LocalFileSystem("/srv/ftp"), "/archive": readOnly(archive), "/in/photos": bucket });
 */
export function mounted(stores: Readonly<Record<string, FileSystem | undefined>>): FileSystem {
  return new MountedFileSystem(new MountTable(stores));
}

class MountedFileSystem extends FileSystem {
  readonly #table: MountTable;

  constructor(table: MountTable) {
    super();
    this.#table = table;
  }

  override async stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    const mount = this.#mountOf(path, options);
    if (!this.#table.isFixed(path)) return this.#at(mount, path).stat(path, options);
    const info = await mount?.stat(path, options).catch(unlessMissing);
    return info?.type === "directory" ? { ...info, name: baseName(path) } : directory(baseName(path));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    const mount = this.#mountOf(path, options);
    const fixed = new Set(this.#table.namesIn(path));
    if (mount !== undefined) yield* this.#entriesOf(mount, path, fixed, options);
    else if (!this.#table.isFixed(path)) throw new FileSystemError("ENOENT", path);
    for (const name of fixed) {
      options?.signal?.throwIfAborted();
      yield directory(name);
    }
  }

  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, "EISDIR");
    return this.#at(mount, path).openRead(path, options);
  }

  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, "EISDIR");
    return this.#at(mount, path).checksum(path, options);
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, options.mode === "exclusive" ? "EEXIST" : "EISDIR");
    return this.#at(mount, path, "new").openWrite(path, options);
  }

  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, "EISDIR");
    return this.#at(mount, path).remove(path, options);
  }

  override async makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, "EEXIST");
    return this.#at(mount, path, "new").makeDirectory(path, options);
  }

  override async removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    const mount = this.#mountOf(path, options);
    this.#refuseFixed(path, "EACCES");
    return this.#at(mount, path).removeDirectory(path, options);
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    const mount = this.#mountOf(from, options);
    const target = this.#mountOf(to);
    this.#refuseFixed(from, "EACCES");
    this.#refuseFixed(to, "EEXIST");
    const source = this.#at(mount, from);
    if (source !== target) throw new FileSystemError("EACCES", to, { message: `${from} and ${to} are in two stores` });
    return source.rename(from, to, options);
  }

  override async setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    const mount = this.#mountOf(path, options);
    this.#refuseWay(path);
    return this.#at(mount, path).setTimes(path, times, options);
  }

  override async setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    const mount = this.#mountOf(path, options);
    this.#refuseWay(path);
    return this.#at(mount, path).setMode(path, mode, options);
  }

  override async availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    const mount = this.#mountOf(path, options);
    if (mount === undefined && this.#table.isFixed(path)) throw new FileSystemError("ENOSYS", path);
    return this.#at(mount, path).availableSpace(path, options);
  }

  /** What the store at `path` can do; without a path, what any of them can. Directories without a store can be listed. */
  override supports(capability: Capability, path?: VirtualPath): boolean {
    const mounts = [this.#table.mountOf(path ?? ROOT), ...(path === undefined ? this.#table.mounts : [])];
    return mounts.some((mount) => mount?.supports(capability, path) ?? capability === "list");
  }

  /** The store of a path, if there is one. @throws FileSystemError `EINVAL`, and the signal's reason */
  #mountOf(path: VirtualPath, options?: OperationOptions): Mount | undefined {
    componentsOf(path);
    options?.signal?.throwIfAborted();
    return this.#table.mountOf(path);
  }

  /** @param what is to be: where there is no store, new entries are refused and others missing */
  #at(mount: Mount | undefined, path: VirtualPath, what: "new" | "present" = "present"): Mount {
    if (mount !== undefined) return mount;
    throw new FileSystemError(what === "new" && this.#table.isFixed(parentOf(path)) ? "EROFS" : "ENOENT", path);
  }

  #refuseFixed(path: VirtualPath, code: FileSystemErrorCode): void {
    if (this.#table.isFixed(path)) throw new FileSystemError(code, path);
  }

  /** What leads to a mount point may be a file in the store below, or nothing: neither is to be changed. */
  #refuseWay(path: VirtualPath): void {
    if (!this.#table.isMountPoint(path)) this.#refuseFixed(path, "EACCES");
  }

  /**
   * What a store has in a directory, without what mounts hide. Of the fixed names those are struck out that the store
   * tells of itself.
   */
  async *#entriesOf(
    mount: Mount,
    path: VirtualPath,
    fixed: Set<string>,
    options: OperationOptions | undefined,
  ): AsyncGenerator<FileInfo> {
    const hidden = this.#table.namesIn(path);
    let begun = false;
    try {
      for await (const info of mount.list(path, options)) {
        begun = true;
        const isWay = info.type === "directory" && !this.#table.isMountPoint(childOf(path, info.name));
        if (hidden.has(info.name) && !isWay) continue;
        fixed.delete(info.name);
        yield info;
      }
    } catch (error) {
      if (begun || hidden.size === 0) throw error;
      unlessMissing(error);
    }
  }
}

function directory(name: string): FileInfo {
  return { name, type: "directory", size: 0 };
}

/** Lets it pass that a store has no directory where one leads to a mount point. */
function unlessMissing(error: unknown): undefined {
  if (!(error instanceof FileSystemError) || !["ENOENT", "ENOTDIR"].includes(error.code)) throw error;
}
