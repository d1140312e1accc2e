/** The tables of all commands: built once for each server, read by FEAT, HELP, the loop and the conformance page. */
import type { AnyCommand, Command, CommandTable } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { accessRows } from "./access.js";
import { dataPortRows } from "./data-ports.js";
import { factRows } from "./facts.js";
import { fileRows } from "./files.js";
import { informationRows } from "./information.js";
import { listRows } from "./list.js";
import { parameterRows } from "./parameters.js";
import { retrieveRows } from "./retrieve.js";
import type { Row } from "./row.js";
import { siteRow, siteRows } from "./site.js";
import { storeRows } from "./store.js";

/** Every command that portside understands by itself. */
export const STANDARD_ROWS: readonly Row[] = [
  ...accessRows,
  ...parameterRows,
  ...dataPortRows,
  ...retrieveRows,
  ...storeRows,
  ...listRows,
  ...fileRows,
  ...factRows,
  siteRow,
  ...informationRows,
];

/** Every subcommand of SITE that portside understands by itself. */
export const STANDARD_SITE_ROWS: readonly Row[] = siteRows;

/** A row that a host adds; the type of its argument is its grammar's. */
export type CustomCommand = AnyCommand;

/** A row with the type of its argument taken from the grammar, to be given to `commands` or `siteCommands`. */
export function defineCommand<Argument>(command: Command<Argument>): CustomCommand {
  return command;
}

/**
 * A table of the standard rows and a host's own; one of the host's with the verb of a standard row takes its place.
 * @throws TypeError where a verb is not 3 to 32 upper-case ASCII letters, digits or `@`
 */
export function commandTable(standard: readonly Row[], custom: readonly CustomCommand[] = []): CommandTable<Dialogue> {
  const byVerb = new Map<string, Row>();
  for (const row of [...standard, ...(custom as readonly Row[])]) {
    for (const verb of [row.verb, ...(row.aliases ?? [])]) {
      if (!/^[A-Z0-9@]{3,32}$/.test(verb))
        throw new TypeError(`verb must be 3 to 32 letters A to Z, digits or @, not "${verb}"`);
      byVerb.set(verb, row);
    }
  }
  return { rows: [...new Set(byVerb.values())], find: (verb) => byVerb.get(verb) };
}
