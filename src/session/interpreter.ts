/**
 * The loop of one session: lines in order, one final reply each. A transfer is held while rows that may run during
 * one are answered; everything else waits behind it (RFC 959 §5.4, RFC 1123 §4.1.3.3).
 */
import { setImmediate } from "node:timers/promises";
import { FtpError } from "../errors.js";
import { reasonOf, Transfer } from "../transfer/transfer.js";
import { parseCommandLine } from "../wire/command-line.js";
import type { LineEvent } from "../wire/line-reader.js";
import { isReply, type Reply, reply } from "../wire/reply.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { AnyCommand } from "./command.js";
import { heldTransfer } from "./conduct.js";
import type { Dialogue } from "./dialogue.js";
import { passGate, tellable } from "./gate.js";
import { Patience } from "./patience.js";
import { protectControl } from "./protect-control.js";
import { ConnectQuestion } from "./questions.js";
import { isFault, refusalOf } from "./refusal.js";
import { tlsReason } from "./tls-reason.js";

/** First words of protocols that browsers and worms speak to an FTP port; nothing of what follows may count as a command. */
const FOREIGN = new Set(
  "GET POST HEAD PUT PATCH DELETE OPTIONS CONNECT TRACE PRI HOST: EHLO HELO LHLO MAIL RCPT DATA".split(" "),
);

/** So many times more lines that are no commands are borne with from somebody known. */
const PATIENCE_AFTER_LOGIN = 10;

/** Runs a session from greeting to end. Never rejects. */
export async function interpret(dialogue: Dialogue): Promise<void> {
  const { control } = dialogue;
  const lost = new FtpError("CONTROL_LOST", "the client closed the control connection");
  let leaving: NodeJS.Timeout | undefined;
  void control.ending.then(() => {
    dialogue.transfer?.abort(lost);
    // Where the socket is gone already, "closed" was first.
    if (!control.destroyed) leaving = leaveAfter(dialogue, lost);
  });
  void control.closed.then(() => {
    dialogue.abandon(lost);
    clearTimeout(leaving);
    leaving = dialogue.surrenderLater(dialogue.settings.stallTimeout);
    // Also where the store keeps the loop waiting.
    dialogue.withdrawOffer();
    dialogue.limits.clear();
  });
  dialogue.tell("session", {});
  try {
    if (dialogue.security.options.implicit) await cross(dialogue, () => protectControl(dialogue, "P"));
    if (await greet(dialogue)) await converse(dialogue);
  } catch (error) {
    if (isFault(error)) dialogue.report(error);
  }
  dialogue.sayFarewell();
  dialogue.withdrawOffer();
  dialogue.limits.clear();
  await control.closed;
  clearTimeout(leaving);
  dialogue.release();
  dialogue.tell("closed", {});
}

/** A client that only sends no more may still read what is answered, but not for ever. */
function leaveAfter(dialogue: Dialogue, lost: FtpError): NodeJS.Timeout | undefined {
  const { stallTimeout } = dialogue.settings;
  return stallTimeout === 0 ? undefined : setTimeout(() => dialogue.abandon(lost), stallTimeout);
}

async function greet(dialogue: Dialogue): Promise<boolean> {
  const { control, texts, settings } = dialogue;
  if (dialogue.farewell !== undefined || control.finishing) return false;
  const refusal = await dialogue.ask("connect", new ConnectQuestion(dialogue.session, 421, texts.notWelcome));
  if (dialogue.farewell !== undefined) return false;
  if (refusal === undefined) dialogue.send(reply(220, settings.greeting ?? texts.welcome));
  else dialogue.farewell = refusal;
  control.start(() => dialogue.end({ text: texts.lineTooLong }));
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
    if (dialogue.crossing !== undefined) await cross(dialogue, dialogue.crossing);
    dialogue.busy = false;
    if (!(await dialogue.control.drained(dialogue.settings.stallTimeout))) dialogue.control.destroy();
    if (++commands % TURN === 0) await setImmediate();
  }
  await dialogue.held;
}

/** Puts the control connection under TLS, or takes it out. Where that fails, the connection is cut. */
async function cross(dialogue: Dialogue, crossing: () => Promise<void>): Promise<void> {
  dialogue.crossing = undefined;
  if (dialogue.control.finishing) return;
  try {
    await crossing();
  } catch (error) {
    if (!(error instanceof FtpError)) throw error;
    // Where we have given up ourselves, nothing has failed.
    if (dialogue.farewell === undefined)
      dialogue.tell("tlsFailed", { channel: "control", error, reason: tlsReason(error) });
  }
}

/** The next line that may run now; `undefined` when the session is over. */
async function nextLine(dialogue: Dialogue): Promise<LineEvent | undefined> {
  const { control } = dialogue;
  for (;;) {
    const head = control.peek();
    if (dialogue.held === undefined) {
      if (dialogue.farewell !== undefined) return undefined;
      if (head !== undefined) return control.shift();
      if (control.ended) return undefined;
    } else if (head !== undefined && mayRunNow(dialogue, head)) return control.shift();
    // A line, the end of the lines, or the end of the transfer: no race of promises, which would pile up on the one of the transfer.
    await control.changed();
  }
}

