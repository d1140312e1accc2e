/** A resumable upload to Google Cloud Storage: chunks in order, sent again from where the store has them. */
import type { FileMetadata } from "@google-cloud/storage";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { PutRequest } from "../objects/object-store.js";
import type { GcsBucket } from "./gcs-bucket.js";
import { conditionally, inBucket, refusalOf, statusOf } from "./gcs-errors.js";
import { exchange, granted, persistently, textOf } from "./gcs-exchange.js";

/** A chunk that does not end the upload has a multiple of so many bytes. */
export const QUANTUM = 256 * 1024;

/** So often a chunk is sent of which nothing is kept. */
const IDLE_TRIES = 4;
/** What a session that is over answers. */
const GONE: readonly unknown[] = [404, 410, 499];

/** A session. Invisible until its last chunk; forgotten by the store after a week. */
export class GcsSession {
  readonly #bucket: GcsBucket;
  readonly #key: string;
  readonly #uri: string;
  /** Whether nothing may stand under the key. */
  readonly #exclusive: boolean;
  /** Bytes that the store has. */
  #kept = 0;

  /** @internal */
  constructor(bucket: GcsBucket, key: string, uri: string, exclusive: boolean) {
    this.#bucket = bucket;
    this.#key = key;
    this.#exclusive = exclusive;
    this.#uri = uri;
  }

  /**
   * Begins one. Without a signal: what was begun must be known, or nobody can end it.
   * @param storageClass of the object. Default: that of all new ones
   */
  static async begin(bucket: GcsBucket, key: string, put: PutRequest, storageClass?: string): Promise<GcsSession> {
    const { storage } = bucket;
    const url = bucket.uploadUrl(key, "resumable", put);
    const { contentType, ...fields } = bucket.attributes(put);
    const headers = {
      "content-type": "application/json; charset=UTF-8",
      ...(contentType !== undefined && { "x-upload-content-type": contentType }),
    };
    const body = Buffer.from(JSON.stringify({ ...fields, ...(storageClass !== undefined && { storageClass }) }));
    const begun = conditionally(put.exclusive, key, () =>
      bucket.run(key, undefined, (signal) =>
        persistently(storage, signal, async () => {
          const found = await granted(await exchange(storage, { method: "POST", url, headers, body, signal }));
          found.body.resume();
          return found;
        }),
      ),
    );
    const answer = await inBucket(key, begun);
    const uri = answer.headers.get("location");
    if (uri === null) throw new FileSystemError("EIO", key, { message: "the upload was given no address" });
    return new GcsSession(bucket, key, uri, put.exclusive);
  }

  /** Sends a chunk of whole quanta. */
  async send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#run(signal, (own) => this.#push(bytes, false, own), bytes.length);
  }

  /** Sends the last bytes, if any, and makes the object of all of them. */
  async end(bytes: Uint8Array): Promise<FileMetadata> {
    const made = await this.#run(undefined, (signal) => this.#push(bytes, true, signal), bytes.length);
    if (made === undefined) throw new FileSystemError("EIO", this.#key, { message: "the upload has not ended" });
    return made;
  }

  /** Forgets what was sent. */
  async cancel(): Promise<void> {
    const { storage } = this.#bucket;
    await this.#bucket.run(this.#key, undefined, (signal) =>
      persistently(storage, signal, async () => {
        const answer = await exchange(storage, { method: "DELETE", url: this.#uri, signal });
        const text = await textOf(answer);
        if (answer.status >= 300 && !GONE.includes(answer.status)) throw refusalOf(answer.status, text);
      }),
    );
  }

  #run<Result>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
    bytes: number,
  ): Promise<Result> {
    return conditionally(this.#exclusive, this.#key, () => this.#bucket.run(this.#key, signal, work, bytes));
  }

  async #push(bytes: Uint8Array, last: boolean, signal: AbortSignal): Promise<FileMetadata | undefined> {
    const start = this.#kept;
    let unsure = false;
    const attempt = async (): Promise<FileMetadata | undefined> => {
      // After a failure only the store knows what has arrived, and whether that was all it waited for.
      const made = unsure ? await this.#put(start, bytes, { last, ask: true }, signal) : undefined;
      unsure = true;
      return made ?? (await this.#put(start, bytes, { last, ask: false }, signal));
    };
    const end = start + bytes.length;
    // A store may keep less than it was sent, but not nothing again and again.
    for (let idle = 0; idle < IDLE_TRIES; ) {
      const before = this.#kept;
      const made = await persistently(this.#bucket.storage, signal, attempt);
      if (made !== undefined || (!last && this.#kept === end)) return made;
      idle = this.#kept === before ? idle + 1 : 0;
      unsure = false;
    }
    throw new FileSystemError("EIO", this.#key, { message: "the store keeps no more bytes" });
  }

  /** One request; the object, once it is there. */
  async #put(
    start: number,
    bytes: Uint8Array,
    { last, ask }: { readonly last: boolean; readonly ask: boolean },
    signal: AbortSignal,
  ): Promise<FileMetadata | undefined> {
    const end = start + bytes.length;
    const body = ask ? bytes.subarray(0, 0) : bytes.subarray(this.#kept - start);
    if (body.length === 0 && !ask && !last) return undefined;
    const range = body.length === 0 ? "*" : `${this.#kept}-${end - 1}`;
    const headers = { "content-range": `bytes ${range}/${last ? end : "*"}` };
    const answer = await exchange(this.#bucket.storage, { method: "PUT", url: this.#uri, headers, body, signal });
    const text = await textOf(answer);
    if (answer.status === 200 || answer.status === 201) return JSON.parse(text) as FileMetadata;
    if (answer.status !== 308) throw this.#refusal(answer.status, text);
    const kept = Number(/-(\d+)$/.exec(answer.headers.get("range") ?? "")?.[1] ?? -1) + 1;
    if (kept < start || kept > end)
      throw new FileSystemError("EIO", this.#key, { message: `the store has ${kept} bytes` });
    this.#kept = kept;
    return undefined;
  }

  /** A session that is not there any more is not a missing file. */
  #refusal(status: number, text: string): unknown {
    const cause = refusalOf(status, text);
    if (!GONE.includes(statusOf(cause))) return cause;
    return new FileSystemError("EBUSY", this.#key, { cause, message: "the upload was ended by the store" });
  }
}
