/**
 * A client over TLS that is made for numbers: explicit or implicit, TLS 1.2 or 1.3, in all four ways to a data
 * connection, and nothing between it and its sockets but what the test puts there.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { Pair } from "../kit/certificates.js";
import { type DataMode, eprtCommand, listen, parseEpsv, parsePasv, portCommand } from "../kit/data.js";
import { type Reply, ReplyParser } from "../kit/reply-parser.js";
import { show } from "../kit/scripted-client.js";
import { DEADLINE, within } from "../kit/temporary.js";

const HOST = "127.0.0.1";

/** How TLS begins, and which. */
export interface Manner {
  readonly implicit: boolean;
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** The name for SNI. Default: none. */
  readonly servername?: string | undefined;
  /** What the client proves itself with. Default: nothing. */
  readonly pair?: Pair | undefined;
}

/** Who logs in. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

const TESTER: Login = { username: "test", password: "secret" };

/** The four of them. */
export const MANNERS: readonly Manner[] = [false, true].flatMap((implicit) =>
  (["TLSv1.2", "TLSv1.3"] as const).map((version) => ({ implicit, version })),
);

/** What stands between a client and a port: gives the port to go to instead. */
export type Detour = (port: number) => Promise<number>;

/** Closed, or never came: what the oracle takes for the end of the connection. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class TlsClient {
  readonly manner: Manner;
  /** The control connection as it is now. */
  socket: net.Socket;
  readonly #raw: net.Socket;
  #parser = new ReplyParser();
  readonly #replies: Reply[] = [];
  readonly #waiting: Waiter[] = [];
  #failure: Error | undefined;
  #session: Buffer | undefined;

  private constructor(socket: net.Socket, manner: Manner) {
    this.#raw = socket;
    this.socket = socket;
    this.manner = manner;
    socket.on("error", ignore).on("close", this.#closed);
  }

  /** Connects; with implicit TLS the handshake is done too. The greeting is the first reply. @throws ConnectionClosed */
  static async open(port: number, manner: Manner): Promise<TlsClient> {
    const socket = net.connect({ port, host: HOST, noDelay: true });
    const client = new TlsClient(socket, manner);
    await client.#until(once(socket, "connect"), `connecting to port ${port}`);
    if (manner.implicit) await client.secure();
    else client.#listen(socket);
    return client;
  }

  /** Connects, begins TLS, logs in, and asks for private data in TYPE I. */
  static async login(port: number, manner: Manner, who: Login = TESTER): Promise<TlsClient> {
    const client = await TlsClient.open(port, manner);
    await client.expectReply(220);
    if (!manner.implicit) await client.authenticate();
    await client.expect(`USER ${who.username}`, 331);
    await client.expect(`PASS ${who.password}`, 230);
    await client.expect("TYPE I", 200);
    return client;
  }

  /** AUTH TLS, the handshake, PBSZ and PROT. */
  async authenticate(): Promise<void> {
    await this.expect("AUTH TLS", 234);
    await this.secure();
    await this.expect("PBSZ 0", 200);
    await this.expect("PROT P", 200);
  }

  /** The handshake of the control connection. */
  async secure(): Promise<void> {
    this.#raw.removeAllListeners("data");
    this.#parser = new ReplyParser();
    const secured = tls.connect({ socket: this.#raw, ...this.#options() });
    secured.on("session", (session) => {
      this.#session = session;
    });
    secured.on("error", ignore).on("close", this.#closed);
    this.socket = secured;
    await this.#until(once(secured, "secureConnect"), "the handshake");
    this.#listen(secured);
  }

  /** Puts a data connection under TLS, with the session of the control connection. Does not wait for the handshake. */
  secureData(socket: net.Socket): tls.TLSSocket {
    const secured = tls.connect({
      socket,
      ...this.#options(),
      ...(this.#session !== undefined && { session: this.#session }),
    });
    secured.on("error", ignore);
    return secured;
  }

  /** The data connection of a transfer, agreed upon before the command and made behind it. */
  async data(mode: DataMode, detour: Detour = async (port) => port): Promise<TlsData> {
    if (mode === "PASV" || mode === "EPSV") {
      const reply = await this.expect(mode, mode === "PASV" ? 227 : 229);
      const port = await detour(mode === "PASV" ? parsePasv(reply).port : parseEpsv(reply));
      const socket = new net.Socket();
      const connect = async (): Promise<tls.TLSSocket> => {
        socket.on("error", ignore);
        socket.connect({ port, host: HOST, noDelay: true });
        await orClosed(socket, once(socket, "connect"));
        return this.secureData(socket);
      };
      return { connect, [Symbol.asyncDispose]: async () => void socket.destroy() };
    }
    const listener = await listen(HOST);
    try {
      const port = await detour(listener.port);
      await this.expect(mode === "PORT" ? portCommand(HOST, port) : eprtCommand(HOST, port), 200);
    } catch (error) {
      await listener.close();
      throw error;
    }
    return {
      connect: async () => this.secureData(await within(listener.accept(), "the server's data connection")),
      [Symbol.asyncDispose]: () => listener.close(),
    };
  }

  /** The next reply. @throws ConnectionClosed where none comes any more */
  reply(deadline: number = DEADLINE): Promise<Reply> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const coming = new Promise<Reply>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return within(coming, "a reply", deadline);
  }

  /** Sends a line and gives its reply. */
  command(line: string): Promise<Reply> {
    this.socket.write(`${line}\r\n`);
    return this.reply();
  }

  /** Sends a line and asserts the code of its reply. */
  async expect(line: string, ...codes: number[]): Promise<Reply> {
    const reply = await this.command(line);
    assert(codes.includes(reply.code), `${line}: expected ${codes.join(" or ")}, got ${show(reply)}`);
    return reply;
  }

  /** Asserts the code of the next reply. */
  async expectReply(...codes: number[]): Promise<Reply> {
    const reply = await this.reply();
    assert(codes.includes(reply.code), `expected ${codes.join(" or ")}, got ${show(reply)}`);
    return reply;
  }

  /** QUIT, and the end of the connection. */
  async quit(): Promise<void> {
    await this.expect("QUIT", 221);
    await this.closed();
  }

  /** Resolves when the connection is gone. */
  async closed(): Promise<void> {
    if (!this.#raw.closed) await within(once(this.#raw, "close"), "the server closing the connection");
  }

  /** Asserts that nothing was said that nobody asked for. */
  assertNoMore(): void {
    assert.deepEqual(this.#replies.map(show), [], "more replies than commands");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    this.#raw.destroy();
    await this.closed();
  }

  #options(): tls.ConnectionOptions {
    const { version, servername, pair } = this.manner;
    return {
      ...pair,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ...(servername !== undefined && { servername }),
    };
  }

  #listen(socket: net.Socket): void {
    socket.on("data", (chunk) => {
      for (const reply of this.#parser.push(chunk)) {
        const waiter = this.#waiting.shift();
        if (waiter === undefined) this.#replies.push(reply);
        else waiter.resolve(reply);
      }
    });
  }

  async #until(promise: Promise<unknown>, what: string): Promise<void> {
    await within(orClosed(this.#raw, promise), what);
  }

  readonly #closed = (): void => {
    this.#failure ??= new ConnectionClosed("the connection is closed");
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  };
}

/** An agreed data connection. */
export interface TlsData extends AsyncDisposable {
  /** Makes it; the handshake is under way. @throws ConnectionClosed */
  connect(): Promise<tls.TLSSocket>;
}

/** The promise, or the end of the socket. */
async function orClosed(socket: net.Socket, promise: Promise<unknown>): Promise<void> {
  const gone = once(socket, "close").then(() => {
    throw new ConnectionClosed("the connection is closed");
  });
  gone.catch(ignore);
  if (socket.closed) throw new ConnectionClosed("the connection is closed");
  await Promise.race([promise.catch(() => gone), gone]);
}

/** Uploads, from the offer to the final reply. */
export async function store(client: TlsClient, name: string, bytes: Buffer, mode: DataMode): Promise<Reply> {
  await using data = await client.data(mode);
  client.socket.write(`STOR ${name}\r\n`);
  const connecting = data.connect();
  connecting.catch(ignore);
  await client.expectReply(150);
  const socket = await connecting;
  socket.end(bytes).resume();
  const final = await client.reply();
  if (!socket.closed) await within(once(socket, "close"), "the data connection closing");
  return final;
}

/** Downloads, from the offer to the final reply, which must be 226. */
export async function retrieve(client: TlsClient, command: string, mode: DataMode): Promise<Buffer> {
  await using data = await client.data(mode);
  client.socket.write(`${command}\r\n`);
  const connecting = data.connect();
  connecting.catch(ignore);
  await client.expectReply(150);
  const chunks: Buffer[] = [];
  const socket = await connecting;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await within(once(socket, "close"), "the data connection closing");
  await client.expectReply(226);
  return Buffer.concat(chunks);
}

function ignore(): undefined {
  return undefined;
}
