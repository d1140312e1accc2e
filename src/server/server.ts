/** An FTP server: listeners, the sessions that they bring, and the end of both. */
import { type AddressInfo, createServer, type Server as Listener, type Socket } from "node:net";
import { ControlChannel } from "../channel/control-channel.js";
import { commandTable, STANDARD_ROWS, STANDARD_SITE_ROWS } from "../commands/table.js";
import { FtpError } from "../errors.js";
import { inTime } from "../events/deadline.js";
import { Emitter, type ListenerError } from "../events/emitter.js";
import type { Allowance } from "../limits/allowance.js";
import { LoopDelay } from "../observe/loop-delay.js";
import type { Metrics } from "../observe/metrics.js";
import { Tally } from "../observe/tally.js";
import type { CommandTable } from "../session/command.js";
import { Dialogue } from "../session/dialogue.js";
import type { SessionEvents } from "../session/events.js";
import { interpret } from "../session/interpreter.js";
import type { Session } from "../session/session.js";
import type { Settings } from "../session/settings.js";
import { traceSession } from "../session/tracing.js";
import { Arrivals } from "./arrivals.js";
import { Entrance } from "./entrance.js";
import { Busyness, type Health } from "./health.js";
import { checkAddress, checkDuration } from "./limit-options.js";
import { Limiter } from "./limiter.js";
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
/** What the host says of a connection that it hands over without a word. */
const HANDED = {};
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
  readonly #entrance: Entrance;
  readonly #places: readonly Place[];
  /** Of connections that the host hands over, by the options that come with them. */
  readonly #handed = new WeakMap<object, Place>();
  readonly #table: CommandTable<Dialogue>;
  readonly #siteTable: CommandTable<Dialogue>;
  readonly #arrivals: Arrivals<Place>;
  readonly #limiter: Limiter;
  readonly #running = new Set<Dialogue>();
  /** Ends the wait of `close` for all sessions. */
  #tellEmpty: () => void = () => undefined;
  readonly #tally = new Tally();
  readonly #loopDelay = new LoopDelay();
  #tls: Tls | undefined;
  readonly #credentials = () => this.#tls?.credentials;
  #listeners: Listener[] = [];
  #closed: Promise<void> | undefined;
  #gone = false;
  readonly #busyness = new Busyness();
  /** Ends the time that transfers were given by `close`. */
  #cutShort: () => void = () => undefined;

  /** @throws TypeError, RangeError for an option that is wrong, naming it */
  constructor(options: ServerOptions<Account> = {}) {
    super();
    this.#settings = settingsOf(options);
    this.#limiter = new Limiter(options, (error) => this.tell("error", { error }));
    this.#entrance = new Entrance(options, "");
    this.#places = placesOf(options, this.#entrance);
    this.#arrivals = new Arrivals(this.#settings, {
      enter: (address, place) => this.#limiter.enter(address, place.scope),
      leave: (address, allowance) => this.#limiter.leave(address, allowance),
      admit: (socket, place, allowance) => this.#serve(socket, place, allowance),
      refused: (fact) => this.tell("refused", fact),
    });
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
      createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#arrivals.meet(socket, place)),
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
    return [...this.#running].map(({ session }) => session as Session<Account>);
  }

  /**
   * How the server is: whether clients should be sent to it. Costs as much as there are sessions.
   * @example
   * response.writeHead(server.health().state === "listening" ? 200 : 503);
   */
  health(): Health {
    const listening = this.#listeners.some((listener) => listener.listening);
    const ended = this.#gone ? "closed" : "draining";
    const transfers = this.sessions.filter(({ transfer }) => transfer !== undefined).length;
    return {
      state: this.#closed !== undefined ? ended : listening ? "listening" : "new",
      sessions: this.#running.size,
      transfers,
      busy: this.#busyness.now(),
    };
  }

  /**
   * What the server has done so far and does now, in numbers. What was in a span of time is the difference of two
   * snapshots. Plain data; costs as much as there are sessions.
   * @example
   * const { sessions, transfers } = server.metrics();
   * console.log(sessions.now, transfers.upload.bytes);
   */
  metrics(): Metrics {
    return this.#tally.snapshot({
      present: this.#running,
      leases: this.#settings.ports.leased,
      eventLoopDelay: this.#loopDelay.snapshot(),
    });
  }

  /** Tells a fact to the listeners, and counts it. */
  override tell<Name extends keyof SessionEvents>(event: Name, fact: SessionEvents<Session<Account>>[Name]): void {
    this.#tally.take(event, fact);
    super.tell(event, fact);
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
   * Bans an address: its connections are answered with 421, its logins too. Sessions that are logged in go on. Where
   * servers share `admission`, on all of them. Whoever is banned already stays so for this time from now on.
   * @param address IPv4 or IPv6; of an IPv6 address the first 64 bits count
   * @param milliseconds 1 to 2^53-1
   * @throws TypeError where it is no address, RangeError for a wrong time; whatever `admission` throws
   */
  async ban(address: string, milliseconds: number): Promise<void> {
    await this.#limiter.abuse.ban(checkAddress(address), checkDuration(milliseconds));
  }

  /**
   * Lets an address in again, and forgets its failed logins and earlier bans.
   * @throws TypeError where it is no address; whatever `admission` throws
   */
  async unban(address: string): Promise<void> {
    await this.#limiter.abuse.unban(checkAddress(address));
  }

  /**
   * Serves a connection that the host accepted itself; nothing must have been read from it. Let it be half-open (`allowHalfOpen`).
   * @param options as of a listener; connections that come with the same object are one listener's, and share its `limits`.
   * Default: explicit TLS, if there is any, and `proxy`, `allow` and `deny` of the server
   * @throws TypeError, RangeError for an option that is wrong, naming it
   */
  handle(socket: Socket, options: Omit<ListenerOptions, "host" | "port" | "fd"> = HANDED): void {
    const place = this.#handed.get(options) ?? placeOf(options, "", this.#tls !== undefined, this.#entrance);
    this.#handed.set(options, place);
    this.#arrivals.meet(socket, place);
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

  #serve(socket: Socket, { implicitTls, requireTls, entrance: { proxies } }: Place, allowance: Allowance): void {
    const control = new ControlChannel(socket, this.#settings);
    const tls = this.#tls;
    const dialogue = new Dialogue({
      control,
      settings: this.#settings,
      security: {
        credentials: this.#credentials,
        implicit: implicitTls,
        require: requireTls ?? tls?.require ?? "none",
        allowClear: tls?.allowClear ?? false,
      },
      table: this.#table,
      siteTable: this.#siteTable,
      identify: proxies?.passive ? proxies.trusted.identify : undefined,
      server: this,
      observer: this.#tally,
      allowance,
      guard: this.#limiter,
    });
    if (this.#closed !== undefined) dialogue.end({});
    // Not before it is known: a listener of "session" may close the server.
    const end = (): void => this.#end(dialogue);
    queueMicrotask(() => void traceSession(dialogue.session, () => interpret(dialogue)).then(end, end));
    this.#running.add(dialogue);
  }

  #end(dialogue: Dialogue): void {
    this.#running.delete(dialogue);
    this.#limiter.leave(dialogue.control.remoteAddress, dialogue.allowance);
    if (this.#running.size === 0) this.#tellEmpty();
  }

  /** Resolves when no session is left. */
  #empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#tellEmpty = resolve;
      if (this.#running.size === 0) resolve();
    });
  }

  async #close(drain: number): Promise<void> {
    const stopped = this.#stopListening();
    this.#arrivals.close();
    if (drain > 0) {
      for (const dialogue of this.#running) dialogue.end({ drain: true });
      const cut = new Promise<void>((resolve) => {
        this.#cutShort = resolve;
      });
      await settledWithin(Promise.race([this.#empty(), cut]), drain);
    }
    for (const dialogue of this.#running) dialogue.end({});
    await settledWithin(this.#empty(), CLOSE_GRACE_MS);
    for (const dialogue of this.#running) dialogue.surrender(new FtpError("CLOSED", "the server was closed"));
    await settledWithin(this.#empty(), SURRENDER_MS);
    this.#settings.ports.close();
    await stopped;
    await this.#limiter.settled();
    this.#gone = true;
    this.#loopDelay.stop();
    this.#busyness.stop();
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

function bind(listener: Listener, { host, port, fd }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error("the server was closed before it listened"));
    listener.once("error", reject).once("close", closed);
    listener.listen(fd === undefined ? { port, ...(host !== undefined && { host }) } : { fd }, () => {
      listener.off("error", reject).off("close", closed);
      resolve();
    });
  });
}

/** Waits for a promise, but not for ever. */
async function settledWithin(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  await inTime(promise, milliseconds, () => new Error(`not in ${milliseconds} ms`)).catch(() => undefined);
}
