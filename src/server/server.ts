/** An FTP server: listeners, the sessions that they bring, and the end of both. */
import { type AddressInfo, createServer, type Server as Listener, type Socket } from "node:net";
import { ControlChannel } from "../channel/control-channel.js";
import { commandTable, STANDARD_ROWS, STANDARD_SITE_ROWS } from "../commands/table.js";
import { FtpError } from "../errors.js";
import { Emitter, type ListenerError } from "../events/emitter.js";
import type { CommandTable } from "../session/command.js";
import { Dialogue } from "../session/dialogue.js";
import type { SessionEvents } from "../session/events.js";
import { interpret } from "../session/interpreter.js";
import type { Session } from "../session/session.js";
import type { Settings } from "../session/settings.js";
import { type ListenerOptions, type Place, placeOf, placesOf, type ServerOptions, settingsOf } from "./options.js";
import { type Tls, type TlsOptions, tlsOf } from "./tls-options.js";

/** Where a server listens. */
export interface ListenerAddress {
  /** The address that is bound; `::` is every address. */
  readonly host: string;
  /** The port that is bound. */
  readonly port: number;
  /** Whether TLS begins at once there (`ftps:`). */
  readonly implicitTls: boolean;
}

/** How a server is to end. */
export interface CloseOptions {
  /** Milliseconds that running transfers get to finish; idle sessions end at once. Default 0: transfers are aborted. */
  readonly drain?: number | undefined;
}

/** How long stores may take to let go of what was aborted, in milliseconds, before `close` no longer waits. */
const CLOSE_GRACE_MS = 5000;
/** How long sessions that were given up may take to be gone, in milliseconds. */
const SURRENDER_MS = 1000;

/**
 * An FTP server that a host application embeds. Emits questions, asked before something happens, and facts, told after it.
 * Without a `login` listener nobody gets in.
 * @typeParam Account what the host gives to `login.accept` and finds as `session.account`
 * @example
 * const server = new Server({ port: 2121 });
 * server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
 * await server.listen();
 */
export class Server<Account = unknown> extends Emitter<SessionEvents<Session<Account>>> {
  readonly #settings: Settings;
  readonly #places: readonly Place[];
  readonly #table: CommandTable<Dialogue>;
  readonly #siteTable: CommandTable<Dialogue>;
  readonly #running = new Map<Dialogue, Promise<void>>();
  #tls: Tls | undefined;
  #listeners: Listener[] = [];
  #closed: Promise<void> | undefined;
  /** Ends the time that transfers were given by `close`. */
  #cutShort: () => void = () => undefined;

  /** @throws TypeError, RangeError for an option that is wrong, naming it */
  constructor(options: ServerOptions<Account> = {}) {
    super();
    this.#settings = settingsOf(options);
    this.#places = placesOf(options);
    this.#tls = tlsOf(options.tls);
    this.#table = commandTable(STANDARD_ROWS, options.commands);
    this.#siteTable = commandTable(STANDARD_SITE_ROWS, options.siteCommands);
  }

