/** The Blob service of Azure as a store of objects, on the official SDK. */
import type { Readable } from "node:stream";
import type { BlobDownloadResponseParsed, BlockBlobClient } from "@azure/storage-blob";
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
import { chunksOf, orMissing } from "../objects/request.js";
import { type AzureContainer, conditionsOf } from "./azure-container.js";
import { copyBlob } from "./azure-copy.js";
import { azureError, unmet } from "./azure-errors.js";
import { listPage } from "./azure-listing.js";
import { md5Of, trustedMd5 } from "./azure-md5.js";
import { blobMetadata, blobName, isFolder, isMarker, type Metadata, objectMetadata, versionOf } from "./azure-names.js";
import { AzurePartUpload } from "./azure-part-upload.js";

/** Where the blobs of a container are. */
export class AzureStore implements ObjectStore {
  readonly limits = { keyBytes: 1024, parts: 50_000, partsAtOnce: 64, partUnit: 1 };
  readonly #container: AzureContainer;

  constructor(container: AzureContainer) {
    this.#container = container;
  }

  async head(key: string, signal: AbortSignal | undefined, checksums = false): Promise<ObjectInfo | undefined> {
    const found = await orMissing(
      this.#container.run(key, signal, async (options) => this.#container.blob(key).getProperties(options)),
    );
    // A blob is a file or a marker, never both.
    if (found === undefined || isFolder(found.metadata) !== isMarker(key)) return undefined;
    const md5 = checksums ? await trustedMd5(this.#container, key, found, signal) : undefined;
    return { ...infoOf(key, found), ...(md5 !== undefined && { checksums: { md5 } }) };
  }

  async list(list: ListRequest, signal: AbortSignal | undefined): Promise<ObjectPage> {
    const { prefix, grouped, from } = list;
    if (isMarker(prefix)) blobName(prefix);
    const page = this.#container.run(prefix, signal, ({ abortSignal }) =>
      listPage(this.#container.options.client, list, abortSignal),
    );
    // The directory's own marker is not below it.
    const own = grouped && from === undefined && isMarker(prefix) ? this.head(prefix, signal) : undefined;
    const [{ objects, prefixes, next }, marker] = await Promise.all([page, own]);
    return { objects: marker === undefined ? objects : [marker, ...objects], prefixes, next };
  }

  async read(
    key: string,
    {
      start = 0,
      end,
      version,
    }: {
      readonly start?: number | undefined;
      readonly end?: number | undefined;
      readonly version?: string | undefined;
    },
    signal: AbortSignal | undefined,
  ): Promise<ObjectBody | undefined> {
    // A range always: only then does the answer tell how long the blob is, besides how long it is itself.
    const count = (end ?? Number.MAX_SAFE_INTEGER) - start;
    const found = await orMissing(
      this.#container.run(key, signal, async (options) => {
        const conditions = conditionsOf({ version });
        const answer = await this.#container.blob(key).download(start, count, { ...options, conditions });
        // Nobody waits for it any more.
        if (options.abortSignal.aborted) bodyOf(answer)?.destroy();
        return answer;
      }),
    );
    const body = found && bodyOf(found);
    if (found === undefined || body === undefined) return undefined;
    const close = (): void => void body.destroy();
    // It may be that nobody reads it.
    body.on("error", () => undefined);
    const total = /\/(\d+)$/.exec(found.contentRange ?? "")?.[1];
    const info = { ...infoOf(key, found), ...(total !== undefined && { size: Number(total) }) };
    if (isFolder(found.metadata) || (start > 0 && start >= info.size)) {
      close();
      if (isFolder(found.metadata)) return undefined;
      // Not every server refuses such a range.
      throw new FileSystemError("ERANGE", key);
    }
    return { info, body: chunksOf(body, key, azureError), close };
  }

  async put(key: string, body: Uint8Array, put: PutRequest, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    // A file that stands there must not become a directory.
    const exclusive = put.exclusive || isMarker(key);
    const md5 = this.#container.options.contentMd5 ? await md5Of(body) : undefined;
    const { blobHTTPHeaders, ...attributes } = this.#container.attributes(key, put);
    const isOnce = exclusive || put.version !== undefined;
    let sent = 0;
    const onProgress = ({ loadedBytes }: { readonly loadedBytes: number }): void => {
      if (loadedBytes === body.length) sent++;
    };
    try {
      const { etag, lastModified } = await this.#container.run(
        key,
        signal,
        async (options) =>
          this.#container.blob(key).upload(body, body.length, {
            ...options,
            ...attributes,
            blobHTTPHeaders: { ...blobHTTPHeaders, ...(md5 && { blobContentMD5: md5 }) },
            conditions: conditionsOf({ ...put, exclusive }),
            ...(isOnce && { onProgress }),
          }),
        body.length,
      );
      return { key, size: body.length, modified: lastModified, version: versionOf(etag) };
    } catch (error) {
      const own = sent > 1 ? await this.#written(key, body, signal) : undefined;
      if (own !== undefined) return own;
      const marker = isMarker(key) && !put.exclusive ? await this.head(key, signal) : undefined;
      if (marker === undefined) throw unmet(error, key, { ...put, exclusive });
      await this.setMetadata(marker, put.metadata ?? {}, signal);
      return marker;
    }
  }

  beginParts(key: string, put: PutRequest, signal: AbortSignal | undefined): Promise<PartUpload> {
    return AzurePartUpload.begin(this.#container, key, put, signal);
  }

  async copy(
    from: ObjectInfo,
    to: string,
    request: { readonly exclusive: boolean },
    signal?: AbortSignal,
  ): Promise<ObjectInfo> {
    try {
      return await copyBlob(this.#container, from, to, { ...request, signal });
    } catch (error) {
      throw unmet(error, to, request);
    }
  }

  async remove(key: string, signal?: AbortSignal): Promise<void> {
    if (!isMarker(key)) return await this.#delete(key, this.#container.blob(key), undefined, signal);
    const marker = await this.head(key, signal);
    if (marker !== undefined) await this.#delete(key, this.#container.blob(key), marker.version, signal);
    // Other tools make markers whose names end with `/`.
    const other = this.#container.options.client.getBlockBlobClient(`${blobName(key)}/`);
    await this.#delete(key, other, undefined, signal);
  }

  async setMetadata(object: ObjectInfo, metadata: Metadata, signal?: AbortSignal): Promise<void> {
    const { key } = object;
    await this.#container.run(key, signal, async (options) =>
      this.#container.blob(key).setMetadata(blobMetadata(key, metadata), {
        ...options,
        conditions: conditionsOf({ version: object.version }),
      }),
    );
  }

  /** None: the service drops blocks that were never committed after a week, and nobody else can. */
  async sweep(): Promise<number> {
    return 0;
  }

  /** An answer can be lost, and the SDK sends again: the blob that is in the way then is the one that it has written. */
  async #written(key: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<ObjectInfo | undefined> {
    const blob = this.#container.blob(key);
    const found = await orMissing(this.#container.run(key, signal, (options) => blob.getProperties(options)));
    const isOwn = found?.contentMD5 !== undefined && Buffer.compare(found.contentMD5, await md5Of(body)) === 0;
    return isOwn ? infoOf(key, found) : undefined;
  }

  async #delete(
    key: string,
    blob: BlockBlobClient,
    version: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const conditions = conditionsOf({ version });
    await orMissing(this.#container.run(key, signal, (options) => blob.delete({ ...options, conditions })));
  }
}

function bodyOf({ readableStreamBody }: BlobDownloadResponseParsed): Readable | undefined {
  return readableStreamBody as Readable | undefined;
}

function infoOf(
  key: string,
  found: {
    readonly contentLength?: number;
    readonly lastModified?: Date;
    readonly etag?: string;
    readonly metadata?: Metadata;
    readonly contentType?: string;
  },
): ObjectInfo {
  return {
    key,
    size: found.contentLength ?? 0,
    modified: found.lastModified,
    version: versionOf(found.etag),
    metadata: objectMetadata(found.metadata),
    contentType: found.contentType,
  };
}
