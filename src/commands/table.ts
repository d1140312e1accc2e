/** The tables of all commands: built once for each server, read by FEAT, HELP, the loop and the conformance page. */
import type { AnyCommand, Command, CommandTable, Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { accessRows } from "./access.js";
import { checksumRows } from "./checksums.js";
import { dataPortRows } from "./data-ports.js";
import { factRows } from "./facts.js";
import { fileRows } from "./files.js";
import { hostRow } from "./host.js";
import { informationRows } from "./information.js";
import { listRows } from "./list.js";
import { parameterRows } from "./parameters.js";
import { retrieveRows } from "./retrieve.js";
import type { Row } from "./row.js";
import { securityRows } from "./security.js";
import { siteRow, siteRows } from "./site.js";
import { storeRows } from "./store.js";

/** Every command that portside understands by itself. */
export const STANDARD_ROWS: readonly Row[] = [
  hostRow,
  ...accessRows,
  ...securityRows,
  ...parameterRows,
  ...dataPortRows,
  ...retrieveRows,
  ...storeRows,
  ...listRows,
  ...fileRows,
  ...factRows,
  ...checksumRows,
  siteRow,
  ...informationRows,
];

/** Every subcommand of SITE that portside understands by itself. */
export const STANDARD_SITE_ROWS: readonly Row[] = siteRows;

/** Verbs of RFCs that have no row here: "not implemented" and not "unknown" (RFC 959 §4.2.2). */
const ELSEWHERE = new Set(["LPRT", "LPSV"]);

/** A row that a host adds; the type of its argument is its grammar's. */
export type CustomCommand = AnyCommand;

/** A row as a host writes it. */
export type CommandDefinition<Argument> = Omit<Command<Argument>, "argument"> & {
  /** How its argument is read. Default: none is expected, and one that is sent means nothing. */
  readonly argument?: Grammar<Argument>;
};

/**
 * A row with the type of its argument taken from the grammar, to be given to `commands` or `siteCommands`.
 * @example
 * defineCommand({
 *   verb: "TIME",
 *   source: "this host",
 *   summary: "tell the time",
 *   replies: [213],
 *   run: () => reply(213, new Date().toISOString()),
 * })
 */
export function defineCommand<Argument = undefined>(command: CommandDefinition<Argument>): CustomCommand {
  const argument = command.argument ?? { syntax: "", parse: () => ({ value: undefined as Argument }) };
  return { ...command, argument };
}

/**
 * A table of the standard rows and a host's own; one of the host's with the verb of a standard row takes its place,
 * aliases included.
 * @throws TypeError where a row lacks something, or a verb is not 3 to 32 upper-case ASCII letters, digits or `@`
 */
export function commandTable(standard: readonly Row[], custom: readonly CustomCommand[] = []): CommandTable<Dialogue> {
  if (!Array.isArray(custom)) throw new TypeError("commands must be an array of rows made by defineCommand");
  const own = new Map(custom.map((row: Row) => [checked(row).verb, row]));
  const kept = standard.map((row) => {
    const replacement = own.get(row.verb);
    return replacement === undefined ? row : { aliases: row.aliases ?? [], ...replacement };
  });
  const added = [...own.values()].filter(({ verb }) => !standard.some((row) => row.verb === verb));
  const rows = [...kept, ...added] as readonly Row[];
  const byVerb = new Map(rows.flatMap((row) => [row.verb, ...(row.aliases ?? [])].map((verb) => [verb, row] as const)));
  return { rows, find: (verb) => byVerb.get(verb), knows: (verb) => ELSEWHERE.has(verb) };
}

function checked(row: Row): Row {
  if (typeof row?.run !== "function" || typeof row.argument?.parse !== "function" || !Array.isArray(row.replies))
    throw new TypeError("a command must be a row made by defineCommand, with verb, replies and run");
  if (row.transfers === true && row.duringTransfer !== undefined && row.duringTransfer !== false)
    throw new TypeError(`${row.verb} must not have both transfers and duringTransfer: one transfer runs at a time`);
  for (const verb of [row.verb, ...(row.aliases ?? [])]) {
    if (!/^[A-Z0-9@]{3,32}$/.test(verb))
      throw new TypeError(`verb must be 3 to 32 letters A to Z, digits or @, not "${verb}"`);
  }
  return row;
}
