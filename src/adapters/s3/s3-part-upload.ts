/** A multipart upload of S3. */
import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { FileSystemError } from "../../storage/file-system-error.js";
import { untilAborted } from "../../storage/until-aborted.js";
import { eachAtOnce } from "../objects/at-once.js";
import type { ObjectInfo, PartUpload } from "../objects/object-store.js";
import { SENT_IN_TIME } from "../objects/request.js";
import type { S3Attributes } from "./s3-attributes.js";
import { COPIED_IN_TIME, type S3Bucket } from "./s3-bucket.js";
import { type Conditions, fromVersion, underConditions, type Wanted } from "./s3-conditions.js";
import { isRefusal } from "./s3-errors.js";

/** All parts but the last have at least this many bytes, and at most those. */
const MIN_PART = 5 * 1024 ** 2;
const MAX_PART = 5 * 1024 ** 3;
/** Of the 10,000 parts of an upload, what is copied takes so many at the most. */
const MAX_SLICES = 1000;
/** Copies on their way at once. */
const COPIES_AT_ONCE = 4;
/** How often an aborted upload is looked at again until its parts are gone, and how often a failure is met meanwhile. */
const ABORT_TRIES = 5;
const ABORT_FAILURES = 2;
/** Parts that a server puts together in the time of a usual request. */
const COMPLETED_IN_TIME = 1000;

/** Bytes of an object, from one to before the other. */
type Slice = readonly [from: number, to: number];

/** What a server says of a part. */
interface Part {
  readonly ETag: string | undefined;
  readonly size: number;
}

/** An upload that the server knows by an identifier. */
export class S3PartUpload implements PartUpload {
  readonly #store: S3Bucket;
  readonly #wanted: Wanted;
  readonly #id: string;
  /** By number, from 0. */
  readonly #parts: Part[] = [];
  /** Parts that were taken over from an old object. */
  #kept = 0;

  constructor(store: S3Bucket, wanted: Wanted, id: string) {
    this.#store = store;
    this.#wanted = wanted;
    this.#id = id;
  }

