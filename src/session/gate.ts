/** What stands between a line and a handler: is the command known, may it run now, is its argument right. No policy names a verb. */
import type { Awaitable } from "../events/awaitable.js";
import { type Reply, reply } from "../wire/reply.js";
import type { AnyCommand } from "./command.js";
import type { Dialogue } from "./dialogue.js";
import { CommandQuestion } from "./questions.js";
import { isFault, refusalOf } from "./refusal.js";

/** A command that may run, with its argument understood; or the reply that says why not. */
export type Passed = { readonly refusal: Reply } | { readonly refusal?: undefined; readonly argument: unknown };

/** Checks a command in the order of RFC 959 §5.4: login, syntax, protection (RFC 4217 §10), sequence. */
export function checkCommand(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined): Passed {
  const { texts, state, security } = dialogue;
  if (row.needs?.includes("tls") && !security.available) return { refusal: reply(502, texts.notImplemented) };
  if (row.needs?.includes("login") && state.who.stage !== "admitted") return { refusal: reply(530, texts.notLoggedIn) };
  const argument = parseArgument(dialogue, row, text);
  if (argument.refusal !== undefined) return argument;
  // RFC 2228 has 533 and 534 for the first too, but no client of today knows them there.
  if (row.logsIn && security.forbidsLogin) return { refusal: reply(530, texts.tlsRequired) };
  if (!row.needs?.includes("data")) return argument;
  if (security.forbidsData)
    return { refusal: reply(521, security.negotiated ? texts.privateDataRequired : texts.tlsForDataRequired) };
  return state.offer === undefined ? { refusal: reply(425, texts.useDataCommand) } : argument;
}

/** Checks a command, then asks the host. At once where the host has nothing to say. */
export function passGate(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  text: string | undefined,
  work: { readonly signal: AbortSignal },
): Awaitable<Passed> {
  const passed = checkCommand(dialogue, row, text);
  return passed.refusal !== undefined || !dialogue.hears("command")
    ? passed
    : askHost(dialogue, row, text, work, passed);
}

async function askHost(
  dialogue: Dialogue,
  row: AnyCommand<Dialogue>,
  text: string | undefined,
  work: { readonly signal: AbortSignal },
  passed: Passed,
): Promise<Passed> {
  const code = row.replies.includes(550) ? 550 : 530;
  const told = tellable(dialogue, row, text);
  const question = new CommandQuestion(dialogue.session, code, dialogue.texts.refused, row.verb, told);
  const refusal = await dialogue.ask("command", question, work.signal);
  return refusal === undefined ? passed : { refusal };
}

/** The argument as far as anybody but the handler may know it. */
export function tellable(
  dialogue: Dialogue,
  { secret }: AnyCommand<Dialogue>,
  text: string | undefined,
): string | undefined {
  try {
    return (typeof secret === "function" ? secret(text, dialogue) : secret === true) ? undefined : text;
  } catch (error) {
    dialogue.report(error);
    return undefined;
  }
}

function parseArgument(dialogue: Dialogue, row: AnyCommand<Dialogue>, text: string | undefined): Passed {
  // RFC 2640 §2.1: NUL is never part of a name; no command has a use for one.
  if (text?.includes("\0")) return { refusal: reply(501, dialogue.texts.syntaxError) };
  try {
    const parsed = row.argument.parse(text, dialogue);
    return parsed === undefined ? { refusal: reply(501, dialogue.texts.syntaxError) } : { argument: parsed.value };
  } catch (error) {
    if (isFault(error)) dialogue.report(error);
    return { refusal: refusalOf(error, row.replies, false, dialogue.texts) };
  }
}
