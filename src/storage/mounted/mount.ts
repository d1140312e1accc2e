/** One store at its place in a larger tree: takes the paths of that tree, and tells of itself in them. */
import type { Checksum } from "../checksum.js";
import type { FileInfo } from "../file-info.js";
import type {
  Capability,
  ChecksumOptions,
  CreationOptions,
  FileSystem,
  FileTimes,
  OperationOptions,
  ReadHandle,
  ReadOptions,
  RenameOptions,
  StatOptions,
  WriteHandle,
  WriteOptions,
} from "../file-system.js";
import { FileSystemError } from "../file-system-error.js";
import { FileSystemWrapper } from "../file-system-wrapper.js";
import { ROOT, type VirtualPath } from "../names.js";

/** A store below its mount point. Every path that it is given lies there. */
export class Mount extends FileSystemWrapper {
  readonly #point: VirtualPath;
  readonly #mark: string;

  /** @param mark goes before the `unique` facts of the store, which another store may use too; `""` where there is none */
  constructor(inner: FileSystem, point: VirtualPath, mark: string) {
    super(inner);
    this.#point = point;
    this.#mark = mark;
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.#outward(async () => this.#info(await super.stat(this.#inward(path), options)));
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

  override checksum(path: VirtualPath, options: ChecksumOptions): Promise<Checksum> {
    return this.#outward(() => this.inner.checksum(this.#inward(path), options));
  }

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return this.#outward(async () => this.#writing(await super.openWrite(this.#inward(path), options)));
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.remove(this.#inward(path), options));
  }

  override makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    return this.#outward(() => super.makeDirectory(this.#inward(path), options));
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#outward(() => super.removeDirectory(this.#inward(path), options));
  }

  override rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
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
    return super.supports(capability, path === undefined ? path : this.#inward(path));
  }

  /** The path as the store knows it. */
  #inward(path: VirtualPath): VirtualPath {
    return (this.#point === ROOT ? path : path.slice(this.#point.length) || ROOT) as VirtualPath;
  }

  /** A path of the store as clients know it. */
  #path(inner: string): string {
    if (this.#point === ROOT) return inner;
    return inner.startsWith("/") && inner !== ROOT ? `${this.#point}${inner}` : this.#point;
  }

  #info(info: FileInfo): FileInfo {
    const { unique, target } = info;
    return {
      ...info,
      ...(unique !== undefined && { unique: `${this.#mark}${unique}` }),
      ...(target?.startsWith("/") && { target: this.#path(target) }),
    };
  }

  #error(error: unknown): unknown {
    if (!(error instanceof FileSystemError) || this.#point === ROOT) return error;
    return new FileSystemError(error.code, this.#path(error.path), { cause: error });
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
