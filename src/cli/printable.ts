/**
 * Text of strangers made safe to print: nothing in it can end a line, move the cursor, turn the direction of
 * writing or pass for something that this program says. Bytes that were not UTF-8 show as `\xNN`.
 */

/** Controls, format characters such as changes of direction, separators of lines, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
/** A client may send 8 KiB of name in every command; nobody reads so much. */
const LONGEST = 300;

/** One line of text: every character that would not show as itself is escaped. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character.codePointAt(0) ?? 0));
}

/** What a client said, cut to 300 characters, quoted unless it is a plain word. */
export function quoted(text: string): string {
  if (/^[\w./-]{1,64}$/.test(text)) return text;
  return `"${printable(shortened(text).replace(/["\\]/g, "\\$&"))}"`;
}

/** The first 300 characters. */
export function shortened(text: string): string {
  if (text.length <= LONGEST) return text;
  return `${Array.from(text.slice(0, 2 * LONGEST))
    .slice(0, LONGEST)
    .join("")}…`;
}

/** JSON on one line, in which whatever is unsafe to print is written `\uNNNN`. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
      .join(""),
  );
}

function escaped(code: number): string {
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
  return code < 0x80 ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 4)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
