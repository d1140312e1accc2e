/**
 * A client that does what the test says, byte by byte, and believes nothing: it speaks over a raw socket
 * and parses every reply strictly. Knows nothing of data connections (see data.ts).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type Reply, ReplyParser } from "./reply-parser.js";
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
  /** The socket of the control connection. */
  readonly socket: net.Socket;
  /** Resolves when the connection is closed in both directions, or was reset. Never rejects. */
  readonly closed: Promise<void>;
  readonly #parser = new ReplyParser();
  readonly #received: Buffer[] = [];
  readonly #replies: Reply[] = [];
  readonly #waiting: Waiter[] = [];
  #failure: Error | undefined;
  #greeting: Reply | undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection is closed")));
  }

  /** Connects and waits for the greeting, whatever its code. */
  static async connect(port: number, host: string = "127.0.0.1", options: ClientOptions = {}): Promise<ScriptedClient> {
    const client = await ScriptedClient.open(port, host, options);
    client.#greeting = await client.reply();
    return client;
  }

  /** Connects and does not wait for the greeting; it is the first `reply()`. */
  static async open(port: number, host: string = "127.0.0.1", options: ClientOptions = {}): Promise<ScriptedClient> {
    const socket = net.connect({ port, host, noDelay: true, ...options });
    await within(once(socket, "connect"), `connecting to ${host} port ${port}`);
    return new ScriptedClient(socket);
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
    this.socket.write(bytes);
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

  /** Sends FIN; replies still arrive. */
  end(): void {
    this.socket.end();
  }

  /** Sends RST, without the FIN that `resetAndDestroy()` sends before. */
  reset(): void {
    (this.socket as net.Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
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

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    try {
      for (const reply of this.#parser.push(chunk)) this.#hand(reply);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

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
