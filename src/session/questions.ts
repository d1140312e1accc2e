/**
 * What listeners are asked before something happens. The first answer decides; a listener that throws,
 * rejects or takes longer than `hookTimeout` refuses. Unheard questions mean yes, but for `login`: no.
 */
import { addAbortSignal, type Duplex, Readable, type Writable } from "node:stream";
import { Question } from "../events/question.js";
import type { FileInfo } from "../storage/file-info.js";
import { FileSystem } from "../storage/file-system.js";
import { type Permission, restricted } from "../storage/restricted.js";
import { type Stage, stageOf } from "../transfer/stage.js";
import { type Reply, reply } from "../wire/reply.js";
import { isReplyCode, type ReplyCode } from "../wire/reply-codes.js";
import { type VirtualPath, virtualPath } from "../wire/virtual-path.js";
import type { AccountOf, SessionView } from "./view.js";

/** A stream of the host. */
type Stream = Duplex | Readable | Writable;

/** What every question has: who asks, and `reject`. */
export abstract class SessionQuestion<Client extends SessionView = SessionView> extends Question {
  /** Who asks. */
  readonly session: Client;
  readonly #code: ReplyCode;
  readonly #text: string;
  #refusal: Reply | undefined;

  /** @internal */
  constructor(session: Client, code: ReplyCode, text: string) {
    super();
    this.session = session;
    this.#code = code;
    this.#text = text;
  }

  /**
   * Refuses.
   * @param code a reply code from 400 to 599 (RFC 959 §4.2.1). Default: the question's own. 421 also ends the session
   * @param text what the client reads. Default: a plain refusal
   * @throws RangeError for a code that no RFC defines
   */
  reject(text?: string): void;
  reject(code: number, text?: string): void;
  reject(code: number | string = this.#code, text?: string): void {
    const [chosen, words] = typeof code === "string" ? [this.#code, code] : [code, text];
    if (!isReplyCode(chosen) || chosen < 400)
      throw new RangeError(`code must be a negative reply code from 400 to 599, not ${chosen}`);
    if (this.answer()) this.#refusal = reply(chosen, words ?? this.#text);
  }

  /** The reply of a refusal; `undefined` where nobody refused. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** The reply for a listener that failed. @internal */
  get ownRefusal(): Reply {
    return reply(this.#code, this.#text);
  }
}

/** A client has connected; nothing has been sent. Rejecting answers 421 and ends the session. */
export class ConnectQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** The client's address, IPv4-mapped IPv6 as IPv4. */
  get remoteAddress(): string {
    return this.session.remoteAddress;
  }

  /** Lets the client in without asking further listeners. */
  accept(): void {
    this.answer();
  }
}

/** What a login brings. */
export interface Admission<Account = unknown> {
  /** Where this account's files live. */
  readonly fileSystem: FileSystem;
  /** Whatever the host wants to find again as `session.account`. */
  readonly account?: Account | undefined;
  /** What the account may do. Default: all that the store can. */
  readonly permissions?: Iterable<Permission> | undefined;
  /** The directory that the session begins in, absolute. Default `/`. */
  readonly directory?: string | undefined;
}

/** An admission as the session uses it. */
export interface Admitted {
  /** With the permissions applied. */
  readonly fileSystem: FileSystem;
  /** Whatever the host gave. */
  readonly account: unknown;
  /** Where the session begins. */
  readonly directory: VirtualPath;
}

/** USER and PASS have come (RFC 959 §4.1.1). Unanswered means refused. */
export class LoginQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** What USER gave. */
  readonly username: string;
  /** What PASS gave; may be empty. */
  readonly password: string;
  /** What ACCT brought, after `requireAccount`. */
  readonly accountInfo: string | undefined;
  #admitted: Admitted | undefined;
  #accountRequired = false;

  /** @internal */
  constructor(session: Client, text: string, login: Pick<LoginQuestion, "username" | "password" | "accountInfo">) {
    super(session, 530, text);
    this.username = login.username;
    this.password = login.password;
    this.accountInfo = login.accountInfo;
  }

  /** The client's address, IPv4-mapped IPv6 as IPv4. */
  get remoteAddress(): string {
    return this.session.remoteAddress;
  }

