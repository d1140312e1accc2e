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

/** Something went wrong that is not a client's doing, or a listener failed. */
export interface ErrorFact<Client extends SessionView = SessionView> {
  readonly error: unknown;
  readonly session?: Client;
}

/** Questions by name. */
export interface QuestionEvents<Client extends SessionView = SessionView> {
  connect: ConnectQuestion<Client>;
  login: LoginQuestion<Client>;
  command: CommandQuestion<Client>;
  retr: RetrieveQuestion<Client>;
  stor: StoreQuestion<Client>;
  list: ListQuestion<Client>;
  dele: PathQuestion<Client>;
  rename: RenameQuestion<Client>;
  mkd: PathQuestion<Client>;
  rmd: PathQuestion<Client>;
  site: SiteQuestion<Client>;
}

/** Facts by name. */
export interface FactEvents<Client extends SessionView = SessionView> {
  /** A connection has come; add listeners for this client here. */
  session: SessionFact<Client>;
  loggedIn: SessionFact<Client>;
  loginFailed: SessionFact<Client> & { readonly username: string };
  reply: ReplyFact<Client>;
  /** A data connection is up. */
  dataChannel: SessionFact<Client> & { readonly channel: DataChannel };
  /** Somebody else than the client has connected to its passive port and was turned away. */
  stranger: SessionFact<Client> & { readonly address: string | undefined };
  /** PASV or EPSV was refused because every passive port is in use. */
  portsExhausted: SessionFact<Client>;
  retrieved: TransferFact<Client>;
  stored: TransferFact<Client>;
  listed: TransferFact<Client>;
  aborted: AbortedFact<Client>;
  deleted: PathFact<Client>;
  renamed: SessionFact<Client> & { readonly from: string; readonly to: string };
  directoryMade: PathFact<Client>;
  directoryRemoved: PathFact<Client>;
  /** The connection is gone. */
  closed: SessionFact<Client>;
  error: ErrorFact<Client>;
}

/** Everything that Server and Session emit. */
export interface SessionEvents<Client extends SessionView = SessionView>
  extends QuestionEvents<Client>,
    FactEvents<Client> {}
