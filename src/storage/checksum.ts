/** Checksums of files: which there are, and how one is made of bytes. Knows no store. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";

/** `crc32` is that of Ethernet and zip; the others are hash functions. MD5 and SHA-1 find accidents, not attackers. */
export type ChecksumAlgorithm = "crc32" | "md5" | "sha1" | "sha256" | "sha512";

/** The checksum of some bytes of a file. */
export interface Checksum {
  /** Lower-case hexadecimal, in full length. */
  readonly digest: string;
  /** The first byte that counted. */
  readonly start: number;
  /** The byte after the last one that counted. */
  readonly end: number;
}

/** Bytes after which others have a turn: some milliseconds' worth of computing. */
const TURN = 4 * 1024 ** 2;
/** Bytes that a chunk counts as at the least: taking it costs something too. */
const CHUNK = 4096;

/** Reads bytes to their end. What reading throws is thrown. @returns the digest, and how many bytes there were */
export async function digestOf(
  body: AsyncIterable<Uint8Array>,
  algorithm: ChecksumAlgorithm,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  const sum: Sum = algorithm === "crc32" ? new Crc32() : createHash(algorithm);
  let bytes = 0;
  let turn = TURN;
  for await (const chunk of body) {
    sum.update(chunk);
    bytes += chunk.length;
    turn -= Math.max(chunk.length, CHUNK);
    if (turn > 0) continue;
    // Memory and caches give all their pieces without a pause.
    await setImmediate();
    turn = TURN;
  }
  return { digest: sum.digest("hex"), bytes };
}

interface Sum {
  update(chunk: Uint8Array): unknown;
  digest(encoding: "hex"): string;
}

class Crc32 implements Sum {
  #value = 0;

  update(chunk: Uint8Array): void {
    this.#value = crc32(chunk, this.#value);
  }

  digest(): string {
    return this.#value.toString(16).padStart(8, "0");
  }
}
