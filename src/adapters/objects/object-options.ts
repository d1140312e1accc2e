/** What every store of objects can be told. */

/** Options that all object stores share. */
export interface ObjectFileSystemOptions {
  /** The part of the store that is served: names joined by `/`; nothing leads out of it. Default: all of it. */
  readonly prefix?: string | undefined;
  /**
   * Bytes of a part of an upload, 5 MiB to 1 GiB. Each upload holds one in memory, or as much as it has got of its first;
   * of files of more than an eleventh of the parts that the store takes (S3: 7 GiB) about a thousandth of the file.
   * Default 8 MiB.
   */
  readonly partSize?: number | undefined;
  /** Parts of one upload on their way at once, 1 to 64, where the store takes so many and `partBudget` allows. Default 2. */
  readonly concurrency?: number | undefined;
  /** Bytes of parts that all uploads of this file system may hold together besides one part each, 0 to 2^53-1. Default 64 MiB. */
  readonly partBudget?: number | undefined;
  /**
   * Whether all parts but the last must be of one size, as some stores demand. Default `false`: they grow with the file.
   * With `true` a file is bounded by `partSize` times the parts that the store takes; a client that tells the size before
   * (ALLO) can have it raised eightfold.
   */
  readonly uniformParts?: boolean | undefined;
  /**
   * Bytes of a file that may pass through this process when it is added to and the store cannot take them over by itself,
   * 0 to 2^53-1; refused with 502 beyond. Default 32 MiB.
   */
  readonly maxReread?: number | undefined;
  /**
   * Objects below a directory, markers of directories too, that may be renamed with it, 0 to 1,000,000: each is copied.
   * Larger ones are refused with 502. Default 0: only empty directories.
   */
  readonly maxRename?: number | undefined;
  /** Whether a directory stays when its last entry goes. Default `true`; costs a request or two for each removal. */
  readonly keepEmptyDirectories?: boolean | undefined;
  /** Whether times can be set (MFMT): kept as metadata `mtime`, which listings show only on Azure. Default `false`. */
  readonly keepTimes?: boolean | undefined;
  /** The type that new objects are given. Default: the store's. */
  readonly contentType?: string | undefined;
  /**
   * Until a request is answered, and until more of a download comes, 0 to 2^31-1 milliseconds; 0 is off. Requests that
   * move many bytes get as much more. Default 60,000.
   */
  readonly requestTimeout?: number | undefined;
}

/** Complete; sizes in bytes. */
export interface ObjectSettings {
  readonly partSize: number;
  readonly concurrency: number;
  readonly partBudget: number;
  readonly uniformParts: boolean;
  readonly maxReread: number;
  readonly maxRename: number;
  readonly keepEmptyDirectories: boolean;
  readonly keepTimes: boolean;
  readonly contentType: string | undefined;
  readonly requestTimeout: number;
}

const MEBIBYTE = 1024 * 1024;
const MAX = Number.MAX_SAFE_INTEGER;

/** The names of the options, for adapters that refuse others. */
export const OBJECT_OPTIONS: readonly (keyof ObjectFileSystemOptions)[] = [
  "prefix",
  "partSize",
  "concurrency",
  "partBudget",
  "uniformParts",
  "maxReread",
  "maxRename",
  "keepEmptyDirectories",
  "keepTimes",
  "contentType",
  "requestTimeout",
];

/** Refuses what are no options, and misspelt ones, which would be silently off. @throws TypeError */
export function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) throw new TypeError("the options must be an object");
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw new TypeError(`unknown option ${key}; known are ${known.join(", ")}`);
}

/** The name of a bucket, checked. @throws TypeError */
export function bucketName(bucket: unknown): string {
  if (typeof bucket !== "string" || bucket === "" || bucket.includes("/"))
    throw new TypeError(`bucket must be the name of a bucket, not ${String(bucket)}; for a part of it there is prefix`);
  return bucket;
}

/** The options, checked and complete. @throws TypeError, RangeError naming the option */
export function objectSettings(options: ObjectFileSystemOptions): ObjectSettings {
  const { contentType } = options;
  if (contentType !== undefined && typeof contentType !== "string")
    throw new TypeError(`contentType must be a string, not ${typeof contentType}`);
  return {
    partSize: whole("partSize", options.partSize, 8 * MEBIBYTE, 5 * MEBIBYTE, 1024 * MEBIBYTE),
    concurrency: whole("concurrency", options.concurrency, 2, 1, 64),
    partBudget: whole("partBudget", options.partBudget, 64 * MEBIBYTE, 0, MAX),
    uniformParts: flag("uniformParts", options.uniformParts, false),
    maxReread: whole("maxReread", options.maxReread, 32 * MEBIBYTE, 0, MAX),
    maxRename: whole("maxRename", options.maxRename, 0, 0, 1_000_000),
    keepEmptyDirectories: flag("keepEmptyDirectories", options.keepEmptyDirectories, true),
    keepTimes: flag("keepTimes", options.keepTimes, false),
    contentType,
    requestTimeout: whole("requestTimeout", options.requestTimeout, 60_000, 0, 2 ** 31 - 1),
  };
}

function whole(name: string, value: number | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
  return value;
}

function flag(name: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value !== undefined && typeof value !== "boolean")
    throw new TypeError(`${name} must be a boolean, not ${typeof value}`);
  return value ?? fallback;
}
