/** Requests of S3 under conditions. Not every server has them, and some see them fail where they hold. */
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo } from "../objects/object-store.js";
import { isRefusal } from "./s3-errors.js";

/** What must stand at a key, as headers. */
export interface Conditions {
  readonly IfNoneMatch?: "*";
  readonly IfMatch?: string | undefined;
}

/** What must stand at a key. */
export interface Wanted {
  readonly key: string;
  /** Nothing. */
  readonly exclusive: boolean;
  /** That version. */
  readonly version?: string | undefined;
}

/**
 * Sends a request that writes to a key, if there stands what is wanted. Where the server refuses the condition itself,
 * or says that it fails, what stands there is looked at, and the request is sent without.
 * @throws FileSystemError `EEXIST` with `exclusive`, `EBUSY` with a version
 */
export async function underConditions<Result>(
  wanted: Wanted,
  head: () => Promise<ObjectInfo | undefined>,
  send: (conditions: Conditions) => Promise<Result>,
): Promise<Result> {
  const { key, exclusive, version } = wanted;
  if (!exclusive && version === undefined) return await send({});
  try {
    return await send(exclusive ? { IfNoneMatch: "*" } : { IfMatch: version });
  } catch (error) {
    const failed = isRefusal(error, "PreconditionFailed", 412) || isRefusal(error, "NoSuchKey", 404);
    if (!failed && !isRefusal(error, "NotImplemented", 501)) throw error;
    const object = await head();
    const holds = exclusive ? object === undefined : object?.version === version;
    if (!holds) throw new FileSystemError(exclusive ? "EEXIST" : "EBUSY", key, { cause: error.cause });
    return await send({});
  }
}

/** The same for the source of a copy. @throws FileSystemError `EBUSY` where another version stands there */
export async function fromVersion<Result>(
  key: string,
  version: string | undefined,
  head: () => Promise<ObjectInfo | undefined>,
  send: (version: string | undefined) => Promise<Result>,
): Promise<Result> {
  try {
    return await send(version);
  } catch (error) {
    if (version === undefined || !isRefusal(error, "PreconditionFailed", 412)) throw error;
    if ((await head())?.version !== version) throw new FileSystemError("EBUSY", key, { cause: error.cause });
    return await send(undefined).catch((again: unknown) => {
      // It was the condition on the target: the first error also tells how often the SDK had asked.
      throw isRefusal(again, "PreconditionFailed", 412) ? error : again;
    });
  }
}
