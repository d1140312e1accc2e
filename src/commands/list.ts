/** Listings over the data connection (RFC 959 §4.1.3 LIST and NLST, RFC 3659 §7 MLSD), always CRLF lines whatever TYPE is. */

import { FtpError } from "../errors.js";
import { factLine } from "../listing/facts.js";
import { type ListRequest, parseListArgument } from "../listing/list-arguments.js";
import { encodeLines, longLines, nameLines, type Walk } from "../listing/listing.js";
import { longLine } from "../listing/long-line.js";
import type { Grammar } from "../session/command.js";
import { conduct, heldTransfer, pacing } from "../session/conduct.js";
import type { Dialogue } from "../session/dialogue.js";
import { sendAll, type Transfer } from "../transfer/transfer.js";
import { type Reply, reply } from "../wire/reply.js";
import { optionalText } from "./grammar.js";
import { begun, findTarget, given, type ListingTarget, rightsAt, walkTarget } from "./listing-target.js";
import { type Row, row } from "./row.js";

/** Names are sorted for programs that compare lists, as long as the directory is small enough to hold. */
const SORTED_NAMES = 10_000;
const LIST_REPLIES = [150, 226, 425, 426, 450, 451, 550] as const;

const listRequest: Grammar<ListRequest, Dialogue> = {
  syntax: "[<SP> -alR] [<SP> pathname]",
  parse: (text) => ({ value: parseListArgument(text) }),
};

/** LIST, NLST, MLSD. */
export const listRows: readonly Row[] = [
  row({
    verb: "LIST",
    source: "RFC 959 §4.1.3, RFC 1123 §4.1.2.7",
    summary: "list a directory in long form",
    argument: listRequest,
    replies: LIST_REPLIES,
    needs: ["login", "data"],
    transfers: true,
    run: (dialogue, request) => list(dialogue, "LIST", { ...request, long: true }),
  }),
  row({
    verb: "NLST",
    source: "RFC 959 §4.1.3, RFC 1123 §4.1.2.7",
    summary: "list the names in a directory",
    argument: listRequest,
    replies: LIST_REPLIES,
    needs: ["login", "data"],
    transfers: true,
    run: (dialogue, request) => list(dialogue, "NLST", request),
  }),
  row({
    verb: "MLSD",
    source: "RFC 3659 §7",
    summary: "list a directory for programs",
    argument: optionalText("pathname"),
    replies: [...LIST_REPLIES, 501],
    needs: ["login", "data"],
    transfers: true,
    run: listFacts,
  }),
];

async function list(dialogue: Dialogue, verb: string, request: ListRequest): Promise<Reply> {
  const transfer = heldTransfer(dialogue);
  const found = await findTarget(dialogue, { verb, name: request.path ?? "", patterns: true, signal: transfer.signal });
  if (found.refusal !== undefined) return found.refusal;
  const { target } = found;
  const single = target.info !== undefined && target.info.type !== "directory" ? target.info : undefined;
  if (single !== undefined)
    return sendLines(dialogue, transfer, {
      target,
      lines: given(request.long ? longLine(single, new Date()) : (request.path ?? single.name)),
    });
  const sections = walkTarget(dialogue, target, {
    signal: transfer.signal,
    recursive: request.recursive,
    sortUpTo: request.long ? 0 : SORTED_NAMES,
  });
  const lines = request.long ? longLines(sections, new Date(), target.prefix) : nameLines(sections, target.prefix);
  return sendLines(dialogue, transfer, { target, lines, sections, recursive: request.recursive });
}

async function listFacts(dialogue: Dialogue, name: string | undefined): Promise<Reply> {
  const transfer = heldTransfer(dialogue);
  const found = await findTarget(dialogue, {
    verb: "MLSD",
    name: name ?? "",
    patterns: false,
    signal: transfer.signal,
  });
  if (found.refusal !== undefined) return found.refusal;
  const { target } = found;
  // RFC 3659 §7.2.1: MLSD of a file is an error in the argument.
  if (target.info?.type !== "directory") return reply(501, dialogue.texts.notDirectory);
  const sections = walkTarget(dialogue, target, { signal: transfer.signal });
  return sendLines(dialogue, transfer, { target, lines: factLines(dialogue, target, sections), sections });
}

/** `cdir` only where the type fact tells it from an entry (RFC 3659 §7.5.1). The parent is not looked up. */
async function* factLines(
  dialogue: Dialogue,
  target: ListingTarget,
  sections: Walk,
): AsyncGenerator<readonly string[]> {
  const { facts } = dialogue.state;
  const rights = rightsAt(dialogue, target.path);
  const self = facts.has("type") ? target.info : undefined;
  // Behind the first entry is asked for: what the store refuses must show before the first line.
  let head = self === undefined ? undefined : factLine(self, facts, rights, { type: "cdir", name: "." });
  for await (const section of sections) {
    for await (const entries of section.entries) {
      const lines = entries.map((entry) => factLine(entry, facts, rights));
      yield head === undefined ? lines : [head, ...lines];
      head = undefined;
    }
  }
  if (head !== undefined) yield [head];
}

/** What is shown of a target. */
interface Shown {
  readonly target: ListingTarget;
  readonly lines: AsyncGenerator<readonly string[]>;
  /** Where the lines come from; none of one file. */
  readonly sections?: Walk;
  readonly recursive?: boolean;
}

async function sendLines(dialogue: Dialogue, transfer: Transfer, shown: Shown): Promise<Reply> {
  const { texts } = dialogue;
  const { target, lines, sections, recursive } = shown;
  try {
    const chunks = encodeLines(await begun(lines));
    const whole = recursive ? chunks : unlessCut(dialogue, chunks, sections);
    const final = await conduct(dialogue, transfer, {
      path: target.path,
      announcement: dialogue.texts.opening(texts.listing),
      fact: "listed",
      move: (channel) => sendAll(channel, whole, pacing(dialogue, "downloadRate", transfer)),
    });
    if (final.code !== 226 || sections?.reached === undefined) return final;
    dialogue.tellLimited(sections.reached);
    return reply(226, texts.listingTruncated);
  } finally {
    // Where no data connection came, nobody has read on: the store's listing is still open.
    await lines.return(undefined);
  }
}

/** One directory is shown whole, or not with success: who mirrors it deletes what is missing. */
async function* unlessCut(
  dialogue: Dialogue,
  chunks: AsyncGenerator<Uint8Array>,
  sections: Walk | undefined,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
  const reached = sections?.reached;
  if (reached === undefined) return;
  dialogue.tellLimited(reached);
  const why = `${reached.scope}.${reached.limit} is ${reached.amount}`;
  throw new FtpError("REFUSED", why, { reply: reply(451, dialogue.texts.listingTruncated) });
}
