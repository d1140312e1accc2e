/** Memory that one connection is read into, piece after piece, and that comes back when nobody needs what it holds. */
import { borrow, giveBack } from "./lent-memory.js";

/** Bytes of room below which a read would be too small to be worth its call. */
const SMALLEST = 64 * 1024;

/** One piece: how many of its chunks are with a reader, and whether no more will be read into it. */
interface Piece {
  readonly memory: Buffer;
  filled: number;
  chunks: number;
  closed: boolean;
}

/** Pieces of lent memory. What is never given back is left to the garbage collector. */
export class InboundMemory {
  readonly #pieces = new Map<ArrayBufferLike, Piece>();
  #current: Piece | undefined;

  /** Room for the next bytes. */
  next(): Buffer {
    let piece = this.#current;
    if (piece === undefined || piece.memory.length - piece.filled < SMALLEST) {
      this.close();
      piece = { memory: borrow(), filled: 0, chunks: 0, closed: false };
      this.#pieces.set(piece.memory.buffer, piece);
      this.#current = piece;
    }
    return piece.memory.subarray(piece.filled);
  }

  /** @returns what has come into the room of `next()` */
  take(bytes: number): Buffer {
    const piece = this.#current;
    if (piece === undefined) throw new TypeError("nothing can come before there is room");
    piece.chunks++;
    piece.filled += bytes;
    return piece.memory.subarray(piece.filled - bytes, piece.filled);
  }

  /** The chunks that `take` gave are needed no more; others are none of ours. */
  giveBack(chunks: readonly Uint8Array[]): void {
    for (const { buffer } of chunks) {
      const piece = this.#pieces.get(buffer);
      if (piece === undefined) continue;
      piece.chunks--;
      this.#settle(piece);
    }
  }

  /** Nothing more comes into the room of `next()`. */
  close(): void {
    const piece = this.#current;
    this.#current = undefined;
    if (piece === undefined) return;
    piece.closed = true;
    this.#settle(piece);
  }

  #settle(piece: Piece): void {
    if (!piece.closed || piece.chunks > 0) return;
    this.#pieces.delete(piece.memory.buffer);
    giveBack(piece.memory);
  }
}
