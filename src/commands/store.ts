/**
 * Upload (RFC 959 §4.1.3 STOR, APPE, STOU; RFC 3659 §5 REST). The store is asked before 150 and shows nothing before
 * `commit()`; 226 waits for that. What was there stays in every other case, unless `partialUploads` keeps what came.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { DataChannel } from "../channel/data-channel.js";
import { FtpError } from "../errors.js";
import type { Bound } from "../limits/allowance.js";
import { conduct, heldTransfer, pacing } from "../session/conduct.js";
import type { Dialogue } from "../session/dialogue.js";
import { StoreQuestion } from "../session/questions.js";
import type { FileInfo } from "../storage/file-info.js";
import type { WriteHandle, WriteMode } from "../storage/file-system.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { writeHandleFrom } from "../storage/write-handle-from.js";
import { type AsciiPosition, collapsing, fromNetwork } from "../transfer/ascii.js";
import type { Stage } from "../transfer/stage.js";
import { reasonOf, receiveAll, receiveTranslated, type Transfer } from "../transfer/transfer.js";
import type { Reply } from "../wire/reply.js";
import { baseName, childOf, parentOf, type VirtualPath } from "../wire/virtual-path.js";
import { newPathname, optionalText, resolveNew } from "./grammar.js";
import { locateMarker } from "./retrieve.js";
import { type Row, row } from "./row.js";

/** How an upload meets what is there. `at` is where the marker of REST leads. */
interface Upload {
  readonly verb: "STOR" | "APPE" | "STOU";
  readonly path: VirtualPath;
  readonly mode: "replace" | "append" | "exclusive";
  announcement(dialogue: Dialogue, path: VirtualPath): string;
}

/** Names that STOU tries before it gives up: with 64 random bits the first one is free. */
const UNIQUE_NAME_TRIES = 3;
const UPLOAD_REPLIES = [150, 226, 425, 426, 450, 451, 452, 551, 552, 553, 554] as const;

const named: Upload["announcement"] = ({ texts }, path) => texts.opening(baseName(path));
/** RFC 1123 §4.1.2.9 fixes this text: clients read the name from it. */
const fileIs: Upload["announcement"] = (_dialogue, path) => `FILE: ${baseName(path)}`;

/** How long the end of the control connection may be behind that of the data connection, in milliseconds. */
const LONGEST_MOMENT_MS = 20;
/** Of the time of an upload, so that those that take no time lose none. */
const SMALL_PART = 20;

/** STOR, APPE, STOU. */
export const storeRows: readonly Row[] = [
  row({
    verb: "STOR",
    source: "RFC 959 §4.1.3, RFC 3659 §5",
    summary: "upload a file",
    argument: newPathname,
    replies: UPLOAD_REPLIES,
    needs: ["login", "data"],
    transfers: true,
    run: (dialogue, path) => store(dialogue, { verb: "STOR", path, mode: "replace", announcement: named }),
  }),
  row({
    verb: "APPE",
    source: "RFC 959 §4.1.3",
    summary: "add to the end of a file, or make it",
    argument: newPathname,
    replies: [...UPLOAD_REPLIES, 550],
    needs: ["login", "data"],
    transfers: true,
    run: (dialogue, path) => store(dialogue, { verb: "APPE", path, mode: "append", announcement: named }),
  }),
  row({
    verb: "STOU",
    source: "RFC 959 §4.1.3, RFC 1123 §4.1.2.9",
    summary: "upload a file under a name that is not taken",
    argument: optionalText("name"),
    replies: UPLOAD_REPLIES,
    needs: ["login", "data"],
    transfers: true,
    run: storeUnique,
  }),
];

async function storeUnique(dialogue: Dialogue, stem = "upload"): Promise<Reply> {
  // RFC 959 has no restart for a file that nobody has seen yet.
  dialogue.state.restart = 0;
  const base = resolveNew(dialogue, stem);
  const tryNext = async (triesLeft: number): Promise<Reply> => {
    const path = childOf(parentOf(base), `${baseName(base)}.${randomBytes(8).toString("hex")}`);
    try {
      return await store(dialogue, { verb: "STOU", path, mode: "exclusive", announcement: fileIs });
    } catch (error) {
      if (triesLeft === 1 || !(error instanceof FileSystemError) || error.code !== "EEXIST") throw error;
      return tryNext(triesLeft - 1);
    }
  };
  return await tryNext(UNIQUE_NAME_TRIES);
}

async function store(dialogue: Dialogue, upload: Upload): Promise<Reply> {
  const { state, session, texts } = dialogue;
  const { path, verb } = upload;
  const transfer = heldTransfer(dialogue);
  const asked = { path, verb, offset: state.restart, type: state.type, signal: transfer.signal };
  const question = new StoreQuestion(session, 553, texts.refused, asked);
  try {
    return (
      (await dialogue.ask("stor", question, transfer.signal)) ?? (await storeFile(dialogue, transfer, upload, question))
    );
  } finally {
    question.release();
  }
}

