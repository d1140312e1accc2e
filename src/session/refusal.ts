/**
 * Errors as replies: one table for every command, before and after 150. A kind of error names the codes that fit it,
 * best first; the row says which of them it may give (RFC 959 §5.4). The client reads our text, never a message.
 */
import { FtpError, type FtpErrorCode } from "../errors.js";
import { FileSystemError, type FileSystemErrorCode } from "../storage/file-system-error.js";
import { type Reply, reply } from "../wire/reply.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { Texts } from "./texts.js";

interface Answer {
  readonly codes: readonly ReplyCode[];
  readonly text: keyof { [Key in keyof Texts as Texts[Key] extends string ? Key : never]: true };
}

const NAME: readonly ReplyCode[] = [553, 550, 501, 551];

const BY_STORE: { readonly [Code in FileSystemErrorCode]: Answer } = {
  ENOENT: { codes: [550, 553, 451], text: "noSuchFile" },
  EEXIST: { codes: [553, 550, 551], text: "exists" },
  ENOTDIR: { codes: [550, 553, 451], text: "notDirectory" },
  EISDIR: { codes: [553, 550, 551], text: "isDirectory" },
  ENOTEMPTY: { codes: [550], text: "notEmpty" },
  EACCES: { codes: [553, 550, 451], text: "denied" },
  EROFS: { codes: [553, 550, 451], text: "readOnly" },
  EINVAL: { codes: NAME, text: "badName" },
  ENAMETOOLONG: { codes: NAME, text: "nameTooLong" },
  ELOOP: { codes: [550, 553, 451], text: "linkLoop" },
  ERANGE: { codes: [554, 551, 550], text: "badRestart" },
  ENOSPC: { codes: [452, 552, 550, 451], text: "noSpace" },
  EDQUOT: { codes: [552, 550, 451], text: "overQuota" },
  EBUSY: { codes: [450, 451, 550], text: "busy" },
  ENOSYS: { codes: [502], text: "notImplemented" },
  EIO: { codes: [451, 450, 550], text: "localError" },
};

const BY_PROTOCOL: { readonly [Code in FtpErrorCode]: Answer } = {
  ABORTED: { codes: [426], text: "aborted" },
  BAD_ADDRESS: { codes: [425], text: "noPassiveAddress" },
  BAD_PATH: { codes: NAME, text: "badName" },
  BAD_PROXY_HEADER: { codes: [421], text: "notWelcome" },
  CLOSED: { codes: [426], text: "shuttingDown" },
  CONTROL_LOST: { codes: [426], text: "controlLost" },
  DATA_LOST: { codes: [426], text: "dataBroken" },
  DATA_TIMEOUT: { codes: [425], text: "dataLost" },
  NO_PASSIVE_PORT: { codes: [425], text: "noPassivePort" },
  OTHER_CERTIFICATE: { codes: [522], text: "otherCertificate" },
  REFUSED: { codes: [550], text: "refused" },
  SESSION_NOT_RESUMED: { codes: [522], text: "sessionNotResumed" },
  STALLED: { codes: [426], text: "stalled" },
  TLS_FAILED: { codes: [522], text: "handshakeFailed" },
  TRUNCATED: { codes: [426], text: "truncated" },
};

/** The replies that may follow a 1yz (RFC 959 §5.4; 522: RFC 4217 §10.2). */
const AFTER_PRELIMINARY: readonly ReplyCode[] = [425, 426, 451, 522, 551, 552];

/** Whether an error is a fault to be reported to the host, not a refusal in the ordinary course of things. */
export function isFault(error: unknown): boolean {
  if (error instanceof FileSystemError) return error.code === "EIO" || !Object.hasOwn(BY_STORE, error.code);
  return !(error instanceof FtpError) || error.code === "NO_PASSIVE_PORT" || error.code === "BAD_ADDRESS";
}

const STOPS: ReadonlySet<FtpErrorCode> = new Set(["ABORTED", "CLOSED", "CONTROL_LOST", "DATA_LOST"]);

/** Whether somebody has stopped a transfer, or left: nothing has gone wrong here, and no data connection failed to come. */
export function isStop(error: unknown): boolean {
  return error instanceof FtpError && STOPS.has(error.code) && error.reply === undefined;
}

/**
 * The reply to a command that failed with `error`.
 * @param permitted the codes of its row
 * @param begun whether 125 or 150 has been sent
 */
export function refusalOf(error: unknown, permitted: readonly ReplyCode[], begun: boolean, texts: Texts): Reply {
  if (error instanceof FtpError && error.reply !== undefined) return error.reply;
  const answer = answerTo(error);
  const open = begun ? AFTER_PRELIMINARY : permitted;
  const code = answer.codes.find((candidate) => open.includes(candidate));
  return reply(code ?? (begun ? 451 : (answer.codes[0] ?? 451)), texts[answer.text]);
}

function answerTo(error: unknown): Answer {
  // A store may have made up a code.
  if (error instanceof FileSystemError && Object.hasOwn(BY_STORE, error.code)) return BY_STORE[error.code];
  if (error instanceof FtpError) return BY_PROTOCOL[error.code];
  return BY_STORE.EIO;
}
