/**
 * Names of owners and groups as one column of a line (`ls -l` form) or one value of a fact (RFC 3659 §7.2):
 * both are cut at blanks, the fact at `;` too. Looks nobody up: the store has said who it is.
 */
const PLAIN = /^[!-:<-~]{1,32}$/;
const LONGEST = 32;

/**
 * The name with every character that would end a column or a fact as `_`, cut to 32 characters.
 * `undefined` where there is nothing to show.
 */
export function ownerName(name: string | undefined): string | undefined {
  if (name === undefined || PLAIN.test(name)) return name;
  const shown = Array.from(name).slice(0, LONGEST).join("");
  return shown.replace(/[\s;\p{Cc}\p{Zl}\p{Zp}]/gu, "_") || undefined;
}