async function storeFile(
  dialogue: Dialogue,
  transfer: Transfer,
  upload: Upload,
  question: StoreQuestion,
): Promise<Reply> {
  const { path } = question;
  const bound = dialogue.allowance.lowest("uploadSize");
  if (bound !== undefined && (dialogue.state.allocated ?? 0) > bound.amount) throw tooLarge(dialogue, bound);
  const start = await startOf(dialogue, question, transfer.signal);
  await using sink = await openSink(dialogue, transfer, question, { mode: upload.mode, start });
  const stages = [
    ...pacing(dialogue, "uploadRate", transfer),
    ...wireStages(dialogue, start),
    ...(bound === undefined ? [] : [upTo(bound.amount, () => tooLarge(dialogue, bound))]),
    ...question.stages,
  ];
  // Nobody but TYPE has a say in the bytes.
  const isPlainText = stages.length === 1 && dialogue.state.type === "A";
  return await conduct(dialogue, transfer, {
    path,
    announcement: upload.announcement(dialogue, path),
    fact: "stored",
    borrows: sink.borrows === true && question.stages.length === 0,
    keepsWhatCame: dialogue.settings.partialUploads === "keep",
    move: (channel) =>
      receive(dialogue, channel, transfer, sink, () =>
        isPlainText
          ? receiveTranslated(channel, sink, collapsing(start.insideLineEnd))
          : receiveAll(channel, sink, stages),
      ),
  });
}

/** Where the upload begins, where REST says so; the file system checks that the file is that long. */
async function startOf(dialogue: Dialogue, question: StoreQuestion, signal: AbortSignal): Promise<AsciiPosition> {
  const { offset, type, sink } = question;
  if (sink !== undefined && offset > 0) throw new FileSystemError("ERANGE", question.path);
  if (type === "I" || offset === 0) return { offset, insideLineEnd: false };
  return await locateMarker(dialogue, question.path, offset, signal);
}

async function openSink(
  { state, fileSystem }: Dialogue,
  transfer: Transfer,
  question: StoreQuestion,
  how: { readonly mode: Upload["mode"]; readonly start: AsciiPosition },
): Promise<WriteHandle> {
  const { path, sink } = question;
  if (sink !== undefined)
    return writeHandleFrom(sink, { commit: () => infoOf(path, transfer), signal: transfer.signal });
  // RFC 3659 §5.3: with a restart marker, APPE is a STOR at the marker.
  const mode: WriteMode = question.offset > 0 ? { mode: "at", start: how.start.offset } : { mode: how.mode };
  const sizeHint = state.allocated;
  state.allocated = undefined;
  const { umask } = state;
  return await fileSystem.openWrite(path, { ...mode, sizeHint, umask, signal: transfer.signal });
}

function wireStages({ state }: Dialogue, start: AsciiPosition): readonly Stage[] {
  return state.type === "I" ? [] : [fromNetwork(start.insideLineEnd)];
}

/** What is too large is nobody's file: not even `partialUploads` keeps it. */
function tooLarge(dialogue: Dialogue, bound: Bound): FileSystemError {
  dialogue.tellLimited(bound);
  return new FileSystemError("EDQUOT", dialogue.transfer?.path ?? "", { message: `more than ${bound.amount} bytes` });
}

/** Lets no more bytes pass. */
function upTo(bytes: number, beyond: () => FileSystemError): Stage {
  return async function* (source) {
    let left = bytes;
    for await (const chunk of source) {
      left -= chunk.length;
      if (left < 0) throw beyond();
      yield chunk;
    }
  };
}

async function receive(
  dialogue: Dialogue,
  channel: DataChannel,
  transfer: Transfer,
  sink: WriteHandle,
  take: () => Promise<void>,
): Promise<void> {
  try {
    await take();
    // The end of file has come: that the client is gone now takes nothing from the upload.
    await channel.finish().catch(unlessLost);
    await letControlSpeak(transfer);
    transfer.beginCommit();
  } catch (error) {
    await settlePartial(dialogue, transfer, sink, reasonOf(error, transfer.signal));
    throw error;
  }
  await sink.commit();
}

/**
 * A client that is killed leaves both connections, one a moment after the other, and the end of the data connection looks
 * like that of the file. So the control connection gets that moment: a small part of the time that the upload has taken.
 */
async function letControlSpeak({ milliseconds, signal }: Transfer): Promise<void> {
  const moment = Math.min(LONGEST_MOMENT_MS, Math.floor(milliseconds / SMALL_PART));
  if (moment > 0) await delay(moment, undefined, { signal }).catch(() => undefined);
}

function unlessLost(error: unknown): void {
  if (!(error instanceof FtpError) || error.code !== "DATA_LOST") throw error;
}

/** An upload that broke off on the wire is kept where the host wants that; one that the store or a transform refused never is. */
async function settlePartial(dialogue: Dialogue, transfer: Transfer, sink: WriteHandle, error: unknown): Promise<void> {
  const keep = dialogue.settings.partialUploads === "keep" && error instanceof FtpError && transfer.bytes > 0;
  if (!keep) return await sink.abort(error);
  // A commit that has begun is waited for, or it would overtake the next upload to the same name.
  dialogue.transferPatience?.clear();
  try {
    await sink.commit();
  } catch (cause) {
    dialogue.report(cause);
    await sink.abort(cause);
  }
}

function infoOf(path: VirtualPath, { bytes }: Transfer): FileInfo {
  return { name: baseName(path), type: "file", size: bytes };
}
