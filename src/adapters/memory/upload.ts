/** One upload to a file system in memory. */
import type { FileInfo } from "../../storage/file-info.js";
import type { OperationOptions, WriteHandle } from "../../storage/file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import type { Budget } from "./budget.js";
import { type Content, ContentBuilder } from "./content.js";

/** What an upload begins with and where it ends. */
export interface MemoryUploadOptions extends OperationOptions {
  readonly path: VirtualPath;
  readonly budget: Budget;
  /** The content whose first `offset` bytes are kept. */
  readonly old: Content;
  readonly offset: number;
  /** Puts the content into the tree, at once, with `taken` bytes counted for it already; throws to refuse. */
  readonly publish: (content: Content, taken: number) => FileInfo;
}

/** Collects blocks; what it takes of the budget it hands to `publish` or gives back. */
export class MemoryUpload implements WriteHandle {
  readonly offset: number;
  readonly #options: MemoryUploadOptions;
  readonly #builder: ContentBuilder;
  #taken = 0;
  #over = false;
  #failure: FileSystemError | undefined;

  constructor(options: MemoryUploadOptions) {
    this.offset = options.offset;
    this.#options = options;
    this.#builder = new ContentBuilder(options.old, options.offset);
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#check();
    this.#options.signal?.throwIfAborted();
    for (const chunk of chunks) {
      if (!this.#options.budget.take(chunk.length)) {
        this.#failure = this.#refusal("ENOSPC", "the memory allowed is used up");
        throw this.#failure;
      }
      this.#taken += chunk.length;
      this.#builder.add(chunk);
    }
  }

  async commit(): Promise<FileInfo> {
    try {
      this.#check();
      const info = this.#options.publish(this.#builder.finish(), this.#taken);
      this.#over = true;
      return info;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#options.budget.give(this.#taken);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  #check(): void {
    if (this.#over) throw this.#refusal("EINVAL", "the upload is over");
    if (this.#failure !== undefined) throw this.#failure;
  }

  #refusal(code: FileSystemErrorCode, message: string): FileSystemError {
    return new FileSystemError(code, this.#options.path, { message });
  }
}
