/** A Node stream as what a store hands out for writing. */
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { FileInfo } from "./file-info.js";
import type { WriteHandle } from "./file-system.js";
import { FileSystemError } from "./file-system-error.js";

/** The two ends of an upload, which a stream alone cannot tell apart. */
export interface WriteHandleEnds {
  /** Called once, after the stream has finished: makes the upload visible and tells what it became. */
  readonly commit: () => FileInfo | Promise<FileInfo>;
  /** Called once, after the stream was destroyed: removes what arrived. Errors are ignored. */
  readonly abort?: ((reason: unknown) => unknown) | undefined;
  /** Where it fires, writes that wait for the stream reject with its reason; the upload itself is not over. */
  readonly signal?: AbortSignal | undefined;
  /** What is uploaded, for the error about a write or a commit after the end. Default: none. */
  readonly path?: string | undefined;
  /** Where the first byte goes. Default 0. */
  readonly offset?: number | undefined;
}

/**
 * Turns a writable stream into a `WriteHandle`: writes wait while the stream is full, `commit()` waits until it
 * has finished, and its error, or its closing too early, fails both. `finish` is not `commit`: a stream that
 * ends is no upload that has happened, therefore the two callbacks.
 * @example
 * const upload = new Upload({ Body: body });          // some client library that reads a stream
 * return writeHandleFrom(body, { commit: async () => infoOf(await upload.done()), abort: () => upload.abort() });
 */
export function writeHandleFrom(writable: Writable, ends: WriteHandleEnds): WriteHandle {
  return new StreamWriteHandle(writable, ends);
}

class StreamWriteHandle implements WriteHandle {
  readonly offset: number;
  readonly #writable: Writable;
  readonly #ends: WriteHandleEnds;
  /** Settles when the stream has finished, failed or closed too early. */
  readonly #finished: Promise<void>;
  /** The writes under way. Node leaves the one that a stream is busy with unanswered when it is destroyed. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #committing = false;
  #over = false;
  #aborted: Promise<void> | undefined;

  constructor(writable: Writable, ends: WriteHandleEnds) {
    this.#writable = writable;
    this.#ends = ends;
    this.offset = ends.offset ?? 0;
    // Without a listener, a second error would end the process.
    writable.on("error", () => undefined);
    this.#finished = finished(writable, { readable: false });
    const giveUp = (error: unknown): void => {
      for (const reject of this.#waiting) reject(error);
    };
    this.#finished.catch(giveUp);
    ends.signal?.addEventListener("abort", () => giveUp(ends.signal?.reason), { once: true });
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#assertOpen();
    if (chunks.length === 0) return;
    this.#ends.signal?.throwIfAborted();
    const sent = this.#send(chunks);
    // Where nobody waits for it, commit() tells of the error.
    sent.catch(() => undefined);
    const { writableNeedDrain, writableEnded, destroyed } = this.#writable;
    if (writableNeedDrain || writableEnded || destroyed) await sent;
  }

  async commit(): Promise<FileInfo> {
    this.#assertOpen();
    this.#committing = true;
    try {
      this.#writable.end();
      await this.#finished;
      const info = await this.#ends.commit();
      this.#over = true;
      return info;
    } catch (error) {
      await this.abort(error);
      throw error;
    }
  }

  abort(reason?: unknown): Promise<void> {
    this.#aborted ??= this.#over ? Promise.resolve() : this.#clean(reason);
    return this.#aborted;
  }

  #assertOpen(): void {
    if (this.#committing || this.#aborted !== undefined)
      throw new FileSystemError("EINVAL", this.#ends.path ?? "", { message: "the upload is over" });
  }

  /** Resolves when the stream has taken the last chunk. */
  #send(chunks: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const taken = (error?: Error | null): void => {
        this.#waiting.delete(reject);
        if (error) reject(error);
        else resolve();
      };
      this.#writable.cork();
      for (const [index, chunk] of chunks.entries())
        this.#writable.write(chunk, index === chunks.length - 1 ? taken : undefined);
      this.#writable.uncork();
    });
  }

  async #clean(reason: unknown): Promise<void> {
    this.#writable.destroy();
    try {
      await this.#ends.abort?.(reason);
    } catch {
      // The upload has failed already; its cleaning up is nobody's answer.
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }
}
