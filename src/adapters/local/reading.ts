/** One open file of the disk as a `ReadHandle`. */
import type { FileInfo } from "../../storage/file-info.js";
import type { ReadHandle, ReadOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import type { DiskFile } from "./disk-file.js";
import { operation } from "./refusal.js";

/** Bytes read at once. */
const PIECE = 256 * 1024;

/** Reads the bytes that the file had when it was opened, and no others. Owns the file. */
export class LocalReadHandle implements ReadHandle {
  readonly info: FileInfo;
  readonly body: AsyncIterable<Uint8Array>;
  readonly #file: DiskFile;
  readonly #path: VirtualPath;

  constructor(file: DiskFile, path: VirtualPath, info: FileInfo, options: ReadOptions) {
    this.info = info;
    this.#file = file;
    this.#path = path;
    this.body = this.#pieces(options);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#pieces(options: ReadOptions): AsyncGenerator<Uint8Array> {
    const end = Math.min(options.end ?? this.info.size, this.info.size);
    try {
      for (let position = options.start ?? 0; position < end; ) {
        const piece = await operation(this.#path, options, () => this.#read(position, end));
        position += piece.length;
        yield piece;
      }
    } finally {
      await this.close();
    }
  }

  /** Only what was read is handed out: the rest of the memory may hold anything. */
  async #read(position: number, end: number): Promise<Uint8Array> {
    const memory = Buffer.allocUnsafeSlow(Math.min(PIECE, end - position));
    const bytesRead = await this.#file.read(memory, position);
    if (bytesRead === 0) throw new FileSystemError("EIO", this.#path, { message: "the file has become shorter" });
    return memory.subarray(0, bytesRead);
  }
}
