/** S3 as a store of objects, on the official SDK: one command for each operation. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { FileSystemError } from "../../storage/file-system-error.js";
import type {
  ListRequest,
  ObjectBody,
  ObjectInfo,
  ObjectPage,
  ObjectStore,
  PartUpload,
  PutRequest,
} from "../objects/object-store.js";
import { chunksOf, orMissing, SENT_IN_TIME } from "../objects/request.js";
import { attributesFrom, attributesOf } from "./s3-attributes.js";
import { COPIED_IN_TIME, infoOf, S3Bucket } from "./s3-bucket.js";
import { type Conditions, fromVersion, underConditions } from "./s3-conditions.js";
import { isRepeated, s3Error } from "./s3-errors.js";
import { abortUpload, beginUpload, copyInParts } from "./s3-part-upload.js";

/** Where the objects of a bucket are. */
export class S3Store extends S3Bucket implements ObjectStore {
  readonly limits = { keyBytes: 1024, parts: 10_000, partsAtOnce: 64, partUnit: 1 };

  async list({ prefix, grouped, from, limit }: ListRequest, signal: AbortSignal | undefined): Promise<ObjectPage> {
    const command = new ListObjectsV2Command({
      Bucket: this.options.bucket,
      Prefix: prefix,
      Delimiter: grouped ? "/" : undefined,
      ContinuationToken: from,
      MaxKeys: limit,
      // Keys may hold what XML cannot.
      EncodingType: "url",
    });
    const page = await this.run(prefix, signal, (client, options) => client.send(command, options));
    const next = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (page.IsTruncated && (next === undefined || next === from)) throw endless(prefix);
    return {
      objects: (page.Contents ?? []).map(({ Key = "", Size = 0, LastModified, ETag }) => ({
        key: decoded(Key),
        size: Size,
        modified: LastModified,
        version: ETag,
      })),
      prefixes: (page.CommonPrefixes ?? []).map(({ Prefix = "" }) => decoded(Prefix)),
      next,
    };
  }

  async read(
    key: string,
    { start = 0, end, version }: { readonly start?: number; readonly end?: number; readonly version?: string },
    signal: AbortSignal | undefined,
  ): Promise<ObjectBody | undefined> {
    // All of it is a range too: only then does the answer tell a size besides how much it brings.
    const Range = `bytes=${start}-${end === undefined ? "" : end - 1}`;
    const command = new GetObjectCommand({ ...this.at(key), Range, IfMatch: version });
    const found = await orMissing(
      this.run(key, signal, async (client, options) => {
        const answer = await client.send(command, options);
        // Nobody waits for it any more.
        if (options.abortSignal.aborted) (answer.Body as Readable).destroy();
        return answer;
      }),
    );
    if (found === undefined) return undefined;
    const body = found.Body as Readable;
    body.on("error", () => undefined);
    const close = (): void => void body.destroy();
    try {
      const info = { ...infoOf(key, found, wholeSize(found, start)), metadata: found.Metadata };
      return { info, body: chunksOf(body, key, s3Error), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  async put(key: string, body: Uint8Array, put: PutRequest, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    const head = () => this.head(key, signal);
    const send = (conditions: Conditions) => this.#put(key, body, { ...attributesOf(put), ...conditions }, signal);
    const written = underConditions({ ...put, key }, head, send);
    return await this.#once(written, head, () => `"${createHash("md5").update(body).digest("hex")}"`);
  }

  async beginParts(key: string, put: PutRequest, signal: AbortSignal | undefined): Promise<PartUpload> {
    return await beginUpload(this, { ...put, key }, attributesOf(put), signal);
  }

  async copy(
    from: ObjectInfo,
    to: string,
    { exclusive }: { readonly exclusive: boolean },
    signal?: AbortSignal,
  ): Promise<ObjectInfo> {
    if (from.size > this.options.maxCopy) {
      const attributes = attributesFrom(await this.headOf(from.key, signal));
      return await copyInParts(this, from, { key: to, exclusive }, attributes, signal);
    }
    // Not every server heeds the condition.
    if (exclusive && (await this.head(to, signal)) !== undefined) throw new FileSystemError("EEXIST", to);
    const head = () => this.head(to, signal);
    const send = (conditions: Conditions) => this.#copyWhole(from, to, conditions, signal);
    return await this.#once(underConditions({ key: to, exclusive }, head, send), head, () => from.version);
  }

  async remove(key: string, signal?: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand(this.at(key));
    // Not every server takes it as done where there is none.
    await orMissing(this.run(key, signal, (client, options) => client.send(command, options)));
  }

  async setMetadata(
    object: ObjectInfo,
    metadata: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { key } = object;
    const head = await this.headOf(key, signal);
    const attributes = { ...attributesFrom(head), Metadata: { ...metadata } };
    const storage = { StorageClass: head.StorageClass };
    if (object.size > this.options.maxCopy)
      return void (await copyInParts(this, object, { key, exclusive: false }, { ...storage, ...attributes }, signal));
    await this.#copyWhole(object, key, { ...storage, ...attributes, MetadataDirective: "REPLACE" }, signal);
  }

  async sweep(prefix: string, before: Date, signal?: AbortSignal): Promise<number> {
    let swept = 0;
    for (let marker: { KeyMarker?: string; UploadIdMarker?: string | undefined } = {}; ; ) {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
        Bucket: this.options.bucket,
        Prefix: prefix,
        EncodingType: "url",
        ...marker,
      });
      const page = await this.run(prefix, signal, (client, options) => client.send(command, options));
      const uploads = (page.Uploads ?? []).map(({ Key = "", ...upload }) => ({ ...upload, key: decoded(Key) }));
      for (const { key, UploadId, Initiated } of uploads) {
        if (key === "" || UploadId === undefined || Initiated === undefined || Initiated >= before) continue;
        await abortUpload(this, key, UploadId, signal);
        swept++;
      }
      if (!page.IsTruncated) return swept;
      // By the last one: servers differ in whether the marker that they tell is encoded.
      const last = uploads.at(-1);
      if (last === undefined || last.UploadId === marker.UploadIdMarker) throw endless(prefix);
      marker = { KeyMarker: last.key, UploadIdMarker: last.UploadId };
    }
  }

  /** What was written, also where an answer was lost and the SDK's next try met its own object. */
  async #once(
    written: Promise<ObjectInfo>,
    head: () => Promise<ObjectInfo | undefined>,
    expected: () => string | undefined,
  ): Promise<ObjectInfo> {
    try {
      return await written;
    } catch (error) {
      const object = isRepeated(error) ? await head() : undefined;
      if (object?.version === undefined || object.version !== expected()) throw error;
      return object;
    }
  }

