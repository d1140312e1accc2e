/**
 * A tree of files in the memory of this process: for tests, for trying things out, for what need not last.
 * Case-sensitive; readers keep the version that they opened; uploads appear at once, whole.
 */
import type { FileInfo } from "../storage/file-info.js";
import {
  type Capability,
  type CreationOptions,
  FileSystem,
  type FileTimes,
  type OperationOptions,
  type ReadHandle,
  type ReadOptions,
  type RenameOptions,
  type WriteHandle,
  type WriteOptions,
} from "../storage/file-system.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { isWithin, parentOf, ROOT, type VirtualPath, virtualPath } from "../storage/names.js";
import { Budget } from "./memory/budget.js";
import { type Content, ContentBuilder, EMPTY } from "./memory/content.js";
import { readContent } from "./memory/reading.js";
import { infoOf, type MemoryFile, type Place, put, Tree } from "./memory/tree.js";
import { MemoryUpload } from "./memory/upload.js";

/** What a file system in memory holds and how much it may. */
export interface MemoryFileSystemOptions {
  /** Files to begin with: path to content, text as UTF-8. Their directories are made. Default: none. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** Bytes that all files and uploads may have together; more is refused with `ENOSPC`. Default: no bound. */
  readonly maxBytes?: number | undefined;
}

/**
 * Files in memory. Keeps permission bits and times, and enforces neither. `availableSpace` needs `maxBytes`.
 * @example
 * const fileSystem = new MemoryFileSystem({ files: { "/pub/hello.txt": "Hello!\n" }, maxBytes: 64 * 1024 * 1024 });
 */
export class MemoryFileSystem extends FileSystem {
  readonly #tree = new Tree();
  readonly #budget: Budget;

  /**
   * @throws RangeError where `maxBytes` is no count of bytes, or `files` do not fit into it
   * @throws FtpError `BAD_PATH` where a path of `files` holds NUL, CR or LF
   * @throws TypeError where `files` cannot stand together (`/a` and `/a/b`) or a content is neither text nor bytes
   */
  constructor(options: MemoryFileSystemOptions = {}) {
    super();
    const { files = {}, maxBytes = Infinity } = options;
    if (maxBytes !== Infinity && !(Number.isSafeInteger(maxBytes) && maxBytes >= 0))
      throw new RangeError("maxBytes must be a number of bytes, 0 or more");
    this.#budget = new Budget(maxBytes);
    for (const [path, content] of Object.entries(files)) this.#plant(virtualPath(path), content);
  }

