/** What one upload has taken of a quota before anybody can see its file. */
import { FileSystemError } from "../file-system-error.js";
import type { VirtualPath } from "../names.js";
import type { QuotaCounter } from "./quota-counter.js";

/** Room for an upload: taken as it goes on, settled when it ends. One call at a time. */
export class Reservation {
  readonly #counter: QuotaCounter;
  readonly #path: VirtualPath;
  #bytes = 0;
  #files = 0;

  constructor(counter: QuotaCounter, path: VirtualPath) {
    this.#counter = counter;
    this.#path = path;
  }

  /** Takes what is missing to so much altogether, or nothing. @throws FileSystemError `EDQUOT`, and `EIO` where the counter fails */
  async ensure(bytes: number, files: number): Promise<void> {
    const [moreBytes, moreFiles] = [Math.max(0, bytes - this.#bytes), Math.max(0, files - this.#files)];
    if (moreBytes === 0 && moreFiles === 0) return;
    if (!(await this.#add(moreBytes, moreFiles))) throw new FileSystemError("EDQUOT", this.#path);
    this.#bytes += moreBytes;
    this.#files += moreFiles;
  }

  /** Leaves counted what came of the upload, less than nothing where files have shrunk, and gives the rest back. Never rejects. */
  async settle(bytes: number, files: number): Promise<void> {
    const [moreBytes, moreFiles] = [bytes - this.#bytes, files - this.#files];
    this.#bytes = bytes;
    this.#files = files;
    await giveBack(this.#counter, -moreBytes, -moreFiles);
  }

  async #add(bytes: number, files: number): Promise<boolean> {
    try {
      return await this.#counter.add(bytes, files);
    } catch (cause) {
      throw new FileSystemError("EIO", this.#path, { cause });
    }
  }
}

/** Gives back. The counter's failure is its own: what was given back has happened. */
export async function giveBack(counter: QuotaCounter, bytes: number, files: number): Promise<void> {
  if (bytes === 0 && files === 0) return;
  try {
    await counter.add(-bytes, -files);
  } catch {
    // Nobody could do anything about it here.
  }
}
