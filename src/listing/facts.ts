/**
 * One entry as a line of MLST and MLSD, the selection of facts by OPTS MLST, and its line in FEAT
 * (RFC 3659 §7.2 to §7.9). Does not know who asks: the caller says what this user may do.
 */
import type { FileInfo } from "../storage/file-info.js";
import { encodeText } from "../wire/text-encoding.js";
import { formatTimestamp } from "../wire/timestamp.js";
import { ownerName } from "./owner-name.js";

/** All facts that can be selected, in the order in which lines show them (RFC 3659 §7.5; UNIX ones §7.5.10). */
export const FACTS = [
  "type",
  "size",
  "modify",
  "create",
  "perm",
  "unique",
  "UNIX.mode",
  "UNIX.owner",
  "UNIX.group",
] as const;

/** The name of a fact. Clients may write it in any case. */
export type Fact = (typeof FACTS)[number];

/**
 * What a session shows until OPTS MLST says otherwise: what clients use of themselves. Who owns an entry, when it
 * was made and which object it is, is told to those who ask.
 */
export const DEFAULT_FACTS: ReadonlySet<Fact> = new Set<Fact>(["type", "size", "modify", "perm", "UNIX.mode"]);

/** What the asking user may do with an entry, or below it. */
export interface Rights {
  /** LIST, NLST and MLSD of a directory. */
  readonly list: boolean;
  /** RETR. */
  readonly read: boolean;
  /** STOR, also of a new file in a directory. */
  readonly write: boolean;
  /** APPE. */
  readonly append: boolean;
  /** DELE, also of what is in a directory. */
  readonly remove: boolean;
  /** MKD. */
  readonly makeDirectory: boolean;
  /** RMD. */
  readonly removeDirectory: boolean;
  /** RNFR. */
  readonly rename: boolean;
}

/** How the entry is shown where it is not simply an entry of a directory. */
export interface ShownAs {
  /** The directory itself in MLSD or MLST, or its parent (RFC 3659 §7.5.1). */
  readonly type?: "cdir" | "pdir";
  /** Another name than `info.name`: the path that MLST answers with. */
  readonly name?: string;
}

/**
 * Reads the list of OPTS MLST, `type;size;` with or without the last `;`. Unknown names count for nothing, an
 * empty list selects nothing. `undefined` where the argument is no list of names: the selection then stays.
 */
export function parseFacts(argument: string): ReadonlySet<Fact> | undefined {
  if (argument === "") return new Set();
  const list = argument.endsWith(";") ? argument.slice(0, -1) : argument;
  const names = list.split(";");
  if (!names.every((name) => FACT_NAME.test(name))) return undefined;
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return new Set(FACTS.filter((fact) => wanted.has(fact.toLowerCase())));
}

/** The line of FEAT: `MLST type*;create;…`, a star at each selected fact (RFC 3659 §7.8). */
export function factsFeature(selected: ReadonlySet<Fact>): string {
  return `MLST ${FACTS.map((fact) => (selected.has(fact) ? `${fact}*;` : `${fact};`)).join("")}`;
}

/**
 * The `perm` fact (RFC 3659 §7.5.5). A link has the letters of a file: what it leads to is not looked up.
 * The root can be neither removed nor renamed.
 */
export function permFact(info: FileInfo, rights: Rights): string {
  const movable = rights.rename && info.name !== "";
  if (info.type !== "directory") {
    return (
      letter("a", rights.append) +
      letter("d", rights.remove) +
      letter("f", movable) +
      letter("r", rights.read) +
      letter("w", rights.write)
    );
  }
  return (
    letter("c", rights.write) +
    letter("d", rights.removeDirectory && info.name !== "") +
    "e" +
    letter("f", movable) +
    letter("l", rights.list) +
    letter("m", rights.makeDirectory) +
    letter("p", rights.remove || rights.removeDirectory)
  );
}

/** One line without its CRLF: the selected facts that the entry has, each with its `;`, a blank, the name. */
export function factLine(info: FileInfo, selected: ReadonlySet<Fact>, rights: Rights, as?: ShownAs): string {
  let line = "";
  for (const fact of FACTS) {
    const value = selected.has(fact) ? valueOf(fact, info, rights, as?.type) : undefined;
    if (value !== undefined) line += `${fact}=${value};`;
  }
  return `${line} ${as?.name ?? info.name}`;
}

/** RCHAR of RFC 3659 §7.2 without `%`, and `=`: what a value can hold as it is. */
const PLAIN_VALUE = /^[\w,.:!@#$^&()\-+?/\\'"=]+$/;
const FACT_NAME = /^[\w,.:!@#$%^&()\-+?/\\'"]+$/;
const LONGEST_UNIQUE = 255;

function valueOf(fact: Fact, info: FileInfo, rights: Rights, type: ShownAs["type"]): string | undefined {
  switch (fact) {
    case "type":
      return type ?? typeFact(info);
    case "size":
      // The size of a link is not what RETR sends, and directories have none (RFC 3659 §7.5.7).
      return info.type === "file" ? String(info.size) : undefined;
    case "modify":
      return timeFact(info.modified);
    case "create":
      return timeFact(info.created);
    case "perm":
      return permFact(info, rights);
    case "unique":
      return uniqueFact(info.unique);
    case "UNIX.mode":
      return info.mode === undefined ? undefined : `0${(info.mode & 0o777).toString(8).padStart(3, "0")}`;
    case "UNIX.owner":
      return ownerName(info.owner);
    case "UNIX.group":
      return ownerName(info.group);
  }
}

/**
 * A link is `OS.unix=symlink`, the form of erratum 1500. `OS.unix=slink:target` of the RFC's example is not in its
 * own grammar, and a target with a blank or `;` would cut the line; clients that know links take either form.
 */
function typeFact(info: FileInfo): string {
  return info.type === "file" ? "file" : info.type === "directory" ? "dir" : "OS.unix=symlink";
}

/** Absent where the store has no time, or none that fits into fourteen digits. */
function timeFact(time: Date | undefined): string | undefined {
  const year = time?.getUTCFullYear() ?? Number.NaN;
  return time !== undefined && year >= 1 && year <= 9999 ? formatTimestamp(time) : undefined;
}

/**
 * Bytes that a value cannot hold are written as `%` and two digits: two objects must never share a value, so
 * nothing is replaced or cut. One that is too long for a line is left out.
 */
function uniqueFact(unique: string | undefined): string | undefined {
  if (unique === undefined || unique === "") return undefined;
  const value = PLAIN_VALUE.test(unique) ? unique : [...encodeText(unique)].map(escapeByte).join("");
  return value.length <= LONGEST_UNIQUE ? value : undefined;
}

function escapeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN_VALUE.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function letter(name: string, granted: boolean): string {
  return granted ? name : "";
}
