/**
 * Stands between a socket and TLS where TLS alone does not tell enough: an end of file without close_notify looks
 * whole to Node (RFC 8446 §6.1, truncation), and nothing else can keep what TLS still wants to send, or give the
 * socket back when TLS is over. Costs a copy of nothing, but a turn through JavaScript for each piece.
 */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { ignoreError } from "./opening.js";

/** The types of TLS records (RFC 8446 §5.1); no line of a client begins with one of them. */
const FIRST_RECORD_TYPE = 20;
const LAST_RECORD_TYPE = 24;
const RECORD_HEADER = 5;
/** Bytes that TLS may want to send while only the client is to: tickets are far less. */
const HELD_BACK_BOUND = 64 * 1024;
/** Bytes that may wait for TLS. */
const BOUND = 256 * 1024;

const EMPTY = Buffer.alloc(0);

/** Hands a socket's bytes to TLS and back. */
export class TlsBridge extends Duplex {
  readonly #socket: Socket;
  readonly #receives: boolean;
  /** What TLS wants to send before it has read all; absent while nothing is held back. */
  #heldBack: Buffer[] | undefined;
  #heldBytes = 0;
  #concluded = false;
  /** Bytes that the record which has begun still lacks, and the header of one that has just begun. */
  #due = 0;
  #header: Buffer = EMPTY;
  /** Where the socket's bytes go now. */
  #take: (chunk: Buffer) => void = (chunk) => this.#forward(chunk);
  #silenced = false;
  /** Whose the socket is: ours; ours, but TLS is to end without it; nobody's. */
  #holds: "all" | "socket" | "nothing" = "all";
  #ended = false;

  /**
   * @param socket of which nothing has been read; from now on the bridge's
   * @param receives whether only the client sends: nothing that TLS has to say then may cost what is on its way
   */
  constructor(socket: Socket, receives: boolean) {
    super({ allowHalfOpen: true, readableHighWaterMark: BOUND });
    this.#socket = socket;
    this.#receives = receives;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("error", ignoreError).on("close", this.#onEnd);
    socket.resume();
  }

  /** Why the socket broke, where it did. What had arrived before is with TLS all the same. */
  get failure(): Error | undefined {
    return this.#socket.errored ?? undefined;
  }

  /** From now on nothing is sent, whatever TLS has in hand. */
  silence(): void {
    this.#silenced = true;
  }

  /**
   * Keeps back what TLS sends until it has read all, where only the client sends: session tickets that meet a client
   * which has sent all and closed are answered with a reset, and that drops what was still on its way.
   */
  holdBack(): void {
    if (this.#receives) this.#heldBack = [];
  }

  /** TLS has read all that the client wanted to send. */
  conclude(): void {
    this.#concluded = this.#receives;
    const held = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const chunk of held) this._write(chunk, "", () => undefined);
  }

  /** Ends the socket, whoever holds it. */
  cut(): void {
    this.#socket.destroy();
  }

  /** From now on the end of TLS is not the end of the socket; what arrives waits for `release`. */
  keepSocket(): void {
    this.#holds = "socket";
    this.#socket.pause();
    // Its other half would be taken for the first plain bytes.
    if (!this.#betweenRecords) this.cut();
  }

  /**
   * Lets the peer answer our close_notify, one record at a time, and gives the socket back with everything that came
   * behind. Some clients do not answer: what is no record is the first plain byte.
   * @param over resolves to whether TLS has ended in order with what it was given
   * @returns the socket, paused
   */
  async release(over: () => Promise<boolean>): Promise<Socket> {
    let rest: Buffer | undefined = EMPTY;
    for (;;) {
      if (rest.length === 0) rest = await this.#nextChunk();
      if (rest === undefined || (this.#betweenRecords && !isRecord(rest))) break;
      const end = this.#advance(rest, 0);
      this.push(rest.subarray(0, end));
      rest = rest.subarray(end);
      if (this.#betweenRecords && (await over())) break;
    }
    this.#letGo();
    if (rest !== undefined && rest.length > 0 && !this.#socket.readableEnded) this.#socket.unshift(rest);
    return this.#socket;
  }

  override _read(): void {
    if (this.#holds === "all") this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#silenced) return done();
    if (this.#heldBack !== undefined) {
      this.#heldBack.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > HELD_BACK_BOUND) this.cut();
      return done();
    }
    // Who has said all may be gone: that breaks nothing.
    if (!this.#concluded) this.#socket.write(chunk, done);
    else if (this.#socket.destroyed) done();
    else this.#socket.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#holds !== "all" || this.#silenced || !this.#socket.writable) return done();
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // TLS that has ended in order on both sides goes by itself.
    if (this.#holds === "all") this.#socket.destroy();
    done(error);
  }

  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  /** Also where the socket broke: what has arrived may end in order. */
  readonly #onEnd = (): void => {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.push(null);
  };

  #forward(chunk: Buffer): void {
    if (!this.#receives) for (let at = 0; at < chunk.length; ) at = this.#advance(chunk, at);
    if (!this.push(chunk)) this.#socket.pause();
  }

  get #betweenRecords(): boolean {
    return this.#due === 0 && this.#header.length === 0;
  }

  /** Goes on to where the record ends, or the chunk. */
  #advance(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#due === 0) {
      const taken = chunk.subarray(at, at + RECORD_HEADER - this.#header.length);
      this.#header = Buffer.concat([this.#header, taken]);
      at += taken.length;
      if (this.#header.length < RECORD_HEADER) return at;
      this.#due = this.#header.readUInt16BE(3);
      this.#header = EMPTY;
    }
    const step = Math.min(this.#due, chunk.length - at);
    this.#due -= step;
    return at + step;
  }

  #letGo(): void {
    const socket = this.#socket;
    this.#holds = "nothing";
    socket.pause();
    socket.off("data", this.#onData).off("end", this.#onEnd).off("error", ignoreError).off("close", this.#onEnd);
  }

  /** `undefined` at the end of file. */
  #nextChunk(): Promise<Buffer | undefined> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const settle = (chunk: Buffer | undefined): void => {
        socket.pause();
        socket.off("end", none).off("close", none);
        resolve(chunk);
      };
      const none = (): void => settle(undefined);
      this.#take = settle;
      if (socket.destroyed || socket.readableEnded) return none();
      socket.once("end", none).once("close", none);
      socket.resume();
    });
  }
}

/** Whether a record may begin here. */
function isRecord([type = 0]: Buffer): boolean {
  return type >= FIRST_RECORD_TYPE && type <= LAST_RECORD_TYPE;
}
