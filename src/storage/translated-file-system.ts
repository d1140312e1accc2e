/** The ground for file systems whose clients know the store's entries by other paths. Knows neither path. */
import { borrowingAs } from "./borrowing.js";
import type { Checksum } from "./checksum.js";
import { type FileBody, handedOn } from "./file-body.js";
import type { FileInfo } from "./file-info.js";
import type {
  Capability,
  ChecksumOptions,
  CreationOptions,
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
import { ROOT, type VirtualPath } from "./names.js";

/** Hands every operation on with the store's path; what comes back, errors too, names those that clients know. */
export abstract class TranslatedFileSystem extends FileSystemWrapper {
  /** A client's path as the store knows it. @throws FileSystemError with the client's path */
  protected abstract inward(path: VirtualPath): VirtualPath;

  /** A path of the store as clients know it; `undefined` where they cannot. */
  protected abstract outward(path: string): string | undefined;

  /** What clients are told of an entry. Targets of links that they cannot know are left out. */
  protected shown(info: FileInfo): FileInfo {
    if (!info.target?.startsWith("/")) return info;
    const { target, ...rest } = info;
    const path = this.outward(target);
    return path === undefined ? rest : { ...rest, target: path };
  }

  override stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo> {
    return this.#at(path, async (inner) => this.shown(await super.stat(inner, options)));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    const inner = this.inward(path);
    try {
      for await (const info of super.list(inner, options)) yield this.shown(info);
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

  override openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    return this.#at(path, async (inner) => this.#writing(await super.openWrite(inner, options)));
  }

  override remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#at(path, (inner) => super.remove(inner, options));
  }

  override makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    return this.#at(path, (inner) => super.makeDirectory(inner, options));
  }

  override removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    return this.#at(path, (inner) => super.removeDirectory(inner, options));
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    const target = this.inward(to);
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
    return super.supports(capability, path === undefined ? path : this.inward(path));
  }

  #error(error: unknown): unknown {
    if (!(error instanceof FileSystemError)) return error;
    const path = this.outward(error.path) ?? ROOT;
    return path === error.path ? error : new FileSystemError(error.code, path, { cause: error });
  }

  async #at<Result>(path: VirtualPath, run: (inner: VirtualPath) => Promise<Result>): Promise<Result> {
    const inner = this.inward(path);
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
      info: this.shown(handle.info),
      body: this.#body(handle.body),
      close: () => handle.close(),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  }

  #body(body: FileBody): FileBody {
    return handedOn(body, this.#pieces(body), (fill, memory) => this.#outward(() => fill(memory)));
  }

  async *#pieces(body: FileBody): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#error(error);
    }
  }

  #writing(handle: WriteHandle): WriteHandle {
    return borrowingAs(handle, {
      offset: handle.offset,
      write: (chunks) => this.#outward(() => handle.write(chunks)),
      commit: () => this.#outward(async () => this.shown(await handle.commit())),
      abort: (reason) => handle.abort(reason),
      [Symbol.asyncDispose]: () => handle.abort(),
    });
  }
}
