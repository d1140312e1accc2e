/** The facts that the server tells, as entries of the log. Passwords are in none of them. */
import { type RefusedFact, type Server, type Session, type Summary, summarize, type TransferFact } from "../index.js";
import type { Level, Log } from "./log.js";
import { quoted, shortened } from "./printable.js";

/** Flags for the options that hints name. */
const FLAG_OF: Readonly<Record<string, string>> = {
  "passive.address": "--pasv-address",
  "bans.exempt": "--ban-exempt",
};

type Fields = Readonly<Record<string, string | number | undefined>>;

/**
 * Writes down what happens from now on.
 * @param shown a user name as it may be printed
 * @returns how to write what waits to be summed up
 */
export function keepJournal(server: Server, log: Log, shown: (username: string) => string): () => void {
  const journal = new Journal(log, shown);
  tellSessions(server, journal);
  tellTransfers(server, journal);
  tellChanges(server, journal);
  if (log.shows("debug")) tellDialogue(server, journal);
  const stops = tellStrangers(server, journal);
  return () => {
    for (const stop of stops) stop();
  };
}

class Journal {
  readonly #log: Log;
  readonly #shown: (username: string) => string;

  constructor(log: Log, shown: (username: string) => string) {
    this.#log = log;
    this.#shown = shown;
  }

