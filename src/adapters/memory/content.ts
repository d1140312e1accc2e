/** The bytes of a file in memory: blocks that never change once they are part of a content, shared by versions. */

/** Bytes of every block but the last. */
export const BLOCK = 256 * 1024;

/** One version of a file. Immutable. */
export interface Content {
  readonly blocks: readonly Uint8Array[];
  readonly size: number;
}

/** No bytes. */
export const EMPTY: Content = { blocks: [], size: 0 };

/** The bytes `[start, end)`, in pieces of at most one block, without copying. */
export function* piecesOf(content: Content, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const index = Math.floor(at / BLOCK);
    const piece = content.blocks[index]?.subarray(at - index * BLOCK, end - index * BLOCK);
    if (piece === undefined) return;
    yield piece;
    at += piece.length;
  }
}

/** Makes a content from the first bytes of another one and new ones. */
export class ContentBuilder {
  readonly #blocks: Uint8Array[];
  #block: Uint8Array;
  #filled: number;
  #size: number;

  /** @param keep how many bytes of `old` come first; whole blocks are shared */
  constructor(old: Content = EMPTY, keep = 0) {
    const shared = Math.floor(keep / BLOCK);
    this.#blocks = old.blocks.slice(0, shared);
    this.#filled = keep - shared * BLOCK;
    this.#block = new Uint8Array(this.#filled === 0 ? 0 : BLOCK);
    if (this.#filled > 0) this.#block.set(old.blocks[shared]?.subarray(0, this.#filled) ?? []);
    this.#size = keep;
  }

  /** Copies the bytes: what they are a view of, often much larger, need not stay in memory. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === this.#block.length) this.#next();
      const part = bytes.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
    this.#size += bytes.length;
  }

  /** The content; nothing may be added afterwards. */
  finish(): Content {
    const last = this.#filled < this.#block.length ? this.#block.slice(0, this.#filled) : this.#block;
    return { blocks: last.length > 0 ? [...this.#blocks, last] : this.#blocks, size: this.#size };
  }

  #next(): void {
    if (this.#block.length > 0) this.#blocks.push(this.#block);
    this.#block = new Uint8Array(BLOCK);
    this.#filled = 0;
  }
}
