/** The events of Server and Session: questions, asked and awaited before something happens, and facts, told after it. */
import type { DataChannel } from "../channel/data-channel.js";
import type { Secure } from "../channel/secure.js";
import type { FtpError } from "../errors.js";
import type { Reached } from "../limits/limits.js";
import type { TransferDirection } from "../transfer/transfer.js";
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
import type { TransferType } from "./state.js";
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
  /** From the command's line to the reply; `undefined` for preliminary replies and for those that answer no line. */
  readonly milliseconds: number | undefined;
}

/** Bytes have moved. */
export interface TransferFact<Client extends SessionView = SessionView> extends PathFact<Client> {
  /** The command, e.g. `RETR`. */
  readonly verb: string;
  /** Bytes over the data connection. */
  readonly bytes: number;
  /** From the command to the end of the transfer. */
  readonly milliseconds: number;
  /** Which way the bytes went, and whether they were a file's. */
  readonly direction: TransferDirection;
  /** TYPE, as on the wire; `A` for listings. */
  readonly type: TransferType;
}

/** A transfer has failed or was stopped. */
export interface AbortedFact<Client extends SessionView = SessionView> extends TransferFact<Client> {
  /** Why: an `FtpError` for what happened on the wire, a `FileSystemError` or whatever the store or a transform threw. */
  readonly error: unknown;
  /** Whether the client, the host or the end of the session has stopped it, or something went wrong. */
  readonly outcome: "aborted" | "failed";
}

/** A TLS handshake is done. */
export interface SecuredFact<Client extends SessionView = SessionView> extends SessionFact<Client> {
  readonly channel: "control" | "data";
  /** What was agreed on. */
  readonly secure: Secure;
}

/** A TLS handshake has failed, or TLS did not end in order (CCC, REIN). */
export interface TlsFailedFact<Client extends SessionView = SessionView> extends SessionFact<Client> {
  readonly channel: "control" | "data";
  /** `TLS_FAILED`, `SESSION_NOT_RESUMED` or `OTHER_CERTIFICATE`; `cause` is what TLS says. */
  readonly error: FtpError;
  /** The code of OpenSSL or of Node, e.g. `ERR_SSL_NO_SHARED_CIPHER`; where there is none, the words of the error. */
  readonly reason: string;
}

/** A connection was not let in, and never became a session. */
export interface RefusedFact {
  /** The client's address, as far as it is known: that of the proxy where no header could be read. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** The address that it connected to. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** The proxy that it came through; `undefined` for none. */
  readonly proxy: string | undefined;
  /** The option that says so. */
  readonly reason: "allow" | "deny" | "proxy" | "banned" | "limit";
  /** The bound, where the reason is `limit`. */
  readonly reached: Reached | undefined;
  /** What is wrong, where the reason is `proxy`: `BAD_PROXY_HEADER`. */
  readonly error: FtpError | undefined;
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
  /** Only at the server: a connection was not let in, by `allow` or `deny`, a ban or a bound, or because of `proxy`. */
  refused: RefusedFact;
  /** A client is in. */
  loggedIn: SessionFact<Client>;
  /** A login was refused. */
  loginFailed: SessionFact<Client> & {
    readonly username: string;
    /** Whether it was the last one that the connection had. */
    readonly over: boolean;
  };
  /** A reply was sent, preliminary ones included. */
  reply: ReplyFact<Client>;
  /** A data connection is up. */
  dataChannel: SessionFact<Client> & { readonly channel: DataChannel };
  /** Somebody else than the client has connected to its passive port and was turned away. */
  stranger: SessionFact<Client> & { readonly address: string | undefined };
  /** A TLS handshake is done, on the control connection or on a data connection. */
  secured: SecuredFact<Client>;
  /** A TLS handshake has failed, on the control connection or on a data connection, or TLS did not end in order. */
  tlsFailed: TlsFailedFact<Client>;
  /**
   * A client has reached a bound of `limits`, or an option of the same meaning. Of what a client just waits for, rates and
   * `queuedCommands`, it is told once a session.
   */
  limited: SessionFact<Client> & Reached;
  /** An address was banned for failed logins. */
  banned: SessionFact<Client> & { readonly milliseconds: number };
  /** The options do not fit what clients meet; told once of each. The text names the option and what to do. */
  hint: SessionFact<Client> & { readonly option: string; readonly text: string };
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
