/** Google Cloud Storage as a store of objects, on the official SDK. */
import { createHash, randomUUID } from "node:crypto";
import type { FileMetadata } from "@google-cloud/storage";
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
import { chunksOf } from "../objects/request.js";
import { attributesOf, GcsBucket, type GcsBucketOptions, infoOf } from "./gcs-bucket.js";
import { causeOf, conditionally, gcsError, inBucket, statusOf } from "./gcs-errors.js";
import { exchange, granted, persistently, textOf } from "./gcs-exchange.js";
import { GcsPartUpload } from "./gcs-part-upload.js";
import { QUANTUM } from "./gcs-session.js";

/** Which bucket, and how it is used. */
export interface GcsStoreOptions extends GcsBucketOptions {
  /** Whether what is read comes with its metadata, which costs a request. */
  readonly metadataOfReads: boolean;
}

/** Until it is done, a copy that goes on by its token. */
interface RewriteAnswer {
  readonly rewriteToken?: string;
  readonly resource?: FileMetadata;
}

/** The part of a listing that is looked at. */
const LISTED = "items(name,size,updated,generation),prefixes,nextPageToken";

/** Where the objects of a bucket are. */
export class GcsStore implements ObjectStore {
  readonly limits = { keyBytes: 1024, parts: Number.MAX_SAFE_INTEGER, partsAtOnce: 1, partUnit: QUANTUM };
  readonly #bucket: GcsBucket;
  readonly #metadataOfReads: boolean;

  constructor(options: GcsStoreOptions) {
    this.#bucket = new GcsBucket(options);
    this.#metadataOfReads = options.metadataOfReads;
  }