  async keep(end: number, version: string | undefined, signal?: AbortSignal): Promise<number> {
    const { uniformPart, copyPart } = this.#store.options;
    const kept = uniformPart === undefined ? end : end - (end % uniformPart);
    if (kept < MIN_PART) return 0;
    const slices = slicesOf(kept, uniformPart ?? Math.max(copyPart, Math.ceil(kept / MAX_SLICES)), MIN_PART);
    await this.copy(this.#wanted.key, version, slices, signal);
    this.#kept = slices.length;
    return kept;
  }

  /** Copies slices of an object as the first parts. */
  async copy(
    source: string,
    version: string | undefined,
    slices: readonly Slice[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await eachAtOnce(slices.entries(), COPIES_AT_ONCE, async ([index, slice]) => {
      this.#parts[index] = await this.#copySlice(source, version, slice, index, signal);
    });
  }

  async part(number: number, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const index = this.#kept + number;
    const command = new UploadPartCommand({
      ...this.#upload,
      PartNumber: index + 1,
      Body: body,
      ContentLength: body.length,
    });
    const { key } = this.#wanted;
    const extra = body.length / SENT_IN_TIME;
    const { ETag } = await this.#store.run(key, signal, (client, options) => client.send(command, options), extra);
    this.#parts[index] = { ETag, size: body.length };
  }

  async complete(): Promise<ObjectInfo> {
    const { key } = this.#wanted;
    const head = () => this.#store.head(key, undefined);
    try {
      const version = await underConditions(this.#wanted, head, (conditions) => this.#complete(conditions));
      return { key, size: this.#parts.reduce((sum, { size }) => sum + size, 0), modified: new Date(), version };
    } catch (error) {
      // It may be done although the answer was lost: the next try then finds no upload.
      const object = await head().catch(() => undefined);
      if (object !== undefined && object.version === this.#expected) return object;
      throw error;
    }
  }

  abort(): Promise<void> {
    return abortUpload(this.#store, this.#wanted.key, this.#id, undefined);
  }

  get #upload(): { readonly Bucket: string; readonly Key: string; readonly UploadId: string } {
    return { ...this.#store.at(this.#wanted.key), UploadId: this.#id };
  }

  /** The tag that S3 gives to an object of these parts. */
  get #expected(): string {
    const hash = createHash("md5");
    for (const { ETag } of this.#parts) hash.update((ETag ?? "").replaceAll('"', ""), "hex");
    return `"${hash.digest("hex")}-${this.#parts.length}"`;
  }

  async #complete(conditions: Conditions): Promise<string | undefined> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#upload,
      ...conditions,
      MultipartUpload: { Parts: this.#parts.map(({ ETag }, index) => ({ ETag, PartNumber: index + 1 })) },
    });
    const { ETag } = await this.#store.run(
      this.#wanted.key,
      undefined,
      (client, options) => client.send(command, options),
      this.#parts.length / COMPLETED_IN_TIME,
    );
    return ETag;
  }

  async #copySlice(
    source: string,
    version: string | undefined,
    [from, to]: Slice,
    index: number,
    signal: AbortSignal | undefined,
  ): Promise<Part> {
    const head = () => this.#store.head(source, signal);
    const copied = await fromVersion(source, version, head, (CopySourceIfMatch) => {
      const command = new UploadPartCopyCommand({
        ...this.#upload,
        PartNumber: index + 1,
        CopySource: this.#store.source(source),
        CopySourceRange: `bytes=${from}-${to - 1}`,
        CopySourceIfMatch,
      });
      const extra = (to - from) / COPIED_IN_TIME;
      return this.#store.run(source, signal, (client, options) => client.send(command, options), extra);
    });
    return { ETag: copied.CopyPartResult?.ETag, size: to - from };
  }
}

/**
 * The slices of so many bytes.
 * @param least bytes of the last one: the one before is larger, so that it is never less. 0 where it may have any size
 */
function slicesOf(end: number, size: number, least: number): readonly Slice[] {
  const slices: Slice[] = [];
  const step = Math.min(size, MAX_PART - least);
  for (let from = 0; from < end; ) {
    const to = end - from < step + least ? end : from + step;
    slices.push([from, to]);
    from = to;
  }
  return slices;
}

/** Begins an upload in parts with attributes in the SDK's words. */
export async function beginUpload(
  store: S3Bucket,
  wanted: Wanted,
  attributes: S3Attributes,
  signal: AbortSignal | undefined,
): Promise<S3PartUpload> {
  const { key } = wanted;
  const command = new CreateMultipartUploadCommand({ ...store.at(key), ...store.options.storage, ...attributes });
  const { UploadId } = await store.run(key, signal, (client, options) => client.send(command, options));
  if (UploadId === undefined) throw new FileSystemError("EIO", key, { message: "no upload identifier" });
  return new S3PartUpload(store, wanted, UploadId);
}

/** Copies an object that is too large for one request. Attributes have to be sent again: a copy in parts drops them. */
export async function copyInParts(
  store: S3Bucket,
  from: ObjectInfo,
  to: Wanted,
  attributes: S3Attributes,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const look = async (): Promise<void> => {
    if (to.exclusive && (await store.head(to.key, signal)) !== undefined) throw new FileSystemError("EEXIST", to.key);
  };
  await look();
  // Without a signal: what was begun must be known, or nobody can end it.
  const begun = beginUpload(store, to, attributes, undefined);
  let completed: Promise<ObjectInfo> | undefined;
  try {
    const upload = await untilAborted(begun, signal);
    const size = Math.max(store.options.copyPart, Math.ceil(from.size / MAX_SLICES));
    await upload.copy(from.key, from.version, slicesOf(from.size, size, 0), signal);
    await look();
    completed = upload.complete();
    return await untilAborted(completed, signal);
  } catch (error) {
    const cleaned = begun.then(async (upload) => {
      await completed?.catch(() => undefined);
      await upload.abort();
    });
    // Whoever gives up does not wait for the cleaning.
    await untilAborted(cleaned, signal).catch(() => undefined);
    throw error;
  }
}

/**
 * Forgets an upload, and looks until its parts are gone: one that was on its way may still have arrived.
 * @throws FileSystemError where the server does not do it
 */
export async function abortUpload(
  store: S3Bucket,
  key: string,
  id: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const upload = { ...store.at(key), UploadId: id };
  let failures = 0;
  for (let tries = 0; tries < ABORT_TRIES; tries++) {
    try {
      await store.run(key, signal, (client, options) => client.send(new AbortMultipartUploadCommand(upload), options));
      const { Parts } = await store.run(key, signal, (client, options) =>
        client.send(new ListPartsCommand(upload), options),
      );
      if ((Parts ?? []).length === 0) return;
    } catch (error) {
      if (isRefusal(error, "NoSuchUpload", 404)) return;
      signal?.throwIfAborted();
      if (++failures === ABORT_FAILURES) throw error;
    }
  }
  throw new FileSystemError("EBUSY", key, { message: "parts keep arriving" });
}
