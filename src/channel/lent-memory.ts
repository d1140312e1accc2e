/**
 * Memory for bytes on their way, used again and again: to make it anew costs the system a page at a time. It is lent in
 * chunks, and a piece of it comes back when nobody needs any of its chunks.
 */

/** Bytes of a piece: what a fast client takes in one go, so that the next one is read meanwhile. */
const PIECE = 512 * 1024;
/** Bytes of room below which a read would be too small to be worth its call. */
const SMALLEST = 64 * 1024;
/** Pieces that are kept while nobody needs them. */
const KEPT = 128;
/** For how long, in milliseconds, at the most. */
const KEPT_MS = 10_000;

interface Piece {
  readonly memory: Buffer;
  /** Bytes that were taken. */
  filled: number;
  /** Chunks that are lent. */
  chunks: number;
  /** Nothing more will be taken. */
  closed: boolean;
}

const lent = new WeakMap<ArrayBufferLike, Piece>();
const spare: Buffer[] = [];
let clearing: NodeJS.Timeout | undefined;

/** The memory of one who reads or makes bytes, one chunk behind the other. */
export class LentMemory {
  #current: Piece | undefined;

  /**
   * Room for the next bytes, which may hold anything.
   * @param atLeast bytes, 512 KiB at the most. Default 64 KiB
   */
  room(atLeast = SMALLEST): Buffer {
    let piece = this.#current;
    if (piece === undefined || piece.memory.length - piece.filled < atLeast) {
      this.close();
      piece = { memory: spare.pop() ?? Buffer.allocUnsafeSlow(PIECE), filled: 0, chunks: 0, closed: false };
      lent.set(piece.memory.buffer, piece);
      this.#current = piece;
    }
    return piece.memory.subarray(piece.filled);
  }

  /**
   * @returns the first bytes of the last `room()`, lent until `giveBack`; what never comes back is left to the garbage collector
   * @throws RangeError where there was not so much room
   */
  take(bytes: number): Buffer {
    const piece = this.#current;
    // What lies behind belongs to others.
    if (piece === undefined || !(bytes >= 0 && bytes <= piece.memory.length - piece.filled))
      throw new RangeError(`there is no room of ${bytes} bytes to take`);
    piece.chunks++;
    piece.filled += bytes;
    return piece.memory.subarray(piece.filled - bytes, piece.filled);
  }

  /** Nothing is put into the last `room()` any more. */
  close(): void {
    const piece = this.#current;
    this.#current = undefined;
    if (piece === undefined) return;
    piece.closed = true;
    settle(piece);
  }
}

/** Nobody looks at the chunk any more. To be called once for each that was taken; one that is not lent is none of ours. */
export function giveBack(chunk: Uint8Array): void {
  const piece = lent.get(chunk.buffer);
  if (piece === undefined) return;
  piece.chunks--;
  settle(piece);
}

function settle({ memory, chunks, closed }: Piece): void {
  if (!closed || chunks > 0) return;
  lent.delete(memory.buffer);
  if (spare.length >= KEPT) return;
  spare.push(memory);
  clearing ??= setTimeout(clear, KEPT_MS).unref();
}

/** Who needs some again makes some again. */
function clear(): void {
  spare.length = 0;
  clearing = undefined;
}
