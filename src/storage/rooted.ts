/** A subtree of a file system as a file system of its own. */

import { componentsOf } from "./components-of.js";
import type { FileInfo } from "./file-info.js";
import type {
  Capability,
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
import { FileSystemError } from "./file-system-error.js";
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
    return this.#outward(async () => this.#info(await super.stat(this.#inward(path), options), path));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    try {
      for await (const info of super.list(this.#inward(path), options)) yield this.#info(info);
    } catch (error) {
      throw this.#error(error);
    }
  }

  override openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    return this.#outward(async () => this.#reading(await super.openRead(this.#inward(path), options)));
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return this.#outward(async () => this.#writing(await super.openWrite(this.#inward(path), options)));
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.remove(this.#inward(path), options));
  }

  override makeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.makeDirectory(this.#inward(path), options));
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    if (path === ROOT) return Promise.reject(new FileSystemError("EACCES", path));
    return this.#outward(() => super.removeDirectory(this.#inward(path), options));
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    if (from === ROOT) return Promise.reject(new FileSystemError("EACCES", from));
    return this.#outward(() => super.rename(this.#inward(from), this.#inward(to), options));
  }

  override setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.setTimes(this.#inward(path), times, options));
  }

  override setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.setMode(this.#inward(path), mode, options));
  }

  override availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    return this.#outward(() => super.availableSpace(this.#inward(path), options));
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
