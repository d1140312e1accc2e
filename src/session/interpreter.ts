/**
 * The loop of one session: lines in order, one final reply each. A transfer is held while rows that may run during
 * one are answered; everything else waits behind it (RFC 959 §5.4, RFC 1123 §4.1.3.3).
 */
import { setImmediate } from "node:timers/promises";
import { FtpError } from "../errors.js";
import { type Awaitable, following } from "../events/awaitable.js";
import type { Reached } from "../limits/limits.js";
import type { Begun } from "../limits/share.js";
import { reasonOf, Transfer } from "../transfer/transfer.js";
import { parseCommandLine } from "../wire/command-line.js";
import type { LineEvent } from "../wire/line-reader.js";
import { isReply, type Reply, reply } from "../wire/reply.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { AnyCommand } from "./command.js";
import { heldTransfer, tellOutcome } from "./conduct.js";
import type { Dialogue } from "./dialogue.js";
import { type Passed, passGate, tellable } from "./gate.js";
import { Patience } from "./patience.js";
import { protectControl } from "./protect-control.js";
import { ConnectQuestion } from "./questions.js";
import { isFault, isStop, refusalOf } from "./refusal.js";
import { tlsReason } from "./tls-reason.js";
import { traceCommand, tracesCommands } from "./tracing.js";
import { giveWay, mayGoOn } from "./turns.js";

/** First words of protocols that browsers and worms speak to an FTP port; nothing of what follows may count as a command. */
const FOREIGN = new Set(
  "GET POST HEAD PUT PATCH DELETE OPTIONS CONNECT TRACE PRI PROXY HOST: EHLO HELO LHLO MAIL RCPT DATA".split(" "),
);

/** So many times more lines that are no commands are borne with from somebody known. */
const PATIENCE_AFTER_LOGIN = 10;

/** Runs a session from greeting to end. Never rejects. */
export async function interpret(dialogue: Dialogue): Promise<void> {
  const { control } = dialogue;
  control.watch(dialogue);
  dialogue.tell("session", {});
  try {
    if (dialogue.security.options.implicit) await cross(dialogue, () => protectControl(dialogue, "P"));
    // All the waiting is here: each function that waits for an idle client would be memory.
    for (let open = await greet(dialogue); open; ) {
      const line = nextLine(dialogue);
      if (line === "none") await rest(dialogue);
      else if (line === "over") open = false;
      else {
        const attended = attend(dialogue, line);
        if (attended !== undefined) await attended;
      }
    }
    await dialogue.held;
  } catch (error) {
    if (isFault(error)) dialogue.report(error);
  }
  dialogue.sayFarewell();
  dialogue.withdrawOffer();
  dialogue.limits.clear();
  await control.closed;
  // First, or it would count as not logged in for a moment.
  dialogue.allowance.end();
  dialogue.leaveAccount();
  dialogue.release();
  dialogue.tell("closed", {});
}

async function greet(dialogue: Dialogue): Promise<boolean> {
  const { control, texts, settings } = dialogue;
  if (dialogue.farewell !== undefined || control.finishing) return false;
  const refusal = await dialogue.ask("connect", new ConnectQuestion(dialogue.session, 421, texts.notWelcome));
  if (dialogue.farewell !== undefined) return false;
  if (refusal === undefined) dialogue.send(reply(220, settings.greeting ?? texts.welcome));
  else dialogue.farewell = refusal;
  control.start();
  return refusal === undefined;
}

/** One line. At once where nothing has to be waited for: to wait all the same would cost more than many a command does. */
function attend(dialogue: Dialogue, line: LineEvent): Awaitable<void> {
  dialogue.limits.touch();
  dialogue.busy = true;
  const going = mayGoOn(dialogue);
  return going === true ? work(dialogue, line) : goOnLater(dialogue, line, going);
}

async function goOnLater(dialogue: Dialogue, line: LineEvent, going: Awaitable<boolean>): Promise<void> {
  await ((await going) ? work(dialogue, line) : comeToRest(dialogue));
}

function work(dialogue: Dialogue, line: LineEvent): Awaitable<void> {
  const begun = dialogue.allowance.share?.begin();
  const done = execute(dialogue, line);
  return done === undefined ? leaveOff(dialogue, begun) : leaveOffLater(dialogue, begun, done);
}

