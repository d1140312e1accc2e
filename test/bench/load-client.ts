/**
 * A client that costs little, so that the server is what is measured: bare sockets, replies by their last line, bytes
 * counted and dropped. Knows the commands that a client of a benchmark needs, and checks the codes of their replies.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { BLOCK, LINE, type Target, type TransferJob, wireBytes } from "./job.js";

const HOST = "127.0.0.1";
const NEWLINE = 10;
const TWO = 0x32;
/** Where all that comes over data connections goes, one piece over the other. */
const BIN = Buffer.allocUnsafe(2 ** 20);
const BINARY = Buffer.alloc(BLOCK, "portside\n");
const TEXT = Buffer.from(`${"x".repeat(LINE - 1)}\r\n`.repeat(BLOCK / LINE));

/** A control connection that is logged in. */
export class LoadClient {
  #socket: net.Socket;
  readonly #target: Target;
  #text = "";
  #lines = 0;
  #atStart = true;
  #session: Buffer | undefined;
  #resolve: ((line: string) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(socket: net.Socket, target: Target) {
    this.#socket = socket;
    this.#target = target;
    this.#listen();
  }

  /** Connects and logs in. @throws Error with what the server said instead */
  static async login(target: Target): Promise<LoadClient> {
    const client = new LoadClient(net.connect({ port: target.port, host: HOST, noDelay: true }), target);
    try {
      await client.#reply("2");
      if (target.tls) await client.#secure();
      await client.command(`USER ${target.username}`, "3");
      await client.command(`PASS ${target.password}`, "2");
      if (!target.tls) return client;
      await client.command("PBSZ 0", "2");
      await client.command("PROT P", "2");
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** Sends a line. @returns the last line of the reply, which must begin with one of these digits */
  command(line: string, digits: string): Promise<string> {
    this.#socket.write(`${line}\r\n`, "latin1");
    return this.#reply(digits);
  }

  /** Sends commands whose replies have one line each, and waits until as many have come. */
  async pipeline(commands: Buffer, count: number): Promise<void> {
    this.#lines = count;
    this.#atStart = true;
    this.#socket.write(commands);
    await this.#wait();
  }

  async quit(): Promise<void> {
    await this.command("QUIT", "2");
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** @returns bytes that came, and how many milliseconds after the command the first of them did */
  async receive(command: string): Promise<{ wire: number; firstByte: number }> {
    const port = await this.#passive();
    let wire = 0;
    let first = 0;
    const data = this.#connect(port, (length) => {
      if (wire === 0) first = performance.now();
      wire += length;
    });
    try {
      const closed = once(data, "close");
      closed.catch(() => undefined);
      data.resume();
      const asked = performance.now();
      await this.command(command, "1");
      await this.#reply("2");
      await closed;
      return { wire, firstByte: first - asked };
    } finally {
      data.destroy();
    }
  }

  /** @returns bytes that went */
  async send(job: TransferJob, name: string): Promise<number> {
    const data = this.#connect(await this.#passive(), () => undefined);
    const block = job.type === "A" ? TEXT : BINARY;
    const wire = wireBytes(job);
    const piece = wire < block.length ? block.subarray(0, wire) : block;
    try {
      const closed = once(data, "close");
      closed.catch(() => undefined);
      data.resume();
      await this.command(`STOR ${job.path}/${name}`, "1");
      for (let sent = piece.length; sent < wire; sent += piece.length) {
        if (!data.write(piece)) await Promise.race([once(data, "drain"), closed]);
      }
      data.end(piece);
      await this.#reply("2");
      return wire;
    } finally {
      data.destroy();
    }
  }

  async #passive(): Promise<number> {
    const line = await this.command("EPSV", "2");
    return Number(/\|(\d+)\|\)/.exec(line)?.[1]);
  }

  /** Over TLS the session of the control connection is offered, as clients do. */
  #connect(port: number, came: (length: number) => void): net.Socket {
    const onread = {
      buffer: BIN,
      callback: (length: number): boolean => {
        came(length);
        return true;
      },
    };
    const place = { port, host: HOST, onread };
    const secured: tls.ConnectionOptions & typeof place = { ...place, ...secure(this.#session) };
    const data = this.#target.tls ? tls.connect(secured) : net.connect(place);
    return data.on("error", () => undefined); // the reply tells
  }

  async #secure(): Promise<void> {
    await this.command("AUTH TLS", "2");
    this.#socket.removeAllListeners();
    const socket = tls.connect({ ...secure(undefined), socket: this.#socket });
    socket.on("session", (session) => {
      this.#session = session;
    });
    this.#socket = socket;
    this.#listen();
    await Promise.race([once(socket, "secureConnect"), this.#wait()]);
    this.#resolve = undefined;
  }

  #listen(): void {
    const closed = (): void => {
      this.#reject?.(new Error("the connection was closed"));
      this.#resolve = undefined;
    };
    this.#socket.on("data", this.#came).on("error", closed).on("close", closed);
  }

  readonly #came = (chunk: Buffer): void => {
    if (this.#lines > 0) return this.#count(chunk);
    this.#text += chunk.toString("latin1");
    this.#look();
  };

  #count(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      if (this.#atStart && chunk[start] !== TWO)
        this.#reject?.(new Error(`no 2yz: ${chunk.toString("latin1", start)}`));
      const end = chunk.indexOf(NEWLINE, start);
      this.#atStart = end >= 0;
      if (!this.#atStart) return;
      start = end + 1;
      if (--this.#lines === 0) this.#resolve?.("");
    }
  }

  #look(): void {
    while (this.#resolve !== undefined) {
      const end = this.#text.indexOf("\n");
      if (end < 0) return;
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      if (/^\d{3} /.test(line)) {
        this.#resolve(line);
        this.#resolve = undefined;
      }
    }
  }

  async #reply(digits: string): Promise<string> {
    const waiting = this.#wait();
    this.#look();
    const line = await waiting;
    if (!digits.includes(line.charAt(0))) throw new Error(line.trim());
    return line;
  }

  #wait(): Promise<string> {
    if (this.#socket.destroyed) return Promise.reject(new Error("the connection was closed"));
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
}

function secure(session: Buffer | undefined): tls.ConnectionOptions {
  return { rejectUnauthorized: false, minVersion: "TLSv1.3", ...(session && { session }) };
}
