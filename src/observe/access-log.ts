/**
 * The access log: what clients did, one line each, in a form that programs know. No line can be forged by a name, and
 * no password is in any: what a client gave as its name is written only once somebody was let in by it.
 */
import type { Emitter } from "../events/emitter.js";
import type { FactEvents, SessionEvents } from "../session/events.js";
import type { Session } from "../session/session.js";
import { type AccessRecord, jsonLine } from "./json-line.js";
import { type Summary, summarize } from "./summarize.js";
import { xferlogLine } from "./xferlog.js";

/** How an access log is written. */
export interface AccessLogOptions {
  /**
   * `xferlog`: one line for each file that moved, in the classic form, which many programs read. `json`: one object a
   * line, also for listings, logins, bans, limits, deletions, renames and directories, and for connections that were not
   * let in; these, and limits before the login, as `summarize` tells them. Default `xferlog`.
   */
  readonly format?: "xferlog" | "json" | undefined;
  /**
   * The name to be written for a login that failed, in `json`: it may be a password that was typed too early. Default:
   * none.
   */
  readonly failedName?: ((username: string) => string | undefined) | undefined;
}

type Logged =
  | "loggedIn"
  | "loginFailed"
  | "retrieved"
  | "stored"
  | "listed"
  | "aborted"
  | "deleted"
  | "directoryMade"
  | "directoryRemoved"
  | "renamed"
  | "banned";
type Details = { readonly [Name in Logged]: (fact: FactEvents[Name]) => Readonly<Record<string, unknown>> };

/**
 * Writes down what clients do from now on.
 * @param write takes one line with its LF; what it throws becomes an `error` event
 * @returns how to stop; numbers that are not yet written are written then
 * @throws TypeError for a format that is none
 * @example
 * const stop = accessLog(server, (line) => file.write(line), { format: "json" });
 */
export function accessLog<Account>(
  server: Emitter<SessionEvents<Session<Account>>>,
  write: (line: string) => void,
  options: AccessLogOptions = {},
): () => void {
  const { format = "xferlog", failedName } = options;
  if (format !== "xferlog" && format !== "json")
    throw new TypeError(`format must be xferlog or json, not ${String(format)}`);
  if (typeof write !== "function") throw new TypeError("write must be a function that takes a line");
  const emitter = server as unknown as Emitter<SessionEvents>;
  return format === "json" ? logJson(emitter, write, failedName) : logXfer(emitter, write);
}

function logXfer(server: Emitter<SessionEvents>, write: (line: string) => void): () => void {
  const complete = (fact: FactEvents["retrieved"]): void => write(xferlogLine(fact, true, new Date()));
  const incomplete = (fact: FactEvents["aborted"]): void => {
    if (fact.direction !== "listing") write(xferlogLine(fact, false, new Date()));
  };
  server.on("retrieved", complete).on("stored", complete).on("aborted", incomplete);
  return () => void server.off("retrieved", complete).off("stored", complete).off("aborted", incomplete);
}

function logJson(
  server: Emitter<SessionEvents>,
  write: (line: string) => void,
  failedName: AccessLogOptions["failedName"],
): () => void {
  const stops = Object.entries(detailsWith(failedName)).map(([name, details]): (() => void) => {
    const event = name as Logged;
    const listener = (fact: FactEvents[Logged]): void =>
      write(jsonLine(recordOf(event, fact, details as (fact: unknown) => Readonly<Record<string, unknown>>)));
    server.on(event, listener);
    return () => void server.off(event, listener);
  });
  const emitter = server as unknown as Emitter<SessionEvents<Session>>;
  stops.push(summarize(emitter, "refused", (summary) => write(jsonLine(refusedRecord(summary)))));
  stops.push(summarize(emitter, "limited", (summary) => write(jsonLine(limitedRecord(summary)))));
  return () => {
    for (const stop of stops) stop();
  };
}

/** What the error says stays out: the reason says as much. */
function refusedRecord({ fact, count, others }: Summary<FactEvents["refused"]>): AccessRecord {
  const { remoteAddress: client, proxy, reason, reached } = fact;
  const about = { reason, limit: reached?.limit, scope: reached?.scope, count };
  return { time: new Date().toISOString(), event: "refused", ...(!others && { client, proxy }), ...about };
}

/** Several are no one session's. */
function limitedRecord({ fact, count, others }: Summary<FactEvents["limited"]>): AccessRecord {
  const { limit, scope } = fact;
  const about = { limit, scope, count };
  if (count === 1 && !others) return recordOf("limited", fact, () => about);
  const client = others ? undefined : fact.session.remoteAddress;
  return { time: new Date().toISOString(), event: "limited", client, ...about };
}

function recordOf(
  event: Logged | "limited",
  fact: FactEvents[Logged | "limited"],
  details: (fact: unknown) => Readonly<Record<string, unknown>>,
): AccessRecord {
  const { id, remoteAddress, username, admitted, secure } = fact.session;
  const user = admitted ? username : undefined;
  const who = { session: id, client: remoteAddress, user, tls: secure?.protocol };
  return { time: new Date().toISOString(), event, ...who, ...details(fact) };
}

/** What each line says besides time and client. */
function detailsWith(failedName: AccessLogOptions["failedName"]): Details {
  const path = ({ path }: FactEvents["deleted"]) => ({ path });
  const moved = (outcome: string, fact: FactEvents["retrieved"]) => {
    const { direction, verb, path, bytes, milliseconds, type } = fact;
    return { direction, outcome, verb, path, bytes, milliseconds, type };
  };
  const complete = (fact: FactEvents["retrieved"]) => moved("complete", fact);
  return {
    loggedIn: () => ({}),
    loginFailed: ({ username, over }) => ({ user: failedName?.(username), over }),
    retrieved: complete,
    stored: complete,
    listed: complete,
    aborted: (fact) => ({ ...moved(fact.outcome, fact), reason: reasonOf(fact.error) }),
    deleted: path,
    directoryMade: path,
    directoryRemoved: path,
    renamed: ({ from, to }) => ({ from, to }),
    banned: ({ milliseconds }) => ({ milliseconds }),
  };
}

/** The code of an error: its message may hold what a store has no business to show. */
function reasonOf(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,39}$/.test(code) ? code : "ERROR";
}