  override async stat(path: VirtualPath, options?: OperationOptions): Promise<FileInfo> {
    options?.signal?.throwIfAborted();
    return infoOf(path, this.#tree.node(path));
  }

  override async *list(path: VirtualPath, options?: OperationOptions): AsyncGenerator<FileInfo> {
    options?.signal?.throwIfAborted();
    const node = this.#tree.node(path);
    if (node.type === "file") throw new FileSystemError("ENOTDIR", path);
    for (const [name, entry] of Array.from(node.entries)) {
      options?.signal?.throwIfAborted();
      if (node.entries.get(name) === entry) yield infoOf(name, entry);
    }
  }

  override async openRead(path: VirtualPath, options: ReadOptions = {}): Promise<ReadHandle> {
    options.signal?.throwIfAborted();
    const node = this.#tree.node(path);
    if (node.type === "directory") throw new FileSystemError("EISDIR", path);
    const { start = 0 } = options;
    if (!(start >= 0 && start <= node.content.size)) throw new FileSystemError("ERANGE", path);
    return readContent(infoOf(path, node), node.content, options);
  }

  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    options.signal?.throwIfAborted();
    const { mode, signal, umask } = options;
    const old = this.#fileAt(path, mode === "exclusive")?.content ?? EMPTY;
    const offset = mode === "at" ? options.start : mode === "append" ? old.size : 0;
    if (!(offset >= 0 && offset <= old.size)) throw new FileSystemError("ERANGE", path);
    const adds = mode === "append" || (mode === "at" && offset === old.size);
    const publish = (content: Content, taken: number): FileInfo => {
      const now = this.#fileAt(path, mode === "exclusive");
      // What was added to is no longer what stands there: somebody else was first.
      if (adds && (now?.content ?? EMPTY) !== old) throw new FileSystemError("EBUSY", path);
      return this.#publish(path, content, { taken, umask });
    };
    return new MemoryUpload({ path, budget: this.#budget, old, offset, publish, signal });
  }

  override async remove(path: VirtualPath, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const node = this.#tree.node(path);
    if (node.type === "directory") throw new FileSystemError("EISDIR", path);
    put(this.#tree.place(path), undefined);
    this.#budget.give(node.content.size);
  }

  override async makeDirectory(path: VirtualPath, options?: CreationOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const place = this.#tree.place(path);
    if (path === ROOT || place.node !== undefined) throw new FileSystemError("EEXIST", path);
    put(place, this.#tree.newDirectory(options?.umask));
  }

  override async removeDirectory(path: VirtualPath, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const node = this.#tree.node(path);
    if (path === ROOT) throw new FileSystemError("EACCES", path);
    if (node.type === "file") throw new FileSystemError("ENOTDIR", path);
    if (node.entries.size > 0) throw new FileSystemError("ENOTEMPTY", path);
    put(this.#tree.place(path), undefined);
  }

  override async rename(from: VirtualPath, to: VirtualPath, options?: RenameOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const node = this.#tree.node(from);
    if (from === ROOT) throw new FileSystemError("EACCES", from);
    if (from === to) return;
    if (node.type === "directory" && isWithin(to, from)) throw new FileSystemError("EINVAL", to);
    const target = this.#tree.place(to);
    const gives = options?.overwrite && node.type === "file" && target.node?.type === "file";
    if (to === ROOT || (target.node !== undefined && !gives)) throw new FileSystemError("EEXIST", to);
    this.#release(target);
    put(this.#tree.place(from), undefined);
    put(target, node);
  }

  override async setTimes(path: VirtualPath, times: FileTimes, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const node = this.#tree.node(path);
    if (times.modified !== undefined) node.modified = new Date(times.modified);
    if (times.created !== undefined) node.created = new Date(times.created);
  }

  override async setMode(path: VirtualPath, mode: number, options?: OperationOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) throw new FileSystemError("EINVAL", path);
    this.#tree.node(path).mode = mode;
  }

  /** What `maxBytes` leaves; `ENOSYS` without it. */
  override async availableSpace(path: VirtualPath, options?: OperationOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    this.#tree.node(path);
    if (!this.#budget.limited) throw new FileSystemError("ENOSYS", path);
    return this.#budget.free;
  }

  override supports(capability: Capability, path?: VirtualPath): boolean {
    if (capability === "availableSpace") return this.#budget.limited;
    return capability === "setCreated" || super.supports(capability, path);
  }

  /** The file at a path to be written, if any. @throws FileSystemError where no file can be there */
  #fileAt(path: VirtualPath, free: boolean): MemoryFile | undefined {
    const { node } = path === ROOT ? { node: this.#tree.node(path) } : this.#tree.place(path);
    if (node !== undefined && free) throw new FileSystemError("EEXIST", path);
    if (node?.type === "directory") throw new FileSystemError("EISDIR", path);
    return node;
  }

  #publish(
    path: VirtualPath,
    content: Content,
    how: { readonly taken: number; readonly umask?: number | undefined },
  ): FileInfo {
    const { taken, umask } = how;
    const place = this.#tree.place(path);
    const file = place.node;
    if (file?.type !== "file") {
      const made = this.#tree.newFile(content, umask);
      this.#budget.give(taken - content.size);
      put(place, made);
      return infoOf(path, made);
    }
    this.#budget.give(taken + file.content.size - content.size);
    file.content = content;
    file.version = this.#tree.newVersion();
    file.modified = new Date();
    return infoOf(path, file);
  }

  #release({ node }: Place): void {
    if (node?.type === "file") this.#budget.give(node.content.size);
  }

  #plant(path: VirtualPath, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`files: ${path} must be text or bytes`);
    if (!this.#budget.take(bytes.length)) throw new RangeError("files need more than maxBytes");
    const builder = new ContentBuilder();
    builder.add(bytes);
    this.#plantDirectory(parentOf(path));
    const place = this.#tree.place(path);
    if (path === ROOT || place.node !== undefined) throw new TypeError(`files: ${path} is already there`);
    put(place, this.#tree.newFile(builder.finish()));
  }

  #plantDirectory(path: VirtualPath): void {
    if (path === ROOT) return;
    this.#plantDirectory(parentOf(path));
    const place = this.#tree.place(path);
    if (place.node?.type === "file") throw new TypeError(`files: ${path} cannot be both file and directory`);
    if (place.node === undefined) put(place, this.#tree.newDirectory());
  }
}
