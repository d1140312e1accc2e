/** What Google Cloud Storage says when it refuses, as the closed set of errors of file systems. */
import { ApiError } from "@google-cloud/storage";
import { FileSystemError, type FileSystemErrorCode } from "../../storage/file-system-error.js";

/** Reasons of the JSON API that say more than the status they come with. */
const BY_REASON: ReadonlyMap<string | undefined, FileSystemErrorCode> = new Map([
  ["quotaExceeded", "EDQUOT"],
  ["storageQuotaExceeded", "EDQUOT"],
  ["dailyLimitExceeded", "EDQUOT"],
  ["rateLimitExceeded", "EBUSY"],
  ["userRateLimitExceeded", "EBUSY"],
]);

const BY_STATUS: { readonly [status: number]: FileSystemErrorCode } = {
  401: "EACCES",
  403: "EACCES",
  404: "ENOENT",
  408: "EBUSY",
  409: "EBUSY",
  410: "EBUSY",
  412: "EBUSY",
  416: "ERANGE",
  429: "EBUSY",
  503: "EBUSY",
  507: "ENOSPC",
};

/** The status of an answer and the codes of connections after which the same request may well succeed. */
const PASSING: readonly (number | string)[] = [408, 429, 500, 502, 503, 504, "ECONNRESET", "EPIPE", "EAI_AGAIN"];

/** What errors of the SDK, and of the libraries below it, carry. */
interface Refusal {
  readonly message?: string;
  readonly code?: number | string;
  readonly status?: number;
  readonly errors?: readonly { readonly reason?: string }[];
}

/** The error of a call as a file system's. */
export function gcsError(cause: unknown, key: string): FileSystemError {
  if (cause instanceof FileSystemError) return cause;
  const { message = String(cause), errors = [] } = (cause ?? {}) as Refusal;
  const reason = errors.map((error) => BY_REASON.get(error.reason)).find((found) => found !== undefined);
  const code = reason ?? BY_STATUS[Number(statusOf(cause))] ?? "EIO";
  return new FileSystemError(code, key, { cause, message: `${code}: ${key}: ${message}` });
}

/** The status of the answer, or the code of the connection's end. */
export function statusOf(error: unknown): number | string | undefined {
  const { status, code } = (causeOf(error) ?? {}) as Refusal;
  return status ?? code;
}

/** Whether it may be tried again soon. */
export function isPassing(error: unknown): boolean {
  return PASSING.includes(statusOf(error) ?? "");
}

/** Whether the store has said that it did not do it; after other failures nobody knows. */
export function isRefusal(error: unknown): boolean {
  const status = Number(statusOf(error));
  return status >= 400 && status < 500;
}

/** Runs what may find that its condition does not hold: where nothing may stand under a key, something does. */
export async function conditionally<Result>(
  exclusive: boolean,
  key: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw exclusive && statusOf(error) === 412 ? new FileSystemError("EEXIST", key, { cause: causeOf(error) }) : error;
  }
}

/** Runs what can miss nothing but the bucket: that is a fault of whoever runs the server, and no missing file. */
export async function inBucket<Result>(key: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const cause = causeOf(error);
    throw new FileSystemError("EIO", key, { cause, message: `the bucket is missing: ${(cause as Error).message}` });
  }
}

/** The SDK's error behind a file system's. */
export function causeOf(error: unknown): unknown {
  return error instanceof FileSystemError ? error.cause : error;
}

/** The refusal that an answer holds, as the SDK words its own. */
export function refusalOf(status: number, text: string): ApiError {
  let said: Refusal | undefined;
  try {
    said = (JSON.parse(text) as { readonly error?: Refusal }).error;
  } catch {
    // Not every answer comes from the API itself.
  }
  const error = new ApiError(said?.message ?? `${status} ${text.slice(0, 200)}`);
  return Object.assign(error, { code: status, errors: said?.errors ?? [] });
}
