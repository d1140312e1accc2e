/**
 * The argument of LIST and NLST (RFC 959 §4.1.3) as clients send it: options of `ls` before the path name.
 * The RFC knows none, but scripts and libraries send `-a` and `-la`. Pure text; nothing is ever executed.
 */

/** What LIST or NLST was asked for. */
export interface ListRequest {
  /** `-l`: lines in long form also where NLST was sent. */
  readonly long: boolean;
  /** `-R`: the directories below too. */
  readonly recursive: boolean;
  /** The path name, perhaps with a glob; absent for the working directory. */
  readonly path: string | undefined;
}

/**
 * Reads an argument. Leading words with a dash are options, unknown letters and long options mean nothing,
 * `--` ends them; the rest is the path name with every blank but the one that separates it. A lone `-` is a name;
 * other names with a leading dash are reached as `./-name` or behind `--`.
 */
export function parseListArgument(argument: string | undefined): ListRequest {
  let letters = "";
  let rest = argument ?? "";
  while (rest.startsWith("-")) {
    const space = rest.indexOf(" ");
    const word = space < 0 ? rest : rest.slice(0, space);
    if (word === "-") break;
    rest = space < 0 ? "" : rest.slice(space + 1);
    if (word === "--") break;
    if (!word.startsWith("--")) letters += word;
  }
  return {
    long: letters.includes("l"),
    recursive: letters.includes("R"),
    path: rest === "" ? undefined : rest,
  };
}
