/**
 * A server while it is measured: in a process of its own, on a free port, with what it uses. Whatever runs ends with this
 * program. Knows nothing of what is measured.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { ScriptedClient } from "../kit/scripted-client.js";
import { until, within } from "../kit/temporary.js";
import type { Ground } from "./ground.js";
import type { Target } from "./job.js";
import { Meter } from "./meter.js";
import type { Contender, Place } from "./servers.js";

/** Milliseconds until a server that was asked to end is killed. */
const PATIENCE = 3000;

/**
 * How many ports a server has for data connections, and below which they are: where the system looks for free ones, those
 * that a server has just used would slow down the next one's search.
 */
const PASSIVE_PORTS = 2500;
const EPHEMERAL = 32_768;

const running = new Set<Running>();
let started = 0;

process.on("exit", () => {
  for (const server of running) server.kill();
});

/** What clients will do. */
type Expected = Pick<Place, "tls" | "idle">;

export class Running implements AsyncDisposable {
  readonly contender: Contender;
  readonly target: Target;
  readonly meter: Meter;
  readonly #process: ChildProcess;
  readonly #scratch: string;

  private constructor(contender: Contender, target: Target, meter: Meter, process: ChildProcess, scratch: string) {
    this.contender = contender;
    this.target = target;
    this.meter = meter;
    this.#process = process;
    this.#scratch = scratch;
    running.add(this);
  }

  /** Resolves when it greets. @throws Error when it does not */
  static async start(contender: Contender, ground: Ground, { tls, idle }: Expected): Promise<Running> {
    const port = await freePort();
    const scratch = join(ground.home, `scratch-${started++}`);
    mkdirSync(scratch);
    const { files: folder, certificate, key } = ground;
    const meter = new Meter();
    const [program, ...args] = meter.launch(
      await contender.command({ folder, port, passive: passivePorts(), scratch, tls, idle, certificate, key }),
    );
    const process = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
    meter.pid = process.pid ?? 0;
    // Its number may be another's from then on.
    process.once("exit", () => {
      meter.pid = 0;
    });
    const { username, password } = contender;
    const server = new Running(contender, { port, username, password, tls }, meter, process, scratch);
    try {
      await until(() => !server.#alive || answers(port), undefined, `${contender.name} answering`);
      if (!server.#alive) throw new Error("it ended at once");
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** At once, with all its children. */
  kill(): void {
    for (const pid of this.meter.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // has ended
      }
    }
    this.#process.kill("SIGKILL");
    this.meter[Symbol.dispose]();
    rmSync(this.#scratch, { recursive: true, force: true });
    running.delete(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#alive) {
      const exited = once(this.#process, "exit");
      this.#process.kill();
      await within(exited, "the server's end", PATIENCE).catch(() => undefined);
    }
    this.kill();
  }
}

/** Each server has other ones than that before it; after the eleventh it is the first one's turn again. */
function passivePorts(): [first: number, last: number] {
  const first = EPHEMERAL - (1 + (started % 11)) * PASSIVE_PORTS;
  return [first, first + PASSIVE_PORTS - 1];
}

async function freePort(): Promise<number> {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as net.AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}

async function answers(port: number): Promise<boolean> {
  try {
    const client = await ScriptedClient.connect(port);
    await client[Symbol.asyncDispose]();
    return client.greeting.code === 220;
  } catch {
    return false;
  }
}
