/** A Node stream as what a store hands out for writing. */
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { FileInfo } from "./file-info.js";
import type { WriteHandle } from "./file-system.js";

/** The two ends of an upload, which a stream alone cannot tell apart. */
export interface WriteHandleEnds {
  /** Called once, after the stream has finished: makes the upload visible and tells what it became. */
  readonly commit: () => FileInfo | Promise<FileInfo>;
  /** Called once, after the stream was destroyed: removes what arrived. Errors are ignored. */
  readonly abort?: (reason: unknown) => unknown;
  /** Where the first byte goes. Default 0. */
  readonly offset?: number;
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
  #over = false;
  #aborted: Promise<void> | undefined;

  constructor(writable: Writable, ends: WriteHandleEnds) {
    this.#writable = writable;
    this.#ends = ends;
    this.offset = ends.offset ?? 0;
    // An error is told by the next write or by commit(); without a listener it would end the process.
    writable.on("error", () => undefined);
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const last = chunks.length - 1;
    if (last < 0) return;
    const taken = new Promise<void>((resolve, reject) => {
      this.#writable.cork();
      for (const [index, chunk] of chunks.entries())
        this.#writable.write(chunk, index < last ? undefined : (error) => (error ? reject(error) : resolve()));
      this.#writable.uncork();
    });
    if (this.#writable.writableNeedDrain || this.#writable.destroyed || this.#writable.writableEnded) await taken;
    else taken.catch(() => undefined);
  }

  async commit(): Promise<FileInfo> {
    try {
      this.#writable.end();
      await finished(this.#writable, { readable: false });
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
