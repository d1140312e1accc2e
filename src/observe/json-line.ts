/** Records as JSON, one a line: nothing in a name can end the line, move a cursor or turn the direction of writing. */

/** What one line tells. Fields that are `undefined` are left out. */
export interface AccessRecord {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Controls, format characters such as changes of direction, separators of lines, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The line, with its LF. Bytes of a name that are no UTF-8 show as `\udc80` to `\udcff`. */
export function jsonLine(record: AccessRecord): string {
  return `${JSON.stringify(record).replace(UNSAFE, escaped)}\n`;
}

function escaped(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
