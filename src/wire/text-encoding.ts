/**
 * Bytes of the control connection and of file names as strings and back, without loss (RFC 2640, RFC 3659 §2.2):
 * valid UTF-8 becomes text, every other byte 0x80 to 0xFF becomes the lone surrogate U+DC80 to U+DCFF.
 * Linear in the bytes and without exceptions: a client that sends rubbish must not cost more than one that does not.
 */
import { isUtf8 } from "node:buffer";

/** Decodes UTF-8; bytes that are not UTF-8 survive as lone surrogates U+DC80 to U+DCFF. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? buffer.toString("utf8") : decodeBroken(buffer);
}

/** The inverse of `decodeText`: text as UTF-8, U+DC80 to U+DCFF as the bytes that they stand for. */
export function encodeText(text: string): Uint8Array {
  return text.isWellFormed() ? Buffer.from(text, "utf8") : encodeBroken(text);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decodeBroken(bytes: Buffer): string {
  let text = "";
  let valid = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += bytes.toString("utf8", valid, at) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      valid = at + 1;
    }
    at += Math.max(1, length);
  }
  return text + bytes.toString("utf8", valid);
}

/** Length of the valid UTF-8 sequence at `at`, 0 where there is none (RFC 3629 §4). */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4 || !isSecond(lead, bytes[at + 1] ?? 0)) return 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  for (let next = at + 2; next < at + length; next++) if (!isContinuation(bytes[next] ?? 0)) return 0;
  return length;
}

/** The second byte rules out overlong forms (E0, F0), surrogates (ED) and what is above U+10FFFF (F4). */
function isSecond(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0 && byte <= 0xbf;
  if (lead === 0xed) return byte >= 0x80 && byte <= 0x9f;
  if (lead === 0xf0) return byte >= 0x90 && byte <= 0xbf;
  if (lead === 0xf4) return byte >= 0x80 && byte <= 0x8f;
  return isContinuation(byte);
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

function encodeBroken(text: string): Uint8Array {
  const parts: Buffer[] = [];
  let escaped = false;
  // Text and runs of lone surrogates by turns; with the flag `u` the half of a pair never matches.
  for (const part of text.split(/([\uDC80-\uDCFF]+)/u)) {
    // A code unit as latin1 is its low byte: U+DC80 is 0x80.
    parts.push(Buffer.from(part, escaped ? "latin1" : "utf8"));
    escaped = !escaped;
  }
  return Buffer.concat(parts);
}
