/**
 * The error that portside itself raises. Mistakes in options are `TypeError` and `RangeError`
 * instead; what a store reports is a `FileSystemError`.
 */
import type { ReplyCode } from "./wire/reply-codes.js";

/**
 * What went wrong, for programs: stable across versions.
 * `ABORTED` by ABOR or by the host, `BAD_PATH` a path name that no store may see, `BAD_ADDRESS` an advertised
 * address that PASV cannot carry, `BAD_PROXY_HEADER` a connection that did not come by a trusted proxy with a header
 * that can be read, `CLOSED` the session ended, `CONTROL_LOST` the client left, `DATA_LOST` the
 * data connection broke or never came, `DATA_TIMEOUT` it did not come in time, `NO_PASSIVE_PORT` the range is
 * exhausted, `OTHER_CERTIFICATE` the data connection shows another client certificate than the control connection,
 * `REFUSED` a command was refused with `reply`, `SESSION_NOT_RESUMED` the data connection does not go on with the TLS
 * session of the control connection, `STALLED` a transfer did not move, `TLS_FAILED` a handshake failed or TLS did not end in order, `TRUNCATED` an upload under TLS ended without close_notify.
 */
export type FtpErrorCode =
  | "ABORTED"
  | "BAD_ADDRESS"
  | "BAD_PATH"
  | "BAD_PROXY_HEADER"
  | "CLOSED"
  | "CONTROL_LOST"
  | "DATA_LOST"
  | "DATA_TIMEOUT"
  | "NO_PASSIVE_PORT"
  | "OTHER_CERTIFICATE"
  | "REFUSED"
  | "SESSION_NOT_RESUMED"
  | "STALLED"
  | "TLS_FAILED"
  | "TRUNCATED";

/** The reply that an error decides: the shape of `Reply`. */
export interface DecidedReply {
  /** Three digits. */
  readonly code: ReplyCode;
  /** Text, at least one line. */
  readonly lines: readonly string[];
}

/** An error of the protocol or of a connection. `message` is for logs and never sent to a client. */
export class FtpError extends Error {
  override readonly name = "FtpError";
  /** Stable, for programs. */
  readonly code: FtpErrorCode;
  /** What the client is answered, where that is decided already. */
  readonly reply: DecidedReply | undefined;

  constructor(code: FtpErrorCode, message: string, options?: ErrorOptions & { readonly reply?: DecidedReply }) {
    super(message, options);
    this.code = code;
    this.reply = options?.reply;
  }
}
