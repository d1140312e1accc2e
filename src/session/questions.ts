/**
 * What listeners are asked before something happens. The first answer decides; a listener that throws,
 * rejects or takes longer than `hookTimeout` refuses. Unheard questions mean yes, but for `login`: no.
 */
import { addAbortSignal, type Duplex, Readable, type Writable } from "node:stream";
import type { FileInfo } from "../storage/file-info.js";
import { type Stage, stageOf } from "../transfer/stage.js";
import type { ReplyCode } from "../wire/reply-codes.js";
import { type VirtualPath, virtualPath } from "../wire/virtual-path.js";
import { SessionQuestion } from "./session-question.js";
import type { SessionView } from "./view.js";

/** A stream of the host. */
type Stream = Duplex | Readable | Writable;

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

/** RETR: a client wants to download. HASH and its kin (see `verb`): it wants the checksum of what it would get. */
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
