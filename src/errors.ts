/**
 * The error that portside itself raises. Mistakes in options are `TypeError` and `RangeError`
 * instead; what a store reports is a `FileSystemError`.
 */

/** What went wrong, for programs: stable across versions. */
export type FtpErrorCode =
  | "BAD_PATH"
  | "CLOSED"
  | "CONTROL_LOST"
  | "DATA_LOST"
  | "DATA_TIMEOUT"
  | "HOOK_FAILED"
  | "HOOK_TIMEOUT"
  | "NO_PASSIVE_PORT"
  | "STALLED"
  | "ABORTED";

/** An error of the protocol or of a connection. `message` is for logs and never sent to a client. */
export class FtpError extends Error {
  override readonly name = "FtpError";
  /** Stable, for programs. */
  readonly code: FtpErrorCode;

  constructor(code: FtpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
