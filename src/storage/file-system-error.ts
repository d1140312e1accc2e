/** The one kind of error that a `FileSystem` reports. */

/**
 * POSIX names for what a store can refuse:
 * `ENOENT` missing, `EEXIST` taken, `ENOTDIR`, `EISDIR`, `ENOTEMPTY`, `EACCES` not permitted,
 * `EROFS` store cannot be written, `EINVAL` name or argument that the store cannot take, `ENAMETOOLONG`,
 * `ELOOP` links in a circle, `ERANGE` offset beyond the end, `ENOSPC` store full, `EDQUOT` quota reached,
 * `EBUSY` in use or throttled, `ENOSYS` the store has no such operation, `EIO` anything else.
 */
export type FileSystemErrorCode =
  | "ENOENT"
  | "EEXIST"
  | "ENOTDIR"
  | "EISDIR"
  | "ENOTEMPTY"
  | "EACCES"
  | "EROFS"
  | "EINVAL"
  | "ENAMETOOLONG"
  | "ELOOP"
  | "ERANGE"
  | "ENOSPC"
  | "EDQUOT"
  | "EBUSY"
  | "ENOSYS"
  | "EIO";

/**
 * A refusal by a store. The client is answered by `code` alone; `message` and `cause` go to the
 * server's `error` event and never over the wire.
 */
export class FileSystemError extends Error {
  override readonly name = "FileSystemError";
  /** Decides the reply. */
  readonly code: FileSystemErrorCode;
  /** The virtual path that the operation was about. */
  readonly path: string;

  constructor(code: FileSystemErrorCode, path: string, options?: ErrorOptions & { message?: string }) {
    super(options?.message ?? `${code}: ${path}`, options);
    this.code = code;
    this.path = path;
  }
}
