/**
 * A program that attacks a server from a process of its own, so that what it costs can be measured in the server's: it
 * sends the same bytes over and over, and reads what comes back or does not. Talks to its parent by IPC.
 */
import { fork } from "node:child_process";
import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What is to be done. */
export interface Orders {
  readonly port: number;
  /** Whether to log in as the test user before. */
  readonly login: boolean;
  /** Sent `times` times. */
  readonly bytes: Uint8Array;
  readonly times: number;
  /** Whether the replies are read while the flood goes on. */
  readonly reads: boolean;
  /** Sent at the end, if the server still takes it. */
  readonly last?: string;
  /** Milliseconds without a byte taken or sent by the server after which the flooder gives up. */
  readonly patience: number;
}

/** What came of it. */
export interface Report {
  /** Bytes that the system took, the flooder's own buffers included. */
  readonly sent: number;
  readonly received: number;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
  /** The end of what was received. */
  readonly tail: string;
}

/** Bytes handed to the system at once. */
const PIECE = 256 * 1024;

/** Runs the flooder to its end. */
export async function flood(orders: Orders): Promise<Report> {
  const child = fork(new URL(import.meta.url), ["--flood"], { serialization: "advanced" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let report: Report | undefined;
  child.once("message", (message) => {
    report = message as Report;
  });
  child.send(orders);
  await ended;
  if (report === undefined) throw new Error("the flooder ended without a report");
  return report;
}

class Flooder {
  readonly #socket: net.Socket;
  readonly #orders: Orders;
  #received = 0;
  #tail = "";
  #closed = false;

  constructor(socket: net.Socket, orders: Orders) {
    this.#socket = socket;
    this.#orders = orders;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.once("end", () => (this.#closed = true));
    socket.once("close", () => (this.#closed = true));
  }

  async run(): Promise<Report> {
    const { login, bytes, times, reads, last } = this.#orders;
    await this.#expect(/^220 /m);
    if (login) this.#socket.write("USER test\r\nPASS secret\r\n");
    if (login) await this.#expect(/^230 /m);
    const before = this.#socket.bytesWritten;
    if (!reads) this.#socket.pause();
    const piece = Buffer.concat(Array.from({ length: Math.ceil(Math.min(PIECE / bytes.length, times)) }, () => bytes));
    for (let left = bytes.length * times; left > 0 && !this.#closed; left -= piece.length) {
      this.#socket.write(piece.subarray(0, left));
      if (this.#socket.writableLength > PIECE && !(await this.#moves())) break;
    }
    if (last !== undefined && !this.#closed) this.#socket.write(last);
    while (!this.#closed && (await this.#moves()));
    const sent = this.#socket.bytesWritten - this.#socket.writableLength - before;
    const closed = this.#closed || (await this.#isEnded());
    this.#socket.resetAndDestroy();
    return { sent, received: this.#received, closed, tail: this.#tail };
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length;
    this.#tail = (this.#tail + chunk.toString("latin1")).slice(-200);
  }

  async #expect(what: RegExp): Promise<void> {
    while (!what.test(this.#tail)) {
      if (this.#closed) throw new Error(`closed: ${this.#tail}`);
      await pause(1);
    }
  }

  /** Whether anything moves while patience lasts. */
  async #moves(): Promise<boolean> {
    const state = this.#state();
    for (let waited = 0; waited < this.#orders.patience && !this.#closed; waited += 5) {
      await pause(5);
      if (this.#state() !== state) return true;
    }
    return false;
  }

  #state(): string {
    return `${this.#socket.bytesWritten - this.#socket.writableLength} ${this.#received}`;
  }

  /** One that does not read only learns of the end when it does. */
  async #isEnded(): Promise<boolean> {
    this.#socket.resume();
    while (!this.#closed && (await this.#moves()));
    return this.#closed;
  }
}

if (process.argv[2] === "--flood") {
  process.once("message", (message) => {
    const orders = message as Orders;
    const socket = net.connect({ port: orders.port, host: "127.0.0.1", noDelay: true });
    void new Flooder(socket, orders).run().then((report) => process.send?.(report, () => process.disconnect()));
  });
}
