/**
 * A client of FTP over TLS whose every byte the test can see, cut, hold back and forge: TLS runs over a tap and not over
 * the socket, so that it can begin and end at any place of the control connection.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { testCertificates } from "../kit/certificates.js";
import { type Reply, ReplyParser } from "../kit/reply-parser.js";
import { until, within } from "../kit/temporary.js";

/** What a client gives to TLS; by default it trusts the authority of the tests and asks for `localhost`. */
export type ClientTls = tls.ConnectionOptions;

/** Carries what TLS sends to wherever the test wants it. */
class Tap extends Duplex {
  /** What becomes of what TLS sends. */
  outgoing: (chunk: Buffer) => void;

  constructor(outgoing: (chunk: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.outgoing = outgoing;
  }

  override _read(): void {
    // What arrives is pushed at once.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // A copy: once that is done, the memory is TLS's again.
    this.outgoing(Buffer.from(chunk));
    done();
  }
}

/** TLS as a client over a connected socket, and the tap in between. */
interface Wrapped {
  readonly tap: Tap;
  readonly secured: tls.TLSSocket;
}

async function wrap(outgoing: (chunk: Buffer) => void, options: ClientTls): Promise<Wrapped> {
  const { ca } = await testCertificates();
  const tap = new Tap(outgoing);
  const secured = tls.connect({ ca: ca.cert, servername: "localhost", ...options, socket: tap });
  secured.on("error", () => undefined);
  return { tap, secured };
}

/** A control connection, in clear until the test says otherwise. */
export class TlsClient implements AsyncDisposable {
  /** The socket below. */
  readonly raw: net.Socket;
  /** Every reply so far, in clear and under TLS. */
  readonly replies: Reply[] = [];
  /** Every byte that came in clear, or as TLS records. */
  readonly wire: Buffer[] = [];
  readonly closed: Promise<void>;
  /** TLS while it lasts. */
  secured: tls.TLSSocket | undefined;
  #tap: Tap | undefined;
  #parser = new ReplyParser();
  #taken = 0;
  #isClosed = false;
  #ignoring = false;

