/** Plays a script against a server, over real sockets: sends while it listens, and does with data connections what the script says. */
import net from "node:net";
import { eprtCommand, listen, parseEpsv, parsePasv, portCommand, protect, reset } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, within } from "../kit/temporary.js";
import { cut } from "./arbitraries.js";
import { type Answered, expectationsOf, objectionTo } from "./oracle.js";
import { ADDRESS, type DataPlan, type Script } from "./scripts.js";

const HOST = "127.0.0.1";
/** What uploads consist of. */
const UPLOAD = bytesOf(30_000, 9);
/** Milliseconds in which a dialogue of a dozen lines is over, all the server's time-outs included. */
const PATIENCE = 30_000;

/** Plays it. @throws Error where a reply is malformed, too many, too few, or of another code than the row permits */
export async function play(script: Script, port: number): Promise<void> {
  await using client = await ScriptedClient.open(port, HOST);
  await client.expectReply(220);
  if (script.secure) await client.negotiate({ version: "TLSv1.3" });
  if (script.login) await client.login();
  await using data = await DataSide.begin(client, script.data);
  const bytes = bytesToSend(script, data.port);
  const listening = repliesOf(client, data);
  const whole = await send(client, script, bytes);
  const { codes, crossed } = await within(
    listening,
    () => `the end of ${JSON.stringify(bytes.toString("latin1"))}`,
    PATIENCE,
  );
  const lines = expectationsOf(bytes);
  // Where the server has gone first, the rest cannot have arrived.
  const cutShort = crossed || !whole || script.farewell === "RST";
  const objection = objectionTo(lines, { codes, cutShort });
  if (objection !== undefined)
    throw new Error(`${objection}; lines: ${lines.map(({ text }) => text.slice(0, 60)).join(" | ")}`);
}

function bytesToSend({ lines, farewell, share }: Script, port: number): Buffer {
  const addresses = { PORT: portCommand(HOST, port), EPRT: eprtCommand(HOST, port) };
  const filled = lines.map((line) => {
    const text = line.toString("latin1");
    const made = text.replace(`PORT ${ADDRESS}`, addresses.PORT).replace(`EPRT ${ADDRESS}`, addresses.EPRT);
    return Buffer.from(made, "latin1");
  });
  const all = Buffer.concat(filled);
  if (farewell !== "QUIT") return all.subarray(0, Math.ceil(all.length * share));
  // Whatever Telnet or line is open is ended before.
  return Buffer.concat([all, Buffer.from("\xf0\xff\xf0\r\nQUIT\r\n", "latin1")]);
}

/** @returns whether all has been sent to a server that was there */
async function send(client: ScriptedClient, { sizes, farewell }: Script, bytes: Buffer): Promise<boolean> {
  for (const piece of cut(bytes, sizes)) {
    const { socket } = client;
    if (socket.destroyed || socket.readableEnded) return false;
    client.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (farewell === "FIN") client.end();
  if (farewell === "RST") client.reset();
  return true;
}

/** Every reply until the end of the connection. */
async function repliesOf(
  client: ScriptedClient,
  data: DataSide,
): Promise<Pick<Answered, "codes"> & { crossed: boolean }> {
  const codes: number[] = [];
  for (;;) {
    const reply = await client.reply(PATIENCE).catch((error: Error) => {
      if (/^the connection is closed|^(read|write) (ECONNRESET|EPIPE)/.test(error.message)) return undefined;
      throw error;
    });
    if (reply === undefined) return { codes, crossed: false };
    codes.push(reply.code);
    if (reply.code === 227) data.connect(parsePasv(reply).port);
    if (reply.code === 229) data.connect(parseEpsv(reply));
    // What follows is TLS, or clear text, and this client does not go along.
    if (reply.code === 234) {
      client.reset();
      return { codes, crossed: true };
    }
  }
}

/** The client's ends of data connections. */
class DataSide implements AsyncDisposable {
  readonly #client: ScriptedClient;
  readonly #plans: readonly DataPlan[];
  readonly #listener: Awaited<ReturnType<typeof listen>>;
  readonly #sockets = new Set<net.Socket>();
  #next = 0;
  #over = false;

  private constructor(
    client: ScriptedClient,
    plans: readonly DataPlan[],
    listener: Awaited<ReturnType<typeof listen>>,
  ) {
    this.#client = client;
    this.#plans = plans;
    this.#listener = listener;
    void this.#accept();
  }

  static async begin(client: ScriptedClient, plans: readonly DataPlan[]): Promise<DataSide> {
    return new DataSide(client, plans, await listen(HOST));
  }

  /** Where the server connects to. */
  get port(): number {
    return this.#listener.port;
  }

  /** Connects to a port of the server's, where the plan says so. */
  connect(port: number): void {
    const plan = this.#plan();
    if (plan === "never") return;
    for (let times = plan === "twice" ? 2 : 1; times > 0; times--) this.#live(net.connect({ port, host: HOST }), plan);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    for (const socket of this.#sockets) socket.destroy();
    // The last accept is waiting for a connection: it shall have one.
    const last = net.connect({ port: this.port, host: HOST }).on("error", () => undefined);
    await new Promise((resolve) => last.once("connect", resolve).once("close", resolve));
    last.destroy();
    await this.#listener.close();
  }

  async #accept(): Promise<void> {
    while (!this.#over) {
      const socket = await this.#listener.accept();
      if (this.#over) return void socket.destroy();
      this.#live(socket, this.#plan());
    }
  }

  #plan(): DataPlan {
    return this.#plans[this.#next++ % this.#plans.length] ?? "drain";
  }

  #live(raw: net.Socket, plan: DataPlan): void {
    raw.on("error", () => undefined);
    const socket = protect(this.#client, raw);
    socket.on("error", () => undefined);
    this.#sockets.add(socket);
    if (plan === "never" || plan === "silent") return;
    if (plan === "reset") return void (raw.connecting ? raw.once("connect", () => reset(socket)) : reset(socket));
    if (plan === "close") return void socket.destroy();
    socket.on("end", () => socket.end()).resume();
    if (plan === "pour") socket.end(UPLOAD);
  }
}