  /** An entry about one client. Text is one line in which what the client said is quoted already. */
  write(level: Level, event: string, session: Session, text: string, fields: Fields = {}): void {
    if (!this.#log.shows(level)) return;
    const { id, remoteAddress: client, username } = session;
    const user = username === undefined ? undefined : this.name(username);
    const who = [`#${id}`, client, ...(user === undefined ? [] : [quoted(user)])].join(" ");
    this.#log.write({ level, event, text: `${who}: ${text}`, fields: { session: id, client, user, ...short(fields) } });
  }

  /** An entry about no client in particular. */
  problem(error: unknown, session: Session | undefined): void {
    const message = reasonOf(error);
    if (session !== undefined) this.write("error", "error", session, `error: ${message}`, { message });
    else this.#log.write({ level: "error", event: "error", text: `error: ${message}`, fields: { message } });
  }

  /** An entry about somebody who was not let in, or so many. */
  refusal({ fact, count, others }: Summary<RefusedFact>): void {
    const { reason, remoteAddress: client, proxy, error, reached } = fact;
    const limit = `limit ${reached?.scope}.${reached?.limit}`;
    const why = { allow: "not in --allow", deny: "in --deny", proxy: error?.message ?? "", banned: "banned", limit }[
      reason
    ];
    const from = others ? "others" : `${client}${proxy === undefined ? "" : ` by ${proxy}`}`;
    const whose = others ? {} : { client, proxy };
    const fields = { ...whose, reason, message: error?.message, count };
    this.#log.write({ level: "info", event: "refused", text: `not let in: ${from}: ${why}${times(count)}`, fields });
  }

  /** An entry about a client, or about so many. Several are no one session's. */
  sum(event: string, { fact, count, others }: Summary<{ session: Session }>, text: string, fields: Fields): void {
    if (count === 1 && !others) return this.write("info", event, fact.session, text, fields);
    const client = others ? undefined : fact.session.remoteAddress;
    const entry = { level: "info", event, fields: { client, ...short(fields), count } } as const;
    this.#log.write({ ...entry, text: `${client ?? "others"}: ${text}${times(count)}` });
  }

  /** A user name as it may be printed. */
  name(username: string): string {
    return shortened(this.#shown(username));
  }
}

function tellSessions(server: Server, journal: Journal): void {
  server.on("loggedIn", ({ session }) => {
    const tls = session.secure?.protocol;
    journal.write("info", "loggedIn", session, tls === undefined ? "logged in" : `logged in over ${tls}`, { tls });
  });
  server.on("loginFailed", ({ session, username }) => {
    const tried = journal.name(username);
    // The session has forgotten the name by now.
    journal.write("info", "loginFailed", session, `failed to log in as ${quoted(tried)}`, { user: tried });
  });
  server.on("banned", ({ session, milliseconds }) =>
    journal.write("info", "banned", session, `banned for ${Math.round(milliseconds / 1000)} s`, { milliseconds }),
  );
  server.on("hint", ({ session, option, text }) => {
    const flag = FLAG_OF[option];
    const said = flag === undefined ? text : `${text} (${flag})`;
    journal.write("info", "hint", session, `hint: ${said}`, { option, hint: text });
  });
  server.on("error", ({ error, session }) => journal.problem(error, session));
}

/** What whoever can connect can cause, and as often as that. @returns how to stop each */
function tellStrangers(server: Server, journal: Journal): readonly (() => void)[] {
  return [
    summarize(server, "refused", (summary) => journal.refusal(summary)),
    summarize(server, "stranger", (summary) => {
      const address = summary.others ? undefined : summary.fact.address;
      journal.sum("stranger", summary, `turned away ${address ?? "somebody"} at the data port`, { address });
    }),
    summarize(server, "limited", (summary) => {
      const { limit, scope } = summary.fact;
      journal.sum("limited", summary, `limit ${scope}.${limit} is reached`, { limit, scope });
    }),
    summarize(server, "tlsFailed", (summary) => {
      const { channel, error, reason: told } = summary.fact;
      const reason = reasonOf(error.cause ?? error);
      // Manuals are read by the code, where there is one.
      const code = /^[A-Z][A-Z0-9_]*$/.test(told) ? told : undefined;
      const text = `TLS failed on the ${channel} connection: ${quoted(reason)}${code === undefined ? "" : ` (${code})`}`;
      journal.sum("tlsFailed", summary, text, { channel, reason, code });
    }),
  ];
}

function times(count: number): string {
  return count === 1 ? "" : ` (${count} times)`;
}

function tellTransfers(server: Server, journal: Journal): void {
  for (const event of ["retrieved", "stored", "listed"] as const)
    server.on(event, (fact) => {
      const { session, verb, path } = fact;
      journal.write("info", event, session, `${verb} ${quoted(path)}: ${amount(fact)}`, measured(fact));
    });
  server.on("aborted", (fact) => {
    const { session, verb, path, error } = fact;
    const reason = reasonOf(error);
    const text = `${verb} ${quoted(path)} failed after ${amount(fact)}: ${reason}`;
    journal.write("info", "aborted", session, text, { ...measured(fact), reason });
  });
}

function tellChanges(server: Server, journal: Journal): void {
  const done = { deleted: "deleted", directoryMade: "made directory", directoryRemoved: "removed directory" } as const;
  for (const event of ["deleted", "directoryMade", "directoryRemoved"] as const)
    server.on(event, ({ session, path }) =>
      journal.write("info", event, session, `${done[event]} ${quoted(path)}`, { path }),
    );
  server.on("renamed", ({ session, from, to }) =>
    journal.write("info", "renamed", session, `renamed ${quoted(from)} to ${quoted(to)}`, { from, to }),
  );
}

function tellDialogue(server: Server, journal: Journal): void {
  server.on("session", ({ session }) => journal.write("debug", "connected", session, "connected"));
  server.on("closed", ({ session }) => journal.write("debug", "closed", session, "disconnected"));
  server.on("reply", ({ session, verb, argument: sent, code, text }) => {
    const argument = verb === "USER" && sent !== undefined ? journal.name(sent) : sent;
    const [reply = ""] = text.split("\n", 1);
    const command = [verb, ...(argument === undefined ? [] : [quoted(argument)])].join(" ");
    const answer = `${code} ${shortened(reply)}`;
    const fields = { verb, argument, code, text: reply };
    journal.write("debug", "reply", session, command === "" ? answer : `${command}: ${answer}`, fields);
  });
}

function measured(fact: TransferFact): Fields {
  const { verb, path, bytes, milliseconds } = fact;
  return { verb, path, bytes, milliseconds, bytesPerSecond: rate(fact) };
}

/** Bytes a second. What took no time took less than one millisecond. */
function rate({ bytes, milliseconds }: TransferFact): number {
  return Math.round((bytes * 1000) / Math.max(milliseconds, 1));
}

function amount(fact: TransferFact): string {
  const { bytes, milliseconds } = fact;
  return `${bytes} bytes in ${(milliseconds / 1000).toFixed(3)} s (${scaled(rate(fact))}/s)`;
}

function scaled(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** The messages of an error and of what caused it, outermost first. */
function reasonOf(error: unknown): string {
  return shortened(causes(error).join(": "));
}

function causes(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  if (error.cause === undefined) return [plain(error)];
  const { message, cause } = error;
  const [next = "", ...others] = causes(cause);
  // Some errors repeat what caused them: as it is, or made readable and with its code.
  if (cause instanceof Error && message.endsWith(`: ${cause.message}`))
    return [message.slice(0, -cause.message.length - 2), next, ...others];
  return message.includes(`: ${next}`) ? [message, ...others] : [message, next, ...others];
}

/** Of an error of OpenSSL the reason alone: its message is about threads, functions and lines of OpenSSL. */
function plain(error: Error & { readonly reason?: unknown; readonly library?: unknown }): string {
  const { reason, library, message } = error;
  return typeof reason === "string" && typeof library === "string" ? reason : message;
}

function short(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? shortened(value) : value]),
  );
}
