/** The bytes of an open file, to be read once, in one of two ways. */
export interface FileBody extends AsyncIterable<Uint8Array> {
  /**
   * Puts the next bytes into memory of the reader, who may use it again for the next ones: this saves to make and to
   * forget memory for each piece. For stores that get bytes by a copy, such as a disk; not for others.
   * @param memory the store's until the promise settles
   * @returns how many bytes; 0 only at the end, and no more in all than was asked for of `info.size`
   * @throws what the other way throws
   */
  read?(memory: Uint8Array): Promise<number>;
}

/** Puts the next bytes into memory, as `FileBody.read` does. */
export type Fill = (memory: Uint8Array) => Promise<number>;

/**
 * A body that hands on another one, in the ways that it has.
 * @param pieces hands on the chunks
 * @param read hands on what `fill`, the way of the other one, puts into memory
 */
export function handedOn(
  body: FileBody,
  pieces: AsyncGenerator<Uint8Array>,
  read: (fill: Fill, memory: Uint8Array) => Promise<number>,
): FileBody {
  if (body.read === undefined) return pieces;
  const fill = body.read.bind(body);
  return { [Symbol.asyncIterator]: () => pieces, read: (memory) => read(fill, memory) };
}
