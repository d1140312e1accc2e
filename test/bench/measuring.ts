/** One run of one scenario on one server: what it did, and what that cost. Knows nothing of tables. */
import { setTimeout as pause } from "node:timers/promises";
import type { Ground } from "./ground.js";
import { type Figures, type Job, wireBytes } from "./job.js";
import type { Load } from "./load.js";
import type { Running } from "./running.js";
import type { Scenario } from "./scenarios.js";

/** Milliseconds in which a server comes to rest, before its memory is looked at. */
const REST = 500;

/** What one run has shown; what cannot be known is `undefined`. */
export interface Sample {
  /** Units a second. */
  readonly rate: number;
  /** Seconds of CPU for 1 GB, or for 1,000 units: the server's, and the client's. */
  readonly cpu: number | undefined;
  readonly clientCpu: number;
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds to the first byte of a listing. */
  readonly firstByte: number | undefined;
  /** How many times as long as the mean the slowest of many clients took. */
  readonly spread: number | undefined;
  /** KiB for each idle session. */
  readonly perSession: number | undefined;
  /** Whether TYPE A was ignored, which is faster. */
  readonly raw: boolean;
  readonly errors: number;
  readonly complaint: string | undefined;
}

/** Runs it once. @throws Error where nothing worked */
export async function measure(scenario: Scenario, server: Running, load: Load, ground: Ground): Promise<Sample> {
  const { job } = scenario;
  const { meter } = server;
  const empty = job.idle > 0 ? meter.memory() : undefined;
  await load.prepare(job, server.target);
  const full = empty === undefined ? undefined : await memoryAtRest(server);
  const before = meter.seconds();
  const figures = await load.go();
  const after = meter.seconds();
  const uploaded = ground.takeUploads();
  if (figures.operations === 0) throw new Error(figures.complaint ?? "nothing worked");
  const amount = figures.operations * scenario.units;
  const used = before === undefined || after === undefined ? undefined : after - before;
  return {
    rate: amount / ((figures.ended - figures.begun) / 1000),
    cpu: used === undefined ? undefined : (used / amount) * 1000,
    clientCpu: (figures.clientSeconds / amount) * 1000,
    p50: figures.p50,
    p99: figures.p99,
    firstByte: figures.firstByte,
    spread: isCrowd(job) ? figures.slowest / figures.mean : undefined,
    perSession: empty === undefined || full === undefined ? undefined : (full - empty) / 1024 / job.idle,
    raw: isRaw(job, figures, uploaded),
    errors: figures.errors,
    complaint: figures.complaint,
  };
}

function isCrowd(job: Job): boolean {
  return job.kind === "transfer" && job.clients > 1 && job.milliseconds === 0;
}

async function memoryAtRest({ meter }: Running): Promise<number | undefined> {
  await pause(REST);
  return meter.memory();
}

/** Also looks whether what was uploaded is there. */
function isRaw(job: Job, { operations, errors, wire }: Figures, uploaded: number): boolean {
  if (job.kind !== "transfer") return false;
  const [asIs, onTheWay] = [operations * job.bytes, operations * wireBytes(job)];
  if (job.verb === "RETR") return job.type === "A" && wire === asIs;
  const raw = job.type === "A" && uploaded === onTheWay;
  if (uploaded !== asIs && !raw && errors === 0) throw new Error(`${uploaded} bytes were stored instead of ${asIs}`);
  return raw;
}
