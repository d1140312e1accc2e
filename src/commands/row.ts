/** Rows of portside's own commands, checked where they are written. */
import type { AnyCommand, Command } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";

/** A row of the table of a dialogue. */
export type Row = AnyCommand<Dialogue>;

/** Writes a row; the type of the argument is the grammar's. */
export function row<Argument>(command: Command<Argument, Dialogue>): Row {
  return command;
}
