/** Errors of a store in the words of a file system: about a path, not about a key. */
import { FileSystemError } from "../../storage/file-system-error.js";

/**
 * What to throw in place of an error. An error about a path stays; the others are about `path` from now on and keep
 * their `cause`, which is the SDK's. Where the signal has fired, its reason.
 */
export function told(error: unknown, path: string, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof FileSystemError)) return new FileSystemError("EIO", path, { cause: error });
  // Paths begin with `/`; keys that somebody asked for never do.
  if (error.path.startsWith("/")) return error;
  return new FileSystemError(error.code, path, { cause: error.cause, message: error.message });
}
