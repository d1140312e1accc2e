/**
 * A client that does what the test says, byte by byte, and believes nothing: it speaks over a raw socket, or over TLS
 * where `useTls` says so, and parses every reply strictly. Knows nothing of data connections (see data.ts).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type Reply, ReplyParser } from "./reply-parser.js";
import { type ClientTls, type ClientTlsOptions, type SecuredControl, secureControl, tlsMode } from "./security.js";
import { DEADLINE, within } from "./temporary.js";

export type { Reply } from "./reply-parser.js";

/** Where the client connects from. */
export interface ClientOptions {
  /** Local address, such as 127.0.0.2. Default: what the system chooses. */
  readonly localAddress?: string;
}

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class ScriptedClient {
  /** The socket that the system knows. */
  readonly raw: net.Socket;
  /** Whether data connections are under TLS: what PROT has said last, or the implicit beginning. */
  privateData = false;
  /** Resolves when the connection is closed in both directions, or was reset. Never rejects. */
  readonly closed: Promise<void>;
  readonly #parser = new ReplyParser();
  readonly #received: Buffer[] = [];
  readonly #replies: Reply[] = [];
  readonly #waiting: Waiter[] = [];
  #failure: Error | undefined;
  #greeting: Reply | undefined;
  /** The raw socket, or TLS over it. */
  #socket: net.Socket;
  #secured: SecuredControl | undefined;
  #tellClosed: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.raw = socket;
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#listen(socket);
  }

  /**
   * Connects and waits for the greeting, whatever its code. Where `useTls` says so, the client is under TLS then and
   * its data connections will be.
   */
  static async connect(port: number, host: string = "127.0.0.1", options: ClientOptions = {}): Promise<ScriptedClient> {
    const mode = tlsMode();
    const client = await ScriptedClient.open(port, host, options);
    if (mode?.implicit) await client.secure(mode, true);
    client.#greeting = await client.reply();
    if (mode?.implicit === false && client.greeting.code === 220) await client.negotiate(mode);
    return client;
  }

  /** Connects in clear, and does not wait for the greeting; it is the first `reply()`. */
  static async open(port: number, host: string = "127.0.0.1", options: ClientOptions = {}): Promise<ScriptedClient> {
    const socket = net.connect({ port, host, noDelay: true, ...options });
    await within(once(socket, "connect"), `connecting to ${host} port ${port}`);
    return new ScriptedClient(socket);
  }

  /** The socket of the control connection: the raw one, or TLS over it. */
  get socket(): net.Socket {
    return this.#socket;
  }

  /** What TLS has agreed on; stays where CCC has ended it for the control connection. */
  get tls(): ClientTls | undefined {
    return this.#secured?.tls;
  }

  /** AUTH TLS and the handshake, then PBSZ and PROT P. */
  async negotiate(options: ClientTlsOptions): Promise<void> {
    await this.expect("AUTH TLS", 234);
    await this.secure(options);
    await this.expect("PBSZ 0", 200);
    await this.expect("PROT P", 200);
    this.privateData = true;
  }

  /**
   * Shakes hands now: behind 234, or before the greeting of an implicit server.
   * @throws Error where that fails
   */
  async secure(options: ClientTlsOptions, privateData: boolean = false): Promise<void> {
    this.#secured = await secureControl(this.raw, options, (socket) => this.#listen(socket));
    this.privateData = privateData;
  }

  /** Leaves TLS, as the server does behind its 200 to CCC or its 220 to REIN. */
  async clear(): Promise<void> {
    assert(this.#secured, "this client is not under TLS");
    // Before TLS ends: what ends then is not the connection.
    this.#socket = this.raw;
    await this.#secured.release();
    this.#listen(this.raw);
    this.raw.resume();
  }

  /** REIN, and all that `connect` does behind the greeting. Under TLS the server must allow it. */
  async reinitialize(): Promise<void> {
    const mode = tlsMode();
    await this.expect("REIN", 220);
    if (mode === undefined) return;
    await this.clear();
    this.privateData = false;
    await this.negotiate(mode);
  }

  /** The greeting. @throws Error on a client made with `open` */
  get greeting(): Reply {
    assert(this.#greeting, "this client did not wait for its greeting");
    return this.#greeting;
  }

  /** Every byte received so far. */
  get transcript(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Telnet negotiations received so far, three bytes each. */
  get negotiations(): readonly Buffer[] {
    return this.#parser.negotiations;
  }

  /** Complete replies that nobody has asked for yet. */
  get unread(): number {
    return this.#replies.length;
  }

  /** Sends bytes or text (UTF-8) just as they are, without a line end, and does not wait. */
  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /**
   * The next complete reply.
   * @param deadline milliseconds, default 10,000
   * @throws Error when none comes in time, the connection ends before, or a line is not well formed
   */
  reply(deadline: number = DEADLINE): Promise<Reply> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#await(deadline);
  }

  /** Sends one command line and gives its next reply. */
  command(line: string): Promise<Reply> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Sends one command line and asserts the code of its next reply; several codes mean any of them. */
  async expect(line: string, ...codes: number[]): Promise<Reply> {
    const reply = await this.command(line);
    assert(codes.includes(reply.code), `${line}: expected ${codes.join(" or ")}, got ${show(reply)}`);
    return reply;
  }

  /** Asserts the code of the next reply, without sending anything; several codes mean any of them. */
  async expectReply(...codes: number[]): Promise<Reply> {
    const reply = await this.reply();
    assert(codes.includes(reply.code), `expected ${codes.join(" or ")}, got ${show(reply)}`);
    return reply;
  }

  /** Logs in. @throws AssertionError when the server does not answer 331 and 230 */
  async login(username: string = "test", password: string = "secret"): Promise<this> {
    await this.expect(`USER ${username}`, 331);
    await this.expect(`PASS ${password}`, 230);
    return this;
  }

  /** Asserts that no reply is waiting that nobody asked for: the next one answers the NOOP sent here. */
  async assertQuiet(): Promise<void> {
    await this.expect("NOOP", 200);
    assert.equal(this.unread, 0, "more replies than commands");
  }

  /** Waits until the server has closed the connection; replies before that stay readable. */
  async expectClosed(deadline: number = DEADLINE): Promise<void> {
    await within(this.closed, "the server closing the control connection", deadline);
  }

  /** Sends FIN, under TLS behind close_notify; replies still arrive. */
  end(): void {
    this.#socket.end();
  }

  /** Sends RST, without the FIN that `resetAndDestroy()` sends before. */
  reset(): void {
    (this.raw as net.Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
    this.raw.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #listen(socket: net.Socket): void {
    this.#socket.off("data", this.#take);
    this.#socket = socket;
    socket.on("data", this.#take);
    // The other socket of the two is none of ours at that moment.
    socket.on("error", (error) => socket === this.#socket && this.#fail(error));
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      this.#fail(new Error("the connection is closed"));
      this.#tellClosed();
    });
  }

  async #await(deadline: number): Promise<Reply> {
    let waiter: Waiter | undefined;
    const reply = new Promise<Reply>((resolve, reject) => {
      waiter = { resolve, reject };
      this.#waiting.push(waiter);
    });
    try {
      return await within(reply, () => `a reply; received: ${JSON.stringify(this.transcript.toString())}`, deadline);
    } finally {
      // One that gave up must not swallow the reply when it comes.
      const index = waiter === undefined ? -1 : this.#waiting.indexOf(waiter);
      if (index >= 0) this.#waiting.splice(index, 1);
    }
  }

  readonly #take = (chunk: Buffer): void => {
    this.#received.push(chunk);
    try {
      for (const reply of this.#parser.push(chunk)) this.#hand(reply);
    } catch (error) {
      this.#fail(error as Error);
    }
  };

  #hand(reply: Reply): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#replies.push(reply);
    else waiter.resolve(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= new Error(`${error.message}; received: ${JSON.stringify(this.transcript.toString())}`, {
      cause: error,
    });
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** A reply as one line for messages. */
export function show(reply: Reply): string {
  return JSON.stringify(reply.raw.toString());
}
