/**
 * A server under TLS as a process of its own, which measures itself: what attacks cost must not be mixed with what the
 * attackers need. Talks to its parent by IPC.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { MemoryFileSystem, Server } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { UNBOUNDED } from "../kit/serve.js";
import { within } from "../kit/temporary.js";
import { type Cost, measure, reachable } from "./kit-measure.js";

/** How the process is now. */
export interface Condition {
  readonly sessions: number;
  /** Bytes that can be reached. */
  readonly reachable: number;
  /** Sockets that are open. */
  readonly sockets: number;
  /** Rejections and exceptions that nobody caught. */
  readonly failures: readonly string[];
}

type Order = "look" | "begin" | "end";
type Report = Condition | Cost | Ports;
interface Ports {
  readonly explicit: number;
  readonly implicit: number;
}

/** A server in another process, from the outside. */
export class ChildServer implements AsyncDisposable {
  readonly ports: Ports;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: Ports) {
    this.#child = child;
    this.ports = ports;
  }

  /** Starts one. @param handshakeTimeout milliseconds */
  static async start(handshakeTimeout: number): Promise<ChildServer> {
    const child = fork(new URL(import.meta.url), ["--serve", String(handshakeTimeout)]);
    const [ports] = (await within(once(child, "message"), "the ports of the child")) as [Ports];
    return new ChildServer(child, ports);
  }

  look(): Promise<Condition> {
    return this.#ask("look") as Promise<Condition>;
  }

  /** Begins to measure. */
  async begin(): Promise<void> {
    await this.#ask("begin");
  }

  /** What it has cost since `begin`. */
  end(): Promise<Cost> {
    return this.#ask("end") as Promise<Cost>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill();
    await exit;
  }

  async #ask(order: Order): Promise<Report> {
    const answer = once(this.#child, "message");
    this.#child.send(order);
    const [report] = (await within(answer, `the child's answer to ${order}`)) as [Report];
    return report;
  }
}

async function serveParent(handshakeTimeout: number): Promise<void> {
  const failures: string[] = [];
  const record = (error: unknown): unknown => failures.push(String(error));
  process.on("unhandledRejection", record).on("uncaughtException", record);
  const { server: pair } = await testCertificates();
  const server = new Server({
    ...UNBOUNDED,
    listeners: [
      { host: "127.0.0.1", port: 0 },
      { host: "127.0.0.1", port: 0, implicitTls: true },
    ],
    tls: { ...pair, handshakeTimeout },
  });
  server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
  await server.listen();
  let stop: () => void = () => undefined;
  let cost: Promise<Cost> | undefined;
  const obey = async (order: Order): Promise<Report | undefined> => {
    if (order === "begin") {
      const stopped = new Promise<void>((resolve) => {
        stop = resolve;
      });
      cost = measure(() => stopped);
    }
    if (order === "end") stop();
    if (order === "end") return cost;
    const sockets = process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    return { sessions: server.sessions.length, reachable: reachable(), sockets, failures };
  };
  process.on("message", (order: Order) => void obey(order).then((report) => process.send?.(report)));
  const [explicit, implicit] = server.addresses.map(({ port }) => port);
  process.send?.({ explicit, implicit });
}

const [what, handshakeTimeout] = process.argv.slice(2);
if (what === "--serve") await serveParent(Number(handshakeTimeout));
