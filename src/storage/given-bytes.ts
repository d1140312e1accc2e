/**
 * What a store gives of an open file, counted against what it has said of its size: a store that ends too early has failed,
 * whoever reads. One that gives more is as good as its word, but where it puts bytes into memory that others have used.
 */
import { type FileBody, type Fill, handedOn } from "./file-body.js";
import type { FileInfo } from "./file-info.js";
import { FileSystemError } from "./file-system-error.js";

/** The parts of a `ReadHandle` that count. */
interface Opened {
  readonly info: Pick<FileInfo, "size">;
  readonly body: FileBody;
}

/** First byte, and the byte after the last one. Default: all. */
interface Which {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

/** The bytes of an open file, or some of them, to be read once. */
export class GivenBytes {
  /** As the store gives them. */
  readonly body: FileBody;
  readonly #path: string;
  readonly #expected: number;
  #given = 0;
  /** The store has ended before it had given all. */
  #isShort = false;

  /** @param which as it was opened */
  constructor(path: string, { info, body }: Opened, which: Which = {}) {
    const { start = 0, end = info.size } = which;
    this.#path = path;
    this.#expected = Math.min(end, info.size) - start;
    this.body = handedOn(body, this.#pieces(body), (fill, memory) => this.#read(fill, memory));
  }

  /**
   * To be called behind the last byte. Who has stopped reading before wants no more, and is content.
   * @throws FileSystemError `EIO` where there were fewer than the store has said
   */
  assertAll(): void {
    if (this.#isShort) throw this.#fault("less than it said");
  }

  async *#pieces(body: FileBody): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#given += chunk.length;
      yield chunk;
    }
    this.#end();
  }

  async #read(fill: Fill, memory: Uint8Array): Promise<number> {
    const bytes = await fill(memory);
    // Behind what was read there may be bytes of others.
    if (!isCount(bytes, memory.length) || this.#given + bytes > this.#expected)
      throw this.#fault("a wrong count of bytes");
    this.#given += bytes;
    if (bytes === 0) this.#end();
    return bytes;
  }

  #end(): void {
    this.#isShort = this.#given < this.#expected;
  }

  #fault(given: string): FileSystemError {
    return new FileSystemError("EIO", this.#path, { message: `the store has given ${given}` });
  }
}

function isCount(bytes: number, most: number): boolean {
  return Number.isInteger(bytes) && bytes >= 0 && bytes <= most;
}
