/**
 * The bytes of an open object under watch: its signal and `close()` end it at any moment, a store that stalls in time.
 * Where the connection breaks, it goes on with another one, as long as that brings more of the same version.
 */
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import type { ObjectBody, ObjectStore } from "./object-store.js";
import { request } from "./request.js";
import { told } from "./told.js";

/** Which bytes of which object. */
export interface DownloadOptions {
  readonly store: ObjectStore;
  readonly key: string;
  /** For errors. */
  readonly path: VirtualPath;
  /** First byte. */
  readonly start: number;
  /** The byte after the last one, within the object. */
  readonly end: number;
  /** Milliseconds that the store may let a reader wait for more; 0 is no limit. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a piece. */
const PIECE = 256 * 1024;

/** A download. */
export class ObjectDownload {
  readonly #options: DownloadOptions;
  readonly #closed = new AbortController();
  #opened: ObjectBody;
  #chunks: AsyncIterator<Uint8Array>;
  /** The next byte that is wanted, and where the connection began that is open now. */
  #position: number;
  #from: number;
  /** The connection before has brought nothing. */
  #fruitless = false;
  /** What has come and was not taken yet. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(opened: ObjectBody, options: DownloadOptions) {
    this.#options = options;
    this.#opened = opened;
    this.#chunks = opened.body[Symbol.asyncIterator]();
    this.#position = options.start;
    this.#from = options.start;
    options.signal?.addEventListener("abort", this.close, { once: true });
    if (options.signal?.aborted) this.close();
  }

  /** Frees the connection; more calls do nothing. */
  readonly close = (): void => {
    if (this.#closed.signal.aborted) return;
    const { signal } = this.#options;
    signal?.removeEventListener("abort", this.close);
    this.#closed.abort(signal?.reason);
    this.#opened.close();
  };

  /** The bytes, once, in pieces of 256 KiB but the last. @throws FileSystemError, or the signal's reason */
  async *body(): AsyncGenerator<Uint8Array> {
    const { path, end, signal } = this.#options;
    try {
      while (this.#position < end) yield await this.#piece();
      // To its end: the connection can then be used again.
      const more = this.#rest.length > 0 ? this.#rest : await this.#next().catch(() => this.#rest);
      if (more.length > 0) throw new FileSystemError("EIO", path, { message: "the store sent too many bytes" });
    } catch (error) {
      throw told(error, path, signal);
    } finally {
      this.close();
    }
  }

  async #piece(): Promise<Uint8Array> {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE, this.#options.end - this.#position));
    for (let filled = 0; filled < piece.length; ) {
      if (this.#rest.length === 0) this.#rest = await this.#chunk();
      const taken = this.#rest.subarray(0, piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      this.#position += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return piece;
  }

  /** More bytes, from another connection where this one ends too early. */
  async #chunk(): Promise<Uint8Array> {
    for (;;) {
      let failure: unknown;
      try {
        const chunk = await this.#next();
        if (chunk.length > 0) return chunk;
      } catch (error) {
        failure = error;
      }
      await this.#again(failure);
    }
  }

  /** The next bytes; none at the end. */
  async #next(): Promise<Uint8Array> {
    const { timeout } = this.#options;
    for (;;) {
      const result = await request({ timeout, signal: this.#closed.signal }, () => this.#chunks.next());
      if (result.done) return new Uint8Array(0);
      if (result.value.length > 0) return result.value;
    }
  }

  /** Goes on with another connection, if this one or the one before has brought something: what came unread is lost. */
  async #again(cause: unknown): Promise<void> {
    const { store, key, path, end } = this.#options;
    const message = `the store sent ${end - this.#position} bytes too few`;
    const short = cause === undefined ? new FileSystemError("EIO", path, { message }) : told(cause, path);
    const fruitless = this.#position === this.#from;
    if (this.#closed.signal.aborted || (fruitless && this.#fruitless)) throw short as Error;
    this.#fruitless = fruitless;
    this.#opened.close();
    const { version } = this.#opened.info;
    const range = { start: this.#position, end, version };
    const opened = await store.read(key, range, this.#closed.signal);
    if (opened === undefined || opened.info.version !== version || this.#closed.signal.aborted) {
      opened?.close();
      throw short as Error;
    }
    this.#opened = opened;
    this.#chunks = opened.body[Symbol.asyncIterator]();
    this.#from = this.#position;
  }
}
