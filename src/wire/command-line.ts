/**
 * One line of a client taken apart into verb and argument (RFC 959 §5.3.1, RFC 3659 §2.2). Knows no command:
 * whether the verb exists and what the argument means is for others to say.
 */

/** A command as the client sent it. */
export interface CommandLine {
  /** Up to the first space, its `a` to `z` in upper case; `""` for an empty line. */
  readonly verb: string;
  /** All that follows exactly one space, untrimmed; `undefined` where there was no space. */
  readonly argument: string | undefined;
}

/** Takes a line without its end apart. Every text is a command line; none is an error here. */
export function parseCommandLine(text: string): CommandLine {
  const space = text.indexOf(" ");
  if (space === -1) return { verb: upperCase(text), argument: undefined };
  return { verb: upperCase(text.slice(0, space)), argument: text.slice(space + 1) };
}

/** Upper-cases `a` to `z` and nothing else: with all of Unicode, `ſize` and `lıst` would become commands. */
export function upperCase(verb: string): string {
  if (/^[\0-\x7f]*$/.test(verb)) return verb.toUpperCase();
  return verb.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
