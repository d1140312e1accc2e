/**
 * When a session may run its next command: at its rate, in the turn of its address, and not so many in a row that others
 * wait. Knows no command.
 */
import { setImmediate } from "node:timers/promises";
import { waited } from "../transfer/pace.js";
import type { Dialogue } from "./dialogue.js";

/** Commands that one session may run before the others have a turn: pipelined ones need nothing of the event loop. */
const TURN = 32;

/**
 * Waits where commands come faster than they may; what is not read meanwhile stays in the network. Before the command, so
 * that who leaves has had nothing, and what he has taken is there for the others.
 * @returns whether the session still is
 */
export async function mayGoOn(dialogue: Dialogue): Promise<boolean> {
  const { allowance } = dialogue;
  const wait = allowance.take("commandRate", 1);
  if (wait === 0) return true;
  const bound = allowance.lowest("commandRate");
  if (bound !== undefined) dialogue.tellLimited(bound);
  if (await waited(wait, dialogue.signal)) return true;
  allowance.giveBack("commandRate", 1);
  return false;
}

/** Runs a command when it is the turn of its address. */
export async function inTurn(dialogue: Dialogue, run: () => Promise<void>): Promise<void> {
  const { share } = dialogue.allowance;
  const turn = share?.take();
  if (turn !== undefined) await turn;
  const begun = share?.begin();
  await run();
  if (begun !== undefined) share?.end(begun);
}

/** Behind a command: waits until the client has read its replies, and lets others go on. */
export async function giveWay(dialogue: Dialogue): Promise<void> {
  const { control, settings } = dialogue;
  if (!(await control.drained(settings.stallTimeout))) control.destroy();
  if (++dialogue.commands % TURN === 0) await setImmediate();
}