  /**
   * Logs the client in.
   * @throws TypeError without a file system, RangeError for a permission that does not exist, FtpError `BAD_PATH` for
   * a directory that is no path
   */
  accept(admission: Admission<AccountOf<Client>>): void {
    const { fileSystem, account, permissions, directory } = admission;
    if (!(fileSystem instanceof FileSystem))
      throw new TypeError("accept needs a fileSystem, an object that extends FileSystem");
    const allowed = permissions === undefined ? fileSystem : restricted(fileSystem, permissions);
    const admitted = { fileSystem: allowed, account, directory: virtualPath(directory ?? "/") };
    if (this.answer()) this.#admitted = admitted;
  }

  /** Asks for ACCT (332); the question is asked again with `accountInfo`. */
  requireAccount(): void {
    if (this.answer()) this.#accountRequired = true;
  }

  /** What `accept` was given. @internal */
  get admitted(): Admitted | undefined {
    return this.#admitted;
  }

  /** Whether `requireAccount` was the answer. @internal */
  get accountRequired(): boolean {
    return this.#accountRequired;
  }
}

/** A command has come that the session may run. */
export class CommandQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** Upper-case; the main name of the command, also where an alias was sent. */
  readonly verb: string;
  /** As sent; `undefined` for none and where it is secret. */
  readonly argument: string | undefined;

  /** @internal */
  constructor(session: Client, code: ReplyCode, text: string, verb: string, argument: string | undefined) {
    super(session, code, text);
    this.verb = verb;
    this.argument = argument;
  }

  /** Lets the command run without asking further listeners. */
  accept(): void {
    this.answer();
  }
}

/** Something is about to happen at one path. */
export class PathQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  #path: VirtualPath;

  /** @internal */
  constructor(session: Client, code: ReplyCode, text: string, path: VirtualPath) {
    super(session, code, text);
    this.#path = path;
  }

  /** Absolute path in the account's file system. */
  get path(): VirtualPath {
    return this.#path;
  }

  /** Lets it happen without asking further listeners, at another path where one is given. */
  accept(instead: { readonly path?: string | undefined } = {}): void {
    const path = instead.path === undefined ? this.#path : virtualPath(instead.path);
    if (this.answer()) this.#path = path;
  }
}

/** What a question about a transfer is made of. */
export interface AskedTransfer {
  /** Absolute path. */
  readonly path: VirtualPath;
  /** The command. */
  readonly verb: string;
  /** The restart marker. */
  readonly offset: number;
  /** TYPE. */
  readonly type: "A" | "I";
  /** Fires when the transfer is to stop. */
  readonly signal: AbortSignal;
}

/** What both directions of a transfer share. */
export abstract class TransferQuestion<Client extends SessionView = SessionView> extends PathQuestion<Client> {
  /** The command, e.g. `RETR`. */
  readonly verb: string;
  /** The restart marker: octets that the client has, or that stay (RFC 3659 §5). */
  readonly offset: number;
  /** TYPE: `A` translates line ends, `I` does not. */
  readonly type: "A" | "I";
  readonly #signal: AbortSignal;
  readonly #stages: Stage[] = [];
  readonly #streams: Stream[] = [];
  #released = false;

  /** @internal */
  constructor(session: Client, code: ReplyCode, text: string, transfer: AskedTransfer) {
    super(session, code, text, transfer.path);
    this.verb = transfer.verb;
    this.offset = transfer.offset;
    this.type = transfer.type;
    this.#signal = transfer.signal;
  }

  /**
   * Puts a stream, or a function from bytes to bytes, between the store and the wire: to scan, hash, encrypt.
   * It sees the bytes as the store keeps them. An error of it fails the transfer (451). Not an answer: others are still asked.
   * What it gives is what is stored or sent: to hash on the way, pass the bytes on. SIZE and the listings go on telling the
   * store's own size, and some clients read no more than that.
   * @throws TypeError for anything else
   * @example
   * const hash = createHash("sha256");
   * upload.transform(async function* (source) {
   *   for await (const chunk of source) {
   *     hash.update(chunk);
   *     yield chunk;
   *   }
   * });
   */
  transform(stage: Duplex | Stage): void {
    if (typeof stage !== "function" && typeof stage?.pipe !== "function")
      throw new TypeError("transform needs a Duplex stream, or a function from bytes to bytes");
    this.#stages.push(typeof stage === "function" ? stage : stageOf(this.own(stage)));
  }

