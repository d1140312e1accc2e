/** CRC32C of bytes one behind the other, of what the store tells of each: how it is known that they were joined. */

/** Polynomials over two elements, the highest bit first: what the sum is the remainder of. */
const POLYNOMIAL = 0x82f63b78;
const ONE = 0x80000000;
const X = 0x40000000;

/**
 * The CRC32C of `first` with `second` behind it.
 * @param first Base64, as the store tells it
 * @param bytes how many `second` is of
 */
export function joinedCrc32c(first: string, second: string, bytes: number): string {
  let power = ONE;
  // x to as many as there are bits.
  let square = X;
  for (let bits = bytes * 8; bits > 0; bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1) power = product(power, square);
    square = product(square, square);
  }
  const joined = Buffer.alloc(4);
  joined.writeUInt32BE((product(power, sumOf(first)) ^ sumOf(second)) >>> 0);
  return joined.toString("base64");
}

function sumOf(base64: string): number {
  return Buffer.from(base64, "base64").readUInt32BE();
}

function product(one: number, other: number): number {
  let result = 0;
  let shifted = other;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (one & bit) result ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return result >>> 0;
}
