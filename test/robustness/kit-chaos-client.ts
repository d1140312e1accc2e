/**
 * A client that does what chance tells it: commands in any order, several in a segment or one in many, data
 * connections that come, stall, break or never come, and exits at any moment. It keeps the books: each command has
 * exactly one final reply, or the connection ends.
 */
import assert from "node:assert/strict";
import net from "node:net";
import { listen, parseEpsv, parsePasv, portCommand, protect, reset } from "../kit/data.js";
import type { Reply, ScriptedClient } from "../kit/scripted-client.js";
import { CONTENTS, contentOf, recordOf } from "./kit-chaos-files.js";
import type { Random } from "./kit-random.js";

/** Milliseconds in which the server must have answered, its own time-outs included. */
const PATIENCE = 20_000;

const PATHS = [
  ".",
  "/",
  "..",
  "whole-1",
  "whole-5",
  "many-2",
  "dir-1",
  "moved-3",
  "nothing",
  "out",
  "out/canary",
  "../outside/canary",
  "up/outside/canary",
  "a\0b",
  "*",
  "-la",
  " ",
  "witness.bin/x",
];
const PLAIN = [
  "NOOP",
  "PWD",
  "SYST",
  "FEAT",
  "HELP",
  "STAT",
  "ABOR",
  "CDUP",
  "EPSV",
  "PASV",
  "TYPE I",
  "TYPE A",
  "TYPE E",
  "MODE S",
  "STRU F",
  "SITE HELP",
  "OPTS MLST type;size;",
  "REST 3",
  "REST 99999999999",
  "REST x",
  "ALLO 10",
  "PASS",
  "ACCT x",
  "SMNT /",
  "XYZZY",
  "",
  "RETR",
  "EPSV 3",
  "PORT 1,2,3,4,5,6",
  "EPRT |1|127.0.0.1|80|",
  "\xff\xf4\xff\xf2ABOR",
  "MLST",
  "SITE UMASK",
  "LANG",
  "CLNT chaos",
  `CWD ${"x".repeat(9000)}`,
] as const;
const WITH_PATH = [
  "CWD",
  "SIZE",
  "MDTM",
  "MLST",
  "STAT",
  "DELE",
  "RMD",
  "SITE CHMOD 644",
  "MFMT 20200101000000",
] as const;

/** Where the next data connection goes. */
type Endpoint =
  | { readonly port: number }
  | { readonly accept: () => Promise<net.Socket>; readonly close: () => Promise<void> };

export class ChaosClient {
  readonly #client: ScriptedClient;
  readonly #random: Random;
  readonly #log: string[] = [];
  #endpoint: Endpoint | undefined;
  #left = false;
  readonly #data = new Set<net.Socket>();

