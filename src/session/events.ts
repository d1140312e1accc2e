/** The events of Server and Session: questions, asked and awaited before something happens, and facts, told after it. */
import type { DataChannel } from "../channel/data-channel.js";
import type { FtpError } from "../errors.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { CertificateQuestion, HostQuestion, LoginQuestion } from "./login-questions.js";
import type {
  CommandQuestion,
  ConnectQuestion,
  ListQuestion,
  PathQuestion,
  RenameQuestion,
  RetrieveQuestion,
  SiteQuestion,
  StoreQuestion,
} from "./questions.js";
import type { SessionView } from "./view.js";

/** What every fact carries. */
export interface SessionFact<Client extends SessionView = SessionView> {
  readonly session: Client;
}

/** A fact about one path. */
export interface PathFact<Client extends SessionView = SessionView> extends SessionFact<Client> {
  /** Absolute, in the account's file system. */
  readonly path: string;
}

/** A command has been answered. */
export interface ReplyFact<Client extends SessionView = SessionView> extends SessionFact<Client> {
  /** Upper-case; `undefined` for replies that answer no command (greeting, 421) and for unknown verbs. */
  readonly verb: string | undefined;
  /** As sent; `undefined` for none, where it is secret, and for unknown verbs. */
  readonly argument: string | undefined;
  readonly code: ReplyCode;
  /** Without the code; lines joined by LF. */
  readonly text: string;
}

/** Bytes have moved. */
export interface TransferFact<Client extends SessionView = SessionView> extends PathFact<Client> {
  /** The command, e.g. `RETR`. */
  readonly verb: string;
  /** Bytes over the data connection. */
  readonly bytes: number;
  /** From the command to the end of the transfer. */
  readonly milliseconds: number;
}

/** A transfer has failed or was stopped. */
export interface AbortedFact<Client extends SessionView = SessionView> extends TransferFact<Client> {
  /** Why: an `FtpError` for what happened on the wire, a `FileSystemError` or whatever the store or a transform threw. */
  readonly error: unknown;
}

/** A TLS handshake has failed, or TLS did not end in order (CCC, REIN). */
export interface TlsFailedFact<Client extends SessionView = SessionView> extends SessionFact<Client> {
  readonly channel: "control" | "data";
  /** `TLS_FAILED`, `SESSION_NOT_RESUMED` or `OTHER_CERTIFICATE`; `cause` is what TLS says. */
  readonly error: FtpError;
  /** The code of OpenSSL or of Node, e.g. `ERR_SSL_NO_SHARED_CIPHER`; where there is none, the words of the error. */
  readonly reason: string;
}

/** Something went wrong that is not a client's doing, or a listener failed. */
export interface ErrorFact<Client extends SessionView = SessionView> {
  /** Whatever was thrown. */
  readonly error: unknown;
  /** Whose command it was, where it was one's. */
  readonly session?: Client;
}

/** Questions by name. */
export interface QuestionEvents<Client extends SessionView = SessionView> {
  /** A client has connected. */
  connect: ConnectQuestion<Client>;
  /** A client has named a host, by HOST or by SNI. */
  host: HostQuestion<Client>;
  /** USER has come from a client with a verified certificate. */
  certificate: CertificateQuestion<Client>;
  /** USER and PASS have come. */
  login: LoginQuestion<Client>;
  /** A command has come that may run. */
  command: CommandQuestion<Client>;
  /** RETR. */
  retr: RetrieveQuestion<Client>;
  /** STOR, APPE or STOU. */
  stor: StoreQuestion<Client>;
  /** LIST, NLST, MLSD, MLST, or STAT with a path. */
  list: ListQuestion<Client>;
  /** DELE. */
  dele: PathQuestion<Client>;
  /** RNTO. */
  rename: RenameQuestion<Client>;
  /** MKD. */
  mkd: PathQuestion<Client>;
  /** RMD. */
  rmd: PathQuestion<Client>;
  /** SITE. */
  site: SiteQuestion<Client>;
}

/** Facts by name. */
export interface FactEvents<Client extends SessionView = SessionView> {
  /** A connection has come; add listeners for this client here. */
  session: SessionFact<Client>;
  /** A client is in. */
  loggedIn: SessionFact<Client>;
  /** A login was refused. */
  loginFailed: SessionFact<Client> & { readonly username: string };
  /** A reply was sent, preliminary ones included. */
  reply: ReplyFact<Client>;
  /** A data connection is up. */
  dataChannel: SessionFact<Client> & { readonly channel: DataChannel };
  /** Somebody else than the client has connected to its passive port and was turned away. */
  stranger: SessionFact<Client> & { readonly address: string | undefined };
  /** A TLS handshake has failed, on the control connection or on a data connection, or TLS did not end in order. */
  tlsFailed: TlsFailedFact<Client>;
  /** PASV or EPSV was refused because every passive port is in use. */
  portsExhausted: SessionFact<Client>;
  /** A download is complete. */
  retrieved: TransferFact<Client>;
  /** An upload is committed. */
  stored: TransferFact<Client>;
  /** A listing was sent over a data connection. */
  listed: TransferFact<Client>;
  /** A transfer of any kind has failed or was stopped. */
  aborted: AbortedFact<Client>;
  /** A file was deleted. */
  deleted: PathFact<Client>;
  /** A file or directory was renamed. */
  renamed: SessionFact<Client> & { readonly from: string; readonly to: string };
  /** A directory was made. */
  directoryMade: PathFact<Client>;
  /** A directory was removed. */
  directoryRemoved: PathFact<Client>;
  /** The connection is gone. */
  closed: SessionFact<Client>;
  /** A fault of the host, a store or a listener. Never thrown: without a listener it is lost. */
  error: ErrorFact<Client>;
}

/** Everything that Server and Session emit. */
export interface SessionEvents<Client extends SessionView = SessionView>
  extends QuestionEvents<Client>,
    FactEvents<Client> {}