  /** What `transform` was given, in order. @internal */
  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /** Destroys the streams that the host gave, as far as they are not at their end. @internal */
  release(): void {
    this.#released = true;
    for (const stream of this.#streams) stream.destroy();
  }

  /** Takes a stream of the host over: it is destroyed when the transfer ends, and at once when it is to stop. */
  protected own<Owned extends Stream>(stream: Owned): Owned {
    addAbortSignal(this.#signal, stream);
    this.keep(stream);
    return stream;
  }

  /** Takes over a stream that may have to be finished after the transfer was stopped. */
  protected keep(stream: Stream): void {
    // Where the transfer never begins nobody else would listen.
    stream.on("error", () => undefined);
    // A listener that answers too late.
    if (this.#released) stream.destroy();
    else this.#streams.push(stream);
  }
}

/** RETR: a client wants to download. */
export class RetrieveQuestion<Client extends SessionView = SessionView> extends TransferQuestion<Client> {
  #body: Readable | undefined;

  /**
   * Lets it happen: from another path, or from a stream of bytes instead of the store (a Node Readable is one),
   * which is destroyed when it is not read to its end. SIZE tells the size at the path that the client named: clients that
   * ask for it first may stop there.
   */
  override accept(
    instead: { readonly path?: string | undefined; readonly body?: AsyncIterable<Uint8Array> | undefined } = {},
  ): void {
    const { body } = instead;
    if (body !== undefined) {
      const readable = this.own(body instanceof Readable ? body : Readable.from(body));
      if (!this.answered) this.#body = readable;
    }
    super.accept(instead);
  }

  /** What is sent instead of the store's file. @internal */
  get body(): AsyncIterable<Uint8Array> | undefined {
    return this.#body;
  }
}

/** STOR, APPE or STOU: a client wants to upload. */
export class StoreQuestion<Client extends SessionView = SessionView> extends TransferQuestion<Client> {
  #sink: Writable | undefined;

  /** Lets it happen: at another path, or into a stream instead of the store, which is destroyed when the upload fails. */
  override accept(instead: { readonly path?: string | undefined; readonly sink?: Writable | undefined } = {}): void {
    const { sink } = instead;
    if (sink !== undefined) {
      this.keep(sink);
      if (!this.answered) this.#sink = sink;
    }
    super.accept(instead);
  }

  /** What takes the bytes instead of the store. @internal */
  get sink(): Writable | undefined {
    return this.#sink;
  }
}

/** LIST, NLST, MLSD, MLST or STAT: a client wants to see a directory or an entry. */
export class ListQuestion<Client extends SessionView = SessionView> extends PathQuestion<Client> {
  readonly verb: string;
  readonly #filters: ((entry: FileInfo) => boolean)[] = [];

  /** @internal */
  constructor(session: Client, text: string, verb: string, path: VirtualPath) {
    super(session, 550, text, path);
    this.verb = verb;
  }

  /** Shows only the entries for which `wanted` is true. Not an answer: others are still asked. */
  filter(wanted: (entry: FileInfo) => boolean): void {
    this.#filters.push(wanted);
  }

  /** All filters as one; `undefined` where there is none. @internal */
  get wanted(): ((entry: FileInfo) => boolean) | undefined {
    if (this.#filters.length === 0) return undefined;
    return (entry) => this.#filters.every((wanted) => wanted(entry));
  }
}

/** RNTO: a client wants to rename. */
export class RenameQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  readonly from: VirtualPath;
  readonly to: VirtualPath;

  /** @internal */
  constructor(session: Client, text: string, from: VirtualPath, to: VirtualPath) {
    super(session, 553, text);
    this.from = from;
    this.to = to;
  }

  /** Lets it happen without asking further listeners. */
  accept(): void {
    this.answer();
  }
}

/** SITE: a client wants a command of this site. */
export class SiteQuestion<Client extends SessionView = SessionView> extends SessionQuestion<Client> {
  /** Upper-case, e.g. `CHMOD`. */
  readonly name: string;
  readonly argument: string | undefined;

  /** @internal */
  constructor(session: Client, text: string, name: string, argument: string | undefined) {
    super(session, 550, text);
    this.name = name;
    this.argument = argument;
  }

  /** Lets it happen without asking further listeners. */
  accept(): void {
    this.answer();
  }
}