  async #put(
    key: string,
    body: Uint8Array,
    attributes: Partial<PutObjectCommand["input"]>,
    signal: AbortSignal | undefined,
  ): Promise<ObjectInfo> {
    const command = new PutObjectCommand({
      ...this.options.storage,
      ...attributes,
      ...this.at(key),
      Body: body,
      ContentLength: body.length,
    });
    const extra = body.length / SENT_IN_TIME;
    const { ETag } = await this.run(key, signal, (client, options) => client.send(command, options), extra);
    return { key, size: body.length, modified: new Date(), version: ETag };
  }

  async #copyWhole(
    from: ObjectInfo,
    to: string,
    attributes: Partial<CopyObjectCommand["input"]>,
    signal: AbortSignal | undefined,
  ): Promise<ObjectInfo> {
    const head = () => this.head(from.key, signal);
    const copied = await fromVersion(from.key, from.version, head, (version) => {
      const command = new CopyObjectCommand({
        ...this.options.storage,
        ...attributes,
        ...this.at(to),
        CopySource: this.source(from.key),
        CopySourceIfMatch: version,
      });
      const extra = from.size / COPIED_IN_TIME;
      return this.run(from.key, signal, (client, options) => client.send(command, options), extra);
    });
    const { LastModified, ETag } = copied.CopyObjectResult ?? {};
    return { key: to, size: from.size, modified: LastModified, version: ETag };
  }
}

/** For a server that says that there is more, and not how to ask for it. */
function endless(prefix: string): FileSystemError {
  return new FileSystemError("EIO", prefix, { message: "the store does not tell how its list goes on" });
}

/** Bytes of an object of which a range was asked for; `undefined` where the answer brings another range, or does not tell. */
function wholeSize(
  { ContentRange, ContentLength }: { ContentRange?: string; ContentLength?: number },
  start: number,
): number | undefined {
  // Some servers send everything instead.
  if (ContentRange === undefined) return start === 0 ? ContentLength : undefined;
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange) ?? [];
  return Number(from) === start ? Number(total) : undefined;
}

/** A key as it stands in a listing, percent-encoded as forms are. A server that does not encode is taken at its word. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