  /**
   * Begins to listen everywhere, or nowhere: when one place fails, the others are closed again.
   * @throws Error of the system, e.g. `EADDRINUSE`; Error when the server listens already or was closed
   */
  async listen(): Promise<void> {
    if (this.#closed !== undefined) throw new Error("the server was closed; make a new one");
    if (this.#listeners.length > 0) throw new Error("the server listens already");
    this.#listeners = this.#places.map((place) =>
      createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket, place)),
    );
    try {
      await Promise.all(this.#listeners.map((listener, index) => bind(listener, this.#places[index] as Place)));
    } catch (error) {
      await this.#stopListening();
      throw error;
    }
    for (const listener of this.#listeners) listener.on("error", (error) => this.tell("error", { error }));
  }

  /** Where the server listens, in the order of the options; empty while it does not. */
  get addresses(): readonly ListenerAddress[] {
    return this.#listeners.flatMap((listener, index) => {
      const { address, port } = (listener.address() as AddressInfo | null) ?? {};
      const { implicitTls = false } = this.#places[index] ?? {};
      return address === undefined || port === undefined ? [] : [{ host: address, port, implicitTls }];
    });
  }

  /** The clients that are connected now. */
  get sessions(): readonly Session<Account>[] {
    return [...this.#running.keys()].map(({ session }) => session as Session<Account>);
  }

  /**
   * Takes other certificates for handshakes that begin from now on, and what else `tls` says for new connections.
   * Sessions that are under TLS keep what they have, for their data connections too.
   * @throws TypeError, RangeError for what cannot be used; then nothing has changed. Error on a server that was made without `tls`
   */
  setTls(tls: TlsOptions): void {
    if (this.#tls === undefined) throw new Error("the server was made without tls");
    if (tls === undefined) throw new TypeError("tls must be an object");
    this.#tls = tlsOf(tls);
  }

  /**
   * Serves a connection that the host accepted itself; nothing must have been read from it. Let it be half-open (`allowHalfOpen`).
   * @param options as of a listener. Default: explicit TLS, if there is any
   */
  handle(socket: Socket, options: Pick<ListenerOptions, "implicitTls" | "requireTls"> = {}): void {
    this.#serve(socket, placeOf(options, "", this.#tls !== undefined));
  }

  /**
   * Stops listening and ends every session with 421. Resolves when all are gone. A second call waits for the first;
   * without `drain` it also ends the time that the first gave to transfers.
   * @throws RangeError where `drain` is not a number of milliseconds
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { drain = 0 } = options;
    if (!Number.isInteger(drain) || drain < 0 || drain >= 2 ** 31)
      throw new RangeError(`drain must be an integer from 0 to ${2 ** 31 - 1} milliseconds, not ${drain}`);
    if (drain === 0) this.#cutShort();
    this.#closed ??= this.#close(drain);
    return this.#closed;
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(socket: Socket, { implicitTls, requireTls }: Place): void {
    const control = new ControlChannel(socket, this.#settings);
    const tls = this.#tls;
    const dialogue = new Dialogue({
      control,
      settings: this.#settings,
      security: {
        credentials: () => this.#tls?.credentials,
        implicit: implicitTls,
        require: requireTls ?? tls?.require ?? "none",
        allowClear: tls?.allowClear ?? false,
      },
      table: this.#table,
      siteTable: this.#siteTable,
      server: this,
    });
    if (this.#closed !== undefined) dialogue.end({});
    // Not before it is known: a listener of "session" may close the server.
    const begun = Promise.resolve().then(() => interpret(dialogue));
    this.#running.set(
      dialogue,
      begun.finally(() => this.#running.delete(dialogue)),
    );
  }

  async #close(drain: number): Promise<void> {
    const stopped = this.#stopListening();
    const all = (): Promise<unknown> => Promise.all(this.#running.values());
    if (drain > 0) {
      for (const dialogue of this.#running.keys()) dialogue.end({ drain: true });
      const cut = new Promise<void>((resolve) => {
        this.#cutShort = resolve;
      });
      await settledWithin(Promise.race([all(), cut]), drain);
    }
    for (const dialogue of this.#running.keys()) dialogue.end({});
    await settledWithin(all(), CLOSE_GRACE_MS);
    for (const dialogue of this.#running.keys()) dialogue.surrender(new FtpError("CLOSED", "the server was closed"));
    await settledWithin(all(), SURRENDER_MS);
    await stopped;
  }

  async #stopListening(): Promise<void> {
    const listeners = this.#listeners;
    this.#listeners = [];
    await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  }

  /** @internal */
  protected override failed(error: ListenerError): void {
    // A listener of "error" that fails has nobody left to tell.
    if (error.event !== "error") this.tell("error", { error });
  }
}

function bind(listener: Listener, { host, port }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error("the server was closed before it listened"));
    listener.once("error", reject).once("close", closed);
    listener.listen({ port, ...(host !== undefined && { host }) }, () => {
      listener.off("error", reject).off("close", closed);
      resolve();
    });
  });
}

/** Waits for a promise, but not for ever. */
async function settledWithin(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, expired]);
  clearTimeout(timer);
}
