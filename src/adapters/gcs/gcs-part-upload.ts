/**
 * An upload to Google Cloud Storage in parts: one session, parts in order. What is added to an object goes to an object
 * of its own first, and the store joins the two.
 */
import type { FileMetadata } from "@google-cloud/storage";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo, PartUpload, PutRequest } from "../objects/object-store.js";
import { attributesOf, type GcsBucket, infoOf } from "./gcs-bucket.js";
import { joinedCrc32c } from "./gcs-crc32c.js";
import { causeOf, isRefusal, statusOf } from "./gcs-errors.js";
import { GcsSession, QUANTUM } from "./gcs-session.js";

const NOTHING = new Uint8Array(0);

/** An upload, of which the store hears with its first part. */
export class GcsPartUpload implements PartUpload {
  readonly #bucket: GcsBucket;
  readonly #key: string;
  readonly #put: PutRequest;
  /** The object that is added to. */
  #old: FileMetadata | undefined;
  /** Where the bytes go. */
  #target: string;
  #session: GcsSession | undefined;
  /** Bytes behind the last whole quantum: they wait for more, or for the end. */
  #rest: Uint8Array = NOTHING;
  /** Settles when the part before is there. */
  #turn: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(bucket: GcsBucket, key: string, put: PutRequest) {
    this.#bucket = bucket;
    this.#key = key;
    this.#put = put;
    this.#target = key;
  }

  async keep(end: number, version: string | undefined, signal?: AbortSignal): Promise<number> {
    const old = await this.#bucket.find(this.#key, signal);
    if (old === undefined || (version !== undefined && String(old.generation) !== version)) throw changed(this.#key);
    // Objects can be joined, but not cut.
    if (Number(old.size) !== end) return 0;
    this.#old = old;
    this.#target = this.#bucket.temporaryKey();
    return end;
  }

  part(_number: number, body: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#turn = this.#turn.then(() => this.#send(body, signal));
    return this.#turn;
  }

  async complete(): Promise<ObjectInfo> {
    await this.#turn;
    const old = this.#old;
    if (old !== undefined && this.#session === undefined && this.#rest.length === 0) return infoOf(this.#key, old);
    this.#session ??= await this.#begin();
    this.#ended = true;
    const made = await this.#session.end(this.#rest);
    if (old === undefined) return infoOf(this.#key, made);
    const joined = await this.#join(old, made);
    // It is committed; what cannot be removed now is swept later.
    await this.#bucket.remove(this.#target).catch(() => undefined);
    return joined;
  }

  async abort(): Promise<void> {
    // One that has ended cannot be ended any more, and may say so: its object goes all the same.
    const cancelled = this.#session?.cancel();
    const removed = this.#ended && this.#old !== undefined ? this.#bucket.remove(this.#target) : undefined;
    await Promise.allSettled([cancelled, removed]);
  }

  async #send(body: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const bytes = this.#rest.length === 0 ? body : Buffer.concat([this.#rest, body]);
    const whole = bytes.length - (bytes.length % QUANTUM);
    this.#session ??= await this.#begin();
    if (whole > 0) await this.#session.send(bytes.subarray(0, whole), signal);
    this.#rest = Uint8Array.from(bytes.subarray(whole));
  }

  #begin(): Promise<GcsSession> {
    if (this.#old === undefined) return GcsSession.begin(this.#bucket, this.#key, this.#put);
    // Only objects of one class can be joined.
    return GcsSession.begin(this.#bucket, this.#target, { exclusive: false }, this.#old.storageClass);
  }

  async #join(old: FileMetadata, added: FileMetadata): Promise<ObjectInfo> {
    const sources = [
      { name: this.#key, generation: old.generation },
      { name: this.#target, generation: added.generation },
    ];
    const question = {
      path: "/compose",
      query: { ifGenerationMatch: old.generation },
      // What was said of the old object alone, like a time that was set, is left out of what was asked for.
      json: { sourceObjects: sources, destination: { ...attributesOf(old), ...attributesOf(this.#put) } },
    };
    try {
      return infoOf(this.#key, await this.#bucket.ask<FileMetadata>(this.#key, question));
    } catch (error) {
      const joined = isRefusal(error) ? undefined : await this.#joined(old);
      if (joined !== undefined) return infoOf(this.#key, joined);
      // The generation that is added to has gone.
      throw statusOf(error) === 404 ? changed(this.#key, causeOf(error)) : error;
    }
  }

  /** The object, where it was joined and only the answer was lost: by the sum of its bytes. */
  async #joined(old: FileMetadata): Promise<FileMetadata | undefined> {
    try {
      const [found, added] = await Promise.all(
        [this.#key, this.#target].map((key) => this.#bucket.find(key, undefined)),
      );
      if (found === undefined || !added?.crc32c || !old.crc32c || found.generation === old.generation) return undefined;
      const isWhole = Number(found.size) === Number(old.size) + Number(added.size);
      const expected = joinedCrc32c(old.crc32c, added.crc32c, Number(added.size));
      return isWhole && found.crc32c === expected ? found : undefined;
    } catch {
      return undefined;
    }
  }
}

function changed(key: string, cause?: unknown): FileSystemError {
  return new FileSystemError("EBUSY", key, { cause, message: "changed meanwhile" });
}
