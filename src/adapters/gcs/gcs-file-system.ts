/** A bucket of Google Cloud Storage as a file system. Needs the peer `@google-cloud/storage`. */
import { type Bucket, Storage, type StorageOptions } from "@google-cloud/storage";
import { Keys } from "../objects/keys.js";
import { ObjectFileSystem } from "../objects/object-file-system.js";
import {
  bucketName,
  checkNames,
  OBJECT_OPTIONS,
  type ObjectFileSystemOptions,
  objectSettings,
} from "../objects/object-options.js";
import { GcsStore } from "./gcs-store.js";

/** Which bucket, how to reach it, and how it is used. */
export interface GcsFileSystemOptions extends ObjectFileSystemOptions {
  /** The name of the bucket, which must be there, or the SDK's object for it. */
  readonly bucket: string | Bucket;
  /**
   * A client of the SDK, or what to make one of, in the SDK's words: `projectId`, `keyFilename`, `credentials`,
   * `apiEndpoint`, `retryOptions`, … Default: as the SDK finds them in the environment. Not with a `bucket` that is an
   * object already.
   */
  readonly storage?: Storage | StorageOptions | undefined;
  /** The class that new objects are stored in, e.g. `NEARLINE`. Default: the bucket's. */
  readonly storageClass?: string | undefined;
}

/** Every option, so that a misspelt one is not silently off. */
const OPTIONS: readonly string[] = [...OBJECT_OPTIONS, ..."bucket storage storageClass".split(" ")];

/**
 * Files in a bucket.
 * @example
 * new GcsFileSystem({ bucket: "incoming", prefix: "devices/42", storage: { projectId: "my-project" } })
 */
export class GcsFileSystem extends ObjectFileSystem {
  /** @throws TypeError, RangeError naming the option */
  constructor(options: GcsFileSystemOptions) {
    checkNames(options, OPTIONS);
    const { keepTimes, requestTimeout } = objectSettings(options);
    const { storageClass, prefix = "" } = options;
    if (storageClass !== undefined && typeof storageClass !== "string")
      throw new TypeError(`storageClass must be a string, not ${typeof storageClass}`);
    const store = new GcsStore({
      bucket: bucketOf(options, requestTimeout),
      prefix: new Keys(prefix, Number.POSITIVE_INFINITY).prefix,
      requestTimeout,
      storageClass,
      metadataOfReads: keepTimes,
    });
    super(store, options);
  }
}

/** The SDK comes in two builds, so its objects are known by what they can do. */
function bucketOf({ bucket, storage = {} }: GcsFileSystemOptions, requestTimeout: number): Bucket {
  if (typeof bucket === "object" && bucket !== null && typeof bucket.file === "function") {
    if (Object.keys(storage).length > 0) throw new TypeError("storage must be left out: the bucket has one");
    return bucket;
  }
  if (typeof storage !== "object" || storage === null) throw new TypeError("storage must be a Storage, or its options");
  return (isClient(storage) ? storage : clientOf(storage, requestTimeout)).bucket(bucketName(bucket));
}

function isClient(storage: Storage | StorageOptions): storage is Storage {
  return "bucket" in storage && typeof storage.bucket === "function";
}

/** A client whose requests do not go on for long when nobody waits for them any more. */
function clientOf(options: StorageOptions, requestTimeout: number): Storage {
  if (requestTimeout === 0) return new Storage(options);
  const retryOptions = { totalTimeout: Math.ceil(requestTimeout / 1000), ...options.retryOptions };
  return new Storage({ timeout: requestTimeout, ...options, retryOptions });
}
