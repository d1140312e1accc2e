/** What counts replies as they are sent: a fact for each would cost more than many a command does. */
import type { ReplyCode } from "../wire/reply-codes.js";

/** Told of every final reply to a command; the facts of a server it takes from there. */
export interface Observer {
  /**
   * A command has been answered.
   * @param verb of the row; `undefined` for what is no command here
   * @param milliseconds from the line to the reply
   */
  replied(verb: string | undefined, code: ReplyCode, milliseconds: number): void;
}
