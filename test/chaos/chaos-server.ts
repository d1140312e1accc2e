/** The server of `chaos-child.ts`, started and asked, and looked at from outside: descriptors and memory as the system counts them. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Pair } from "../kit/certificates.js";
import { until, within } from "../kit/temporary.js";

/** What the child serves, and how. */
export interface ChaosSetting {
  readonly seed: number;
  readonly root: string;
  readonly pair: Pair;
  readonly ports: readonly [number, number];
  /** Whether stores are faulty. */
  readonly faults: boolean;
}

/** What the child is told. */
export type ChaosOrder =
  | { readonly kind: "start"; readonly setting: ChaosSetting }
  | { readonly kind: "report" }
  | { readonly kind: "renew"; readonly pair: Pair }
  | { readonly kind: "restart"; readonly drain: number }
  | { readonly kind: "close" };

/** What the child answers. */
export interface ChaosReport {
  readonly port: number;
  /** What clients hold now. */
  readonly held: Readonly<Record<"sessions" | "moving" | "leases" | "stores", number>>;
  /** What keeps the process, by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** What is reachable after a collection of garbage. */
  readonly bytes: number;
  /** Warnings, errors that nobody has planned, and what nobody has caught. */
  readonly failures: readonly string[];
  /** Since the beginning. `transfers` are whole; `faults` have struck; `latest` is by how many milliseconds a timer was late. */
  readonly totals: Readonly<
    Record<"sessions" | "transfers" | "broken" | "limited" | "faults" | "errors" | "latest", number>
  >;
}

/** Milliseconds that an order may take: `close` waits for stores that do not let go. */
const PATIENCE = 20_000;

/** A server in a process of its own. Disposing it closes it, and fails where the process does not end by itself. */
export class ChaosServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(setting: ChaosSetting): Promise<ChaosServer> {
    const child = fork(join(import.meta.dirname, "chaos-child.js"), { serialization: "advanced" });
    const { port } = await tell(child, { kind: "start", setting });
    return new ChaosServer(child, port);
  }

  /** Gives an order, and what the child holds behind it. */
  tell(order: ChaosOrder): Promise<ChaosReport> {
    return tell(this.#child, order);
  }

  /** What it holds once no client is left. @throws Error where something of a client stays */
  async atRest(): Promise<ChaosReport> {
    let last: ChaosReport | undefined;
    const idle = async (): Promise<boolean> => {
      last = await this.tell({ kind: "report" });
      return Object.values(last.held).every((count) => count === 0);
    };
    await until(idle, PATIENCE).catch(() => assert.deepEqual(last?.held, {}, "clients are gone, and this is left"));
    return last as ChaosReport;
  }

  /** Open file descriptors, by what they lead to. */
  descriptors(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    const folder = `/proc/${this.#child.pid}/fd`;
    for (const fd of readdirSync(folder)) {
      const kind = readlinkSync(join(folder, fd)).replace(/\[\d+\]$/, "");
      if (!kind.startsWith("/dev/")) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  /** Bytes of resident memory. */
  resident(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Asserts that the process is there. */
  assertAlive(): void {
    assert.equal(this.#child.exitCode ?? this.#child.signalCode, null, "the server process has ended");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    try {
      await this.tell({ kind: "close" });
      await within(exited, "the server process ending by itself");
    } finally {
      this.#child.kill("SIGKILL");
    }
  }
}

/** Orders are given one after another. */
const turns = new WeakMap<ChildProcess, Promise<unknown>>();

function tell(child: ChildProcess, order: ChaosOrder): Promise<ChaosReport> {
  const turn = (turns.get(child) ?? Promise.resolve()).then(async () => {
    const over = new AbortController();
    const answered = once(child, "message", { signal: over.signal }) as Promise<[ChaosReport]>;
    const exited = once(child, "exit", { signal: over.signal }).then(([code, signal]) => {
      throw new Error(`the server process has ended: ${String(code ?? signal)}`);
    });
    for (const wait of [answered, exited]) wait.catch(() => undefined);
    child.send(order);
    try {
      return (await within(Promise.race([answered, exited]), `the server process: ${order.kind}`, PATIENCE))[0];
    } finally {
      over.abort();
    }
  });
  turns.set(
    child,
    turn.catch(() => undefined),
  );
  return turn;
}
