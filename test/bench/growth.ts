/**
 * How the costs of the first server grow: of a command, a session, and a byte, as there are more of them. What is flat costs
 * the same in every line. Knows nothing of peers: any server will do.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "./job.js";
import { Load } from "./load.js";
import type { Setting } from "./rounds.js";
import { Running } from "./running.js";
import type { Contender } from "./servers.js";
import { number } from "./table.js";

const CLIENTS = 20;
const MILLISECONDS = 2000;
/** Small files are fetched this long, so that there is something to measure. */
const AGAIN = 2000;
const REST = 500;
const SESSIONS = [1, 10, 100, 1000, 3000, 10_000];
const MEGABYTES = [1, 10, 100, 1000, 10_000, 100_000];

/** One line of the curve. */
export interface Step {
  readonly of: "sessions" | "bytes";
  readonly size: number;
  /** Seconds of the server's CPU: for 1,000 logins, for 1,000 commands, for 1 GB. */
  readonly loginCpu?: number | undefined;
  readonly commandCpu?: number | undefined;
  readonly byteCpu?: number | undefined;
  /** Commands, or MB, a second. */
  readonly rate: number;
  /** KiB of memory for each session. */
  readonly perSession?: number | undefined;
}

/** Prints the curve of the first contender, and returns it. @param quick without the last steps */
export async function grow(setting: Setting, quick: boolean): Promise<Step[]> {
  const [contender] = setting.contenders;
  if (contender === undefined) return [];
  const steps: Step[] = [];
  const until = quick ? 4 : SESSIONS.length;
  console.log(`${contender.name}: sessions, s a 1,000 logins, KiB a session, commands/s, s a 1,000 commands`);
  for (const size of SESSIONS.slice(0, until)) steps.push(await withSessions(contender, setting, size));
  console.log(`${contender.name}: MB of a file, MB/s, s a GB`);
  for (const size of MEGABYTES.slice(0, until)) steps.push(await withBytes(contender, setting, size));
  return steps;
}

/** Commands of a few clients while so many sessions are there. */
async function withSessions(contender: Contender, { ground }: Setting, size: number): Promise<Step> {
  await using server = await Running.start(contender, ground, { tls: false, idle: size });
  using load = new Load(1);
  const { meter, target } = server;
  const job: Job = { kind: "commands", batch: 1, milliseconds: MILLISECONDS, clients: CLIENTS, idle: 0 };
  await load.prepare(job, target);
  await load.go(); // a warm-up
  const [memory, begun] = [meter.memory(), meter.seconds()];
  await load.prepare({ ...job, idle: size }, target);
  const entered = meter.seconds();
  await pause(REST);
  const [full, before] = [meter.memory(), meter.seconds()];
  const { operations, ended, begun: started } = await load.go();
  const step: Step = {
    of: "sessions",
    size,
    loginCpu: per(begun, entered, (size + CLIENTS) / 1000),
    perSession: per(memory, full, (size + CLIENTS) * 1024),
    rate: (operations / (ended - started)) * 1000,
    commandCpu: per(before, meter.seconds(), operations / 1000),
  };
  print([size, step.loginCpu, step.perSession, step.rate, step.commandCpu]);
  return step;
}

async function withBytes(contender: Contender, { ground }: Setting, size: number): Promise<Step> {
  await using server = await Running.start(contender, ground, { tls: false, idle: 0 });
  using load = new Load(1);
  const { meter, target } = server;
  const bytes = size * 1e6;
  ground.hole("/hole", bytes);
  const job: Job = {
    kind: "transfer",
    verb: "RETR",
    type: "I",
    path: "/hole",
    bytes,
    milliseconds: AGAIN,
    clients: 1,
    idle: 0,
  };
  await load.prepare(job, target);
  const before = meter.seconds();
  const { wire, ended, begun } = await load.go();
  const step: Step = {
    of: "bytes",
    size,
    rate: wire / 1e3 / (ended - begun),
    byteCpu: per(before, meter.seconds(), wire / 1e9),
  };
  print([size, step.rate, step.byteCpu]);
  return step;
}

function per(before: number | undefined, after: number | undefined, amount: number): number | undefined {
  return before === undefined || after === undefined ? undefined : (after - before) / amount;
}

function print(values: readonly (number | undefined)[]): void {
  console.log(values.map((value) => (value === undefined ? "-" : number(value)).padStart(14)).join(""));
}
