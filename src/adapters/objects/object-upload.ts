/**
 * One upload to a store of objects: what fits one part goes as one request at commit, the rest in parts, of which a
 * bounded number is on its way. Holds one part in memory, and one more for each that is on its way and the budget allows.
 */
import type { FileInfo } from "../../storage/file-info.js";
import type { WriteHandle } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import { untilAborted } from "../../storage/until-aborted.js";
import { openObject } from "./object-reading.js";
import type { ObjectInfo, ObjectStore, PartUpload, PutRequest } from "./object-store.js";
import type { PartBudget } from "./part-budget.js";
import { PartMemory } from "./part-memory.js";
import { partSizeOf } from "./part-size.js";
import { told } from "./told.js";

/** What an upload begins with and where it ends. */
export interface ObjectUploadOptions {
  readonly path: VirtualPath;
  readonly key: string;
  readonly store: ObjectStore;
  /** How the object is written. `version`: the first `offset` bytes of the one that stands there are kept. */
  readonly request: PutRequest;
  /** What to say where another object was made or changed meanwhile. */
  readonly taken: "EEXIST" | "EBUSY";
  readonly offset: number;
  /** Bytes of the object of which the first are kept; one of another size is another one. */
  readonly oldSize?: number | undefined;
  /** Bytes of a part. */
  readonly partSize: number;
  readonly concurrency: number;
  readonly budget: PartBudget;
  readonly signal: AbortSignal | undefined;
  /** Bytes that will come, where that is known. */
  readonly sizeHint: number | undefined;
  /** Whether all parts but the last must have one size. */
  readonly uniformParts: boolean;
  /** Bytes of the old object that may pass through this process, where the store cannot take them over by itself. */
  readonly maxReread: number;
  /** Milliseconds that the store may let a reader wait; 0 is no limit. */
  readonly requestTimeout: number;
  readonly infoOf: (object: ObjectInfo) => FileInfo;
}

/** How long the cleaning up may take, in milliseconds; it goes on where nobody waits any more. */
const CLEANING_MS = 30_000;

/** An upload. */
export class ObjectUpload implements WriteHandle {
  readonly offset: number;
  readonly #options: ObjectUploadOptions;
  readonly #memory: PartMemory;
  /** Stops the parts that are on their way. */
  readonly #stopped = new AbortController();
  /** What has to come to rest before an upload can be forgotten; nothing of it rejects. */
  readonly #sending = new Set<Promise<void>>();
  /** Where the bytes of the next part are put. */
  #buffer: Buffer | undefined;
  #filled = 0;
  /** Settles when the store has begun an upload in parts; absent while one request may do. */
  #parts: Promise<PartUpload> | undefined;
  #number = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Settles when the upload has ended, one way or the other; absent before. */
  #ended: Promise<unknown> | undefined;

  /** @internal */
  constructor(options: ObjectUploadOptions) {
    this.#options = options;
    this.#memory = new PartMemory(options.budget);
    this.offset = options.offset;
  }

  /**
   * Begins an upload; what is to be kept of the old object is taken over at once.
   * @throws FileSystemError `ENOSYS` where too much of it would have to pass through this process
   */
  static async begin(options: ObjectUploadOptions): Promise<ObjectUpload> {
    const upload = new ObjectUpload(options);
    if (options.offset === 0) return upload;
    try {
      await upload.#keepOld();
    } catch (error) {
      // Whoever gives up does not wait for the cleaning.
      await untilAborted(upload.abort(error), options.signal).catch(() => undefined);
      throw error;
    }
    return upload;
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const { path, signal } = this.#options;
    this.#check();
    try {
      signal?.throwIfAborted();
      for (const chunk of chunks) await this.#add(chunk);
    } catch (error) {
      throw told(error, path, signal);
    }
  }

