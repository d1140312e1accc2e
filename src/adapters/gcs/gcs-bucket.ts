/**
 * A bucket of Google Cloud Storage, as the adapter asks it: names that can be asked for, one time limit for each
 * question, errors as a file system's. What is said of objects goes through the SDK.
 */
import { randomBytes } from "node:crypto";
import type { Bucket, File, FileMetadata, Storage } from "@google-cloud/storage";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectAttributes, ObjectInfo, PutRequest } from "../objects/object-store.js";
import { objectRequest, SENT_IN_TIME } from "../objects/request.js";
import { gcsError, statusOf } from "./gcs-errors.js";

/** Which bucket, and how it is used. */
export interface GcsBucketOptions {
  readonly bucket: Bucket;
  /** Before all keys; empty, or ends with `/`. */
  readonly prefix: string;
  /** Milliseconds; 0 is no limit. */
  readonly requestTimeout: number;
  /** Of new objects. Default: the bucket's. */
  readonly storageClass: string | undefined;
}

/** What is asked of the JSON API by name, in the SDK's words. */
export interface GcsQuestion {
  /** Behind the object. */
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly json: object;
}

/** What an object can be given besides its bytes. */
export type GcsAttributes = Pick<FileMetadata, (typeof ATTRIBUTES)[number]>;

const ATTRIBUTES = [
  "contentType",
  "contentEncoding",
  "contentDisposition",
  "contentLanguage",
  "cacheControl",
  "metadata",
  "storageClass",
] as const;
/** What is looked at of a new object. */
const TOLD = "name,size,updated,generation,metadata";
/** Bytes that wait to be joined to an object. */
const TEMPORARY = /^\.portside-[0-9a-f]{24}\.part$/;
/** The SDK puts a project's identifier in the place of this, in names too. */
const PLACEHOLDER = "{{projectId}}";

/** A bucket and its questions. */
export class GcsBucket {
  readonly bucket: Bucket;
  readonly storage: Storage;
  readonly #options: GcsBucketOptions;

  constructor(options: GcsBucketOptions) {
    this.bucket = options.bucket;
    this.storage = options.bucket.storage;
    this.#options = options;
  }

  /** What the keys of temporary objects begin with. */
  get temporaryPrefix(): string {
    return `${this.#options.prefix}.portside-`;
  }

  /** A new key for bytes that wait to be joined to an object. */
  temporaryKey(): string {
    return `${this.temporaryPrefix}${randomBytes(12).toString("hex")}.part`;
  }

  /** Whether a key is that of a temporary object: it is not there for anybody else. */
  hides(key: string): boolean {
    const { prefix } = this.#options;
    return key.startsWith(prefix) && TEMPORARY.test(key.slice(prefix.length));
  }

  /** Whether the SDK would take a key for another one. */
  misreads(key: string): boolean {
    return key.includes(PLACEHOLDER);
  }

  /**
   * Runs what may be several requests within one time limit.
   * @param bytes that they send: many get more time
   * @throws FileSystemError, or the signal's reason
   */
  run<Result>(
    key: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
    bytes = 0,
  ): Promise<Result> {
    const bounds = { timeout: this.#options.requestTimeout, extra: bytes / SENT_IN_TIME, signal };
    // The SDK's methods know no signals: they are left to themselves.
    return objectRequest({ key, ...bounds, errorOf: gcsError }, work);
  }

  /** An object, as the SDK has it. @throws FileSystemError `EINVAL` for a name that the SDK would change */
  file(key: string): File {
    if (this.misreads(key))
      throw new FileSystemError("EINVAL", key, { message: `${PLACEHOLDER} stands for something else` });
    return this.bucket.file(key);
  }

  /** All that is said of an object; nothing where there is none. */
  async find(key: string, signal: AbortSignal | undefined): Promise<FileMetadata | undefined> {
    try {
      return await this.run(key, signal, async () => (await this.file(key).getMetadata())[0]);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** Removes an object; one that is not there is no error. */
  async remove(key: string, signal?: AbortSignal): Promise<void> {
    await this.run(key, signal, () => this.file(key).delete({ ignoreNotFound: true }));
  }

  /** Asks what the SDK's own methods ask too little for: they forget conditions and attributes. */
  ask<Answer>(key: string, { path, query, json }: GcsQuestion, signal?: AbortSignal): Promise<Answer> {
    const asked = {
      method: "POST",
      uri: `/o/${encodeURIComponent(this.file(key).name)}${path}`,
      qs: { ...query },
      json,
    } as const;
    return this.run(key, signal, async () => {
      // Asked again after its answer was lost, a condition would not hold any more.
      const [answer] = (await this.bucket.request({ ...asked, maxRetries: 0 })) as unknown as readonly [unknown];
      return answer as Answer;
    });
  }

  /** Where the bytes of an object are. */
  mediaUrl(key: string, version: string | undefined): string {
    const query = this.#query({ alt: "media", ...(version !== undefined && { generation: version }) });
    const { baseUrl } = this.storage;
    return `${baseUrl}/b/${this.bucket.name}/o/${encodeURIComponent(this.file(key).name)}?${query}`;
  }

  /** Where an upload begins. */
  uploadUrl(key: string, uploadType: "media" | "multipart" | "resumable", put: PutRequest): string {
    const name = this.file(key).name;
    const expected = put.exclusive ? "0" : put.version;
    const query = this.#query({
      uploadType,
      name,
      fields: TOLD,
      ...(expected !== undefined && { ifGenerationMatch: expected }),
    });
    return `${this.storage.apiEndpoint}/upload/storage/v1/b/${this.bucket.name}/o?${query}`;
  }

  /** What a new object is given besides its bytes. */
  attributes({ contentType, metadata }: ObjectAttributes = {}): GcsAttributes {
    const { storageClass } = this.#options;
    return {
      ...(storageClass !== undefined && { storageClass }),
      ...(contentType !== undefined && { contentType }),
      ...(metadata !== undefined && { metadata: { ...metadata } }),
    };
  }

  #query(fields: Readonly<Record<string, string>>): string {
    const { userProject } = this.bucket;
    return String(new URLSearchParams({ ...fields, ...(userProject !== undefined && { userProject }) }));
  }
}

/** What was given to an object besides its bytes, or is to be. */
export function attributesOf(object: Partial<GcsAttributes>): GcsAttributes {
  return Object.fromEntries(ATTRIBUTES.flatMap((key) => (object[key] === undefined ? [] : [[key, object[key]]])));
}

/**
 * What is said of an object, in the words of all stores. Its MD5 can be trusted: the store takes it of the bytes that it
 * keeps, and a client cannot say another one; of objects that were joined there is none. Its CRC32C is not CRC-32.
 */
export function infoOf(key: string, object: FileMetadata): ObjectInfo {
  const { size, updated, generation, metadata, contentType, md5Hash } = object;
  return {
    key,
    size: Number(size ?? 0),
    modified: updated === undefined ? undefined : new Date(updated),
    version: generation === undefined ? undefined : String(generation),
    ...(metadata !== undefined && { metadata: metadata as Readonly<Record<string, string>> }),
    ...(contentType !== undefined && { contentType }),
    ...(md5Hash !== undefined && { checksums: { md5: Buffer.from(md5Hash, "base64").toString("hex") } }),
  };
}
