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
