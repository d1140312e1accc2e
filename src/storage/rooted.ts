/** A subtree of a file system as a file system of its own. */

import type { Checksum } from "./checksum.js";
import { componentsOf } from "./components-of.js";
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
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "./file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "./file-system-error.js";
import { FileSystemWrapper } from "./file-system-wrapper.js";
import { isWithin, ROOT, type VirtualPath, virtualPath } from "./names.js";

/**
 * The tree below `path` as a whole: its root is that directory, and no path leads out of it. Links that the
 * store itself follows are the store's affair: where they must stay inside, give the store this root.
 * @param path absolute; it need not exist yet, the operations then report `ENOENT`
 * @throws FtpError `BAD_PATH` where the path cannot be one
 * @example
 * login.accept({ fileSystem: rooted(everything, `/home/${login.username}`) });
 */
export function rooted(fileSystem: FileSystem, path: string): FileSystem {
  return new RootedFileSystem(fileSystem, virtualPath(path));
}

class RootedFileSystem extends FileSystemWrapper {
  readonly #base: VirtualPath;

  constructor(inner: FileSystem, base: VirtualPath) {
    super(inner);
    this.#base = base;
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.#at(path, async (inner) => this.#info(await super.stat(inner, options), path));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    const inner = this.#inward(path);
    try {
      for await (const info of super.list(inner, options)) yield this.#info(info);
    } catch (error) {
      throw this.#error(error);
    }
  }

  override openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    return this.#at(path, async (inner) => this.#reading(await super.openRead(inner, options)));
  }

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.#at(path, (inner) => this.inner.checksum(inner, options));
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    refuseRoot(path, "EISDIR");
    return this.#at(path, async (inner) => this.#writing(await super.openWrite(inner, options)));
  }

  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    refuseRoot(path, "EISDIR");
    return this.#at(path, (inner) => super.remove(inner, options));
  }

  override async makeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    refuseRoot(path, "EEXIST");
    return this.#at(path, (inner) => super.makeDirectory(inner, options));
  }

  override async removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    refuseRoot(path, "EACCES");
    return this.#at(path, (inner) => super.removeDirectory(inner, options));
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    refuseRoot(from, "EACCES");
    refuseRoot(to, "EEXIST");
    const target = this.#inward(to);
    return this.#at(from, (inner) => super.rename(inner, target, options));
  }

  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return this.#at(path, (inner) => super.setTimes(inner, times, options));
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return this.#at(path, (inner) => super.setMode(inner, mode, options));
  }

  override availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    return this.#at(path, (inner) => super.availableSpace(inner, options));
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    return super.supports(capability, path === undefined ? this.#base : this.#inward(path));
  }

  /** The path as the store knows it. */
  #inward(path: VirtualPath): VirtualPath {
    componentsOf(path);
    return (this.#base === ROOT ? path : path === ROOT ? this.#base : `${this.#base}${path}`) as VirtualPath;
  }

  /** A path of the store as clients know it; undefined outside the subtree. */
  #path(inner: string): VirtualPath | undefined {
    if (!isWithin(inner as VirtualPath, this.#base)) return undefined;
    return ((this.#base === ROOT ? inner : inner.slice(this.#base.length)) || ROOT) as VirtualPath;
  }

  #info(info: FileInfo, path?: VirtualPath): FileInfo {
    const { target, ...rest } = path === ROOT ? { ...info, name: "" } : info;
    const shown = target?.startsWith("/") ? this.#path(target) : target;
    return shown === undefined ? rest : { ...rest, target: shown };
  }

  #error(error: unknown): unknown {
    if (!(error instanceof FileSystemError) || this.#base === ROOT) return error;
    return new FileSystemError(error.code, this.#path(error.path) ?? ROOT, { cause: error });
  }

  async #at<Result>(path: VirtualPath, run: (inner: VirtualPath) => Promise<Result>): Promise<Result> {
    const inner = this.#inward(path);
    return this.#outward(() => run(inner));
  }

  /** Runs what the store does, and lets its errors name paths as clients know them. */
  async #outward<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      throw this.#error(error);
    }
  }

  #reading(handle: ReadHandle): ReadHandle {
    return {
      info: this.#info(handle.info),
      body: this.#body(handle),
      close: () => handle.close(),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  }

  async *#body(handle: ReadHandle): AsyncGenerator<Uint8Array> {
    try {
      yield* handle.body;
    } catch (error) {
      throw this.#error(error);
    }
  }

  #writing(handle: WriteHandle): WriteHandle {
    return {
      offset: handle.offset,
      write: (chunks) => this.#outward(() => handle.write(chunks)),
      commit: () => this.#outward(async () => this.#info(await handle.commit())),
      abort: (reason) => handle.abort(reason),
      [Symbol.asyncDispose]: () => handle.abort(),
    };
  }
}

/** The root of a subtree is no name in it, and cannot be made, replaced or taken away from inside. */
function refuseRoot(path: VirtualPath, code: FileSystemErrorCode): void {
  if (path === ROOT) throw new FileSystemError(code, path);
}
