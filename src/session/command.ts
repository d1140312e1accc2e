/** A command as a row of data. FEAT, HELP, log masking, the conformance page and the tests all read the rows. */
import type { FileSystem } from "../storage/file-system.js";
import type { Reply } from "../wire/reply.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import type { VirtualPath } from "../wire/virtual-path.js";
import type { SessionView } from "./view.js";

/** What the handler of a command that a host adds may do. */
export interface CommandContext {
  /** The connection that sent the command. */
  readonly session: SessionView;
  /** Fires when nobody waits for the command any more; hand it to what takes long. */
  readonly signal: AbortSignal;
  /** The store of the account. @throws FtpError where nobody has logged in: let the row need `login` */
  readonly fileSystem: FileSystem;
  /** A path name of the client as an absolute path. @throws FtpError where no store may see it (answered 553) */
  resolve(name: string): VirtualPath;
}

/** The argument of a command: how it is written and what becomes of it. */
export interface Grammar<Argument, Context = CommandContext> {
  /** For HELP and the conformance page, e.g. `<SP> path`; `""` for none. */
  readonly syntax: string;
  /** The argument understood; `undefined` is answered with 501. `text` is what follows the one space, `undefined` without a space. */
  parse(text: string | undefined, context: Context): { readonly value: Argument } | undefined;
}

/** One row of the table. */
export interface Command<Argument, Context = CommandContext> {
  /** Upper-case, 3 to 32 ASCII letters or digits. */
  readonly verb: string;
  /** Other names of the same command, e.g. `XCWD`. */
  readonly aliases?: readonly string[];
  /** The clause it follows, e.g. `RFC 959 §4.1.3`. */
  readonly source: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** How its argument is read. */
  readonly argument: Grammar<Argument, Context>;
  /** More lines for HELP about it (RFC 959 §4.1.3: HELP SITE tells the services of this site). */
  readonly details?: (context: Context) => readonly string[];
  /** Final and intermediate replies that it may give; 421, 500, 501, 502, 503, 504 and 530 are open to all. */
  readonly replies: readonly ReplyCode[];
  /**
   * What must stand before it runs: `tls`, a server with certificates (else 502), `login` (else 530), `data`, a data
   * connection offered (else 425). Default: nothing.
   */
  readonly needs?: readonly ("tls" | "login" | "data")[];
  /** The line that it adds to FEAT (RFC 2389 §3.2); absent or `undefined`: none. */
  readonly feature?: string | ((context: Context) => string | undefined);
  /** Runs at once while a transfer runs, perhaps with some arguments only; all others wait for its end. */
  readonly duringTransfer?: boolean | ((text: string | undefined) => boolean);
  /** Moves data, or takes as long: the commands behind it wait unless they may run during a transfer, and ABOR stops it. */
  readonly transfers?: boolean;
  /** Leaves a restart marker armed (RFC 3659 §5.3); all others clear it. */
  readonly keepsRestart?: boolean;
  /** Leaves RNFR armed (RFC 959 §4.1.3: RNTO must follow at once); all others clear it. */
  readonly keepsRename?: boolean;
  /** Leaves a login under way: PASS must follow USER at once (RFC 959 §4.1.1); all other commands end it. */
  readonly logsIn?: boolean;
  /** The argument is never told to anybody but the handler, perhaps only some of them. */
  readonly secret?: boolean | ((text: string | undefined, context: Context) => boolean);
  /** Gives the one final reply. What it throws is answered by the kind of the error. */
  run(context: Context, argument: Argument): Reply | Promise<Reply>;
}

/** A row whose argument type no longer matters, as tables hold them. */
export type AnyCommand<Context = CommandContext> = Command<never, Context> | Command<unknown, Context>;

/** Rows by verb and alias. */
export interface CommandTable<Context = CommandContext> {
  /** In the order in which HELP and FEAT show them. */
  readonly rows: readonly AnyCommand<Context>[];
  find(verb: string): AnyCommand<Context> | undefined;
  /** Whether a verb that has no row is one of an RFC: 502 and not 500. */
  knows(verb: string): boolean;
}
