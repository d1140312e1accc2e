/**
 * `node:diagnostics_channel`: sessions, commands and transfers as spans that tracers know. Where nobody subscribes, one
 * look is all that it costs. Plain data and no arguments of commands: no password can be in it.
 */
import { tracingChannel } from "node:diagnostics_channel";
import type { Transfer, TransferDirection } from "../transfer/transfer.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { SessionView } from "./view.js";

/** What every span carries. The object is the same from the beginning of a span to its end. */
export interface Trace {
  /** `Session.id`. */
  readonly session: string;
  /** The client's address. */
  readonly remoteAddress: string;
  /** The client's port. */
  readonly remotePort: number;
  /** Who has logged in; `undefined` before. */
  username: string | undefined;
  /** At the end: what was thrown, if something was. */
  error?: unknown;
}

/** `portside:session`: from the connection to its end. */
export interface SessionTrace extends Trace {
  /** The address that the client connected to. */
  readonly localAddress: string;
  readonly localPort: number;
}

/** `portside:command`: from the line to the reply, for every command that the server knows. */
export interface CommandTrace extends Trace {
  /** Upper-case. */
  readonly verb: string;
  /** At the end: the final reply. */
  code: ReplyCode | undefined;
}

/** `portside:transfer`: from 150 to the end of the data connection, or of the commit. Within the span of its command. */
export interface TransferTrace extends Trace {
  readonly verb: string;
  /** Absolute, in the account's file system. */
  readonly path: string;
  readonly direction: TransferDirection;
  /** Over the data connection, so far. */
  bytes: number;
}

const sessions = tracingChannel<unknown, SessionTrace>("portside:session");
const commands = tracingChannel<unknown, CommandTrace>("portside:command");
const transfers = tracingChannel<unknown, TransferTrace>("portside:transfer");

/** Runs a session within its span. */
export function traceSession(session: SessionView, work: () => Promise<void>): Promise<void> {
  if (!sessions.hasSubscribers) return work();
  const { localAddress, localPort } = session;
  const trace: SessionTrace = { ...traceOf(session), localAddress, localPort };
  return sessions.tracePromise(work, trace);
}

/** Whether somebody wants the spans of commands. */
export function tracesCommands(): boolean {
  return commands.hasSubscribers;
}

/**
 * Runs a command within its span.
 * @param work gives the reply; to be told of what is thrown on the way, as the reply hides it
 */
export async function traceCommand<Answer extends { readonly code: ReplyCode }>(
  session: SessionView,
  verb: string,
  work: (failed: (error: unknown) => void) => Promise<Answer>,
): Promise<Answer> {
  const trace: CommandTrace = { ...traceOf(session), verb, code: undefined };
  const failed = (error: unknown): void => {
    trace.error = error;
    commands.error.publish(trace);
  };
  let answer: Answer | undefined;
  await commands.tracePromise(async () => {
    answer = await work(failed);
    trace.code = answer.code;
    trace.username = usernameOf(session);
  }, trace);
  return answer as Answer;
}

/** Moves bytes within the span of the transfer. */
export function traceTransfer(
  session: SessionView,
  transfer: Pick<Transfer, "verb" | "path" | "direction" | "bytes">,
  work: () => Promise<void>,
): Promise<void> {
  return transfers.hasSubscribers ? inSpan(session, transfer, work) : work();
}

async function inSpan(...[session, transfer, work]: Parameters<typeof traceTransfer>): Promise<void> {
  const { verb, path, direction } = transfer;
  const trace: TransferTrace = { ...traceOf(session), verb, path, direction, bytes: 0 };
  await transfers.tracePromise(async () => {
    try {
      await work();
    } finally {
      trace.bytes = transfer.bytes;
    }
  }, trace);
}

function traceOf(session: SessionView): Trace {
  const { id, remoteAddress, remotePort } = session;
  return { session: id, remoteAddress, remotePort, username: usernameOf(session) };
}

/** A name that nobody has been let in with may be a password. */
function usernameOf({ admitted, username }: SessionView): string | undefined {
  return admitted ? username : undefined;
}
