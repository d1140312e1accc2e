/** A client of FTP whose control connection is under TLS, and which believes nothing. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type net from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { parseEpsv } from "../kit/data.js";
import { type Reply, ReplyParser } from "../kit/reply-parser.js";
import { show } from "../kit/scripted-client.js";
import { within } from "../kit/temporary.js";
import { dial, SecureLine } from "./kit-data-tls.js";

/** How the data connection shakes hands; by default as the control connection did, and by going on with its session. */
export type DataOptions = ConnectionOptions;

export class TlsClient implements AsyncDisposable {
  /** The socket below. */
  readonly raw: net.Socket;
  /** TLS over it, once `secure` was called. */
  tls: TLSSocket | undefined;
  /** The last session that the server has given us. */
  session: Buffer | undefined;
  #options: ConnectionOptions = {};
  readonly #parser = new ReplyParser();
  readonly #replies: Reply[] = [];
  readonly #news = new EventEmitter();
  readonly #lines: SecureLine[] = [];

  private constructor(raw: net.Socket) {
    this.raw = raw;
    raw.on("data", this.#take).on("close", () => this.#news.emit("news"));
  }

  /** Connects and is greeted. */
  static async connect(port: number): Promise<TlsClient> {
    const client = new TlsClient(await dial(port));
    await client.expectReply(220);
    return client;
  }

  /** Connects, goes under TLS, logs in and asks for private data connections. */
  static async login(port: number, options: ConnectionOptions, username = "test"): Promise<TlsClient> {
    const client = await TlsClient.connect(port);
    await client.secure(options);
    await client.enter(username);
    return client;
  }

  /** AUTH TLS and the handshake. */
  async secure(options: ConnectionOptions): Promise<void> {
    await this.expect("AUTH TLS", 234);
    this.raw.off("data", this.#take);
    this.#options = { rejectUnauthorized: false, ...options };
    const tls = connect({ ...this.#options, socket: this.raw });
    this.tls = tls;
    tls.on("session", (session) => {
      this.session = session;
    });
    tls.on("error", () => undefined).on("close", () => this.#news.emit("news"));
    await within(once(tls, "secureConnect"), "the handshake of the control connection");
    tls.on("data", this.#take);
    // A client of TLS 1.3 is done before the server is.
    await this.expect("NOOP", 200);
  }

  /** USER, PASS, PBSZ, PROT, TYPE. */
  async enter(username = "test"): Promise<void> {
    await this.expect(`USER ${username}`, 331);
    await this.expect("PASS secret", 230);
    await this.expect("PBSZ 0", 200);
    await this.expect("PROT P", 200);
    await this.expect("TYPE I", 200);
    // Tickets of TLS 1.3 are behind the handshake; those of TLS 1.2 in it.
    this.session ??= this.tls?.getSession();
  }

  /** Replies that nobody has asked for yet. */
  get unread(): number {
    return this.#replies.length;
  }

  send(line: string): void {
    (this.tls ?? this.raw).write(line);
  }

  async reply(): Promise<Reply> {
    const arrival = async (): Promise<void> => {
      while (this.#replies.length === 0) {
        if (this.raw.destroyed || this.tls?.destroyed) throw new Error("the control connection is closed");
        await once(this.#news, "news");
      }
    };
    await within(arrival(), "a reply");
    return this.#replies.shift() as Reply;
  }

  async expectReply(...codes: number[]): Promise<Reply> {
    const reply = await this.reply();
    assert(codes.includes(reply.code), `expected ${codes.join(" or ")}, got ${show(reply)}`);
    return reply;
  }

  expect(line: string, ...codes: number[]): Promise<Reply> {
    this.send(`${line}\r\n`);
    return this.expectReply(...codes);
  }

  /** Asserts that no reply is waiting that nobody asked for. */
  async assertQuiet(): Promise<void> {
    await this.expect("NOOP", 200);
    assert.equal(this.unread, 0, "more replies than commands");
  }

  /** EPSV, the command and its 150. @returns the data connection, before TLS */
  async open(command: string): Promise<net.Socket> {
    const port = parseEpsv(await this.expect("EPSV", 229));
    this.send(`${command}\r\n`);
    const raw = await dial(port);
    await this.expectReply(150);
    return raw;
  }

  /** Reads replies no more: what comes is not for a client that has not begun TLS. */
  deafen(): void {
    this.raw.off("data", this.#take).resume();
  }

  /** Begins TLS on a data connection. */
  line(raw: net.Socket, options: DataOptions = {}): SecureLine {
    const line = new SecureLine(raw, { ...this.#options, session: this.session, ...options });
    this.#lines.push(line);
    return line;
  }

  /** Begins TLS on a data connection, but sends nothing yet. @returns what would be sent first, besides */
  async held(raw: net.Socket, options: DataOptions = {}): Promise<[line: SecureLine, hello: Buffer]> {
    const line = new SecureLine(raw, { ...this.#options, session: this.session, ...options }, true);
    this.#lines.push(line);
    await new Promise((resolve) => setImmediate(resolve));
    const hello = line.wire.taken();
    assert(hello.length > 100, "no hello");
    line.wire.hold();
    return [line, hello];
  }

  /** A data connection under TLS, for a command. */
  async data(command: string, options: DataOptions = {}): Promise<SecureLine> {
    return this.line(await this.open(command), options).shake();
  }

  /** Lets go of a data connection before the end of the test. */
  async forget(line: SecureLine): Promise<void> {
    this.#lines.splice(this.#lines.indexOf(line), 1);
    await line[Symbol.asyncDispose]();
  }

  /** A whole upload. @returns the final reply */
  async upload(command: string, bytes: string | Uint8Array, options: DataOptions = {}): Promise<Reply> {
    const line = await this.data(command, options);
    await line.send(bytes);
    await line.closeNotify();
    line.fin();
    return this.reply();
  }

  /** A whole download. */
  async download(command: string, options: DataOptions = {}): Promise<Buffer> {
    const line = await this.data(command, options);
    const bytes = await line.collect();
    await this.expectReply(226);
    return bytes;
  }

  /** Waits until the server has ended the connection. */
  async expectClosed(): Promise<void> {
    const stream = this.tls ?? this.raw;
    if (stream.readableEnded) this.raw.destroy();
    stream.once("end", () => this.raw.destroy()).resume();
    const closed = new Promise<void>((resolve) => this.raw.once("close", () => resolve()));
    if (!this.raw.closed) await within(closed, "the server closing the control connection");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.#lines) await line[Symbol.asyncDispose]();
    this.tls?.destroy();
    this.raw.destroy();
    if (!this.raw.closed) await new Promise((resolve) => this.raw.once("close", resolve));
  }

  readonly #take = (chunk: Buffer): void => {
    this.#replies.push(...this.#parser.push(chunk));
    this.#news.emit("news");
  };
}
