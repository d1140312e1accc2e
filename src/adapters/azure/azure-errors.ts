/** What Azure says when it refuses, as the closed set of errors of file systems. */
import { FileSystemError, type FileSystemErrorCode } from "../../storage/file-system-error.js";

/** Codes of the Blob service. Where it has none, or another one: by status. */
const BY_NAME = new Map<string, FileSystemErrorCode>(
  Object.entries({
    // A container that is not there is a fault of whoever runs the server, not a wrong name of its user.
    ContainerNotFound: "EIO",
    ContainerBeingDeleted: "EIO",
    ContainerDisabled: "EIO",
    InvalidResourceName: "EINVAL",
    InvalidUri: "EINVAL",
    OutOfRangeInput: "EINVAL",
    BlobAlreadyExists: "EEXIST",
    DirectoryIsNotEmpty: "ENOTEMPTY",
    InvalidRange: "ERANGE",
    // Another writer committed meanwhile: with that, the blocks of all others are gone.
    InvalidBlockList: "EBUSY",
    // Blocks of another writer, with identifiers of another length, came meanwhile.
    InvalidBlobOrBlock: "EBUSY",
    ServerBusy: "EBUSY",
    OperationTimedOut: "EBUSY",
    // An append blob or a page blob: it has no blocks that could be put together anew.
    InvalidBlobType: "ENOSYS",
    BlobArchived: "EACCES",
    BlobImmutableDueToPolicy: "EACCES",
  }),
);

const BY_STATUS: { readonly [status: number]: FileSystemErrorCode } = {
  401: "EACCES",
  403: "EACCES",
  404: "ENOENT",
  409: "EBUSY",
  412: "EBUSY",
  413: "EDQUOT",
  416: "ERANGE",
  429: "EBUSY",
  501: "ENOSYS",
  503: "EBUSY",
  507: "ENOSPC",
};

/** What the SDK's errors are made of. */
interface SdkError {
  /** The service's word, or one for what happened on the way. */
  readonly code?: string;
  readonly message?: string;
  readonly statusCode?: number;
}

/** The error of an SDK call as a file system's. */
export function azureError(cause: unknown, key: string): FileSystemError {
  if (cause instanceof FileSystemError) return cause;
  const { code: name = "", message = String(cause), statusCode = 0 } = (cause ?? {}) as SdkError;
  const code = BY_NAME.get(name) ?? BY_STATUS[statusCode] ?? "EIO";
  return new FileSystemError(code, key, { cause, message: `${code}: ${key}: ${message.split("\n", 1)[0]}` });
}

/** What a request is told whose condition does not hold. */
const TAKEN: readonly unknown[] = ["BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"];

/**
 * The error of a request under a condition: `EEXIST` where it was to make what is there already, `EBUSY` where it was to
 * replace what is not there any more.
 */
export function unmet(
  error: unknown,
  key: string,
  condition: { readonly exclusive: boolean; readonly version?: string | undefined },
): unknown {
  const { code } = ((error as Error | undefined)?.cause ?? {}) as SdkError;
  if (condition.exclusive && TAKEN.includes(code)) return new FileSystemError("EEXIST", key, { cause: error });
  const gone = error instanceof FileSystemError && error.code === "ENOENT" && condition.version !== undefined;
  return gone ? new FileSystemError("EBUSY", key, { cause: error }) : error;
}