  async head(key: string, signal: AbortSignal | undefined): Promise<ObjectInfo | undefined> {
    if (this.#bucket.hides(key)) return undefined;
    const found = await this.#bucket.find(key, signal);
    return found && infoOf(key, found);
  }

  list(asked: ListRequest, signal: AbortSignal | undefined): Promise<ObjectPage> {
    return this.#page(asked, signal, false);
  }

  async read(
    key: string,
    range: {
      readonly start?: number | undefined;
      readonly end?: number | undefined;
      readonly version?: string | undefined;
    },
    signal: AbortSignal | undefined,
  ): Promise<ObjectBody | undefined> {
    if (this.#bucket.hides(key)) return undefined;
    const { storage } = this.#bucket;
    // What the API tells with the bytes leaves the metadata out.
    const known = this.#metadataOfReads ? await this.head(key, signal) : undefined;
    const url = this.#bucket.mediaUrl(key, range.version);
    const headers = { "accept-encoding": "gzip", "cache-control": "no-store", ...rangeOf(range) };
    try {
      // The time limit ends with the answer's head.
      const answer = await this.#bucket.run(key, signal, (own) =>
        persistently(storage, own, async () =>
          granted(await exchange(storage, { method: "GET", url, headers, signal: own })),
        ),
      );
      const info = readInfo(key, answer.headers);
      // Closed before it is read, nobody is told.
      answer.body.on("error", () => undefined);
      const metadata = known?.version === info.version ? known?.metadata : undefined;
      return {
        info: { ...info, ...(metadata !== undefined && { metadata }) },
        body: chunksOf(answer.body, key, gcsError),
        close: () => void answer.body.destroy(),
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async put(key: string, body: Uint8Array, put: PutRequest, signal: AbortSignal | undefined): Promise<ObjectInfo> {
    this.#visible(key);
    const { storage } = this.#bucket;
    const { type, headers, body: sent } = this.#upload(body, put);
    const url = this.#bucket.uploadUrl(key, type, put);
    let tries = 0;
    const made = conditionally(put.exclusive, key, () =>
      this.#bucket.run(
        key,
        signal,
        (own) =>
          persistently(storage, own, async () => {
            tries++;
            const question = { method: "POST", url, headers, body: sent, signal: own } as const;
            return JSON.parse(await textOf(await granted(await exchange(storage, question)))) as FileMetadata;
          }),
        body.length,
      ),
    );
    try {
      return infoOf(key, await inBucket(key, made));
    } catch (error) {
      // Where an answer was lost, the object is in its own way.
      const found = tries > 1 && statusOf(error) === 412 ? await this.#bucket.find(key, signal) : undefined;
      if (found?.md5Hash !== createHash("md5").update(body).digest("base64")) throw error;
      return infoOf(key, found);
    }
  }

  async beginParts(key: string, put: PutRequest, _signal: AbortSignal | undefined): Promise<PartUpload> {
    this.#visible(key);
    return new GcsPartUpload(this.#bucket, key, put);
  }

  async copy(
    from: ObjectInfo,
    to: string,
    { exclusive }: { readonly exclusive: boolean },
    signal?: AbortSignal,
  ): Promise<ObjectInfo> {
    this.#visible(to);
    const path = `/rewriteTo/b/${this.#bucket.bucket.name}/o/${encodeURIComponent(this.#bucket.file(to).name)}`;
    const json = await this.#attributesOfCopy(from.key, signal);
    const query = {
      ...(from.version !== undefined && { sourceGeneration: from.version }),
      ...(exclusive && { ifGenerationMatch: 0 }),
    };
    const ask = (token: object): Promise<RewriteAnswer> =>
      this.#bucket.ask(from.key, { path, query: { ...query, ...token }, json }, signal);
    try {
      return await conditionally(exclusive, to, async () => {
        let answer = await ask({});
        for (; answer.rewriteToken !== undefined; answer = await ask({ rewriteToken: answer.rewriteToken }));
        if (answer.resource === undefined) throw new FileSystemError("EIO", to, { message: "the copy has no end" });
        return infoOf(to, answer.resource);
      });
    } catch (error) {
      if (statusOf(error) === 404 && (await this.head(from.key, signal)) !== undefined)
        throw new FileSystemError("EBUSY", from.key, { cause: causeOf(error), message: "changed meanwhile" });
      throw error;
    }
  }

  async remove(key: string, signal?: AbortSignal): Promise<void> {
    if (!this.#bucket.hides(key)) await this.#bucket.remove(key, signal);
  }

  async setMetadata(
    { key, version, metadata: old }: ObjectInfo,
    metadata: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const gone = Object.fromEntries(Object.keys(old ?? {}).map((name) => [name, null]));
    const condition = version === undefined ? {} : { ifGenerationMatch: version };
    await this.#bucket.run(key, signal, () =>
      this.#bucket.file(key).setMetadata({ metadata: { ...gone, ...metadata } }, condition),
    );
  }

  async sweep(_prefix: string, before: Date, signal?: AbortSignal): Promise<number> {
    let swept = 0;
    const query = { prefix: this.#bucket.temporaryPrefix, grouped: true };
    for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
      const page: ObjectPage = await this.#page({ ...query, from }, signal, true);
      for (const { key, modified } of page.objects) {
        if (!this.#bucket.hides(key) || modified === undefined || modified >= before) continue;
        await this.#bucket.remove(key, signal);
        swept++;
      }
      from = page.next;
    }
    return swept;
  }

  async #page(
    { prefix, grouped, from, limit }: ListRequest,
    signal: AbortSignal | undefined,
    hidden: boolean,
  ): Promise<ObjectPage> {
    if (this.#bucket.misreads(prefix)) throw new FileSystemError("EINVAL", prefix);
    const query = {
      prefix,
      autoPaginate: false,
      fields: LISTED,
      ...(grouped && { delimiter: "/" }),
      ...(from !== undefined && { pageToken: from }),
      ...(limit !== undefined && { maxResults: limit }),
    };
    const page = this.#bucket.run(prefix, signal, () => this.#bucket.bucket.getFiles(query));
    const [files, , answer] = (await inBucket(prefix, page)) as unknown as readonly [
      readonly FileMetadata[],
      unknown,
      { readonly prefixes?: readonly string[]; readonly nextPageToken?: string },
    ];
    const shown = hidden ? files : files.filter(({ name }) => !this.#bucket.hides(name ?? ""));
    return {
      objects: shown.map((file) => infoOf(file.name ?? "", file)),
      prefixes: answer.prefixes ?? [],
      next: answer.nextPageToken,
    };
  }

  /** One request for everything: the bytes alone, or in two parts where there is more to be said. */
  #upload(body: Uint8Array, put: PutRequest) {
    const { contentType = "application/octet-stream", ...fields } = this.#bucket.attributes(put);
    if (Object.keys(fields).length === 0)
      return { type: "media", headers: { "content-type": contentType }, body } as const;
    const json = JSON.stringify({ ...fields, contentType });
    // Nobody can write it into a file.
    const boundary = randomUUID();
    const before = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${json}\r\n`;
    const between = `--${boundary}\r\ncontent-type: ${contentType}\r\n\r\n`;
    const pieces = [Buffer.from(before + between), body, Buffer.from(`\r\n--${boundary}--\r\n`)];
    const headers = { "content-type": `multipart/related; boundary=${boundary}` };
    return { type: "multipart", headers, body: Buffer.concat(pieces) } as const;
  }

  /** Nothing keeps what the old object has. A class of its own has to be said, and then all the rest, too. */
  async #attributesOfCopy(key: string, signal: AbortSignal | undefined): Promise<object> {
    const fresh = this.#bucket.attributes();
    if (fresh.storageClass === undefined) return {};
    const found = await this.#bucket.find(key, signal);
    if (found === undefined) throw new FileSystemError("ENOENT", key);
    return { ...attributesOf(found), ...fresh };
  }

  /** @throws FileSystemError `ENOENT` for the name of a temporary object */
  #visible(key: string): void {
    if (this.#bucket.hides(key)) throw new FileSystemError("ENOENT", key);
  }
}

function rangeOf({ start = 0, end }: { readonly start?: number | undefined; readonly end?: number | undefined }): {
  readonly range?: string;
} {
  if (start === 0 && end === undefined) return {};
  return { range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
}

/** What is told of the object with its bytes. */
function readInfo(key: string, headers: Headers): ObjectInfo {
  const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  const modified = headers.get("last-modified");
  return {
    key,
    size: Number(total ?? headers.get("x-goog-stored-content-length") ?? headers.get("content-length")),
    modified: modified === null ? undefined : new Date(modified),
    version: headers.get("x-goog-generation") ?? undefined,
  };
}
