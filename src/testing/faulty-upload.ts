/** One upload past faults. */
import type { FileInfo } from "../storage/file-info.js";
import type { WriteHandle } from "../storage/file-system.js";
import type { Flow } from "./faulty-flow.js";

/** Runs what the store does at the end of an upload, past the faults of that point. */
export type Ending = <Result>(point: "commit" | "abort", run: () => Promise<Result>) => Promise<Result>;

/** Hands on to the store's upload what the faults let pass. */
export class FaultyUpload implements WriteHandle {
  readonly offset: number;
  readonly #handle: WriteHandle;
  readonly #flow: Flow;
  readonly #ending: Ending;
  readonly #signal: AbortSignal | undefined;
  /** Writes happen one after another. */
  #turn: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #aborted: Promise<void> | undefined;

  constructor(handle: WriteHandle, flow: Flow, ending: Ending, signal: AbortSignal | undefined) {
    this.offset = handle.offset;
    this.#handle = handle;
    this.#flow = flow;
    this.#ending = ending;
    this.#signal = signal;
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    const written = this.#turn.then(() => this.#write(chunks));
    this.#turn = written.catch(() => undefined);
    return written;
  }

  async commit(): Promise<FileInfo> {
    try {
      await this.#turn;
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#flow.end();
      return await this.#ending("commit", () => this.#handle.commit());
    } catch (error) {
      await this.#handle.abort(error);
      throw error;
    } finally {
      this.#aborted ??= Promise.resolve();
    }
  }

  abort(reason?: unknown): Promise<void> {
    this.#aborted ??= this.#ending("abort", () => this.#handle.abort(reason));
    return this.#aborted;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      for await (const part of this.#flow.pass(Buffer.concat(chunks))) await this.#handle.write([part]);
    } catch (error) {
      // What had arrived when the signal fired may still be committed.
      if (!this.#signal?.aborted || error !== this.#signal.reason) this.#failure = { error };
      throw error;
    }
  }
}
