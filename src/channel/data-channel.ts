/**
 * One data connection that is up: bytes out or bytes in, with back-pressure, until the end of file that closing
 * it means in stream mode (RFC 959 §3.4.1). Knows no files, no types and no replies, and not how the socket came
 * to be or how it was secured.
 */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { FtpError } from "../errors.js";
import { Emitter, type ListenerError } from "../events/emitter.js";
import { endpointsOf } from "./endpoints.js";
import type { SecuredSocket } from "./handshake.js";
import { giveBack } from "./lent-memory.js";
import { LentReading } from "./lent-reading.js";
import { ignoreError } from "./opening.js";
import type { Secure } from "./secure.js";

/** What a data channel tells. */
export interface DataChannelEvents {
  /** The socket is gone; `error` where that was not in order. */
  readonly close: { readonly error: FtpError | undefined };
}

/** What a data channel is given besides its socket. */
export interface DataChannelOptions {
  /** Who connected to whom. */
  readonly kind: "passive" | "active";
  /** Milliseconds in which the client has to take or send a byte while we wait for it; 0 is for ever. */
  readonly stallTimeout: number;
  /**
   * Whether what is received is only lent: a batch may be read and changed until the next one is asked for, then its
   * memory is used again. Default `false`: it is the receiver's.
   */
  readonly lends?: boolean | undefined;
  /** TLS over the socket; `undefined` for a connection in clear. */
  readonly secured?: SecuredSocket | undefined;
  /** Told of a listener that failed. */
  readonly onListenerError?: ((error: ListenerError) => void) | undefined;
}

/** Bytes that may wait to be sent before `send` asks the sender to wait. */
const SEND_BOUND = 512 * 1024;
/** Bytes sent in one go before the other sessions have a turn: a fast client takes them without a pause. */
const BURST = 4 * 1024 * 1024;
/** Bytes that may wait for the receiver. */
const RECEIVE_BOUND = 1024 * 1024;
/** Bytes behind which an upload is long: to read it into memory that is used again is worth another socket object. */
const LONG = 128 * 1024;
/** What a piece costs in memory besides its bytes: a client may send single ones. */
const PIECE_COST = 256;
/** How long a client may keep its side open after our end of file, in milliseconds. */
const LINGER_MS = 2000;
/** How long the answer of a client that has left may take, in milliseconds. */
const LEAVING_MS = 100;
const NOTHING = new Uint8Array(0);
/** Silence after which the system asks whether the client is still there, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** A data connection. Used in one direction, once. */
export class DataChannel extends Emitter<DataChannelEvents> {
  /** Whether the client connected to us, or we to it. */
  readonly kind: "passive" | "active";
  /** Address of the client; `undefined` where it had left already. */
  readonly remoteAddress: string | undefined;
  /** Port of the client. */
  readonly remotePort: number | undefined;
  /** Our address. */
  readonly localAddress: string | undefined;
  /** Our port. */
  readonly localPort: number | undefined;
  /** What TLS has agreed on; `undefined` for a connection in clear. */
  readonly secure: Secure | undefined;
  /** Resolves when the socket is gone, however that came; never rejects. */
  readonly closed: Promise<void>;
  #socket: Socket;
  readonly #options: DataChannelOptions;
  /** Wakes those who wait for something to change. */
  #waiters: (() => void)[] = [];
  #failure: FtpError | undefined;
  #use: "none" | "send" | "receive" = "none";
  #finishing: Promise<void> | undefined;
  #linger: NodeJS.Timeout | undefined;
  #handedOver = 0;
  #flushed = 0;
  #burst = 0;
  #received = 0;
  #batch: Uint8Array[] = [];
  /** Cost of the batch. */
  #buffered = 0;
  /** Once the upload is long. */
  #lent: LentReading | undefined;
  /** Whether such memory is to be had. */
  #lends: boolean;
  /** Resolves `closed`. */
  #close: () => void = ignoreError;
  #ended: boolean;
  /** Runs where the client sends though it is to receive. */
  #noiseClock: NodeJS.Timeout | undefined;
  /** Bytes sent when that clock last struck and more were waiting. */
  #stuckAt: number | undefined;

