/**
 * Checksums of files (draft-bryan-ftpext-hash-02 HASH, draft-twine-ftpmd5 MD5, and the X commands of practice): of the bytes
 * that RETR would send in TYPE I, so the host is asked as for RETR. ABOR stops one that takes long.
 */
import { FtpError } from "../errors.js";
import type { Grammar } from "../session/command.js";
import { heldTransfer } from "../session/conduct.js";
import type { Dialogue } from "../session/dialogue.js";
import { RetrieveQuestion } from "../session/questions.js";
import { type Checksum, type ChecksumAlgorithm, digestOf } from "../storage/checksum.js";
import type { ChecksumOptions, FileSystem } from "../storage/file-system.js";
import { GivenBytes } from "../storage/given-bytes.js";
import { type Stage, through } from "../transfer/stage.js";
import { asBytes } from "../transfer/transfer.js";
import { upperCase } from "../wire/command-line.js";
import { parseDecimal } from "../wire/number.js";
import { type Reply, reply } from "../wire/reply.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import { type Row, row } from "./row.js";

/** What a client names: a file, perhaps some of its bytes. */
interface Request {
  readonly path: VirtualPath;
  /** As it was sent. */
  readonly name: string;
  readonly start: number;
  /** The byte after the last one. */
  readonly end?: number | undefined;
}

/** The names of HASH: IANA's "Hash Function Textual Names", and the one that everybody gives CRC-32. */
const NAMES: { readonly [Algorithm in ChecksumAlgorithm]: string } = {
  sha256: "SHA-256",
  sha512: "SHA-512",
  sha1: "SHA-1",
  md5: "MD5",
  crc32: "CRC32",
};

const wholeFile: Grammar<Request, Dialogue> = {
  syntax: "<SP> pathname",
  parse: (name, dialogue) => (name ? { value: { name, path: dialogue.resolve(name), start: 0 } } : undefined),
};

/** Numbers follow a name in quotes only, with quotes doubled as in 257 (RFC 959 Appendix II): a name may end in digits. */
const partOfFile: Grammar<Request, Dialogue> = {
  syntax: '<SP> pathname | "pathname" [<SP> start [<SP> end]]',
  parse: (text, dialogue) => {
    const quoted = /^"((?:[^"]|"")+)"(?: (\d+)(?: (\d+))?)?$/.exec(text ?? "");
    if (quoted === null) return wholeFile.parse(text, dialogue);
    const name = (quoted[1] ?? "").replaceAll('""', '"');
    const range = rangeOf(quoted[2], quoted[3]);
    return range && { value: { name, path: dialogue.resolve(name), ...range } };
  },
};

function rangeOf(first = "0", last?: string): Pick<Request, "start" | "end"> | undefined {
  const start = parseDecimal(first);
  const end = last === undefined ? undefined : parseDecimal(last);
  if (start === undefined || (last !== undefined && !(end !== undefined && end >= start))) return undefined;
  return { start, end };
}

/** HASH, MD5, XCRC, XMD5, XSHA1, XSHA256, XSHA512. */
export const checksumRows: readonly Row[] = [
  row({
    verb: "HASH",
    source: "draft-bryan-ftpext-hash-02 §3",
    summary: "tell the checksum of a file",
    argument: wholeFile,
    replies: [213, 426, 450, 451, 550, 553, 556],
    needs: ["login"],
    feature: (dialogue) => (offered(dialogue) ? `HASH ${namesOf(dialogue.state.checksum)}` : undefined),
    transfers: true,
    run: async (dialogue, request) => {
      const { checksum: algorithm } = dialogue.state;
      return await answer(dialogue, request, algorithm, ({ digest, start, end }) => {
        // Both points count (§3.4); of nothing, the first one is the last too (§3).
        const range = `${start}-${Math.max(start, end - 1)}`;
        return reply(213, `${NAMES[algorithm]} ${range} ${digest} ${request.name}`);
      });
    },
  }),
  row({
    verb: "MD5",
    source: "draft-twine-ftpmd5-00",
    summary: "tell the MD5 of a file",
    argument: wholeFile,
    replies: [251, 426, 450, 451, 550, 553, 556],
    needs: ["login"],
    feature: (dialogue) => (offered(dialogue) ? "MD5" : undefined),
    transfers: true,
    run: (dialogue, request) =>
      answer(dialogue, request, "md5", ({ digest }) => reply(251, `${request.name} ${digest.toUpperCase()}`)),
  }),
  extended("XCRC", "crc32"),
  extended("XMD5", "md5"),
  extended("XSHA1", "sha1", ["XSHA"]),
  extended("XSHA256", "sha256"),
  extended("XSHA512", "sha512"),
];

