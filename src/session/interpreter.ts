/**
 * The loop of one session: lines in order, one final reply each. A transfer is held while rows that may run during
 * one are answered; everything else waits behind it (RFC 959 §5.4, RFC 1123 §4.1.3.3).
 */
import { setImmediate } from "node:timers/promises";
import { FtpError } from "../errors.js";
import { reasonOf, Transfer } from "../transfer/transfer.js";
import { parseCommandLine } from "../wire/command-line.js";
import type { LineEvent } from "../wire/line-reader.js";
import { type Reply, reply } from "../wire/reply.js";
import { Abandonment } from "./abandonment.js";
import type { AnyCommand } from "./command.js";
import { heldTransfer } from "./conduct.js";
import type { Dialogue } from "./dialogue.js";
import { passGate } from "./gate.js";
import { ConnectQuestion } from "./questions.js";
import { isFault, refusalOf } from "./refusal.js";

/** First words of protocols that browsers and worms speak to an FTP port; nothing of what follows may count as a command. */
const FOREIGN = new Set(
  "GET POST HEAD PUT PATCH DELETE OPTIONS CONNECT TRACE PRI HOST: EHLO HELO LHLO MAIL RCPT DATA".split(" "),
);

/** Runs a session from greeting to end. Never rejects. */
export async function interpret(dialogue: Dialogue): Promise<void> {
  const { control } = dialogue;
  const lost = new FtpError("CONTROL_LOST", "the client closed the control connection");
  let patience: NodeJS.Timeout | undefined;
  void control.ending.then(() => {
    dialogue.transfer?.abort(lost);
    patience = leaveAfter(dialogue, lost);
  });
  void control.closed.then(() => {
    dialogue.abandon(lost);
    // Also where the store keeps the loop waiting.
    dialogue.withdrawOffer();
    dialogue.limits.clear();
  });
  dialogue.tell("session", {});
  try {
    if (await greet(dialogue)) await converse(dialogue);
  } catch (error) {
    dialogue.report(error);
  }
  dialogue.sayFarewell();
  dialogue.withdrawOffer();
  dialogue.limits.clear();
  await control.closed;
  clearTimeout(patience);
  dialogue.tell("closed", {});
}

/** A client that only sends no more may still read what is answered, but not for ever. */
function leaveAfter(dialogue: Dialogue, lost: FtpError): NodeJS.Timeout | undefined {
  const { stallTimeout } = dialogue.settings;
  return stallTimeout === 0 ? undefined : setTimeout(() => dialogue.abandon(lost), stallTimeout);
}

async function greet(dialogue: Dialogue): Promise<boolean> {
  const { control, texts, settings } = dialogue;
  const refusal = await dialogue.ask("connect", new ConnectQuestion(dialogue.session, 421, texts.notWelcome));
  if (dialogue.farewell !== undefined) return false;
  if (refusal === undefined) dialogue.send(reply(220, settings.greeting ?? texts.welcome));
  else dialogue.farewell = refusal;
  control.start();
  return refusal === undefined;
}

/** Commands that one session may run before the others have a turn: pipelined ones need nothing of the event loop. */
const TURN = 32;

async function converse(dialogue: Dialogue): Promise<void> {
  let commands = 0;
  for (let line = await nextLine(dialogue); line !== undefined; line = await nextLine(dialogue)) {
    dialogue.limits.touch();
    dialogue.busy = true;
    await execute(dialogue, line);
    dialogue.busy = false;
    if (!(await dialogue.control.drained(dialogue.settings.stallTimeout))) dialogue.control.destroy();
    if (++commands % TURN === 0) await setImmediate();
  }
  await dialogue.held;
}

/** The next line that may run now; `undefined` when the session is over. */
async function nextLine(dialogue: Dialogue): Promise<LineEvent | undefined> {
  const { control } = dialogue;
  for (;;) {
    const { held } = dialogue;
    const head = control.peek();
    if (held === undefined && dialogue.farewell !== undefined) return undefined;
    if (head !== undefined && (held === undefined || mayRunNow(dialogue, head))) return control.shift();
    if (held === undefined && control.ended) return undefined;
    if (held === undefined) await control.changed();
    else await (head !== undefined || control.ended ? held : Promise.race([held, control.changed()]));
  }
}

function mayRunNow(dialogue: Dialogue, line: LineEvent): boolean {
  return line.kind === "line" && dialogue.table.find(parseCommandLine(line.text).verb)?.duringTransfer === true;
}

async function execute(dialogue: Dialogue, line: LineEvent): Promise<void> {
  const { texts } = dialogue;
  if (line.kind === "overlong") return dialogue.send(reply(500, texts.lineTooLong));
  const { verb, argument } = parseCommandLine(line.text);
  const row = dialogue.table.find(verb);
  if (row === undefined) return executeUnknown(dialogue, verb);
  const command = { verb: row.verb, argument: row.secret ? undefined : argument };
  if (!row.transfers) return finish(dialogue, row, command, await answer(dialogue, row, argument));
  dialogue.transfer = new Transfer(row.verb, argument ?? "");
  dialogue.held = answer(dialogue, row, argument).then((final) => {
    finish(dialogue, row, command, final);
    dialogue.transfer = undefined;
    dialogue.held = undefined;
    dialogue.limits.touch();
  });
}

function executeUnknown(dialogue: Dialogue, verb: string): void {
  const { state, texts } = dialogue;
  const admitted = state.who.stage === "admitted";
  state.renaming = undefined;
  state.restart = 0;
  interruptLogin(dialogue);
  if (!admitted && (FOREIGN.has(verb) || verb.startsWith("SSH-"))) return dialogue.control.finish();
  // Before login every command outside the open list looks the same: the set is nobody's business.
  dialogue.send(admitted ? reply(500, texts.unknownCommand) : reply(530, texts.notLoggedIn));
}

/** Sends the final reply and drops what the command leaves behind. */
function finish(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  command: { readonly verb: string; readonly argument: string | undefined },
  final: Reply,
): void {
  const { state } = dialogue;
  if (!row.keepsRestart) state.restart = 0;
  if (!row.keepsRename) state.renaming = undefined;
  if (!row.logsIn) interruptLogin(dialogue);
  if (dialogue.control.finishing) return;
  dialogue.send(final, command);
  if (final.code === 421 || final.code === 221) dialogue.control.finish();
}

function interruptLogin({ state }: Dialogue): void {
  if (state.who.stage === "named") state.who = { stage: "greeted" };
}

/** The final reply of a command; also where a store or a stream of the host does not stop when it is told to. */
async function answer(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined): Promise<Reply> {
  const { signal } = row.transfers ? heldTransfer(dialogue) : dialogue;
  const abandonment = new Abandonment(signal);
  try {
    return await Promise.race([run(dialogue, row, text, signal), abandonment.promise]);
  } catch (error) {
    const reason = reasonOf(error, signal);
    if (isFault(reason)) dialogue.report(reason);
    return refusalOf(reason, row.replies, false, dialogue.texts);
  } finally {
    abandonment.clear();
  }
}

async function run(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  text: string | undefined,
  signal: AbortSignal,
): Promise<Reply> {
  const passed = await passGate(dialogue, row, text, signal);
  signal.throwIfAborted();
  return passed.refusal ?? (await row.run(dialogue, passed.argument as never));
}
