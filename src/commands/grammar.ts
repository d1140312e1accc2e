/** Arguments (RFC 959 §5.3.2): how each kind is written and what becomes of it. What does not fit is answered with 501. */

import { FtpError } from "../errors.js";
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { parseDecimal } from "../wire/number.js";
import type { VirtualPath } from "../wire/virtual-path.js";

type DialogueGrammar<Argument> = Grammar<Argument, Dialogue>;

/** No argument. One that is sent all the same means nothing (PWD, CDUP, NOOP …: practice). */
export const none: DialogueGrammar<undefined> = { syntax: "", parse: () => ({ value: undefined }) };

/** No argument, and 501 for one (RFC 2389 §3.2: FEAT). */
export const strictlyNone: DialogueGrammar<undefined> = {
  syntax: "",
  parse: (text) => (text === undefined || text === "" ? { value: undefined } : undefined),
};

/** Some text, which may hold blanks. */
export function text(name: string): DialogueGrammar<string> {
  return {
    syntax: `<SP> ${name}`,
    parse: (given) => (given === undefined || given === "" ? undefined : { value: given }),
  };
}

/** Some text or none, where an empty one counts: PASS. */
export function anyText(name: string): DialogueGrammar<string> {
  return { syntax: `<SP> ${name}`, parse: (given) => ({ value: given ?? "" }) };
}

/** Some text, or nothing at all. */
export function optionalText(name: string): DialogueGrammar<string | undefined> {
  return { syntax: `[<SP> ${name}]`, parse: (given) => ({ value: given === "" ? undefined : given }) };
}

/** A number of bytes. */
export const decimal: DialogueGrammar<number> = {
  syntax: "<SP> decimal",
  parse: (given) => valueOf(given === undefined ? undefined : parseDecimal(given)),
};

/** A path of something that exists. */
export const pathname: DialogueGrammar<VirtualPath> = {
  syntax: "<SP> pathname",
  parse: (given, dialogue) => (given === undefined || given === "" ? undefined : { value: dialogue.resolve(given) }),
};

/** A path of something that is to be made: control characters are refused, for no listing could show them. */
export const newPathname: DialogueGrammar<VirtualPath> = {
  syntax: "<SP> pathname",
  parse: (given, dialogue) =>
    given === undefined || given === "" ? undefined : { value: resolveNew(dialogue, given) },
};

/** Resolves the path of something that is to be made. @throws FtpError `BAD_PATH` */
export function resolveNew(dialogue: Dialogue, name: string): VirtualPath {
  const path = dialogue.resolve(name);
  // C0, DEL and C1, and the separators that editors and terminals take for line ends.
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(path)) throw new FtpError("BAD_PATH", "control characters in a new name");
  return path;
}

/** A value as `parse` gives it; `undefined` stays. */
export function valueOf<Value>(value: Value | undefined): { readonly value: Value } | undefined {
  return value === undefined ? undefined : { value };
}
