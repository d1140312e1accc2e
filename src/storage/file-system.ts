/**
 * The storage contract: everything portside asks of a disk, a bucket or a database.
 * Knows nothing of FTP. Errors are `FileSystemError`s; whatever else is thrown counts as `EIO`.
 */
import type { VirtualPath } from "../wire/virtual-path.js";
import { type Checksum, type ChecksumAlgorithm, digestOf } from "./checksum.js";
import type { FileBody } from "./file-body.js";
import type { FileInfo } from "./file-info.js";
import { FileSystemError } from "./file-system-error.js";
import { GivenBytes } from "./given-bytes.js";

/** Given to what makes files and directories. */
export interface CreationOptions extends OperationOptions {
  /** Permission bits that a new entry lacks, `0o000` to `0o777`. Default: left to the store. Stores without modes ignore it. */
  readonly umask?: number | undefined;
}

/** Given to every operation. The server leaves the signal out where it makes changes: one that has begun goes to its end. */
export interface OperationOptions {
  /**
   * Fires when nobody waits for the result any more. The operation must end within 2 s, and what ends early
   * rejects with the signal's reason. A handle keeps the signal that it was opened with: reads and writes
   * that begin after it fired reject too; `commit()`, `abort()` and `close()` do not heed it, so that what
   * arrived can still be kept, or cleaned up.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Given to `stat`. */
export interface StatOptions extends OperationOptions {
  /** What the caller hopes to find; saves requests on stores where files and directories are looked up apart. */
  readonly expect?: "file" | "directory" | undefined;
}

/** Given to `openRead`: which bytes. */
export interface ReadOptions extends OperationOptions {
  /** First byte wanted. Default 0. */
  readonly start?: number | undefined;
  /** The byte after the last one wanted. Default: the end of the file. */
  readonly end?: number | undefined;
}

/** Given to `checksum`: of which bytes, and which one. */
export interface ChecksumOptions extends ReadOptions {
  readonly algorithm: ChecksumAlgorithm;
}

/**
 * How an upload meets what already stands at its path. `replace` makes or replaces the file; `exclusive`
 * fails with `EEXIST` where the name is taken; `append` adds to the end and makes a missing file;
 * `at` keeps the bytes `[0, start)` and the file ends at the last byte sent.
 * A store that cannot do one of them refuses it with `ENOSYS`, which is answered with 502.
 */
export type WriteMode =
  | { readonly mode: "replace" | "exclusive" | "append" }
  | { readonly mode: "at"; readonly start: number };

/** Given to `openWrite`. */
export type WriteOptions = WriteMode &
  CreationOptions & {
    /** How many bytes will come, where the client said so (ALLO). A hint: more or fewer may come. */
    readonly sizeHint?: number | undefined;
  };

/** Given to `rename`. */
export interface RenameOptions extends OperationOptions {
  /** Whether an existing file at the new path is replaced. Default `false`: `EEXIST`. */
  readonly overwrite?: boolean | undefined;
}

/** The times that `setTimes` changes; what is absent stays. */
export interface FileTimes {
  /** Of the last change of the content. */
  readonly modified?: Date | undefined;
  /** Of the making. */
  readonly created?: Date | undefined;
}

/** One open file of one version, to be read once: a reader never sees two versions mixed. */
export interface ReadHandle extends AsyncDisposable {
  /** The version that is being read; `size` is that of the whole file. */
  readonly info: FileInfo;
  /**
   * The bytes asked for, in pieces of 256 KiB or more where the store allows. Pulled: slow readers hold it
   * back. Ends before the last byte only by throwing.
   */
  readonly body: FileBody;
  /** Frees what the handle holds, also midway. Never throws; more calls do nothing. */
  close(): Promise<void>;
}

/**
 * One upload on its way. Nothing is visible at its path before `commit()`, with one exception that a store
 * may make and must document: `append`, and `at` the very end, may grow the file in place, and `abort()`
 * then cuts it back. Of two uploads to one path the later `commit()` wins whole, or it is refused with
 * `EBUSY`; their bytes never mix.
 */
export interface WriteHandle extends AsyncDisposable {
  /** Where the first byte goes: 0, the old size (append) or `start` (at). */
  readonly offset: number;
  /**
   * Whether `write` only borrows its chunks: when it settles, also by rejecting, nothing looks at them any more, and who wrote
   * them uses their memory again, for bytes of others. Default `false`.
   */
  readonly borrows?: boolean;
  /** Takes the chunks in order and resolves when more may come. The store owns them from then on, or `borrows` them. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /**
   * Makes the upload visible, whole and as durable as the store promises. Only then has it happened.
   * Where it rejects, the handle is over and has cleaned up as `abort()` does.
   */
  commit(): Promise<FileInfo>;
  /** Leaves what stood there before untouched and nothing else behind. Never throws; after `commit()` does nothing. */
  abort(reason?: unknown): Promise<void>;
}

/**
 * What `supports` can be asked about: the operations by name, `append` for `openWrite` with that mode, and
 * `setCreated` for `setTimes` with a time of creation. Every store has `list` and `openRead`; a wrapper may
 * take them away.
 */
export type Capability =
  | "list"
  | "openRead"
  | "openWrite"
  | "append"
  | "remove"
  | "makeDirectory"
  | "removeDirectory"
  | "rename"
  | "setTimes"
  | "setCreated"
  | "setMode"
  | "availableSpace";

/**
 * A tree of files. Extend it and override what the store can do: `stat`, `list` and `openRead` make a
 * read-only store; a method that is not overridden refuses. One instance may serve many sessions.
 *
 * Paths are absolute, normalised and `/`-separated: they come from `virtualPath` and never hold `..`,
 * empty components, NUL, CR or LF. Bytes of a name that are not UTF-8 appear as lone surrogates
 * U+DC80 to U+DCFF (see `encodeText`); a store that cannot keep them refuses with `EINVAL`. Names that FTP
 * cannot carry (with `/`, NUL, CR or LF) are never listed.
 *
 * Errors must be `FileSystemError`s: one of Node with `code: "ENOENT"` is a fault (`EIO`) until it is turned into one.
 */
export abstract class FileSystem {
  /** The entry at `path`, links followed. @throws FileSystemError `ENOENT` … */
  abstract stat(path: VirtualPath, options?: StatOptions): Promise<FileInfo>;