/** A command that grew out of practice: nothing but the digits, in upper case. */
function extended(verb: string, algorithm: ChecksumAlgorithm, aliases: readonly string[] = []): Row {
  return row({
    verb,
    aliases,
    source: "practice",
    summary: `tell the ${NAMES[algorithm]} of a file`,
    argument: partOfFile,
    replies: [250, 426, 450, 451, 550, 553, 554, 556],
    needs: ["login"],
    feature: (dialogue) => (offered(dialogue) ? verb : undefined),
    transfers: true,
    run: (dialogue, request) => answer(dialogue, request, algorithm, ({ digest }) => reply(250, digest.toUpperCase())),
  });
}

/** OPTS HASH (draft-bryan-ftpext-hash-02 §3.2). */
export function selectChecksum({ state, texts }: Dialogue, name: string): Reply {
  const algorithms = Object.keys(NAMES) as ChecksumAlgorithm[];
  const algorithm = name === "" ? state.checksum : algorithms.find((known) => NAMES[known] === upperCase(name));
  if (algorithm === undefined) return reply(501, texts.unknownChecksum);
  state.checksum = algorithm;
  return reply(200, NAMES[algorithm]);
}

function namesOf(selected: ChecksumAlgorithm): string {
  return Object.entries(NAMES)
    .map(([algorithm, name]) => (algorithm === selected ? `${name}*` : name))
    .join(";");
}

/** FEAT is asked before login too: then what a store can do is not known, and not shown. */
function offered({ state, settings }: Dialogue): boolean {
  return settings.checksums.count > 0 && state.who.stage === "admitted" && state.who.fileSystem.supports("openRead");
}

/** Asks the host, finds the checksum, and answers with it. */
async function answer(
  dialogue: Dialogue,
  request: Request,
  algorithm: ChecksumAlgorithm,
  told: (checksum: Checksum) => Reply,
): Promise<Reply> {
  const { session, settings, texts } = dialogue;
  const transfer = heldTransfer(dialogue);
  const { verb, signal } = transfer;
  if (settings.checksums.count === 0) return reply(502, texts.notImplemented);
  using slot = settings.checksums.take();
  if (slot === undefined) return reply(450, texts.busy);
  transfer.path = request.path;
  const asked = { path: request.path, verb, offset: 0, type: "I", signal } as const;
  const question = new RetrieveQuestion(session, 550, texts.refused, asked);
  try {
    const refusal = await dialogue.ask("retr", question, signal);
    return refusal ?? (await checksumOf(dialogue, question, { ...request, algorithm, signal }, told));
  } finally {
    question.release();
  }
}

async function checksumOf(
  dialogue: Dialogue,
  question: RetrieveQuestion,
  which: ChecksumOptions,
  told: (checksum: Checksum) => Reply,
): Promise<Reply> {
  const { fileSystem, settings, texts } = dialogue;
  const { path, stages, body } = question;
  if (body !== undefined || stages.length > 0) {
    if (which.start !== 0 || which.end !== undefined) return reply(504, texts.unsupportedParameter);
    const source = body ?? bytesAt(fileSystem, path, which.signal);
    const { digest, bytes } = await digestOf(through(source, [...stages, upToLimit(dialogue)]), which.algorithm);
    return told({ digest, start: 0, end: bytes });
  }
  const { type, size } = await fileSystem.stat(path, { expect: "file", signal: which.signal });
  if (type !== "file") return reply(553, texts.notPlainFile);
  if ((which.end ?? size) - (which.start ?? 0) > settings.checksumScanLimit) return reply(556, texts.tooLargeToSum);
  return told(await fileSystem.checksum(path, which));
}

async function* bytesAt(fileSystem: FileSystem, path: VirtualPath, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  await using file = await fileSystem.openRead(path, { signal });
  const given = new GivenBytes(path, file);
  yield* given.body;
  given.assertAll();
}

/** Lets no more bytes of the host pass than of a file. */
function upToLimit({ settings, texts }: Dialogue): Stage {
  return async function* (source) {
    let left = settings.checksumScanLimit;
    for await (const chunk of source) {
      const bytes = asBytes(chunk);
      left -= bytes.length;
      if (left < 0) throw new FtpError("REFUSED", "too large", { reply: reply(556, texts.tooLargeToSum) });
      yield bytes;
    }
  };
}
