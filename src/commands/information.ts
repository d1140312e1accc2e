/** What the server tells of itself (RFC 959 §4.1.3; RFC 2389 FEAT and OPTS; RFC 2640 LANG), ABOR, and what means nothing here. */
import { FtpError } from "../errors.js";
import type { Awaitable } from "../events/awaitable.js";
import { type ListRequest, parseListArgument } from "../listing/list-arguments.js";
import { longLines } from "../listing/listing.js";
import { longLine } from "../listing/long-line.js";
import type { Grammar } from "../session/command.js";
import type { Dialogue } from "../session/dialogue.js";
import { CATALOGUE, DEFAULT_LANGUAGE } from "../session/texts.js";
import { upperCase } from "../wire/command-line.js";
import { type Reply, reply } from "../wire/reply.js";
import { selectChecksum } from "./checksums.js";
import { selectFacts } from "./facts.js";
import { none, optionalText, strictlyNone, text } from "./grammar.js";
import { findTarget, walkTarget } from "./listing-target.js";
import { type Row, row } from "./row.js";

/** Nothing, or what LIST understands; options mean nothing here, but are no names either. */
const statRequest: Grammar<ListRequest | undefined, Dialogue> = {
  syntax: "[<SP> pathname]",
  parse: (given) => ({ value: given === undefined || given === "" ? undefined : parseListArgument(given) }),
};

/** ABOR, SYST, STAT, HELP, NOOP, FEAT, OPTS, LANG, CLNT. */
export const informationRows: readonly Row[] = [
  row({
    verb: "ABOR",
    source: "RFC 959 §4.1.3",
    summary: "stop the transfer",
    argument: none,
    replies: [226],
    duringTransfer: true,
    run: abort,
  }),
  row({
    verb: "SYST",
    source: "RFC 959 §4.1.3",
    summary: "tell the kind of system that listings follow",
    argument: none,
    replies: [215],
    keepsRestart: true,
    run: ({ texts }) => reply(215, texts.system),
  }),
  row({
    verb: "STAT",
    source: "RFC 959 §4.1.3",
    summary: "tell how things stand, or list a path over the control connection",
    argument: statRequest,
    replies: [211, 212, 213, 450, 550],
    needs: ["login"],
    // With a path it lists, which takes time: ABOR must not wait for that.
    duringTransfer: (given) => given === undefined || given === "",
    keepsRestart: true,
    keepsRename: true,
    run: (dialogue, request) => (request === undefined ? tellStatus(dialogue) : listPath(dialogue, request.path ?? "")),
  }),
  row({
    verb: "HELP",
    source: "RFC 959 §4.1.3",
    summary: "tell which commands there are",
    argument: optionalText("command"),
    replies: [214, 502],
    keepsRestart: true,
    run: help,
  }),
  row({
    verb: "NOOP",
    source: "RFC 959 §4.1.3",
    summary: "do nothing",
    argument: none,
    replies: [200],
    duringTransfer: true,
    keepsRestart: true,
    keepsRename: true,
    run: ({ texts }) => reply(200, texts.noop),
  }),
  row({
    verb: "FEAT",
    source: "RFC 2389 §3",
    summary: "tell the extensions",
    argument: strictlyNone,
    replies: [211],
    keepsRestart: true,
    run: (dialogue) => reply(211, dialogue.texts.featuresBegin, ...features(dialogue), dialogue.texts.featuresEnd),
  }),
  row({
    verb: "OPTS",
    source: "RFC 2389 §4",
    summary: "set an option of a command",
    argument: text("command [<SP> options]"),
    replies: [200],
    keepsRestart: true,
    run: setOption,
  }),
  row({
    verb: "LANG",
    source: "RFC 2640 §4",
    summary: "choose the language of replies",
    argument: optionalText("tag"),
    replies: [200],
    feature: ({ state }) => `LANG ${languages(state.language)}`,
    keepsRestart: true,
    run: ({ state, texts }, tag) => {
      const language = /^[A-Za-z0-9-]*$/.test(tag ?? "") ? (tag ?? DEFAULT_LANGUAGE).toLowerCase() : "";
      if (!CATALOGUE.has(language)) return reply(504, texts.unsupportedParameter);
      state.language = language;
      return reply(200, texts.languageSet);
    },
  }),
  row({
    verb: "CLNT",
    source: "practice",
    summary: "say which program you are",
    argument: text("name"),
    replies: [200],
    feature: "CLNT",
    keepsRestart: true,
    run: ({ texts }) => reply(200, texts.noted),
  }),
];

/** What FEAT shows besides the rows' own lines: properties of paths, not commands. */
const PROPERTIES = ["TVFS", "UTF8"];