async function leaveOffLater(dialogue: Dialogue, begun: Begun | undefined, done: Promise<void>): Promise<void> {
  await done;
  await leaveOff(dialogue, begun);
}

function leaveOff(dialogue: Dialogue, begun: Begun | undefined): Awaitable<void> {
  if (begun !== undefined) dialogue.allowance.share?.end(begun);
  const { crossing } = dialogue;
  return crossing === undefined ? comeToRest(dialogue) : crossLater(dialogue, crossing);
}

async function crossLater(dialogue: Dialogue, crossing: () => Promise<void>): Promise<void> {
  await cross(dialogue, crossing);
  await comeToRest(dialogue);
}

function comeToRest(dialogue: Dialogue): Awaitable<void> {
  dialogue.busy = false;
  return giveWay(dialogue);
}

/** Resolves at a line, at the end of the lines, or at the end of the transfer: no race of promises, which would pile up on the one of the transfer. */
function rest(dialogue: Dialogue): Promise<void> {
  if (dialogue.held === undefined) dialogue.rest();
  return dialogue.control.changed();
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

/** The next line that may run now; `over` when the session is. */
function nextLine(dialogue: Dialogue): LineEvent | "none" | "over" {
  const { control } = dialogue;
  const head = control.peek();
  if (dialogue.held === undefined) {
    // Also where the client was cut off with lines that wait.
    if (dialogue.farewell !== undefined || control.finishing) return "over";
    if (head === undefined) return control.ended ? "over" : "none";
  } else if (head === undefined || !mayRunNow(dialogue, head)) return "none";
  return control.shift() ?? "none";
}

function mayRunNow(dialogue: Dialogue, line: LineEvent): boolean {
  if (line.kind !== "line") return false;
  const { verb, argument } = parseCommandLine(line.text);
  const during = dialogue.table.find(verb)?.duringTransfer;
  return typeof during === "function" ? during(argument) : during === true;
}

function execute(dialogue: Dialogue, line: LineEvent): Awaitable<void> {
  const since = performance.now();
  dialogue.takenAt = since;
  if (line.kind === "overlong") return refuse(dialogue, 500, dialogue.texts.lineTooLong);
  const { verb, argument } = parseCommandLine(line.text);
  const row = dialogue.table.find(verb);
  if (row === undefined) return executeUnknown(dialogue, verb);
  dialogue.unknownCommands = 0;
  if (!row.transfers) {
    const final = traced(dialogue, row, argument, dialogue);
    if (final instanceof Promise) return finishLater(dialogue, row, argument, final, since);
    return finish(dialogue, row, argument, final, since);
  }
  const transfer = new Transfer(row.verb, argument ?? "");
  dialogue.begin(transfer);
  void hold(dialogue, row, argument, transfer);
  // What has come behind it already is looked at when 150 is sent, where the store is quick.
  if (dialogue.held !== undefined && dialogue.control.peek() !== undefined) return setImmediate();
  return undefined;
}

/**
 * Runs a transfer beside the loop. Never rejects. One that is refused at once is answered before the loop goes on, or what
 * may run during a transfer would be answered first.
 */
async function hold(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  argument: string | undefined,
  transfer: Transfer,
): Promise<void> {
  const patience = new Patience(transfer.signal);
  const since = dialogue.takenAt;
  dialogue.transferPatience = patience;
  let letGo = (): void => undefined;
  dialogue.held = new Promise((resolve) => {
    letGo = resolve;
  });
  try {
    const coming = traced(dialogue, row, argument, { signal: transfer.signal, patience });
    const final = coming instanceof Promise ? await coming : coming;
    if (transfer.begun && final.code >= 400) tellOutcome(dialogue, transfer);
    finish(dialogue, row, argument, final, since);
  } catch (error) {
    dialogue.report(error);
  } finally {
    patience.clear();
    dialogue.allowance.endTransfer();
    dialogue.transfer = undefined;
    dialogue.held = undefined;
    dialogue.limits.touch();
    dialogue.control.wake();
    letGo();
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
  dialogue.send(reply(code, text), { verb: undefined, argument: undefined, since: dialogue.takenAt });
}

/** Sends the final reply. @param since when the line was taken */
function finish(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  argument: string | undefined,
  final: Reply,
  since: number,
): void {
  // What runs beside a transfer takes nothing from it.
  if (dialogue.held === undefined || row.transfers) forget(dialogue, row);
  if (dialogue.control.finishing) return;
  dialogue.send(final, { verb: row.verb, argument: tellable(dialogue, row, argument), since });
}

async function finishLater(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  argument: string | undefined,
  final: Promise<Reply>,
  since: number,
): Promise<void> {
  finish(dialogue, row, argument, await final, since);
}

/** Drops what is armed for the next command only, unless this one leaves it; every line counts, also one that is no command. */
function forget({ state }: Dialogue, row?: AnyCommand<Dialogue>): void {
  if (!row?.keepsRestart) state.restart = 0;
  if (!row?.keepsRename) state.renaming = undefined;
  if (!row?.logsIn && state.who.stage === "named") state.who = { stage: "greeted" };
}

/** What a command waits with: a dialogue makes its signal when it is asked for. */
interface Work {
  readonly signal: AbortSignal;
  readonly patience: Patience;
  /** To be told of what is thrown on the way, as the reply hides it. */
  readonly failed?: (error: unknown) => void;
}

/** The final reply of a command, within its span where somebody wants that. */
function traced(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined, work: Work): Awaitable<Reply> {
  return tracesCommands() ? inSpan(dialogue, row, text, work) : answer(dialogue, row, text, work);
}

function inSpan(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined, work: Work): Promise<Reply> {
  const { patience } = work;
  return traceCommand(dialogue.session, row.verb, async (failed) =>
    answer(dialogue, row, text, {
      get signal() {
        return work.signal;
      },
      patience,
      failed,
    }),
  );
}

/** The final reply of a command; also where a store or a stream of the host does not stop when it is told to. */
function answer(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined, work: Work): Awaitable<Reply> {
  try {
    const final = run(dialogue, row, text, work);
    return final instanceof Promise ? answerLater(dialogue, row, work, final) : final;
  } catch (error) {
    return refusalFor(dialogue, row, work, error);
  }
}

async function answerLater(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  work: Work,
  final: Promise<Reply>,
): Promise<Reply> {
  try {
    return await work.patience.bound(final);
  } catch (error) {
    return refusalFor(dialogue, row, work, error);
  }
}

function refusalFor(dialogue: Dialogue, row: AnyCommand<Dialogue>, work: Work, error: unknown): Reply {
  const reason = reasonOf(error, work.signal);
  // The session is over; 426 is for what moves data.
  if (!row.transfers && work.signal.aborted && isStop(reason)) return reply(421, dialogue.texts.controlLost);
  if (row.transfers) heldTransfer(dialogue).error = reason;
  if (isFault(reason)) dialogue.report(reason);
  work.failed?.(reason);
  return refusalOf(reason, row.replies, false, dialogue.texts);
}

function tooManyTransfers(dialogue: Dialogue, reached: Reached): Reply {
  dialogue.tellLimited(reached);
  return reply(450, dialogue.texts.tooManyTransfers);
}

function run(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined, work: Work): Awaitable<Reply> {
  const passed = passGate(dialogue, row, text, work);
  return passed instanceof Promise ? runLater(dialogue, row, work, passed) : runPassed(dialogue, row, work, passed);
}

async function runLater(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  work: Work,
  passed: Promise<Passed>,
): Promise<Reply> {
  return runPassed(dialogue, row, work, await passed);
}

function runPassed(dialogue: Dialogue, row: AnyCommand<Dialogue>, work: Work, passed: Passed): Awaitable<Reply> {
  work.patience.throwIfStopped();
  if (passed.refusal !== undefined) return passed.refusal;
  if (!row.transfers) return replyOf(row, row.run(dialogue, passed.argument as never));
  // Before the store works for it. At once where it can be: 150 is sent before what comes behind the command is looked at.
  return following(dialogue.allowance.beginTransfer(), (reached) => {
    if (reached !== undefined) return tooManyTransfers(dialogue, reached);
    work.patience.throwIfStopped();
    return replyOf(row, row.run(dialogue, passed.argument as never));
  });
}

function replyOf({ verb }: AnyCommand<Dialogue>, final: unknown): Awaitable<Reply> {
  return isReply(final) ? final : comingReply(verb, final);
}

async function comingReply(verb: string, coming: unknown): Promise<Reply> {
  const final = await coming;
  if (isReply(final)) return final;
  throw new TypeError(`the row ${verb} must give a reply, made by reply(), not ${typeof final}`);
}