  private constructor(raw: net.Socket) {
    this.raw = raw;
    this.closed = new Promise((resolve) => raw.once("close", () => resolve()));
    raw.on("error", () => undefined);
    raw.on("data", (chunk: Buffer) => this.#arrived(chunk));
    raw.on("end", () => this.#tap?.push(null));
    raw.once("close", () => {
      this.#isClosed = true;
      this.secured?.destroy();
    });
  }

  /** Connects, and says and reads nothing. */
  static async open(port: number, host = "127.0.0.1"): Promise<TlsClient> {
    const raw = net.connect({ port, host, noDelay: true, allowHalfOpen: true });
    await within(once(raw, "connect"), "connecting");
    return new TlsClient(raw);
  }

  /** Connects and waits for a greeting in clear. */
  static async greeted(port: number): Promise<TlsClient> {
    const client = await TlsClient.open(port);
    await client.expectReply(220);
    return client;
  }

  /** Connects, and is under TLS by AUTH. */
  static async explicit(port: number, options: ClientTls = {}, mechanism = "TLS"): Promise<TlsClient> {
    const client = await TlsClient.greeted(port);
    await client.expect(`AUTH ${mechanism}`, 234);
    return client.#protectOrLeave(options);
  }

  /** Connects, is under TLS at once, and waits for the greeting. */
  static async implicit(port: number, options: ClientTls = {}): Promise<TlsClient> {
    const client = await TlsClient.open(port);
    await client.#protectOrLeave(options);
    await client.expectReply(220);
    return client;
  }

  /** What becomes of the records that TLS sends; by default they go to the server. */
  set outgoing(take: (chunk: Buffer) => void) {
    assert(this.#tap, "not under TLS");
    this.#tap.outgoing = take;
  }

  /** Begins TLS and does not wait. @param outgoing what becomes of what TLS sends */
  async begin(options: ClientTls = {}, outgoing = (chunk: Buffer) => this.sendRaw(chunk)): Promise<tls.TLSSocket> {
    const { tap, secured } = await wrap(outgoing, options);
    this.#tap = tap;
    this.secured = secured;
    this.#parser = new ReplyParser();
    secured.on("data", (chunk: Buffer) => this.#read(chunk));
    if (this.raw.readableEnded) tap.push(null);
    if (this.#isClosed) secured.destroy();
    return secured;
  }

  /** Puts the connection under TLS. @throws what TLS has to say where it fails */
  async protect(options: ClientTls = {}): Promise<this> {
    const secured = await this.begin(options);
    await within(handshaken(secured), "the handshake");
    return this;
  }

  /** As `protect`, but nothing is left where it fails. */
  async #protectOrLeave(options: ClientTls): Promise<this> {
    try {
      return await this.protect(options);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Tries to put the connection under TLS; gives what failed, `undefined` where nothing did. */
  async tryToProtect(options: ClientTls = {}): Promise<Error | undefined> {
    const failed: Error | undefined = await this.protect(options).then(
      () => undefined,
      (error: Error) => error,
    );
    return failed;
  }

  /** Ends TLS as a client does after CCC: waits for close_notify, answers it, and goes on in clear. */
  async unprotect(send: (notify: Buffer) => void = (notify) => this.sendRaw(notify)): Promise<void> {
    const { secured } = this;
    assert(secured && this.#tap, "not under TLS");
    const records: Buffer[] = [];
    this.#tap.outgoing = (chunk) => records.push(chunk);
    if (!secured.readableEnded) await within(once(secured, "end"), "the server's close_notify");
    secured.end();
    await until(() => records.length > 0, undefined, "our close_notify");
    this.dropTls();
    send(Buffer.concat(records));
  }

  /** From now on what arrives in clear is kept in `wire` and not taken for replies: alerts of TLS, perhaps. */
  ignoreReplies(): void {
    this.#ignoring = true;
  }

  /** From now on what arrives is taken for clear. */
  dropTls(): void {
    this.#tap = undefined;
    this.#parser = new ReplyParser();
    const { secured } = this;
    this.secured = undefined;
    secured?.destroy();
  }

  /** Sends bytes below TLS. */
  sendRaw(bytes: string | Uint8Array): void {
    if (this.raw.writable) this.raw.write(bytes);
  }

  /** Sends in clear, or under TLS while that lasts. */
  send(bytes: string | Uint8Array): void {
    (this.secured ?? this.raw).write(bytes);
  }

  /** The next reply. */
  async reply(): Promise<Reply> {
    const seen = (): string => JSON.stringify(Buffer.concat(this.wire).toString("latin1").slice(-300));
    await until(() => this.replies.length > this.#taken || this.#isClosed, undefined, "a reply");
    const reply = this.replies[this.#taken++];
    assert(reply, `closed without a reply: ${seen()}`);
    return reply;
  }

  /** Asserts the code of the next reply. */
  async expectReply(...codes: number[]): Promise<Reply> {
    const reply = await this.reply();
    assert(codes.includes(reply.code), `expected ${codes.join(" or ")}, got ${reply.raw.toString()}`);
    return reply;
  }

  /** Sends a line and asserts the code of its reply. */
  async expect(line: string, ...codes: number[]): Promise<Reply> {
    this.send(`${line}\r\n`);
    const reply = await this.reply();
    assert(codes.includes(reply.code), `${line}: expected ${codes.join(" or ")}, got ${reply.raw.toString()}`);
    return reply;
  }

  /** Logs in as the user of `serve`. */
  async login(): Promise<this> {
    await this.expect("USER test", 331);
    await this.expect("PASS secret", 230);
    return this;
  }

  /** Asserts that nothing was said that was not asked for. */
  async assertQuiet(): Promise<void> {
    await this.expect("NOOP", 200);
    assert.equal(this.replies.length, this.#taken, "more replies than commands");
  }

  /** Waits for the server's end of the connection; ends ours then. */
  async expectClosed(deadline?: number): Promise<void> {
    this.raw.once("end", () => this.raw.end());
    if (this.raw.readableEnded) this.raw.end();
    await within(this.closed, "the server closing the connection", deadline);
  }

  /** The codes of all replies. */
  get codes(): number[] {
    return this.replies.map(({ code }) => code);
  }

  /** Offers EPSV and begins a transfer. @returns the socket of the data connection */
  async beginTransfer(command: string): Promise<net.Socket> {
    const { text } = await this.expect("EPSV", 229);
    const port = Number(/\|(\d+)\|/.exec(text)?.[1]);
    const socket = net.connect({ port, host: this.raw.remoteAddress ?? "", noDelay: true });
    socket.on("error", () => undefined);
    await within(once(socket, "connect"), "the data connection");
    await this.expect(command, 150);
    return socket;
  }

  /** Downloads over TLS, with the session of the control connection or another. */
  async download(command: string, options: ClientTls = {}): Promise<Buffer> {
    const socket = await this.beginTransfer(command);
    const { ca } = await testCertificates();
    const secured = tls.connect({ ca: ca.cert, servername: "localhost", ...options, socket });
    const bytes = await within(all(secured), "the data");
    await this.expectReply(226);
    return bytes;
  }

  /** Downloads in clear. */
  async downloadClear(command: string): Promise<Buffer> {
    const bytes = await within(all(await this.beginTransfer(command)), "the data");
    await this.expectReply(226);
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.secured?.destroy();
    this.raw.destroy();
    await this.closed;
  }

  #arrived(chunk: Buffer): void {
    this.wire.push(chunk);
    const tap = this.#tap;
    if (tap?.destroyed === false) tap.push(chunk);
    else if (tap === undefined && !this.#ignoring) this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    this.replies.push(...this.#parser.push(chunk));
  }
}

/** Resolves when the handshake is done as the client sees it; rejects where the connection ends before. */
export function handshaken(secured: tls.TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    secured.once("secureConnect", () => resolve());
    secured.once("error", reject);
    secured.once("close", () => reject(new Error("closed during the handshake")));
  });
}

/** Everything until the end. */
async function all(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What a client of TLS would send first. */
export async function clientHello(options: ClientTls = {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const { secured } = await wrap((chunk) => chunks.push(chunk), options);
  await until(() => chunks.length > 0, undefined, "the ClientHello");
  secured.destroy();
  return Buffer.concat(chunks);
}

/** The TLS records that the bytes are made of. */
export function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let rest = bytes; rest.length >= 5; ) {
    const size = 5 + rest.readUInt16BE(3);
    records.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return records;
}