  async commit(): Promise<FileInfo> {
    const { path, infoOf } = this.#options;
    if (this.#ended !== undefined) this.#check();
    const committed = this.#finish();
    this.#ended = committed.catch(() => undefined);
    try {
      return infoOf(await committed);
    } catch (error) {
      throw told(error, path);
    }
  }

  async abort(_reason?: unknown): Promise<void> {
    this.#ended ??= this.#clean();
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  /** Bytes of the part that is being filled. */
  get #size(): number {
    const { partSize, uniformParts, sizeHint, store } = this.#options;
    // Behind parts of an old object that the store took over, new ones have their size.
    const hint = this.offset === 0 ? sizeHint : undefined;
    return partSizeOf({ partSize, uniformParts, sizeHint: hint, limits: store.limits }, this.#number);
  }

  #check(): void {
    if (this.#ended !== undefined)
      throw new FileSystemError("EINVAL", this.#options.path, { message: "the upload is over" });
    if (this.#failure !== undefined) throw told(this.#failure.error, this.#options.path);
  }

  /** What a part cannot hold is taken over by the store, as far as it can; the rest passes through here. */
  async #keepOld(): Promise<void> {
    const { path, offset, oldSize, partSize, maxReread, request, requestTimeout: timeout } = this.#options;
    const kept = offset < partSize ? 0 : await this.#takeOver();
    if (offset - kept > Math.max(maxReread, partSize))
      throw new FileSystemError("ENOSYS", path, { message: "too large to be added to in this store" });
    if (kept === offset) return;
    const { version } = request;
    const source = await openObject({ ...this.#options, start: kept, end: offset, version, timeout });
    if (source === undefined || source.object.version !== version || source.object.size !== oldSize) {
      await source?.close();
      throw new FileSystemError("EBUSY", path, { message: "it has changed meanwhile" });
    }
    for await (const chunk of source.body) await this.#add(chunk);
  }

  /** Lets the store take over the old bytes. @returns how many it took */
  async #takeOver(): Promise<number> {
    const { offset, request } = this.#options;
    const parts = await this.#begin();
    const kept = parts.keep(offset, request.version, this.#stopped.signal);
    const settled: Promise<void> = kept.then(
      () => undefined,
      () => undefined,
    );
    this.#sending.add(settled);
    try {
      return await this.#bounded(kept);
    } finally {
      void settled.then(() => this.#sending.delete(settled));
    }
  }

  async #add(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.length; ) {
      // Not before more comes: the last part may have any size, and a single one needs no parts at all.
      const buffer =
        this.#buffer !== undefined && this.#filled === this.#buffer.length ? await this.#next() : this.#buffer;
      this.#check();
      this.#buffer = buffer ?? this.#memory.first(this.#size, this.#options.sizeHint ?? 0);
      const taken = Math.min(chunk.length - from, this.#buffer.length - this.#filled);
      this.#buffer.set(chunk.subarray(from, from + taken), this.#filled);
      this.#filled += taken;
      from += taken;
    }
  }

  /** The buffer to go on with when one is full: a larger one, or an empty one while the full one is sent. */
  async #next(): Promise<Buffer | undefined> {
    const full = this.#buffer;
    if (full === undefined || full.length >= this.#size) return full && (await this.#send(full));
    return this.#memory.grown(full, this.#size);
  }

  #begin(): Promise<PartUpload> {
    const { store, key, request } = this.#options;
    // Without a signal: what was begun must be known, or nobody can end it.
    this.#parts ??= store.beginParts(key, request, undefined);
    return this.#bounded(this.#parts);
  }

  /** Sends the part that is full, and waits until there is memory for the next one. @returns that memory */
  async #send(body: Buffer): Promise<Buffer | undefined> {
    const parts = await this.#begin();
    await this.#bounded(this.#turn());
    this.#check();
    const sent = this.#sendPart(parts, body.subarray(0, this.#filled));
    this.#filled = 0;
    this.#buffer = undefined;
    const other = this.#memory.more(this.#size);
    if (other !== undefined) {
      void sent.then(() => this.#memory.back(body));
      return other;
    }
    // No memory for another buffer: this one is free again when the part is there.
    await this.#bounded(sent);
    return body.length === this.#size ? body : undefined;
  }

  /** Waits until one more part may be on its way. */
  async #turn(): Promise<void> {
    const { concurrency, store } = this.#options;
    const atOnce = Math.min(concurrency, store.limits.partsAtOnce);
    while (this.#sending.size >= atOnce) await Promise.race(this.#sending);
  }

  /** Never rejects: what fails is told by the next call. */
  #sendPart(parts: PartUpload, body: Uint8Array): Promise<void> {
    const sent = parts.part(this.#number++, body, this.#stopped.signal).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    const tracked: Promise<void> = sent.then(() => void this.#sending.delete(tracked));
    this.#sending.add(tracked);
    return tracked;
  }

  /** Makes the object, or cleans up and rejects. */
  async #finish(): Promise<ObjectInfo> {
    const { taken, request } = this.#options;
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      const object = this.#parts === undefined ? await this.#putWhole() : await this.#complete(await this.#parts);
      this.#forget();
      return object;
    } catch (error) {
      await this.#clean();
      const changed = error instanceof FileSystemError && error.code === "EEXIST" && request.exclusive;
      throw changed ? new FileSystemError(taken, this.#options.path, { cause: error.cause }) : error;
    }
  }

  async #complete(parts: PartUpload): Promise<ObjectInfo> {
    await this.#turn();
    if (this.#filled > 0 && this.#buffer !== undefined)
      void this.#sendPart(parts, this.#buffer.subarray(0, this.#filled));
    await Promise.all(this.#sending);
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#unchanged();
    return await parts.complete();
  }

  async #putWhole(): Promise<ObjectInfo> {
    const { store, key, request } = this.#options;
    // A single request heeds `exclusive`; not every store heeds a version.
    if (request.version !== undefined) await this.#unchanged();
    return await store.put(key, this.#buffer?.subarray(0, this.#filled) ?? new Uint8Array(0), request, undefined);
  }

  /** Looks whether there is still what the upload began with: some stores heed no condition at the end. */
  async #unchanged(): Promise<void> {
    const { store, key, path, taken, request } = this.#options;
    if (!request.exclusive && request.version === undefined) return;
    const object = await store.head(key, undefined);
    if (request.exclusive && object !== undefined) throw new FileSystemError(taken, path);
    if (!request.exclusive && object?.version !== request.version)
      throw new FileSystemError("EBUSY", path, { message: "it has changed meanwhile" });
  }

  /** A part that arrives after its upload was forgotten would stay for ever: first all of them come to rest. */
  async #clean(): Promise<void> {
    this.#stopped.abort(new Error("the upload was aborted"));
    const cleaned = (async () => {
      await Promise.all(this.#sending);
      this.#forget();
      await (await this.#parts)?.abort();
    })().catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLEANING_MS);
    });
    await Promise.race([cleaned, late]);
    clearTimeout(timer);
  }

  #forget(): void {
    this.#buffer = undefined;
    this.#memory.release();
  }

  /** The promise, or the signal's reason: the work behind it goes on, for what came may still be committed. */
  #bounded<Value>(promise: Promise<Value>): Promise<Value> {
    return untilAborted(promise, this.#options.signal);
  }
}
