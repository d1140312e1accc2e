/**
 * The client's end of a connection under TLS, with the bytes below TLS in the test's hands: what is sent can be held
 * back and cut, and how it ends is the test's choice. Knows nothing of FTP.
 */
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { reset } from "../kit/data.js";
import { within } from "../kit/temporary.js";

/** The versions that the server speaks. */
export const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
export type Version = (typeof VERSIONS)[number];

/** Options of a client that speaks one version, and does not care who the server is. */
export function only(version: Version): ConnectionOptions {
  return { minVersion: version, maxVersion: version, rejectUnauthorized: false };
}

/** Between TLS and the socket. TLS alone never ends the socket. */
class Wire extends Duplex {
  readonly #raw: net.Socket;
  #held: Buffer[] | undefined;
  /** Whether TLS was told of the socket's end of file. */
  exhausted = false;

  constructor(raw: net.Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    this.once("end", () => {
      this.exhausted = true;
    });
    raw.on("data", (chunk) => this.push(chunk)).on("error", () => undefined);
    let over = false;
    const end = () => {
      if (!over && !this.destroyed) this.push(null);
      over = true;
    };
    raw.once("end", end).once("close", end);
  }

  /** From now on what TLS sends is kept. */
  hold(): void {
    this.#held = [];
  }

  /** What was kept; from now on all is sent again. */
  taken(): Buffer {
    const held = Buffer.concat(this.#held ?? []);
    this.#held = undefined;
    return held;
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#held !== undefined) this.#held.push(chunk);
    if (this.#held !== undefined || !this.#raw.writable) done();
    else this.#raw.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.emit("said");
    done();
  }
}

/** One connection under TLS. */
export class SecureLine implements AsyncDisposable {
  /** The socket below. */
  readonly raw: net.Socket;
  readonly wire: Wire;
  readonly tls: TLSSocket;
  /** Sessions that the server has given us so far. */
  readonly sessions: Buffer[] = [];
  /** Whether the other side has ended TLS before it ended the socket. */
  endedInOrder = false;
  readonly #chunks: Buffer[] = [];
  readonly #secure: Promise<void>;

  /**
   * @param raw unread; the handshake begins now
   * @param held whether the hello is not to be sent yet
   */
  constructor(raw: net.Socket, options: ConnectionOptions, held = false) {
    this.raw = raw;
    this.wire = new Wire(raw);
    if (held) this.wire.hold();
    this.tls = connect({ rejectUnauthorized: false, ...options, socket: this.wire });
    this.tls.on("error", () => undefined).on("session", (session) => this.sessions.push(session));
    this.tls.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    this.tls.once("end", () => {
      this.endedInOrder = !this.wire.exhausted;
    });
    this.#secure = new Promise((resolve, reject) => {
      this.tls.once("secureConnect", resolve);
      this.tls.once("close", () => reject(new Error("closed in the handshake")));
    });
    this.#secure.catch(() => undefined);
  }

  /** What was received so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Waits for our end of the handshake. @throws where it fails */
  async shake(): Promise<this> {
    await within(this.#secure, "the handshake");
    return this;
  }

  /** Sends data, and waits until they are with the system. */
  async send(bytes: string | Uint8Array): Promise<void> {
    await within(new Promise((resolve) => this.tls.write(bytes, resolve)), "sending the data");
  }

  /** Sends close_notify, and waits until it is with the system. The socket stays. */
  async closeNotify(): Promise<void> {
    const said = once(this.wire, "said");
    this.tls.end();
    await within(said, "close_notify");
  }

  /** Sends bytes that TLS has not made. */
  async forge(bytes: Uint8Array): Promise<void> {
    await new Promise((resolve) => this.raw.write(bytes, resolve));
  }

  /** The records in which TLS would send something, unsent. */
  async recordsOf(say: () => Promise<void>): Promise<Buffer> {
    this.wire.hold();
    await say();
    return this.wire.taken();
  }

  /** FIN without a word of TLS. */
  fin(): void {
    this.raw.end();
  }

  /** RST and nothing else. */
  rst(): void {
    reset(this.raw);
  }

  /** Waits until the other side has ended, and ends the socket too. */
  async collect(): Promise<Buffer> {
    if (!this.tls.readableEnded && !this.tls.destroyed) {
      const over = new Promise<void>((resolve) => this.tls.once("end", resolve).once("close", () => resolve()));
      await within(over, "the end of the data");
    }
    this.raw.end();
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.raw.closed ? undefined : once(this.raw, "close").catch(() => undefined);
    this.tls.destroy();
    this.wire.destroy();
    this.raw.destroy();
    await closed;
  }
}

/** A socket that ends only where it is told to. */
export async function dial(port: number, host = "127.0.0.1"): Promise<net.Socket> {
  const socket = net.connect({ port, host, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => undefined);
  await within(once(socket, "connect"), `connecting to port ${port}`);
  return socket;
}

/** An alert as it goes in clear (RFC 8446 §6): anybody on the way can make one. */
export function alert(level: "warning" | "fatal", description: number): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, level === "warning" ? 1 : 2, description]);
}
