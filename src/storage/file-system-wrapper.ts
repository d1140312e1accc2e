/** The ground for file systems that change a few things of another one. Knows no store. */
import type { FileInfo } from "./file-info.js";
import {
  type Capability,
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
import type { VirtualPath } from "./names.js";

/**
 * Hands every operation on to another file system. Extend it and override what shall differ; override
 * `supports` too where an operation goes away. Only `checksum` is made of what `openRead` gives: where that
 * gives the store's own bytes, `checksum` can be handed on too.
 * @example
 * class Logged extends FileSystemWrapper {
 *   override remove(path: VirtualPath, options?: OperationOptions) {
 *     console.log("remove", path);
 *     return super.remove(path, options);
 *   }
 * }
 */
export class FileSystemWrapper extends FileSystem {
  /** The file system that does the work. */
  protected readonly inner: FileSystem;

  constructor(inner: FileSystem) {
    super();
    if (!(inner instanceof FileSystem)) throw new TypeError("the file system to wrap must be a FileSystem");
    this.inner = inner;
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.inner.stat(path, options);
  }

  override list(path: VirtualPath, options?: OperationOptions): AsyncIterable<FileInfo> {
    return this.inner.list(path, options);
  }

  override openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    return this.inner.openRead(path, options);
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return this.inner.openWrite(path, options);
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.inner.remove(path, options);
  }

  override makeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.inner.makeDirectory(path, options);
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.inner.removeDirectory(path, options);
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    return this.inner.rename(from, to, options);
  }

  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return this.inner.setTimes(path, times, options);
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return this.inner.setMode(path, mode, options);
  }

  override availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    return this.inner.availableSpace(path, options);
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return this.inner.supports(capability, path);
  }
}
