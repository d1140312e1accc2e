/** A bucket of S3, or of a store that speaks its language, as a file system. Needs the peer `@aws-sdk/client-s3`. */
import { S3Client, type S3ClientConfig, type ServerSideEncryption, type StorageClass } from "@aws-sdk/client-s3";
import { ObjectFileSystem } from "../objects/object-file-system.js";
import {
  bucketName,
  checkNames,
  OBJECT_OPTIONS,
  type ObjectFileSystemOptions,
  objectSettings,
} from "../objects/object-options.js";
import type { S3StorageOptions } from "./s3-attributes.js";
import { S3Store } from "./s3-store.js";

/** Which bucket, how to reach it, and how it is used. */
export interface S3FileSystemOptions extends ObjectFileSystemOptions {
  /** The name of the bucket; it must be there. */
  readonly bucket: string;
  /**
   * A client of the SDK, or what to make one of, in the SDK's words: `region`, `endpoint`, `forcePathStyle`, `credentials`, …
   * Default: as the SDK finds them in the environment. With an `endpoint`, paths name the bucket (`forcePathStyle`) and
   * checksums that not every store knows are left out.
   */
  readonly client?: S3Client | S3ClientConfig | undefined;
  /** The class that new objects are stored in, e.g. `STANDARD_IA`. Default: the bucket's. */
  readonly storageClass?: StorageClass | undefined;
  /** How the server encrypts new objects: `AES256`, or `aws:kms` with `kmsKeyId`. Default: as the bucket says. */
  readonly serverSideEncryption?: ServerSideEncryption | undefined;
  /** The key of `aws:kms`. */
  readonly kmsKeyId?: string | undefined;
}

/** Every option, so that a misspelt one is not silently off. */
const OPTIONS: readonly string[] = [
  ...OBJECT_OPTIONS,
  ..."bucket client storageClass serverSideEncryption kmsKeyId".split(" "),
];

/**
 * Files in a bucket.
 *
 * Renames without overwriting are exclusive, and appends are refused when the file has changed meanwhile, as far as the
 * server heeds conditions; else both look first, and one who comes in that very moment loses. An upload whose
 * process dies, or whose server dies before it is forgotten, leaves parts that are paid for: call `sweep` now and then,
 * or give the bucket a rule that does so.
 * @example
 * new S3FileSystem({ bucket: "incoming", prefix: "devices/42", client: { region: "eu-central-1" } })
 */
export class S3FileSystem extends ObjectFileSystem {
  readonly #own: S3Client | undefined;

  /** @throws TypeError, RangeError naming the option */
  constructor(options: S3FileSystemOptions) {
    checkNames(options, OPTIONS);
    const { bucket, requestTimeout, uniformParts, partSize } = settingsOf(options);
    const client = isClient(options.client) ? options.client : clientOf(options.client);
    const uniformPart = uniformParts ? partSize : undefined;
    super(new S3Store({ client, bucket, requestTimeout, storage: storageOf(options), uniformPart }), options);
    this.#own = isClient(options.client) ? undefined : client;
  }

  /** Closes the connections of the client that was made here; one that was given stays as it is. */
  close(): void {
    this.#own?.destroy();
  }
}

function settingsOf(options: S3FileSystemOptions) {
  return { bucket: bucketName(options.bucket), ...objectSettings(options) };
}

function storageOf({ storageClass, serverSideEncryption, kmsKeyId }: S3FileSystemOptions): S3StorageOptions {
  if (kmsKeyId !== undefined && !serverSideEncryption?.startsWith("aws:kms"))
    throw new TypeError('kmsKeyId needs serverSideEncryption: "aws:kms"');
  return {
    ...(storageClass !== undefined && { StorageClass: storageClass }),
    ...(serverSideEncryption !== undefined && { ServerSideEncryption: serverSideEncryption }),
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  };
}

/** Not by its class: it may come from another copy of the SDK. */
function isClient(client: S3Client | S3ClientConfig | undefined): client is S3Client {
  if (client !== undefined && (typeof client !== "object" || client === null))
    throw new TypeError("client must be an S3Client, or what to make one of");
  return client !== undefined && "send" in client;
}

function clientOf(config: S3ClientConfig = {}): S3Client {
  // Sessions bound the connections: one that waits for another's download to end may wait for ever.
  const agent = { maxSockets: Number.POSITIVE_INFINITY };
  const requestHandler = { httpAgent: agent, httpsAgent: agent };
  if (config.endpoint === undefined) return new S3Client({ requestHandler, ...config });
  // Stores that only speak the language refuse, or even store, checksums behind the body.
  return new S3Client({
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler,
    ...config,
  });
}
