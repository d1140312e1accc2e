/** A file system that nobody can change. */
import type { Checksum } from "./checksum.js";
import type { FileInfo } from "./file-info.js";
import {
  type Capability,
  type ChecksumOptions,
  FileSystem,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  type StatOptions,
} from "./file-system.js";
import type { VirtualPath } from "./names.js";

/**
 * The same tree for reading only: what would change it is refused with `EROFS` (`ENOSYS` for times and modes),
 * before the store hears of it.
 */
export function readOnly(fileSystem: FileSystem): FileSystem {
  return new ReadOnlyFileSystem(fileSystem);
}

/** Overrides what reads; the base class refuses the rest. */
class ReadOnlyFileSystem extends FileSystem {
  readonly #inner: FileSystem;

  constructor(inner: FileSystem) {
    super();
    if (!(inner instanceof FileSystem)) throw new TypeError("readOnly: the file system must be a FileSystem");
    this.#inner = inner;
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.#inner.stat(path, options);
  }

  override list(path: VirtualPath, options?: OperationOptions): AsyncIterable<FileInfo> {
    return this.#inner.list(path, options);
  }

  override openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    return this.#inner.openRead(path, options);
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.#inner.checksum(path, options);
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return super.supports(capability) && this.#inner.supports(capability, path);
  }
}