  /** @param socket a data socket from an opening, of which nothing has been read but by TLS */
  constructor(socket: Socket, options: DataChannelOptions) {
    super();
    this.kind = options.kind;
    this.secure = options.secured?.secure;
    this.#socket = options.secured?.socket ?? socket;
    this.#options = options;
    this.#lends = options.lends === true && options.secured === undefined;
    const ends = endpointsOf(socket);
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
    this.localAddress = ends.localAddress;
    this.localPort = ends.localPort;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.#ended = this.secure === undefined && socket.readableEnded;
    this.#listen(socket);
    if (this.secure !== undefined && this.#socket.readableEnded) this.#reachedEnd();
  }

  /** Bytes that were sent and have left this process; while one piece is on its way, as of the piece before. */
  get bytesSent(): number {
    this.#count();
    return this.#flushed;
  }

  /** Bytes that have arrived. */
  get bytesReceived(): number {
    return this.#received;
  }

  /** Whether the client's end of file has arrived: what it wanted to send is whole. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends a piece, which must not be changed afterwards.
   * @param whenSent called when nobody looks at the piece any more: it was sent, or never will be. Not at all where this refuses it
   * @returns `undefined`: go on; a promise: await it before the next piece
   * @throws FtpError through the promise: `DATA_LOST`, `STALLED`, or what `abort` was given
   */
  send(chunk: Uint8Array, whenSent?: () => void): Promise<void> | undefined {
    if (this.#failure !== undefined) return observed(Promise.reject(this.#failure));
    if (this.#finishing !== undefined) return observed(Promise.reject(new FtpError("CLOSED", "sent after the end")));
    if (this.#use !== "send") this.#discardInput();
    this.#count();
    this.#handedOver += chunk.byteLength;
    this.#burst += chunk.byteLength;
    this.#socket.write(chunk, whenSent);
    if (this.#socket.writableLength >= SEND_BOUND) return observed(this.#drained());
    return this.#burst < BURST ? undefined : observed(this.#turn());
  }

  /**
   * Ends the file: resolves when every byte and the end of file are with the system. The socket then goes
   * once the client has closed its side too, or after two seconds; see `closed`.
   * @throws FtpError `DATA_LOST`, `STALLED`, or what `abort` was given
   */
  finish(): Promise<void> {
    this.#finishing ??= observed(this.#finish());
    return this.#finishing;
  }

  /**
   * What the client sends, in batches of all that has arrived, until its end of file. While a batch is being
   * worked on, about 1 MiB more is taken from the network. See `lends` of the options.
   * @throws FtpError `DATA_LOST` after what arrived before, `STALLED`, or at once what `abort` was given
   */
  async *receive(): AsyncGenerator<readonly Uint8Array[], void, undefined> {
    this.#use = "receive";
    this.#socket.resume();
    for (;;) {
      if (this.#batch.length > 0) {
        const batch = this.#takeBatch();
        yield batch;
        for (const chunk of batch) giveBack(chunk);
        this.#readIntoLent();
      } else if (this.#ended) return;
      else await this.#change();
    }
  }

  /** Ends the connection at once. What waits here rejects with the reason; a text becomes an `ABORTED` error. */
  abort(reason: FtpError | string): void {
    this.#drop();
    this.#ended = false;
    this.#fail(typeof reason === "string" ? new FtpError("ABORTED", reason) : reason);
  }

  protected override failed(error: ListenerError): void {
    this.#options.onListenerError?.(error);
  }

  /** @param below the socket, under TLS or not */
  #listen(below: Socket): void {
    const socket = this.#socket;
    this.#attach(socket);
    void this.closed.then(() => this.#gone());
    if (socket.closed) this.#close();
    if (socket.destroyed) return;
    const { stallTimeout } = this.#options;
    // Where our own clock is as quick, the system's is not worth its calls.
    if (stallTimeout === 0 || stallTimeout > KEEP_ALIVE_MS) below.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setTimeout(stallTimeout);
    // A reset shows only while something is read: fills the socket's own buffer and no more.
    socket.read(0);
  }

  #attach(socket: Socket): void {
    // Before the listener for "data", which would make a socket flow that was never paused.
    socket.pause();
    socket.on("error", (cause) =>
      this.#fail(new FtpError("DATA_LOST", `data connection: ${cause.message}`, { cause })),
    );
    socket.on("data", (chunk) => this.#arrived(chunk));
    socket.once("end", () => this.#reachedEnd());
    socket.on("drain", () => this.#wake());
    socket.once("finish", () => this.#wake());
    socket.on("timeout", () => this.#timedOut());
    socket.once("close", () => this.#close());
  }

  /** From here on Node makes no memory for each read. What has arrived keeps its order. */
  #readIntoLent(): void {
    if (!this.#lends || this.#received < LONG || this.#use !== "receive") return;
    if (this.#ended || this.#failure !== undefined) return;
    this.#lends = false;
    const socket = this.#socket;
    socket.pause();
    // Tells "data" as ever.
    while (socket.read() !== null);
    this.#lent = LentReading.begin(socket, (chunk) => this.#arrived(chunk));
    if (this.#lent !== undefined) {
      this.#socket = this.#lent.socket;
      this.#attach(this.#socket);
      this.#socket.setTimeout(this.#options.stallTimeout);
    }
    if (this.#buffered < RECEIVE_BOUND) this.#socket.resume();
  }

  /** A destroyed socket counts what it dropped as written. */
  #count(): void {
    if (!this.#socket.destroyed) this.#flushed = this.#handedOver - this.#socket.writableLength;
  }

  #discardInput(): void {
    this.#use = "send";
    this.#drop();
    this.#socket.resume();
  }

  /** What has arrived is nobody's. */
  #drop(): void {
    for (const chunk of this.#takeBatch()) giveBack(chunk);
  }

  #arrived(chunk: Uint8Array): void {
    if (this.#use === "receive") return this.#collect(chunk);
    giveBack(chunk);
    // To the socket's clock each piece is a sign of life, but not of the kind that counts: another clock is needed.
    const { stallTimeout } = this.#options;
    if (stallTimeout > 0) this.#noiseClock ??= setInterval(() => this.#checkProgress(), stallTimeout);
  }

  /** Knows whole pieces only, where the socket's clock also sees a large one move. */
  #checkProgress(): void {
    const waiting = this.#socket.writableLength > 0;
    if (waiting && this.#stuckAt === this.bytesSent) this.#timedOut();
    this.#stuckAt = waiting ? this.bytesSent : undefined;
  }

  #collect(chunk: Uint8Array): void {
    this.#received += chunk.byteLength;
    this.#buffered += chunk.byteLength + PIECE_COST;
    this.#batch.push(chunk);
    if (this.#buffered >= RECEIVE_BOUND) this.#socket.pause();
    this.#wake();
  }

  #takeBatch(): readonly Uint8Array[] {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#buffered >= RECEIVE_BOUND) this.#socket.resume();
    this.#buffered = 0;
    return batch;
  }

  /**
   * A reset behind bytes that were not read yet may look like an end of file (libuv takes the hang-up for one), and
   * half a file would pass for a whole one. The error still waits in the socket: an empty write fetches it.
   */
  #reachedEnd(): void {
    const { secured } = this.#options;
    if (secured?.disorder !== undefined) return this.#settleEnd(secured.disorder());
    // After our own end of file nothing can be written, and what still waits to be sent must not be lost by trying.
    if (this.#socket.writableEnded) return;
    this.#socket.write(NOTHING, (error) => {
      if (!error) this.#settleEnd(undefined);
    });
  }

  #settleEnd(disorder: FtpError | undefined): void {
    if (disorder !== undefined) return this.#fail(disorder);
    this.#ended = true;
    this.#wake();
  }

  async #drained(): Promise<void> {
    await this.#until(() => this.#socket.writableLength < SEND_BOUND);
    this.#burst = 0;
  }

  /** Lets the event loop turn once. */
  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#burst = 0;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #finish(): Promise<void> {
    this.#discardInput();
    if (this.#ended && this.#handedOver > 0) await this.#assureReader();
    this.#socket.end();
    await this.#until(() => this.#socket.writableFinished);
    this.#flushed = this.#handedOver;
    // What the client may still send is read for a while: closed with bytes unread, the system would answer with
    // a reset, which can cost the client what it has not read yet (RFC 1122 §4.2.2.13).
    if (!this.#socket.closed) this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  /**
   * A client that is to receive and closes its side has mostly left: what is sent to it then comes back as a reset,
   * which an empty write fetches. One that only sends no more reads on, and waits a little longer.
   */
  async #assureReader(): Promise<void> {
    // A short rest makes no "drain".
    this.#socket.write(NOTHING, () => this.#wake());
    await this.#until(() => this.#socket.writableLength === 0);
    await delay(LEAVING_MS);
    await new Promise<void>((resolve) => this.#socket.write(NOTHING, () => resolve()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #until(done: () => boolean): Promise<void> {
    while (this.#failure !== undefined || !done()) await this.#change();
  }

  /** Waits for the client to take or send something, no longer than the stall timeout. */
  async #change(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#socket.destroyed) this.#socket.setTimeout(this.#options.stallTimeout);
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  /** The socket was silent: a stall only where we wait for the client, and not it for our store. */
  #timedOut(): void {
    if (this.#waiters.length === 0 && this.#socket.writableLength === 0) return;
    this.#fail(new FtpError("STALLED", `no byte moved in ${this.#options.stallTimeout} ms`));
  }

  /** Once the end of file is with the system the transfer has happened; what comes then only ends the lingering. */
  get #isDone(): boolean {
    return this.#socket.writableFinished;
  }

  #fail(error: FtpError): void {
    if (!this.#isDone) this.#failure ??= error;
    this.#count();
    this.#socket.destroy();
    this.#wake();
  }

  #gone(): void {
    clearTimeout(this.#linger);
    clearInterval(this.#noiseClock);
    this.#lent?.end();
    if (!this.#isDone) this.#fail(new FtpError("DATA_LOST", "the data connection was closed"));
    this.#count();
    this.#wake();
    this.tell("close", { error: this.#failure });
  }
}

/** A promise that its owner may drop without harm to the process. */
function observed(promise: Promise<void>): Promise<void> {
  promise.catch(ignoreError);
  return promise;
}
