/**
 * Many clients in a process of their own: they log in and say nothing more, or each moves a file in both directions.
 * Speaks with its parent by messages; run by `kit-idle.ts`.
 */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import type { CrowdOrder, CrowdReport } from "./kit-idle.js";

/** Handshakes and logins that go on at once: less than the backlog of the server. */
const AT_ONCE = 100;
/** A loopback has ports for some 28,000 connections to one place from each address. */
const ADDRESSES = 5;

const clients: Client[] = [];

/** One client, with what it has read and nobody has looked at. */
class Client {
  socket: net.Socket;
  #text = "";
  #wake: () => void = () => undefined;

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.#listen();
  }

  /** Sends a line, and waits for a reply with the code. */
  async say(line: string, code: number): Promise<string> {
    if (line !== "") this.socket.write(`${line}\r\n`);
    const end = new RegExp(`^${code} .*\\r\\n`, "m");
    for (;;) {
      const found = end.exec(this.#text);
      if (found !== null) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found[0];
      }
      if (this.socket.destroyed || /^[45]\d\d /m.test(this.#text)) throw new Error(`${line}: ${this.#text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async secure(ca: string): Promise<void> {
    this.socket.removeAllListeners("data");
    this.socket = tls.connect({ socket: this.socket, ca, servername: "localhost", minVersion: "TLSv1.3" });
    await once(this.socket, "secureConnect");
    this.#listen();
  }

  #listen(): void {
    this.socket
      .on("data", (chunk: Buffer) => {
        this.#text += chunk.toString("latin1");
        this.#wake();
      })
      .on("error", () => this.#wake())
      .on("close", () => this.#wake());
  }
}

function connect(port: number, index: number): net.Socket {
  return net.connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${1 + (index % ADDRESSES)}` });
}

async function enter({ port, ca, bare }: Extract<CrowdOrder, { kind: "enter" }>, index: number): Promise<void> {
  const socket = connect(port, index);
  const client = new Client(socket);
  clients.push(client);
  if (bare && ca !== undefined) await client.secure(ca);
  await client.say("", 220);
  if (!bare && ca !== undefined) {
    await client.say("AUTH TLS", 234);
    await client.secure(ca);
  }
  if (!bare) await client.say(`USER user-${index}`, 331);
  await client.say("PASS secret", 230);
}

/** Downloads and uploads a megabyte. @returns bytes that came */
async function move(client: Client, index: number): Promise<number> {
  await client.say("TYPE I", 200);
  const down = await offered(client);
  let came = 0;
  down.on("data", (chunk: Buffer) => {
    came += chunk.length;
  });
  const ended = once(down, "end");
  await client.say("RETR large", 226);
  await ended;
  const up = await offered(client);
  up.end(Buffer.alloc(1_000_000, index));
  await client.say(`STOR file-${index}`, 226);
  const size = await client.say(`SIZE file-${index}`, 213);
  if (size.trim() !== "213 1000000") throw new Error(size);
  await client.say(`DELE file-${index}`, 250);
  return came;
}

async function offered(client: Client): Promise<net.Socket> {
  const port = /\|\|\|(\d+)\|/.exec(await client.say("EPSV", 229))?.[1];
  const socket = net.connect({ port: Number(port), host: "127.0.0.1", localAddress: client.socket.localAddress });
  socket.on("error", () => undefined);
  return socket;
}

async function inTurns(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function obey(order: CrowdOrder): Promise<CrowdReport> {
  const failures: string[] = [];
  const failed = (error: unknown): void => void failures.push(String(error));
  let bytes = 0;
  if (order.kind === "enter") await inTurns(order.count, (index) => enter(order, index).catch(failed));
  if (order.kind === "move")
    await Promise.all(
      clients.slice(0, order.count).map(async (client, index) => {
        const came = await move(client, index).catch(failed);
        bytes += came ?? 0;
      }),
    );
  if (order.kind === "leave") for (const { socket } of clients.splice(0)) socket.destroy();
  return { open: clients.filter(({ socket }) => !socket.destroyed).length, bytes, failures };
}

process.on("disconnect", () => process.exit());
process.on("message", (order: CrowdOrder) => void obey(order).then((report) => process.send?.(report)));
