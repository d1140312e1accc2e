/** One open file of the disk as a `ReadHandle`. */
import type { FileBody } from "../../storage/file-body.js";
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
  readonly body: FileBody;
  readonly #file: DiskFile;
  readonly #path: VirtualPath;
  readonly #options: ReadOptions;
  readonly #end: number;
  #position: number;

  constructor(file: DiskFile, path: VirtualPath, info: FileInfo, options: ReadOptions) {
    const { start = 0, end = info.size } = options;
    this.info = info;
    this.#file = file;
    this.#path = path;
    this.#options = options;
    this.#position = start;
    this.#end = Math.min(end, info.size);
    this.body = { [Symbol.asyncIterator]: () => this.#pieces(), read: (memory) => this.#fill(memory) };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    try {
      while (this.#position < this.#end) {
        const memory = Buffer.allocUnsafeSlow(Math.min(PIECE, this.#end - this.#position));
        // Only what was read is handed out: the rest of the memory may hold anything.
        yield memory.subarray(0, await this.#fill(memory));
      }
    } finally {
      await this.close();
    }
  }

  async #fill(memory: Uint8Array): Promise<number> {
    const wanted = Math.min(memory.length, this.#end - this.#position);
    if (wanted <= 0) return 0;
    const part = memory.subarray(0, wanted);
    const bytesRead = await operation(this.#path, this.#options, () => this.#file.read(part, this.#position));
    if (bytesRead === 0) throw new FileSystemError("EIO", this.#path, { message: "the file has become shorter" });
    this.#position += bytesRead;
    return bytesRead;
  }
}
