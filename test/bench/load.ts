/**
 * The processes that make the load, as their parent sees them: jobs are divided among them, and what they measured is
 * put together. Knows nothing of the servers.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { within } from "../kit/temporary.js";
import type { Figures, Job, Order, Report, Target } from "./job.js";

/** Milliseconds that one job may take, preparing it or doing it. */
const DEADLINE = 300_000;

export class Load implements Disposable {
  readonly #children: readonly ChildProcess[];
  #busy: readonly ChildProcess[] = [];

  /** Starts so many processes. */
  constructor(count: number) {
    const program = join(import.meta.dirname, "load-child.js");
    this.#children = Array.from({ length: count }, () =>
      fork(program, { stdio: ["ignore", "ignore", "inherit", "ipc"] }),
    );
  }

  /** Logs in what the job needs. @throws Error with what a server said instead */
  async prepare(job: Job, target: Target): Promise<void> {
    const parts = divide(job, this.#children.length);
    this.#busy = this.#children.slice(0, parts.length);
    await Promise.all(
      this.#busy.map((child, index) => ask(child, { kind: "prepare", job: parts[index] ?? job, target })),
    );
  }

  /** Does what was prepared. */
  async go(): Promise<Figures> {
    const reports = await Promise.all(this.#busy.map((child) => ask(child, { kind: "go" })));
    return together(reports.flatMap((report) => (report.kind === "figures" ? [report.figures] : [])));
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

async function ask(child: ChildProcess, order: Order): Promise<Report> {
  const over = new AbortController();
  const { signal } = over;
  const gone = (): never => {
    throw new Error("the client has ended");
  };
  if (!child.connected) gone();
  try {
    const answered = once(child, "message", { signal }).then(([report]) => report as Report);
    const ended = once(child, "exit", { signal }).then(gone);
    const first = Promise.race([answered, ended]);
    child.send(order);
    const report = await within(first, `${order.kind} of a job`, DEADLINE);
    if (report.kind === "failed") throw new Error(report.complaint);
    return report;
  } finally {
    over.abort();
  }
}

/** What each of so many processes does; fewer where there are not as many clients. */
function divide(job: Job, count: number): Job[] {
  const parts = Math.min(count, job.clients);
  const share = (whole: number, index: number): number => Math.floor((whole + index) / parts);
  return Array.from({ length: parts }, (_, index) => ({
    ...job,
    clients: share(job.clients, index),
    idle: share(job.idle, index),
  }));
}

function together(all: readonly Figures[]): Figures {
  const sum = (of: (figures: Figures) => number): number => all.reduce((total, figures) => total + of(figures), 0);
  const most = (of: (figures: Figures) => number): number => Math.max(...all.map(of));
  return {
    begun: -most(({ begun }) => -begun),
    ended: most(({ ended }) => ended),
    operations: sum(({ operations }) => operations),
    errors: sum(({ errors }) => errors),
    complaint: all.find(({ complaint }) => complaint !== undefined)?.complaint,
    clientSeconds: sum(({ clientSeconds }) => clientSeconds),
    wire: sum(({ wire }) => wire),
    p50: sum(({ p50 }) => p50) / all.length,
    p99: most(({ p99 }) => p99),
    slowest: most(({ slowest }) => slowest),
    mean: sum(({ mean }) => mean) / all.length,
    firstByte: all[0]?.firstByte,
  };
}
