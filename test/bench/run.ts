/**
 * The benchmark: `npm run bench`, or `npm run bench -- portside` for some servers only. Prints what each
 * server does, and in brackets how many times that portside does; for TLS also how many times what it does in
 * clear. Judges nothing: figures from one machine on one day are worth comparing with one another only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { testCertificates } from "../kit/certificates.js";
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
console.log(
  row(
    "",
    "",
    chosen.map(({ name }) => name),
  ),
);
const home = await mkdtemp(join(HOME, "portside-bench-"));
process.once("SIGINT", () => {
  rmSync(home, { recursive: true, force: true });
  process.exit(130);
});
const files = join(home, "files");
const uploads = join(files, UPLOADS);
const certificate = join(home, "certificate.pem");
const key = join(home, "key.pem");
try {
  await chmod(home, 0o755); // servers may give up the rights that this program has
  await mkdir(files);
  await prepare(files);
  const { server } = await testCertificates();
  await writeFile(certificate, server.cert);
  await writeFile(key, server.key, { mode: 0o600 });
  let clear: readonly Figure[] = [];
  for (const measure of MEASURES) {
    const figures = await figuresOf(measure);
    console.log(
      row(
        measure.name,
        measure.unit,
        figures.map((figure) => cell(figure, figures[0])),
      ),
    );
    if (measure.tls)
      console.log(
        row(
          "  TLS : clear",
          "",
          figures.map((figure, index) => ratio(figure, clear[index])),
        ),
      );
    clear = figures;
  }
} finally {
  await rm(home, { recursive: true, force: true });
}

/** Units a second, or why there are none. */
type Figure = number | "failed" | "no TLS";

async function figuresOf(measure: Measure): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const contender of chosen) {
    const skipped = measure.tls && !contender.tls;
    figures.push(
      skipped
        ? "no TLS"
        : await figureOf(measure, contender).catch((error: unknown) => {
            console.error(`${contender.name}, ${measure.name}: ${String(error)}`);
            return "failed" as const;
          }),
    );
  }
  return figures;
}

function row(name: string, unit: string, cells: readonly string[]): string {
  return [name.padEnd(16), unit.padEnd(12), ...cells.map((text) => text.padStart(18))].join("");
}

function cell(figure: Figure, first: Figure | undefined): string {
  if (typeof figure !== "number") return figure;
  return Math.round(figure).toLocaleString("en") + (figure === first ? "" : ` (${ratio(figure, first)})`);
}

function ratio(figure: Figure, other: Figure | undefined): string {
  return typeof figure === "number" && typeof other === "number" ? (figure / other).toFixed(2) : "-";
}

/** The median of the rounds, after one that is not counted, with a server of its own. */
async function figureOf(measure: Measure, contender: Contender): Promise<number> {
  const port = await freePort();
  const scratch = join(home, "scratch");
  await mkdir(scratch);
  const [program, ...args] = await contender.command({ folder: files, port, scratch, certificate, key });
  const server = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await until(() => answers(port), undefined, `${contender.name} answering`);
    const figures: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const figure = await measure.run({ ...contender, port });
      if (round > 0) figures.push(figure);
      // Now, so that the next round is given the same memory: new memory costs the system more than an upload does.
      for (const name of await readdir(uploads)) await rm(join(uploads, name));
    }
    return figures.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  } finally {
    await stop(server);
    await rm(scratch, { recursive: true, force: true });
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
