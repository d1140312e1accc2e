/**
 * One control connection: lines in, replies out, both bounded (RFC 959 §5.3, RFC 1123 §4.1.2.10).
 * Unread lines stop the reading, unread replies can be waited for. Knows no command.
 */
import type { Socket } from "node:net";
import { FtpError } from "../errors.js";
import type { Awaitable } from "../events/awaitable.js";
import { familyOf, normalizeAddress } from "../wire/address.js";
import { type LineEvent, LineReader } from "../wire/line-reader.js";
import { endpointsOf, UNKNOWN_ADDRESS } from "./endpoints.js";
import { KeepAlive } from "./keep-alive.js";
import { ignoreError } from "./opening.js";

/** The bounds of a control connection. */
export interface ControlChannelOptions {
  /** Bytes of one line. */
  readonly maxLineLength: number;
}

/** Who says how many lines may wait, and is told how they end. Not by promises: an idle connection would hold them all the time. */
export interface ControlWatcher {
  /** Lines that may wait, 1 or more; more stop the reading. Asked each time: it may change. */
  readonly maxQueued: number;
  /** So many wait that the reading has stopped. */
  queueFull(): void;
  /** The client has said all it will say, or is gone. Told once, behind `controlClosed` where the socket is gone already. */
  controlEnded(): void;
  /** The socket is gone. */
  controlClosed(): void;
  /** A line has no end that is worth waiting for. */
  hopelessLine(): void;
}

/** How long a line that ends in a lone CR waits for its LF: an urgent last byte never comes (RFC 854, TELNET Synch). */
const LOST_LF_MS = 50;
/**
 * `ABOR` and a CR: only a bare verb of four letters may lose its LF. With an argument, the CR may belong to a name
 * and its NUL be still under way (RFC 2640 §2.1).
 */
const BARE_VERB_AND_CR = 5;
/** How long a closed connection may take to read its last reply before it is cut. */
const LINGER_MS = 2000;
/** Bytes of one line without an end after which the connection is not worth a reply. */
const HOPELESS_LINE = 65_536;
/** Lines that were taken out and still stand in the queue. */
const ANSWERED_LINES = 1024;
/** The control connections of this process that are to be watched. */
const lasting = new KeepAlive();
/** First bytes that only TLS sends: a handshake record, or an old SSL hello. */
const TLS_FIRST_BYTES = new Set([0x16, 0x80]);

/** One control connection: a queue of lines, and a way to answer them. */
export class ControlChannel {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** The trusted proxy that relays the connection; `undefined` for none. */
  readonly proxy: string | undefined;
  /**
   * The two addresses for binding and connecting: with the zone that a link-local one needs (RFC 4007 §11), and our own
   * end where a proxy has told of another one.
   */
  readonly bindable: { readonly local: string; readonly remote: string };
  readonly #raw: Socket;
  /** The socket that was given, or TLS over it. */
  #socket: Socket;
  #reader: LineReader;
  readonly #options: ControlChannelOptions;
  /** Replies that are about to go. */
  #unsent = "";
  #lines: LineEvent[] = [];
  /** Where the queue begins: `shift` of a long array costs its length. */
  #head = 0;
  #watcher: ControlWatcher | undefined;
  #started = false;
  /** Something has come. */
  #begun = false;
  #crossing = false;
  #finishing = false;
  #ended = false;
  #wake: (() => void) | undefined;
  #isGone = false;
  /** Made when somebody asks. */
  #closed: Promise<void> | undefined;
  #tellClosed: (() => void) | undefined;
  #stopCrossing: (() => void) | undefined;
  #lostLineFeed: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ControlChannelOptions) {
    this.#raw = socket;
    this.#socket = socket;
    this.#options = options;
    this.#reader = new LineReader({ maxLength: options.maxLineLength });
    const ends = endpointsOf(socket);
    this.remoteAddress = ends.remoteAddress ?? UNKNOWN_ADDRESS;
    this.remotePort = ends.remotePort ?? 0;
    this.localAddress = ends.localAddress ?? UNKNOWN_ADDRESS;
    this.localPort = ends.localPort ?? 0;
    this.proxy = ends.proxy;
    this.bindable = {
      local: withZone(socket.localAddress),
      remote: ends.proxy === undefined ? withZone(socket.remoteAddress) : this.remoteAddress,
    };
    // What goes wrong on a socket always ends in "close"; without a listener it would end the process.
    socket.on("error", ignoreError).on("close", this.#onClose);
    if (socket.destroyed) this.#onClose();
  }

