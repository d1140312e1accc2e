/**
 * Replies and how they are written (RFC 959 §4.2, RFC 2389 §3.2, RFC 3659 §7.2). The one place through which
 * every text to a client goes: nothing in it can end a line, or begin one that looks like a reply.
 * Knows no command and no socket.
 */

import { isReplyCode, REPLY_CODES, type ReplyCode } from "./reply-codes.js";
import { decodeText, encodeText } from "./text-encoding.js";
import { MAX_PATH_BYTES } from "./virtual-path.js";

/** One reply. */
export interface Reply {
  readonly code: ReplyCode;
  /** Text without code and line ends, at least one: one is a plain reply, several are a multi-line reply. */
  readonly lines: readonly string[];
}

/** Longest line in UTF-16 code units: the longest path with all its quotes doubled, and words around it. */
export const MAX_REPLY_LINE = 2 * MAX_PATH_BYTES + 512;

/**
 * Makes a reply.
 * @param lines one for a plain reply; several for a multi-line one. Default: the meaning of the code
 * @throws RangeError for a code that no RFC defines
 */
export function reply(code: ReplyCode, ...lines: string[]): Reply {
  if (!isReplyCode(code)) throw new RangeError(`code must be a reply code of an RFC, not ${String(code)}`);
  return { code, lines: lines.length === 0 ? [REPLY_CODES[code].meaning] : lines };
}

/** Whether a value of the host's is a reply. */
export function isReply(value: unknown): value is Reply {
  if (typeof value !== "object" || value === null || !("code" in value && "lines" in value)) return false;
  const { code, lines } = value;
  return typeof code === "number" && isReplyCode(code) && Array.isArray(lines) && lines.length > 0;
}

/**
 * Writes a reply with its line ends. Inner lines get one space in front unless they have one. Control
 * characters and line separators become `_`, bytes that were not UTF-8 go out as they came, 0xFF is doubled for
 * Telnet, and a line longer than `MAX_REPLY_LINE` is cut.
 * @returns a string where all is ASCII (any encoding writes it), bytes where not
 */
export function encodeReply(reply: Reply): Buffer | string {
  const [only = ""] = reply.lines;
  if (reply.lines.length <= 1 && isPlain(only)) return `${reply.code} ${only}\r\n`;
  const text = linesOf(reply).join("");
  return isAscii(text) ? text : asBuffer(encodeText(text));
}

/** A path as the 257 reply quotes it: within `"`, each `"` of its own doubled (RFC 959 Appendix II). */
export function quotePath(path: string): string {
  return `"${path.replaceAll('"', '""')}"`;
}

function linesOf({ code, lines }: Reply): readonly string[] {
  const last = lines.length - 1;
  return lines.map((line, index) => {
    const text = isPlain(line) ? line : clean(line);
    if (index === last) return `${code} ${text}\r\n`;
    if (index === 0) return `${code}-${text}\r\n`;
    // A client takes an inner line that begins with the code and a space for the end.
    return text.startsWith(" ") ? `${text}\r\n` : ` ${text}\r\n`;
  });
}

function isPlain(line: string): boolean {
  return line.length <= MAX_REPLY_LINE && !/[^ -~]/.test(line);
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/**
 * `_` and not a percent form: it is as long as what it replaces, and no client decodes it back into what was
 * taken out. With the flag `u`, half of a surrogate pair is never taken for a byte.
 */
function clean(line: string): string {
  const text = canonical(cut(line));
  return text.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, "_").replace(/\uDCFF/gu, "\uDCFF\uDCFF");
}

function cut(line: string): string {
  if (line.length <= MAX_REPLY_LINE) return line;
  const text = line.slice(0, MAX_REPLY_LINE);
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}

/** Escaped bytes side by side may spell a character after all, and that character may be a control character. */
function canonical(text: string): string {
  return text.isWellFormed() ? text : decodeText(encodeText(text));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
