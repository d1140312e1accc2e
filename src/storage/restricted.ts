/** A file system of which a user may do some things only. */
import type { Checksum } from "./checksum.js";
import type { FileInfo } from "./file-info.js";
import type {
  Capability,
  ChecksumOptions,
  FileSystem,
  FileTimes,
  OperationOptions,
  ReadHandle,
  ReadOptions,
  RenameOptions,
  WriteHandle,
  WriteOptions,
} from "./file-system.js";
import { FileSystemError } from "./file-system-error.js";
import { FileSystemWrapper } from "./file-system-wrapper.js";
import type { VirtualPath } from "./names.js";

/**
 * What can be permitted. `write` is to make, replace and resume files, `append` to add to their end;
 * the others are the operations of the same name.
 */
export type Permission =
  | "list"
  | "read"
  | "write"
  | "append"
  | "remove"
  | "makeDirectory"
  | "removeDirectory"
  | "rename"
  | "setTimes"
  | "setMode";

/** The permission that each capability needs. */
const NEEDED: Readonly<Record<Capability, Permission | undefined>> = {
  list: "list",
  openRead: "read",
  openWrite: "write",
  append: "append",
  remove: "remove",
  makeDirectory: "makeDirectory",
  removeDirectory: "removeDirectory",
  rename: "rename",
  setTimes: "setTimes",
  setCreated: "setTimes",
  setMode: "setMode",
  availableSpace: undefined,
};

const KNOWN: ReadonlySet<unknown> = new Set(Object.values(NEEDED));

/**
 * The same tree with these permissions in all of it; whatever else is asked is refused with `EACCES` before the
 * store hears of it. `stat` and `availableSpace` need none. A rename never replaces a file without `write`.
 * @throws RangeError where a permission is unknown
 * @example
 * const dropBox = restricted(fileSystem, ["write"]);
 */
export function restricted(fileSystem: FileSystem, permissions: Iterable<Permission>): FileSystem {
  const granted = new Set(permissions);
  for (const permission of granted) {
    if (permission === undefined || !KNOWN.has(permission))
      throw new RangeError(`unknown permission ${permission}; known are ${[...KNOWN].filter(Boolean).join(", ")}`);
  }
  return new RestrictedFileSystem(fileSystem, granted);
}

class RestrictedFileSystem extends FileSystemWrapper {
  readonly #granted: ReadonlySet<Permission>;

  constructor(inner: FileSystem, granted: ReadonlySet<Permission>) {
    super(inner);
    this.#granted = granted;
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    this.#need("list", path);
    yield* super.list(path, options);
  }

  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    this.#need("read", path);
    return super.openRead(path, options);
  }

  override async checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    this.#need("read", path);
    return this.inner.checksum(path, options);
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    this.#need(options.mode === "append" ? "append" : "write", path);
    return super.openWrite(path, options);
  }

  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    this.#need("remove", path);
    return super.remove(path, options);
  }

  override async makeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    this.#need("makeDirectory", path);
    return super.makeDirectory(path, options);
  }

  override async removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    this.#need("removeDirectory", path);
    return super.removeDirectory(path, options);
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    this.#need("rename", from);
    return super.rename(from, to, this.#granted.has("write") ? options : { ...options, overwrite: false });
  }

  override async setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    this.#need("setTimes", path);
    return super.setTimes(path, times, options);
  }

  override async setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    this.#need("setMode", path);
    return super.setMode(path, mode, options);
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    const needed = NEEDED[capability];
    return (needed === undefined || this.#granted.has(needed)) && super.supports(capability, path);
  }

  #need(permission: Permission, path: VirtualPath): void {
    if (!this.#granted.has(permission)) throw new FileSystemError("EACCES", path);
  }
}