/** The lines of FEAT, in alphabetical order. */
function features(dialogue: Dialogue): readonly string[] {
  const lines = doneHere(dialogue).map(({ feature }) => (typeof feature === "function" ? feature(dialogue) : feature));
  return [...PROPERTIES, ...lines.filter((line) => line !== undefined)].sort();
}

/** Two replies while a transfer runs: 426 for the transfer, then ours; one else (RFC 959 §4.1.3, §5.4). */
function abort(dialogue: Dialogue): Awaitable<Reply> {
  dialogue.transfer?.abort(new FtpError("ABORTED", "the client sent ABOR"));
  return dialogue.held?.then(() => aborted(dialogue)) ?? aborted(dialogue);
}

function aborted(dialogue: Dialogue): Reply {
  dialogue.withdrawOffer();
  return reply(226, dialogue.texts.abortDone);
}

function tellStatus({ state, control, session, texts, transfer }: Dialogue): Reply {
  return reply(
    211,
    texts.statusBegin,
    texts.statusFrom(control.remoteAddress),
    texts.statusUser(session.username ?? ""),
    texts.statusType(state.type),
    transfer === undefined
      ? texts.statusNoTransfer
      : texts.statusTransfer(transfer.verb, transfer.path, transfer.bytes),
    texts.statusEnd,
  );
}

/** STAT with a path: at most so many lines, for the control connection has better things to do. */
async function listPath(dialogue: Dialogue, name: string): Promise<Reply> {
  const { texts, signal } = dialogue;
  const found = await findTarget(dialogue, { verb: "STAT", name, patterns: true, signal });
  if (found.refusal !== undefined) return found.refusal;
  const { target } = found;
  const { path, info } = target;
  if (info !== undefined && info.type !== "directory")
    return reply(213, texts.listingOf(path), longLine(info, new Date()), texts.listingEnd);
  const lines: string[] = [];
  const sections = walkTarget(dialogue, target, { signal, inReply: true });
  for await (const some of longLines(sections, new Date())) lines.push(...some);
  const { reached } = sections;
  if (reached !== undefined) dialogue.tellLimited(reached);
  return reply(212, texts.listingOf(path), ...lines, reached === undefined ? texts.listingEnd : texts.listingCut);
}

function help(dialogue: Dialogue, verb: string | undefined): Reply {
  const { table, texts } = dialogue;
  if (verb === undefined)
    return reply(214, texts.helpBegin, ...inColumns(shownTo(dialogue).map((row) => row.verb)), texts.helpEnd);
  const known = table.find(upperCase(verb));
  if (known === undefined || !shownTo(dialogue).includes(known)) return reply(502, texts.unknownCommand);
  const { argument, summary, details } = known;
  const line = `${known.verb}${argument.syntax === "" ? "" : ` ${argument.syntax}`}: ${summary}`;
  return details === undefined ? reply(214, line) : reply(214, line, ...details(dialogue), texts.helpEnd);
}

/** Before login only what needs none: the rest is nobody's business. */
function shownTo(dialogue: Dialogue): readonly Row[] {
  const rows = doneHere(dialogue);
  return dialogue.state.who.stage === "admitted" ? rows : rows.filter(({ needs }) => !needs?.includes("login"));
}

/** Without certificates there are no commands of TLS. */
function doneHere({ table, security }: Dialogue): readonly Row[] {
  return security.available ? table.rows : table.rows.filter(({ needs }) => !needs?.includes("tls"));
}

/** Verbs in lines of eight, as terminals of eighty columns show them. */
export function inColumns(verbs: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let from = 0; from < verbs.length; from += 8)
    lines.push(
      verbs
        .slice(from, from + 8)
        .map((verb) => verb.padEnd(8))
        .join("")
        .trimEnd(),
    );
  return lines;
}

function setOption(dialogue: Dialogue, argument: string): Reply {
  const { texts } = dialogue;
  const space = argument.indexOf(" ");
  const [command, options] = space < 0 ? [argument, ""] : [argument.slice(0, space), argument.slice(space + 1)];
  switch (upperCase(command)) {
    case "MLST":
      return selectFacts(dialogue, options);
    case "HASH":
      return selectChecksum(dialogue, options);
    case "UTF8":
    case "UTF-8":
      // Names are UTF-8 whatever is said here; OFF cannot be done.
      return /^(on)?$/i.test(options) ? reply(200, texts.utf8On) : reply(504, texts.unsupportedParameter);
    default:
      return reply(501, texts.unsupportedParameter);
  }
}

function languages(current: string): string {
  return [...CATALOGUE.keys()].map((tag) => tag.toUpperCase() + (tag === current ? "*" : "")).join(";");
}
