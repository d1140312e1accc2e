/** What the operating system reports, as the storage contract calls it. The one table. */
import { types } from "node:util";
import type { OperationOptions } from "../../storage/file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";

const CODES: Readonly<Record<string, FileSystemErrorCode>> = {
  ENOENT: "ENOENT",
  EEXIST: "EEXIST",
  ENOTDIR: "ENOTDIR",
  EISDIR: "EISDIR",
  ENOTEMPTY: "ENOTEMPTY",
  EACCES: "EACCES",
  EPERM: "EACCES",
  // Another disk mounted in the tree: nothing is ever moved by copying.
  EXDEV: "EACCES",
  // FIFOs, sockets and devices.
  ENXIO: "EACCES",
  ENODEV: "EACCES",
  EROFS: "EROFS",
  EINVAL: "EINVAL",
  // Bytes that the disk does not take as a name.
  EILSEQ: "EINVAL",
  ENAMETOOLONG: "ENAMETOOLONG",
  ELOOP: "ELOOP",
  ENOSPC: "ENOSPC",
  EFBIG: "ENOSPC",
  EMLINK: "ENOSPC",
  EDQUOT: "EDQUOT",
  EBUSY: "EBUSY",
  ETXTBSY: "EBUSY",
  EAGAIN: "EBUSY",
  EMFILE: "EBUSY",
  ENFILE: "EBUSY",
  ENOMEM: "EBUSY",
  ENOSYS: "ENOSYS",
  ENOTSUP: "ENOSYS",
  EOPNOTSUPP: "ENOSYS",
};

/** Anything thrown, as a `FileSystemError` about `path`. The original, which may hold host paths, is its `cause`. */
export function refusal(cause: unknown, path: VirtualPath): FileSystemError {
  if (cause instanceof FileSystemError) return cause;
  return new FileSystemError(CODES[systemCode(cause)] ?? "EIO", path, { cause });
}

/** The code of a system error (`ENOENT`); `""` for anything else. Where jest runs us, Node's errors are of another realm. */
export function systemCode(error: unknown): string {
  return types.isNativeError(error) && "code" in error && typeof error.code === "string" ? error.code : "";
}

/**
 * Runs an operation: not at all when its signal has fired, and with its errors translated, except the
 * signal's own reason.
 */
export async function operation<Result>(
  path: VirtualPath,
  options: OperationOptions | undefined,
  run: () => Result | Promise<Result>,
): Promise<Result> {
  options?.signal?.throwIfAborted();
  try {
    return await run();
  } catch (error) {
    if (options?.signal?.aborted && error === options.signal.reason) throw error;
    throw refusal(error, path);
  }
}
