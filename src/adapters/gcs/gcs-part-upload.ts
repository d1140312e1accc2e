/**
 * An upload to Google Cloud Storage in parts: one session, parts in order. What is added to an object goes to an object
 * of its own first, and the store joins the two.
 */
import type { FileMetadata } from "@google-cloud/storage";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { ObjectInfo, PartUpload, PutRequest } from "../objects/object-store.js";
import { attributesOf, type GcsBucket, infoOf } from "./gcs-bucket.js";
import { causeOf, statusOf } from "./gcs-errors.js";
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
    await this.#session?.cancel();
    if (this.#ended && this.#old !== undefined) await this.#bucket.remove(this.#target);
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
    return GcsSession.begin(this.#bucket, this.#target, this.#old === undefined ? this.#put : { exclusive: false });
  }

  async #join(old: FileMetadata, added: FileMetadata): Promise<ObjectInfo> {
    const sources = [
      { name: this.#key, generation: old.generation },
      { name: this.#target, generation: added.generation },
    ];
    const question = {
      path: "/compose",
      query: { ifGenerationMatch: old.generation },
      json: { sourceObjects: sources, destination: { ...attributesOf(old), ...this.#bucket.attributes() } },
    };
    const made = await this.#bucket.ask<FileMetadata>(this.#key, question).catch((error: unknown) => {
      // The generation that is added to has gone.
      if (statusOf(error) === 404) throw changed(this.#key, causeOf(error));
      throw error;
    });
    return infoOf(this.#key, made);
  }
}

function changed(key: string, cause?: unknown): FileSystemError {
  return new FileSystemError("EBUSY", key, { cause, message: "changed meanwhile" });
}
