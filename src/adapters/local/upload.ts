/** What uploads to the disk have in common: the order of writing, and how they end. */
import type { FileInfo } from "../../storage/file-info.js";
import type { OperationOptions, WriteHandle } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { baseName, type VirtualPath } from "../../storage/names.js";
import type { Destination } from "./destination.js";
import type { DiskFile } from "./disk-file.js";
import { infoOf } from "./entry.js";
import { operation } from "./refusal.js";

/** What an upload is given; it owns `file` and `to` from then on. */
export interface UploadOptions extends OperationOptions {
  readonly to: Destination;
  readonly file: DiskFile;
  /** Where the first byte goes. */
  readonly offset: number;
  /** Whether `commit()` waits until the disk itself has everything. */
  readonly durable: boolean;
}

/** Writes in order, then `publish` or `undo`, exactly one of them to its end. */
export abstract class Upload implements WriteHandle {
  readonly offset: number;
  protected readonly to: Destination;
  protected readonly file: DiskFile;
  readonly #options: UploadOptions;
  #position: number;
  #written: Promise<void> = Promise.resolve();
  #ended: Promise<void> | undefined;

  constructor(options: UploadOptions) {
    this.#options = options;
    this.offset = options.offset;
    this.to = options.to;
    this.file = options.file;
    this.#position = options.offset;
  }

  /** Makes visible what was written. */
  protected abstract publish(): Promise<void>;
  /** Removes what was written. */
  protected abstract undo(): Promise<void>;
  /** Frees what the upload holds besides its file and directory. */
  protected free(): void {}

  get borrows(): boolean {
    return true;
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    const { path } = this.to;
    if (this.#ended !== undefined) return Promise.reject(isOver(path));
    // Not part of #written: what came before may still be committed.
    if (this.#options.signal?.aborted) return Promise.reject(this.#options.signal.reason as Error);
    this.#written = this.#written.then(() => operation(path, undefined, () => this.#put(chunks)));
    // A failed write also fails commit(), so nobody need look at it here.
    this.#written.catch(nothing);
    return this.#written;
  }

  commit(): Promise<FileInfo> {
    const { path } = this.to;
    if (this.#ended !== undefined) return Promise.reject(isOver(path));
    const committed = this.#written.then(() => operation(path, undefined, () => this.#publish()));
    const ended = committed.then(
      (info) => this.#close().then(() => info),
      async (error: unknown) => {
        await this.#undo();
        throw error;
      },
    );
    // An abort() from now on waits for the outcome and changes nothing.
    this.#ended = ended.then(nothing, nothing);
    return ended;
  }

  abort(): Promise<void> {
    this.#ended ??= this.#written.catch(nothing).then(() => this.#undo());
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  async #put(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    while (rest.length > 0) {
      const bytesWritten = await this.file.writev(rest, this.#position);
      if (bytesWritten === 0) throw new FileSystemError("EIO", this.to.path, { message: "the disk takes no bytes" });
      this.#position += bytesWritten;
      rest = without(rest, bytesWritten);
    }
  }

  async #publish(): Promise<FileInfo> {
    if (this.#options.durable) await this.file.datasync();
    await this.publish();
    return infoOf(baseName(this.to.path), "file", await this.file.stat());
  }

  async #undo(): Promise<void> {
    await this.undo().catch(nothing);
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.file.close();
    await this.to.directory.close();
    this.free();
  }
}

function isOver(path: VirtualPath): FileSystemError {
  return new FileSystemError("EINVAL", path, { message: "the upload is over" });
}

function nothing(): void {}

/** What remains of the chunks after the first `count` bytes. */
function without(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skipped = 0;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skipped + chunk.length > count) rest.push(chunk.subarray(Math.max(0, count - skipped)));
    skipped += chunk.length;
  }
  return rest;
}