  constructor(client: ScriptedClient, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  /** Lives for so many steps, or until the connection ends. */
  async live(steps: number): Promise<void> {
    try {
      if (this.#random.chance(0.9)) await this.#exchange(["USER test", "PASS secret"]);
      for (let step = 0; step < steps && !this.#left; step++) await this.#step();
      if (!this.#left) await this.#exchange(["QUIT"]);
    } catch (cause) {
      throw new Error(`after ${JSON.stringify(this.#log.slice(-12))}: ${String(cause)}`, { cause });
    } finally {
      await this.#dropOffer();
      for (const socket of this.#data) socket.destroy();
      await this.#client[Symbol.asyncDispose]();
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.03)) return this.#leave();
    if (random.chance(0.35)) return this.#transfer();
    if (random.chance(0.1)) return void (await this.#exchange(this.#rename()));
    await this.#exchange(Array.from({ length: 1 + random.below(4) }, () => this.#command()));
  }

  #command(): string {
    const random = this.#random;
    const index = random.below(10);
    if (random.chance(0.1)) return random.pick([`MKD dir-${index}`, `RMD dir-${index}`, `RNTO moved-${index}`]);
    return random.chance(0.6) ? random.pick(PLAIN) : `${random.pick(WITH_PATH)} ${random.pick(PATHS)}`;
  }

  /** Only a whole file gets another name, and none that says something else of it. */
  #rename(): readonly string[] {
    const from = `${this.#random.pick(["whole-", "moved-"])}${this.#random.below(CONTENTS)}`;
    const to = this.#random.pick([
      `moved-${this.#random.below(CONTENTS)}`,
      "/",
      "../outside/x",
      "out/x",
      "dir-1/moved-2",
    ]);
    return this.#random.chance(0.9) ? [`RNFR ${from}`, `RNTO ${to}`] : [`RNFR ${from}`];
  }

  /** Sends commands in random pieces and takes exactly one final reply for each. */
  async #exchange(
    commands: readonly string[],
    during: () => Promise<unknown> = async () => undefined,
  ): Promise<Reply[]> {
    this.#log.push(...commands);
    const bytes = Buffer.from(commands.map((command) => `${command}\r\n`).join(""), "latin1");
    for (const piece of this.#random.pieces(bytes)) {
      this.#client.send(piece);
      if (this.#random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    }
    const [finals] = await Promise.all([this.#finals(commands.length), during()]);
    return finals;
  }

  async #finals(wanted: number): Promise<Reply[]> {
    const finals: Reply[] = [];
    let preliminary = 0;
    while (finals.length < wanted) {
      const reply = await this.#next();
      if (reply === undefined) return finals;
      this.#log.push(String(reply.code));
      if (reply.code < 200) assert(++preliminary <= wanted, "more preliminary replies than commands");
      else finals.push(reply);
      if (reply.code === 227) this.#endpoint = parsePasv(reply);
      if (reply.code === 229) this.#endpoint = { port: parseEpsv(reply) };
    }
    return finals;
  }

  /** The next reply; `undefined` where the connection has ended in order, or by our own doing. */
  async #next(): Promise<Reply | undefined> {
    try {
      return await this.#client.reply(PATIENCE);
    } catch (error) {
      if (!/^the connection is closed|^This socket has been ended|ECONNRESET|EPIPE/.test((error as Error).message))
        throw error;
      const last = this.#client.transcript.toString().trimEnd().split("\r\n").at(-1) ?? "";
      // Nobody but us ends a session without a word, except where the word was 421 or 221.
      assert(this.#left || /^(421|221) /.test(last), `the server left without a word; last: ${last}`);
      this.#left = true;
      return undefined;
    }
  }

  async #transfer(): Promise<void> {
    const random = this.#random;
    await this.#offer();
    const index = random.below(CONTENTS);
    const [command, bytes] = random.pick([
      [`RETR whole-${index}`, undefined],
      ["LIST -R", undefined],
      [random.pick(["NLST", "MLSD", "LIST whole-*", "RETR nothing", "RETR out/canary"]), undefined],
      [`STOR whole-${index}`, contentOf(index)],
      ["STOU", contentOf(index)],
      [`APPE many-${index}`, recordOf(index)],
      [random.pick(["STOR out/x", "STOR up/outside/canary", "STOR /", "APPE out/canary"]), contentOf(0)],
    ] as const);
    const commands = random.chance(0.15) ? [command, random.pick(["ABOR", "STAT", "NOOP"])] : [command];
    if (bytes !== undefined) await this.#exchange(["REST 0"]);
    await this.#exchange(commands, () => this.#move(bytes));
    await this.#dropOffer();
  }

  async #offer(): Promise<void> {
    await this.#dropOffer();
    if (this.#random.chance(0.7)) return void (await this.#exchange([this.#random.pick(["EPSV", "PASV"])]));
    const listener = await listen("127.0.0.1");
    await this.#exchange([portCommand("127.0.0.1", listener.port)]);
    this.#endpoint = { accept: () => listener.accept(), close: () => listener.close() };
  }

  async #dropOffer(): Promise<void> {
    if (this.#endpoint !== undefined && "close" in this.#endpoint) await this.#endpoint.close();
    this.#endpoint = undefined;
  }

  /** Moves bytes, or does what clients should not. */
  async #move(bytes: Buffer | undefined): Promise<void> {
    const endpoint = this.#endpoint;
    const random = this.#random;
    // Never comes: the server's time-out, or ABOR, ends the transfer.
    if (endpoint === undefined || random.chance(0.05)) return;
    const raw = "port" in endpoint ? net.connect(endpoint.port, "127.0.0.1") : await this.#arrival(endpoint);
    if (raw === undefined) return;
    raw.on("error", () => undefined);
    const socket = protect(this.#client, raw);
    this.#data.add(socket);
    socket.on("error", () => undefined);
    if (random.chance(0.1)) return strikeDown(socket);
    // To an upload this would be its end.
    if (bytes === undefined && random.chance(0.05)) return void socket.destroy();
    // Connects and says nothing: the stall time-out ends it.
    if (random.chance(0.03)) return;
    if (bytes === undefined) return this.#receive(socket);
    await this.#upload(socket, bytes);
  }

  /** The server's connection; `undefined` where the transfer has ended without one. */
  async #arrival(endpoint: Extract<Endpoint, { accept: unknown }>): Promise<net.Socket | undefined> {
    const arrival = endpoint.accept();
    arrival.catch(() => undefined);
    const none = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), 500).unref();
    });
    return Promise.race([arrival, none]);
  }

  #receive(socket: net.Socket): void {
    const limit = this.#random.chance(0.15) ? this.#random.below(200_000) : Number.POSITIVE_INFINITY;
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received > limit) strikeDown(socket);
    });
    socket.on("end", () => socket.end());
  }

  async #upload(socket: net.Socket, bytes: Buffer): Promise<void> {
    const breaksAt = this.#random.chance(0.15) ? this.#random.below(bytes.length) : bytes.length;
    socket.resume();
    socket.write(bytes.subarray(0, breaksAt));
    if (breaksAt < bytes.length) strikeDown(socket);
    else socket.end();
  }

  async #leave(): Promise<void> {
    this.#left = true;
    this.#log.push("leaves");
    const { socket } = this.#client;
    this.#random.pick([() => this.#client.reset(), () => socket.destroy(), () => socket.end()])();
    await this.#client.expectClosed(PATIENCE);
  }
}

/** Resets a connection, as soon as there is one. */
function strikeDown(socket: net.Socket): void {
  if (socket.connecting) socket.once("connect", () => reset(socket));
  else if (!socket.destroyed) reset(socket);
}
