/** Download (RFC 959 §4.1.3 RETR, RFC 3659 §5 REST). The file is open before 150; what is missing is refused before anything is sent. */
import type { DataChannel } from "../channel/data-channel.js";
import { LentMemory } from "../channel/lent-memory.js";
import { FtpError } from "../errors.js";
import { conduct, heldTransfer, pacing } from "../session/conduct.js";
import type { Dialogue } from "../session/dialogue.js";
import { RetrieveQuestion } from "../session/questions.js";
import type { FileBody } from "../storage/file-body.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { GivenBytes } from "../storage/given-bytes.js";
import { type AsciiPosition, afterMarker, locate, toNetwork, toNetworkLent } from "../transfer/ascii.js";
import type { Stage } from "../transfer/stage.js";
import { sendAll, sendLent, type Transfer } from "../transfer/transfer.js";
import { type Reply, reply } from "../wire/reply.js";
import { baseName, type VirtualPath } from "../wire/virtual-path.js";
import { pathname } from "./grammar.js";
import { type Row, row } from "./row.js";

/** RETR. */
export const retrieveRows: readonly Row[] = [
  row({
    verb: "RETR",
    source: "RFC 959 §4.1.3, RFC 3659 §5",
    summary: "download a file",
    argument: pathname,
    replies: [150, 226, 425, 426, 450, 451, 550, 551, 554],
    needs: ["login", "data"],
    transfers: true,
    run: retrieve,
  }),
];

async function retrieve(dialogue: Dialogue, path: VirtualPath): Promise<Reply> {
  const { state, session, texts } = dialogue;
  const transfer = heldTransfer(dialogue);
  const download = { path, verb: "RETR", offset: state.restart, type: state.type, signal: transfer.signal };
  const question = new RetrieveQuestion(session, 550, texts.refused, download);
  try {
    const refusal = await dialogue.ask("retr", question, transfer.signal);
    if (refusal !== undefined) return refusal;
    if (question.body !== undefined) return await retrieveStream(dialogue, transfer, question, question.body);
    return await retrieveFile(dialogue, transfer, question);
  } finally {
    question.release();
  }
}

async function retrieveFile(dialogue: Dialogue, transfer: Transfer, question: RetrieveQuestion): Promise<Reply> {
  const { path } = question;
  const { signal } = transfer;
  const start = await startOf(dialogue, path, signal);
  await using file = await dialogue.fileSystem.openRead(path, { start: start.offset, signal });
  const stages = [...question.stages, ...wireStages(dialogue, start)];
  const pace = pacing(dialogue, "downloadRate", transfer);
  const isPlain = question.stages.length === 0 && pace.length === 0 && !start.insideLineEnd;
  const given = new GivenBytes(path, file, { start: start.offset });
  // Clients take the number in parentheses for what is about to come.
  const size = stages.length === 0 ? ` (${file.info.size - start.offset} bytes)` : "";
  return await conduct(dialogue, transfer, {
    path,
    announcement: dialogue.texts.opening(`${baseName(path)}${size}`),
    fact: "retrieved",
    move: async (channel) => {
      if (isPlain) await sendFile(channel, given.body, dialogue.state.type);
      else await sendAll(channel, given.body, [...stages, ...pace]);
      // The end of the data connection is the end of the file (RFC 959 §3.4.1): only the reply can say that it came too early.
      given.assertAll();
    },
  });
}

/** Sends what nobody but TYPE has a say in. */
async function sendFile(channel: DataChannel, body: FileBody, type: "A" | "I"): Promise<void> {
  if (body.read === undefined) return await sendAll(channel, body, type === "A" ? [toNetwork] : []);
  const read = body.read.bind(body);
  if (type === "I") return await sendLent(channel, read);
  const memory = new LentMemory();
  await sendLent(channel, read, (chunk) => toNetworkLent(chunk, memory));
  memory.close();
}

/** The host's own bytes: nobody knows where in them a marker would lead. */
async function retrieveStream(
  dialogue: Dialogue,
  transfer: Transfer,
  question: RetrieveQuestion,
  body: AsyncIterable<Uint8Array>,
): Promise<Reply> {
  if (question.offset > 0) return reply(554, dialogue.texts.badRestart);
  const stages = [...question.stages, ...wireStages(dialogue, { offset: 0, insideLineEnd: false })];
  return await conduct(dialogue, transfer, {
    path: question.path,
    announcement: dialogue.texts.opening(baseName(question.path)),
    fact: "retrieved",
    move: (channel) => sendAll(channel, body, [...stages, ...pacing(dialogue, "downloadRate", transfer)]),
  });
}

function wireStages(dialogue: Dialogue, start: AsciiPosition): readonly Stage[] {
  if (dialogue.state.type === "I") return [];
  return start.insideLineEnd ? [skipLineFeed, toNetwork, afterMarker] : [toNetwork];
}

/** The marker lies behind the CR of a line end: its LF is sent by itself, so the one in the file is left out. */
const skipLineFeed: Stage = async function* (source) {
  let skipped = false;
  for await (const chunk of source) {
    yield skipped ? chunk : chunk.subarray(1);
    skipped ||= chunk.length > 0;
  }
};

/** Where in the file the restart marker lies; in TYPE A it counts octets of the wire. */
async function startOf(dialogue: Dialogue, path: VirtualPath, signal: AbortSignal): Promise<AsciiPosition> {
  const { restart, type } = dialogue.state;
  if (type === "I" || restart === 0) return { offset: restart, insideLineEnd: false };
  return await locateMarker(dialogue, path, restart, signal);
}

/** Finds a marker of TYPE A in a file, reading no more than the bound. Shared by downloads and uploads. */
export async function locateMarker(
  dialogue: Dialogue,
  path: VirtualPath,
  marker: number,
  signal: AbortSignal,
): Promise<AsciiPosition> {
  const { settings, texts, fileSystem } = dialogue;
  if (marker > settings.asciiScanLimit)
    throw new FtpError("REFUSED", "marker beyond the bound", { reply: reply(554, texts.tooLargeToCount) });
  await using file = await fileSystem.openRead(path, { signal });
  const given = new GivenBytes(path, file);
  const position = await locate(given.body, marker);
  if (position !== undefined) return position;
  given.assertAll();
  throw new FileSystemError("ERANGE", path);
}
