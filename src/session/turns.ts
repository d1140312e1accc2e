/**
 * When a session may run its next command: at its rate, in the turn of its address, and not so many in a row that others
 * wait. Knows no command.
 */
import { setImmediate } from "node:timers/promises";
import type { Awaitable } from "../events/awaitable.js";
import { waited } from "../transfer/pace.js";
import type { Dialogue } from "./dialogue.js";

/** Commands that one session may run before the others have a turn: pipelined ones need nothing of the event loop. */
const TURN = 32;

/**
 * Waits where commands come faster than they may, and for the turn of the address; what is not read meanwhile stays in the
 * network. Before the command, so that who leaves has had nothing, and what he has taken is there for the others.
 * @returns whether the session still is
 */
export function mayGoOn(dialogue: Dialogue): Awaitable<boolean> {
  const { allowance } = dialogue;
  const wait = allowance.take("commandRate", 1);
  if (wait > 0) return slowedDown(dialogue, wait);
  return allowance.share?.take()?.then(() => isStillThere(dialogue)) ?? true;
}

/** What was ended meanwhile has had nothing. */
function isStillThere({ allowance, control }: Dialogue): boolean {
  if (!control.finishing) return true;
  allowance.giveBack("commandRate", 1);
  return false;
}

async function slowedDown(dialogue: Dialogue, wait: number): Promise<boolean> {
  const { allowance } = dialogue;
  const bound = allowance.lowest("commandRate");
  if (bound !== undefined) dialogue.tellLimited(bound);
  if (await waited(wait, dialogue.signal)) {
    await allowance.share?.take();
    return isStillThere(dialogue);
  }
  allowance.giveBack("commandRate", 1);
  return false;
}

/** Behind a command: waits until the client has read its replies, and lets others go on. */
export function giveWay(dialogue: Dialogue): Awaitable<void> {
  const drained = dialogue.control.drained(dialogue.settings.stallTimeout);
  const goesOn = ++dialogue.commands % TURN > 0;
  return drained === true && goesOn ? undefined : giveWayLater(dialogue, drained, goesOn);
}

async function giveWayLater({ control }: Dialogue, drained: Awaitable<boolean>, goesOn: boolean): Promise<void> {
  if (!(await drained)) control.destroy();
  if (!goesOn) await setImmediate();
}
