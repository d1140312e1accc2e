/**
 * The benchmark: `npm run bench`, or `npm run bench -- portside` for some servers only. Prints what each
 * server does, and in brackets how many times that portside does. Judges nothing: figures from one
 * machine on one day are worth comparing with one another only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import net from "node:net";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { ScriptedClient } from "../kit/scripted-client.js";
import { until } from "../kit/temporary.js";
import { MEASURES, type Measure, prepare, UPLOADS } from "./measures.js";
import { type Contender, contenders } from "./servers.js";

const ROUNDS = 3;
/** A file system in memory, so that no disk is measured. */
const HOME = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const words = process.argv.slice(2);
const chosen = contenders().filter(({ name }) => words.length === 0 || words.includes(name));

console.log(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model}, median of ${ROUNDS}`);
console.log(["".padEnd(16), "".padEnd(12), ...chosen.map(({ name }) => name.padStart(18))].join(""));
const home = await mkdtemp(join(HOME, "portside-bench-"));
process.once("SIGINT", () => {
  rmSync(home, { recursive: true, force: true });
  process.exit(130);
});
const files = join(home, "files");
const uploads = join(files, UPLOADS);
try {
  await chmod(home, 0o755); // servers may give up the rights that this program has
  await mkdir(files);
  await prepare(files);
  for (const measure of MEASURES) console.log(await row(measure));
} finally {
  await rm(home, { recursive: true, force: true });
}

async function row(measure: Measure): Promise<string> {
  const cells = [measure.name.padEnd(16), measure.unit.padEnd(12)];
  let first: number | undefined;
  for (const contender of chosen) {
    try {
      const figure = await figureOf(measure, contender);
      first ??= figure;
      const ratio = figure === first ? "" : ` (${(figure / first).toFixed(2)})`;
      cells.push(`${Math.round(figure).toLocaleString("en")}${ratio}`.padStart(18));
    } catch (error) {
      console.error(`${contender.name}, ${measure.name}: ${String(error)}`);
      cells.push("failed".padStart(18));
    }
  }
  return cells.join("");
}

/** The median of the rounds, after one that is not counted, with a server of its own. */
async function figureOf(measure: Measure, contender: Contender): Promise<number> {
  const port = await freePort();
  const scratch = join(home, "scratch");
  await mkdir(scratch);
  const [program, ...args] = await contender.command({ folder: files, port, scratch });
  const server = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await until(() => answers(port), undefined, `${contender.name} answering`);
    await measure.run({ ...contender, port });
    const figures: number[] = [];
    for (let round = 0; round < ROUNDS; round++) figures.push(await measure.run({ ...contender, port }));
    return figures.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  } finally {
    await stop(server);
    await rm(scratch, { recursive: true, force: true });
    for (const name of await readdir(uploads)) await rm(join(uploads, name));
  }
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

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  server.kill();
  await exited;
}
