/** What S3 says when it refuses, as the closed set of errors of file systems. */
import { FileSystemError, type FileSystemErrorCode } from "../../storage/file-system-error.js";

/** Codes of S3 and of its compatibles. Where they have none: by status. */
const BY_NAME = new Map<string, FileSystemErrorCode>(
  Object.entries({
    AccessDenied: "EACCES",
    ExpiredToken: "EACCES",
    InvalidAccessKeyId: "EACCES",
    SignatureDoesNotMatch: "EACCES",
    KeyTooLongError: "ENAMETOOLONG",
    XMinioInvalidObjectName: "EINVAL",
    QuotaExceeded: "EDQUOT",
    EntityTooLarge: "EDQUOT",
    XMinioAdminBucketQuotaExceeded: "EDQUOT",
    XMinioStorageFull: "ENOSPC",
    SlowDown: "EBUSY",
    ServiceUnavailable: "EBUSY",
    RequestLimitExceeded: "EBUSY",
    TooManyRequestsException: "EBUSY",
    ThrottlingException: "EBUSY",
    OperationAborted: "EBUSY",
    ConditionalRequestConflict: "EBUSY",
    NoSuchUpload: "EBUSY",
    PreconditionFailed: "EBUSY",
    InvalidRange: "ERANGE",
    NoSuchKey: "ENOENT",
    NotFound: "ENOENT",
    // A store that is not there is a fault, not a file that is missing.
    NoSuchBucket: "EIO",
    NotImplemented: "ENOSYS",
  }),
);

const BY_STATUS: Readonly<Record<number, FileSystemErrorCode>> = {
  401: "EACCES",
  403: "EACCES",
  404: "ENOENT",
  409: "EBUSY",
  412: "EBUSY",
  416: "ERANGE",
  429: "EBUSY",
  501: "ENOSYS",
  503: "EBUSY",
  507: "ENOSPC",
};

/** What the SDK's errors have; anything may be missing. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

/** The error of an SDK call as a file system's, about the key. */
export function s3Error(cause: unknown, key: string): FileSystemError {
  if (cause instanceof FileSystemError) return cause;
  const { name = "", message = String(cause), $metadata } = (cause ?? {}) as SdkError;
  const code = BY_NAME.get(name) ?? BY_STATUS[$metadata?.httpStatusCode ?? 0] ?? "EIO";
  return new FileSystemError(code, key, { cause, message: `${code}: ${key}: ${said(name, message)}` });
}

/** What went wrong, in the server's words: some say nothing but the code. */
function said(name: string, message: string): string {
  return message === "" || message === "UnknownError" ? name : message;
}

/** Whether S3 refused with that code, or, where it gave none, with that status. */
export function isRefusal(error: unknown, name: string, status: number): error is FileSystemError {
  if (!(error instanceof FileSystemError)) return false;
  const cause = (error.cause ?? {}) as SdkError;
  return cause.name === name || (!BY_NAME.has(cause.name ?? "") && cause.$metadata?.httpStatusCode === status);
}

/** Whether the SDK had asked before: what it found may be its own doing. */
export function isRepeated(error: unknown): boolean {
  const { $metadata } = (error instanceof FileSystemError ? (error.cause ?? {}) : {}) as SdkError;
  return ($metadata?.attempts ?? 1) > 1;
}