  /** Names who is told of the end, also where it is there already. */
  watch(watcher: ControlWatcher): void {
    this.#watcher = watcher;
    if (this.#isGone) queueMicrotask(() => watcher.controlClosed());
    if (this.#ended) queueMicrotask(() => watcher.controlEnded());
  }

  /** Begins to read. */
  start(): void {
    this.#started = true;
    this.#raw.setNoDelay(true);
    lasting.watch(this.#raw);
    this.#listen();
  }

  /** Whether something has come that was not taken out yet: a line, a piece of one, or bytes nobody has looked at. */
  get hasUnread(): boolean {
    return this.#lines.length > this.#head || this.#reader.pending > 0 || this.#socket.readableLength > 0;
  }

  /**
   * Changes what the lines go over: to TLS, or back. Meanwhile nothing is read and nothing is sent, and what was not
   * taken out yet is dropped: no byte of one side becomes a command on the other (injection, RFC 3207 §6).
   * @param change gives the other socket; where it rejects, the connection is cut
   */
  async cross(change: (socket: Socket) => Promise<Socket>): Promise<void> {
    const from = this.#socket;
    this.#flush();
    this.#crossing = true;
    clearTimeout(this.#lostLineFeed);
    from.off("data", this.#take).off("end", this.#finishReading);
    from.pause();
    this.#drop();
    this.#reader = new LineReader({ maxLength: this.#options.maxLineLength });
    try {
      this.#socket = await Promise.race([change(from), this.#goneMeanwhile()]);
      if (this.#socket !== this.#raw) this.#socket.on("error", ignoreError);
    } catch (error) {
      this.#finishing = true;
      from.destroy();
      throw error;
    } finally {
      this.#crossing = false;
      this.#stopCrossing = undefined;
    }
    this.#begun = true;
    if (this.#started) this.#listen();
  }

  /** Whatever the change waits for: a connection that is gone needs none any more. */
  #goneMeanwhile(): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.#stopCrossing = () => reject(new FtpError("TLS_FAILED", "the client left"));
      if (this.#isGone) this.#stopCrossing();
    });
  }

  /** Resolves when the socket is gone. */
  get closed(): Promise<void> {
    this.#closed ??= this.#isGone
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#tellClosed = resolve;
        });
    return this.#closed;
  }

  /** The socket is gone. */
  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** The client has said all it will say, or is gone; lines may still wait. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The connection is between clear and TLS: nobody is to be heard or told anything. */
  get crossing(): boolean {
    return this.#crossing;
  }

  /** Our side is closed or closing: nothing more is sent. */
  get finishing(): boolean {
    return this.#finishing || this.#socket.destroyed;
  }

  /** The next line, left where it is. */
  peek(): LineEvent | undefined {
    return this.#lines[this.#head];
  }

  /** The next line, taken out. */
  shift(): LineEvent | undefined {
    const line = this.#lines[this.#head];
    if (line !== undefined) this.#head++;
    if (this.#head === this.#lines.length) this.#drop();
    else if (this.#head >= ANSWERED_LINES) this.#forget();
    if (!this.#finishing && this.#socket.isPaused() && this.#lines.length - this.#head <= this.#maxQueued / 2)
      this.#socket.resume();
    return line;
  }

  /** Resolves at the next line, at the end of the lines, or when woken. One caller at a time. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Lets the caller of `changed` look again. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Sends an encoded reply. Those to commands that came together go together: each by itself costs the system as much. */
  send(text: string | Uint8Array): void {
    if (!this.#socket.writable || this.#crossing) return;
    if (typeof text === "string") {
      // When whoever works has come to wait for something.
      if (this.#unsent === "") process.nextTick(this.#flush);
      this.#unsent += text;
      return;
    }
    this.#flush();
    this.#socket.write(text);
  }

  readonly #flush = (): void => {
    const text = this.#unsent;
    this.#unsent = "";
    if (text !== "" && this.#socket.writable) this.#socket.write(text);
  };

  /** Whether the client has read enough of its replies that more may be sent, or is gone; `false` after `timeout` ms. */
  drained(timeout: number): Awaitable<boolean> {
    if (this.#unsent.length > this.#socket.writableHighWaterMark) this.#flush();
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return true;
    return new Promise((resolve) => {
      const timer = timeout === 0 ? undefined : setTimeout(() => settle(false), timeout);
      const settle = (drained: boolean): void => {
        clearTimeout(timer);
        this.#socket.off("drain", yes).off("close", yes);
        resolve(drained);
      };
      const yes = (): void => settle(true);
      this.#socket.once("drain", yes).once("close", yes);
    });
  }

  /** Sends what is queued and a FIN, reads and drops what still comes so that no RST overtakes the last reply, then lets go. */
  finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#drop();
    // Nobody could read what is said now.
    if (this.#crossing) this.destroy();
    this.#flush();
    this.#socket.end();
    this.#socket.resume();
    this.#finishReading();
    if (!this.#socket.destroyed) this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#raw.destroy();
  }

  #listen(): void {
    const socket = this.#socket;
    if (socket.readableEnded) return this.#finishReading();
    socket.on("data", this.#take).on("end", this.#finishReading);
    if (socket.isPaused()) socket.resume();
  }

  readonly #take = (chunk: Uint8Array): void => {
    if (this.#finishing) return;
    if (!this.#begun && TLS_FIRST_BYTES.has(chunk[0] ?? 0)) return this.destroy();
    this.#begun = true;
    this.#queue(this.#reader.push(chunk));
    const answers = this.#reader.takeTelnetReplies();
    if (answers !== undefined) this.send(answers);
    this.#awaitLineFeed();
    if (this.#reader.overlongDiscarded > HOPELESS_LINE) this.#watcher?.hopelessLine();
  };

  #queue(lines: readonly LineEvent[]): void {
    if (lines.length === 0) return;
    for (const line of lines) this.#lines.push(line);
    if (this.#lines.length - this.#head >= this.#maxQueued) {
      this.#socket.pause();
      this.#watcher?.queueFull();
    }
    this.wake();
  }

  get #maxQueued(): number {
    return this.#watcher?.maxQueued ?? Number.POSITIVE_INFINITY;
  }

  #awaitLineFeed(): void {
    clearTimeout(this.#lostLineFeed);
    if (this.#reader.endsInCarriageReturn && this.#reader.pending === BARE_VERB_AND_CR)
      this.#lostLineFeed = setTimeout(() => this.#queue(this.#reader.flush()), LOST_LF_MS);
  }

  readonly #finishReading = (): void => {
    clearTimeout(this.#lostLineFeed);
    if (!this.#ended) queueMicrotask(() => this.#watcher?.controlEnded());
    this.#ended = true;
    this.wake();
  };

  /** A client that always has some more waiting must not make the queue grow by what is answered. */
  #forget(): void {
    this.#lines.splice(0, this.#head);
    this.#head = 0;
  }

  #drop(): void {
    this.#lines = [];
    this.#head = 0;
  }

  readonly #onClose = (): void => queueMicrotask(() => this.#gone());

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    lasting.forget(this.#raw);
    this.#socket.destroy();
    this.#drop();
    clearTimeout(this.#linger);
    this.#finishReading();
    this.#watcher?.controlClosed();
    this.#tellClosed?.();
    this.#stopCrossing?.();
  }
}

/** What the system calls an address where it is IPv6, else the plain IPv4 address. */
function withZone(raw: string = UNKNOWN_ADDRESS): string {
  return familyOf(raw) === 4 ? normalizeAddress(raw) : raw;
}
