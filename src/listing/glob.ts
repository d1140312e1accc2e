/**
 * File name patterns of LIST, NLST and STAT in the last component of a path name: `*`, `?`, `[a-z]`, `[!a-z]`
 * and `\` before a character that means itself. The RFCs leave them open; users type them, and `mget` sends them.
 * No braces and no directories: time grows with the product of both lengths, whatever the pattern.
 * Knows no store.
 */

const ANY_RUN = Symbol("*");
const ANY_ONE = Symbol("?");

/** `[…]`: pairs of first and last code point. */
interface Class {
  readonly negated: boolean;
  readonly ranges: readonly number[];
}

/** A number is the code point that must stand there. */
type Token = number | typeof ANY_RUN | typeof ANY_ONE | Class;

/** Whether the name is a pattern: holds `*`, `?` or `[`. */
export function hasGlob(name: string): boolean {
  return /[*?[]/.test(name);
}

/**
 * Takes a path name apart whose last component is a pattern; `undefined` where it is none.
 * `prefix` is what stands before the pattern as the client wrote it, with its `/`: put before each name that
 * matches, it makes names that the client can send back (RFC 1123 §4.1.2.7).
 */
export function splitGlob(path: string): { readonly prefix: string; readonly pattern: string } | undefined {
  const cut = path.lastIndexOf("/") + 1;
  const pattern = path.slice(cut);
  return hasGlob(pattern) ? { prefix: path.slice(0, cut), pattern } : undefined;
}

/**
 * Compiles a pattern into a test of names, by code point and with case. A leading dot is matched only by a dot,
 * as users of a shell expect. A `[` without its `]` and a `\` at the end mean themselves.
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  const tokens = tokensOf(codePoints(pattern));
  const shortest = tokens.filter((token) => token !== ANY_RUN).length;
  return (name) => {
    const points = codePoints(name);
    if (points.length < shortest || (points[0] === DOT && tokens[0] !== DOT)) return false;
    return matches(tokens, points);
  };
}

/** Only the latest `*` is ever extended: what an earlier one could take, the latest can take as well. */
function matches(tokens: readonly Token[], points: readonly number[]): boolean {
  let token = 0;
  let point = 0;
  let star = -1;
  let resume = 0;
  while (point < points.length) {
    if (tokens[token] === ANY_RUN) {
      star = token++;
      resume = point;
    } else if (accepts(tokens[token], points[point] ?? 0)) {
      token++;
      point++;
    } else if (star >= 0) {
      token = star + 1;
      point = ++resume;
    } else return false;
  }
  while (tokens[token] === ANY_RUN) token++;
  return token === tokens.length;
}

function accepts(token: Token | undefined, point: number): boolean {
  if (typeof token === "number") return token === point;
  if (token === ANY_ONE) return true;
  return typeof token === "object" && includes(token.ranges, point) !== token.negated;
}

function includes(ranges: readonly number[], point: number): boolean {
  for (let at = 0; at < ranges.length; at += 2) {
    if (point >= (ranges[at] ?? 0) && point <= (ranges[at + 1] ?? 0)) return true;
  }
  return false;
}

function tokensOf(pattern: readonly number[]): Token[] {
  const tokens: Token[] = [];
  let classes = true;
  for (let at = 0; at < pattern.length; at++) {
    const point = pattern[at] ?? 0;
    const read = point === OPEN && classes ? readClass(pattern, at + 1) : undefined;
    if (read !== undefined) {
      tokens.push(read.token);
      at = read.end;
    } else if (point === STAR) {
      if (tokens.at(-1) !== ANY_RUN) tokens.push(ANY_RUN);
    } else if (point === QUESTION) tokens.push(ANY_ONE);
    else if (point === BACKSLASH && at + 1 < pattern.length) tokens.push(pattern[++at] ?? 0);
    else tokens.push(point);
    // Where one `[` finds no `]`, none behind it does: they are not looked at twice.
    if (point === OPEN && read === undefined) classes = false;
  }
  return tokens;
}

/** Reads the inside of `[…]` from `start`; `undefined` where it never ends. A `]` that comes first is a member. */
function readClass(pattern: readonly number[], start: number): { token: Class; end: number } | undefined {
  const negated = pattern[start] === BANG || pattern[start] === CARET;
  const ranges: number[] = [];
  const first = negated ? start + 1 : start;
  let at = first;
  while (at < pattern.length && (pattern[at] !== CLOSE || at === first)) {
    if (pattern[at] === BACKSLASH) at++;
    const low = pattern[at] ?? 0;
    let high = low;
    if (pattern[at + 1] === DASH && at + 2 < pattern.length && pattern[at + 2] !== CLOSE) {
      at += pattern[at + 2] === BACKSLASH ? 3 : 2;
      high = pattern[at] ?? 0;
    }
    ranges.push(low, high);
    at++;
  }
  return at < pattern.length ? { token: { negated, ranges }, end: at } : undefined;
}

function codePoints(text: string): number[] {
  const points: number[] = [];
  for (const character of text) points.push(character.codePointAt(0) ?? 0);
  return points;
}

const code = (character: string): number => character.charCodeAt(0);
const STAR = code("*");
const QUESTION = code("?");
const OPEN = code("[");
const CLOSE = code("]");
const BACKSLASH = code("\\");
const BANG = code("!");
const CARET = code("^");
const DASH = code("-");
const DOT = code(".");
