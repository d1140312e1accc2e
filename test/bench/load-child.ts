/**
 * A process that makes load: logs in what is needed, says so, and does its job when it is told to. Speaks with its parent
 * by messages; run by `load.ts`. Knows nothing of the servers.
 */
import { type Figures, type Job, type Order, type Report, type Target, wireBytes } from "./job.js";
import { LoadClient } from "./load-client.js";

/** Logins that go on at once while sessions are made that shall be idle. */
const AT_ONCE = 50;
/** After so many failures in a row a client gives up. */
const PATIENCE = 5;

const clients: LoadClient[] = [];
const idle: LoadClient[] = [];
let job: Job | undefined;
let target: Target | undefined;
let names = 0;

/** What is counted while the job is done. */
class Tally {
  readonly #milliseconds: number[] = [];
  readonly #cpu = process.cpuUsage();
  #operations = 0;
  #errors = 0;
  #complaint: string | undefined;
  wire = 0;
  firstByte: number | undefined;

  done(operations: number, milliseconds: number): void {
    this.#operations += operations;
    this.#milliseconds.push(milliseconds);
  }

  failed(error: unknown): void {
    this.#errors++;
    this.#complaint ??= error instanceof Error ? error.message : String(error);
  }

  figures(begun: number, ended: number): Figures {
    const sorted = Float64Array.from(this.#milliseconds).sort();
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
    const sum = sorted.reduce((total, milliseconds) => total + milliseconds, 0);
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      begun: performance.timeOrigin + begun,
      ended: performance.timeOrigin + ended,
      operations: this.#operations,
      errors: this.#errors,
      complaint: this.#complaint,
      clientSeconds: (user + system) / 1e6,
      wire: this.wire,
      p50: at(0.5),
      p99: at(0.99),
      slowest: at(1),
      mean: sorted.length === 0 ? 0 : sum / sorted.length,
      firstByte: this.firstByte,
    };
  }
}

async function prepare(order: Extract<Order, { kind: "prepare" }>): Promise<Report> {
  const { clients: count, idle: quiet } = order.job;
  [job, target] = [order.job, order.target];
  for (const client of [...clients.splice(0), ...idle.splice(0)]) client.destroy();
  await enter(quiet, idle, order.target);
  if (job.kind !== "sessions") await enter(count, clients, order.target);
  for (const client of clients) {
    if (job.kind === "transfer") await client.command(`TYPE ${job.type}`, "2");
    if (job.kind === "listing") await client.command(`CWD ${job.path}`, "2");
  }
  return { kind: "ready" };
}

async function enter(count: number, into: LoadClient[], target: Target): Promise<void> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun++ < count) into.push(await loginAnyhow(target));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What is prepared is not measured: that a server lets in only some of those who come is told by other figures. */
async function loginAnyhow(target: Target): Promise<LoadClient> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await LoadClient.login(target);
    } catch (error) {
      if (attempt === PATIENCE) throw error;
    }
  }
}

async function go(job: Job, target: Target): Promise<Report> {
  const tally = new Tally();
  const begun = performance.now();
  await Promise.all(Array.from({ length: job.clients }, (_, index) => client(job, target, index, tally)));
  const ended = performance.now();
  await Promise.all(idle.map((session) => session.command("NOOP", "2").catch((error) => tally.failed(error))));
  for (const each of [...clients.splice(0), ...idle.splice(0)]) each.destroy();
  return { kind: "figures", figures: tally.figures(begun, ended) };
}

/** One client, from the first operation to the last one. */
async function client(job: Job, target: Target, index: number, tally: Tally): Promise<void> {
  const end = performance.now() + ("milliseconds" in job ? job.milliseconds : 0);
  let failures = 0;
  do {
    const begun = performance.now();
    try {
      const operations = await operation(job, target, index, tally);
      tally.done(operations, performance.now() - begun);
      failures = 0;
    } catch (error) {
      tally.failed(error);
      failures++;
      await renew(job, target, index).catch((reason) => tally.failed(reason));
    }
  } while (performance.now() < end && failures < PATIENCE);
}

/** @returns how many operations it was */
async function operation(job: Job, target: Target, index: number, tally: Tally): Promise<number> {
  if (job.kind === "sessions") {
    const session = await LoadClient.login(target);
    await session.quit().finally(() => session.destroy());
    return 1;
  }
  const client = clients[index];
  if (client === undefined) throw new Error("not logged in");
  if (job.kind === "commands") {
    await client.pipeline(noops(job.batch), job.batch);
    return job.batch;
  }
  if (job.kind === "listing") {
    const { wire, firstByte } = await client.receive(job.verb);
    tally.wire += wire;
    tally.firstByte = firstByte;
    return 1;
  }
  if (job.verb === "STOR") {
    tally.wire += await client.send(job, `${process.pid}-${names++}`);
    return 1;
  }
  const { wire } = await client.receive(`RETR ${job.path}`);
  // As it is on the server: one that ignores TYPE A.
  if (wire !== wireBytes(job) && wire !== job.bytes) throw new Error(`${wire} bytes instead of ${wireBytes(job)}`);
  tally.wire += wire;
  return 1;
}

/** What a failure has left behind is not trusted. */
async function renew(job: Job, target: Target, index: number): Promise<void> {
  if (job.kind === "sessions") return;
  clients[index]?.destroy();
  const renewed = await loginAnyhow(target);
  clients[index] = renewed;
  if (job.kind === "transfer") await renewed.command(`TYPE ${job.type}`, "2");
}

let commands = Buffer.alloc(0);

function noops(count: number): Buffer {
  if (commands.length !== count * 6) commands = Buffer.from("NOOP\r\n".repeat(count));
  return commands;
}

async function obey(order: Order): Promise<Report> {
  if (order.kind === "prepare") return prepare(order);
  if (job === undefined || target === undefined) throw new Error("nothing was prepared");
  return go(job, target);
}

const failed = (error: unknown): Report => ({ kind: "failed", complaint: error instanceof Error ? error.message : "" });
// A parent that is gone wants nothing more.
process.on("disconnect", () => process.exit());
process.on("message", (order: Order) => {
  void obey(order)
    .catch(failed)
    .then((report) => process.send?.(report));
});