function mayRunNow(dialogue: Dialogue, line: LineEvent): boolean {
  if (line.kind !== "line") return false;
  const { verb, argument } = parseCommandLine(line.text);
  const during = dialogue.table.find(verb)?.duringTransfer;
  return typeof during === "function" ? during(argument) : during === true;
}

async function execute(dialogue: Dialogue, line: LineEvent): Promise<void> {
  if (line.kind === "overlong") return refuse(dialogue, 500, dialogue.texts.lineTooLong);
  const { verb, argument } = parseCommandLine(line.text);
  const row = dialogue.table.find(verb);
  if (row === undefined) return executeUnknown(dialogue, verb);
  dialogue.unknownCommands = 0;
  if (!row.transfers) return finish(dialogue, row, argument, await answer(dialogue, row, argument, dialogue));
  const transfer = new Transfer(row.verb, argument ?? "");
  dialogue.transfer = transfer;
  dialogue.held = hold(dialogue, row, argument, transfer);
}

/** Runs a transfer beside the loop. Never rejects. */
async function hold(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  argument: string | undefined,
  transfer: Transfer,
): Promise<void> {
  const patience = new Patience(transfer.signal);
  dialogue.transferPatience = patience;
  try {
    const final = await answer(dialogue, row, argument, { signal: transfer.signal, patience });
    const { verb, path, bytes, milliseconds, error } = transfer;
    if (transfer.begun && final.code >= 400) dialogue.tell("aborted", { verb, path, bytes, milliseconds, error });
    finish(dialogue, row, argument, final);
  } catch (error) {
    dialogue.report(error);
  } finally {
    patience.clear();
    dialogue.transfer = undefined;
    dialogue.held = undefined;
    dialogue.limits.touch();
    dialogue.control.wake();
  }
}

function executeUnknown(dialogue: Dialogue, verb: string): void {
  const { state, table, texts } = dialogue;
  const admitted = state.who.stage === "admitted";
  if (!admitted && isForeign(verb)) return dialogue.control.finish();
  // Before login every command outside the open list looks the same: the set is nobody's business.
  if (!admitted) return refuse(dialogue, 530, texts.notLoggedIn);
  if (table.knows(verb)) return refuse(dialogue, 502, texts.notImplemented);
  refuse(dialogue, 500, texts.unknownCommand);
}

/** Whether a line is no beginning of a dialogue of FTP: a word of another protocol, or what no verb begins with. */
function isForeign(verb: string): boolean {
  return FOREIGN.has(verb) || verb.startsWith("SSH-") || /^[^A-Z_]/.test(verb);
}

function refuse(dialogue: Dialogue, code: ReplyCode, text: string): void {
  forget(dialogue);
  const { state, settings, texts } = dialogue;
  const bound = settings.maxUnknownCommands * (state.who.stage === "admitted" ? PATIENCE_AFTER_LOGIN : 1);
  if (++dialogue.unknownCommands > bound && bound > 0) return dialogue.end({ text: texts.tooManyUnknown });
  dialogue.send(reply(code, text));
}

/** Sends the final reply. */
function finish(dialogue: Dialogue, row: AnyCommand<Dialogue>, argument: string | undefined, final: Reply): void {
  // What runs beside a transfer takes nothing from it.
  if (dialogue.held === undefined || row.transfers) forget(dialogue, row);
  if (dialogue.control.finishing) return;
  dialogue.send(final, { verb: row.verb, argument: tellable(dialogue, row, argument) });
}

/** Drops what is armed for the next command only, unless this one leaves it; every line counts, also one that is no command. */
function forget({ state }: Dialogue, row?: AnyCommand<Dialogue>): void {
  if (!row?.keepsRestart) state.restart = 0;
  if (!row?.keepsRename) state.renaming = undefined;
  if (!row?.logsIn && state.who.stage === "named") state.who = { stage: "greeted" };
}

/** The final reply of a command; also where a store or a stream of the host does not stop when it is told to. */
async function answer(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  text: string | undefined,
  work: { readonly signal: AbortSignal; readonly patience: Patience },
): Promise<Reply> {
  try {
    return await work.patience.bound(run(dialogue, row, text, work.signal));
  } catch (error) {
    const reason = reasonOf(error, work.signal);
    if (row.transfers) heldTransfer(dialogue).error = reason;
    if (isFault(reason)) dialogue.report(reason);
    return refusalOf(reason, row.replies, false, dialogue.texts);
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
  if (passed.refusal !== undefined) return passed.refusal;
  const final: unknown = await row.run(dialogue, passed.argument as never);
  if (isReply(final)) return final;
  throw new TypeError(`the row ${row.verb} must give a reply, made by reply(), not ${typeof final}`);
}
