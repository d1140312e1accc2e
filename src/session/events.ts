/** The events of Server and Session: questions, asked and awaited before something happens, and facts, told after it. */
import type { DataChannel } from "../channel/data-channel.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type {
  CommandQuestion,
  ConnectQuestion,
  ListQuestion,
  LoginQuestion,
  PathQuestion,
  RenameQuestion,
  RetrieveQuestion,
  SiteQuestion,
  StoreQuestion,
} from "./questions.js";
import type { Session } from "./session.js";

/** What every fact carries. */
export interface SessionFact<Account = unknown> {
  readonly session: Session<Account>;
}

/** A fact about one path. */
export interface PathFact<Account = unknown> extends SessionFact<Account> {
  /** Absolute, in the account's file system. */
  readonly path: string;
}

/** A command has been answered. */
export interface ReplyFact<Account = unknown> extends SessionFact<Account> {
  /** Upper-case; `undefined` for replies that answer no command (greeting, 421) and for unknown verbs. */
  readonly verb: string | undefined;
  /** As sent; `undefined` for none, where it is secret, and for unknown verbs. */
  readonly argument: string | undefined;
  readonly code: ReplyCode;
  /** Without the code; lines joined by LF. */
  readonly text: string;
}

/** Bytes have moved. */
export interface TransferFact<Account = unknown> extends PathFact<Account> {
  /** The command, e.g. `RETR`. */
  readonly verb: string;
  /** Bytes over the data connection. */
  readonly bytes: number;
  /** From the command to the end of the transfer. */
  readonly milliseconds: number;
}

/** A transfer has failed or was stopped. */
export interface AbortedFact<Account = unknown> extends TransferFact<Account> {
  /** Why: an `FtpError` for what happened on the wire, a `FileSystemError` or whatever the store or a transform threw. */
  readonly error: unknown;
}

/** Something went wrong that is not a client's doing, or a listener failed. */
export interface ErrorFact<Account = unknown> {
  readonly error: unknown;
  readonly session?: Session<Account>;
}

/** Questions by name. */
export interface QuestionEvents<Account = unknown> {
  connect: ConnectQuestion<Account>;
  login: LoginQuestion<Account>;
  command: CommandQuestion<Account>;
  retr: RetrieveQuestion<Account>;
  stor: StoreQuestion<Account>;
  list: ListQuestion<Account>;
  dele: PathQuestion<Account>;
  rename: RenameQuestion<Account>;
  mkd: PathQuestion<Account>;
  rmd: PathQuestion<Account>;
  site: SiteQuestion<Account>;
}

/** Facts by name. */
export interface FactEvents<Account = unknown> {
  /** A connection has come; add listeners for this client here. */
  session: SessionFact<Account>;
  loggedIn: SessionFact<Account>;
  loginFailed: SessionFact<Account> & { readonly username: string };
  reply: ReplyFact<Account>;
  /** A data connection is up. */
  dataChannel: SessionFact<Account> & { readonly channel: DataChannel };
  /** Somebody else than the client has connected to its passive port and was turned away. */
  stranger: SessionFact<Account> & { readonly address: string | undefined };
  /** PASV or EPSV was refused because every passive port is in use. */
  portsExhausted: SessionFact<Account>;
  retrieved: TransferFact<Account>;
  stored: TransferFact<Account>;
  listed: TransferFact<Account>;
  aborted: AbortedFact<Account>;
  deleted: PathFact<Account>;
  renamed: SessionFact<Account> & { readonly from: string; readonly to: string };
  directoryMade: PathFact<Account>;
  directoryRemoved: PathFact<Account>;
  /** The connection is gone. */
  closed: SessionFact<Account>;
  error: ErrorFact<Account>;
}

/** Everything that Server and Session emit. */
export interface SessionEvents<Account = unknown> extends QuestionEvents<Account>, FactEvents<Account> {}