  /** The entries of a directory, in any order, without `.` and `..`, in constant memory. `ENOENT` or `ENOTDIR` come before the first entry. */
  abstract list(path: VirtualPath, options?: OperationOptions): AsyncIterable<FileInfo>;

  /** Opens one version of a file. `ERANGE` when `start` is beyond its end, `EISDIR` for a directory. */
  abstract openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle>;

  /**
   * The checksum of a file's bytes, of one version. Default: they are read through `openRead`. Override it where the
   * store knows checksums without reading; where the bytes differ from those that clients get, do not.
   * @throws FileSystemError as `openRead`
   */
  async checksum(path: VirtualPath, { algorithm, ...which }: ChecksumOptions): Promise<Checksum> {
    const { start = 0 } = which;
    await using file = await this.openRead(path, which);
    const given = new GivenBytes(path, file, which);
    const { digest, bytes } = await digestOf(given.body, algorithm);
    given.assertAll();
    return { digest, start, end: start + bytes };
  }

  /** Begins an upload. What stands at `path` stays as it is until `commit()`. */
  openWrite(path: VirtualPath, _options: WriteOptions): Promise<WriteHandle> {
    return refuse("EROFS", path);
  }

  /** Removes a file or a link, never a directory (`EISDIR`). */
  remove(path: VirtualPath, _options?: OperationOptions): Promise<void> {
    return refuse("EROFS", path);
  }

  /** Makes one directory in an existing one; `EEXIST` where the name is taken. */
  makeDirectory(path: VirtualPath, _options?: CreationOptions): Promise<void> {
    return refuse("EROFS", path);
  }

  /** Removes an empty directory; `ENOTEMPTY` otherwise. */
  removeDirectory(path: VirtualPath, _options?: OperationOptions): Promise<void> {
    return refuse("EROFS", path);
  }

  /**
   * Moves a file, a link or a directory with all that it holds. `EEXIST` where `to` is taken (with `overwrite`
   * only a file gives way, and only to a file), `EINVAL` for a directory into itself. To its own name: nothing happens.
   */
  rename(from: VirtualPath, _to: VirtualPath, _options?: RenameOptions): Promise<void> {
    return refuse("EROFS", from);
  }

  /** Sets times; a store that keeps only some refuses the others with `ENOSYS` and changes nothing. */
  setTimes(path: VirtualPath, _times: FileTimes, _options?: OperationOptions): Promise<void> {
    return refuse("ENOSYS", path);
  }

  /** Sets the POSIX permission bits, `0o000` to `0o777`. */
  setMode(path: VirtualPath, _mode: number, _options?: OperationOptions): Promise<void> {
    return refuse("ENOSYS", path);
  }

  /** Bytes that can still be stored at `path`. */
  availableSpace(path: VirtualPath, _options?: OperationOptions): Promise<number> {
    return refuse("ENOSYS", path);
  }

  /**
   * Whether an operation can succeed at all: at `path`, or anywhere when it is left out. FEAT and the
   * rights in listings follow it. Default: a capability is an overridden method, `append` is that of
   * `openWrite`; a store that sets `created` says so itself.
   */
  supports(capability: Capability, _path?: VirtualPath): boolean {
    if (capability === "setCreated") return false;
    const method = capability === "append" ? "openWrite" : capability;
    return this[method] !== FileSystem.prototype[method];
  }
}

function refuse(code: "EROFS" | "ENOSYS", path: VirtualPath): Promise<never> {
  return Promise.reject(new FileSystemError(code, path));
}
