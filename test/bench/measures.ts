/**
 * What the benchmark measures, each through one client that is the same for every server. Knows nothing
 * of the servers.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, open, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { parseEpsv } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";

/** Where a server is and who may log in. */
export interface Target {
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** One thing that is measured. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  /** Does it once. @returns how many units a second */
  run(target: Target): Promise<number>;
}

const FILE_BYTES = 256 * 2 ** 20;
const ENTRIES = 10_000;
const SESSION_CLIENTS = 8;
const SESSION_SECONDS = 2;
/** Milliseconds that one transfer may take. */
const DEADLINE = 120_000;

/** The folder that uploads go to, and the only one that need be writable. */
export const UPLOADS = "uploads";

/** What `prepare` fills a folder for. */
export const MEASURES: readonly Measure[] = [
  { name: "RETR 256 MiB", unit: "MB/s", run: (target) => rate(FILE_BYTES / 1e6, target, download("RETR /file")) },
  { name: "STOR 256 MiB", unit: "MB/s", run: (target) => rate(FILE_BYTES / 1e6, target, upload()) },
  { name: "LIST 10,000", unit: "entries/s", run: (target) => rate(ENTRIES, target, download("LIST /entries")) },
  { name: "log in and out", unit: "sessions/s", run: sessions },
];

/** Makes the files that the measures read, and the folder that they write to. */
export async function prepare(folder: string): Promise<void> {
  const file = await open(join(folder, "file"), "w");
  const block = Buffer.alloc(2 ** 20, "portside\n");
  for (let written = 0; written < FILE_BYTES; written += block.length) await file.write(block);
  await file.close();
  await mkdir(join(folder, UPLOADS));
  await chmod(join(folder, UPLOADS), 0o777); // servers may give up the rights that this program has
  await mkdir(join(folder, "entries"));
  for (let index = 0; index < ENTRIES; index++) await writeFile(join(folder, "entries", `file-${index}.txt`), "");
}

/** Logs in, leaves out of the time what precedes the transfer, and counts from its command to its last reply. */
async function rate(
  units: number,
  target: Target,
  transfer: (client: ScriptedClient, data: net.Socket) => Promise<void>,
): Promise<number> {
  await using client = await login(target);
  await client.expect("TYPE I", 200);
  const port = parseEpsv(await client.expect("EPSV", 229));
  const onread = { buffer: Buffer.alloc(2 ** 20), callback: () => true };
  const data = net.connect({ port, host: "127.0.0.1", onread });
  data.on("error", () => undefined); // the reply tells
  try {
    await once(data, "connect");
    const started = performance.now();
    await transfer(client, data);
    return units / ((performance.now() - started) / 1000);
  } finally {
    data.destroy();
  }
}

function download(command: string) {
  return async (client: ScriptedClient, data: net.Socket): Promise<void> => {
    const ended = once(data, "end");
    await client.expect(command, 125, 150);
    await ended;
    await done(client);
  };
}

/** Each time to a name of its own, because not every server may replace what another one left. */
function upload() {
  return async (client: ScriptedClient, data: net.Socket): Promise<void> => {
    const block = Buffer.alloc(2 ** 20, "portside\n");
    await client.expect(`STOR /${UPLOADS}/${randomUUID()}`, 125, 150);
    for (let sent = 0; sent < FILE_BYTES; sent += block.length) if (!data.write(block)) await once(data, "drain");
    data.end();
    await done(client);
  };
}

async function done(client: ScriptedClient): Promise<void> {
  const { code } = await client.reply(DEADLINE);
  if (code !== 226) throw new Error(`the transfer ended with ${code}`);
}

async function sessions(target: Target): Promise<number> {
  const started = performance.now();
  const end = started + SESSION_SECONDS * 1000;
  let count = 0;
  const work = async (): Promise<void> => {
    for (; performance.now() < end; count++) {
      await using client = await login(target);
      await client.expect("QUIT", 221);
    }
  };
  await Promise.all(Array.from({ length: SESSION_CLIENTS }, work));
  return count / ((performance.now() - started) / 1000);
}

async function login({ port, username, password }: Target): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect(port);
  return client.login(username, password);
}
