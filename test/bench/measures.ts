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
import type { Reply } from "../kit/reply-parser.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Manner, TlsClient } from "../robustness/kit-tls-client.js";

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
  /** Over TLS 1.3, begun by AUTH, data connections too. */
  readonly tls: boolean;
  /** Does it once. @returns how many units a second */
  run(target: Target): Promise<number>;
}

/** A client, in clear or not. */
interface Speaker extends AsyncDisposable {
  expect(line: string, ...codes: number[]): Promise<Reply>;
  reply(deadline: number): Promise<Reply>;
}

/** A transfer, and how much it moves. */
interface Transferring {
  readonly units: number;
  /** @param connect begins what the bytes go over */
  transfer(client: Speaker, connect: () => net.Socket): Promise<void>;
}

const OVER_TLS = "  over TLS 1.3";
const TLS: Manner = { implicit: false, version: "TLSv1.3" };
const FILE_BYTES = 256 * 2 ** 20;
const ENTRIES = 10_000;
const SESSION_CLIENTS = 8;
const SESSION_SECONDS = 2;
/** Milliseconds that one transfer may take. */
const DEADLINE = 120_000;

/** The folder that uploads go to, and the only one that need be writable. */
export const UPLOADS = "uploads";

/** What is measured in clear, and then over TLS. */
const TRANSFERS: readonly (Transferring & Pick<Measure, "name" | "unit">)[] = [
  { name: "RETR 256 MiB", unit: "MB/s", units: FILE_BYTES / 1e6, transfer: download("RETR /file") },
  { name: "STOR 256 MiB", unit: "MB/s", units: FILE_BYTES / 1e6, transfer: upload() },
  { name: "LIST 10,000", unit: "entries/s", units: ENTRIES, transfer: download("LIST /entries") },
];

/** What `prepare` fills a folder for; each one in clear, and then over TLS. */
export const MEASURES: readonly Measure[] = [
  ...TRANSFERS.flatMap(({ name, unit, ...transferring }) => [
    { name, unit, tls: false, run: (target: Target) => rate(transferring, target, false) },
    { name: OVER_TLS, unit, tls: true, run: (target: Target) => rate(transferring, target, true) },
  ]),
  { name: "log in and out", unit: "sessions/s", tls: false, run: (target) => sessions(target, false) },
  { name: OVER_TLS, unit: "sessions/s", tls: true, run: (target) => sessions(target, true) },
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
async function rate({ units, transfer }: Transferring, target: Target, tls: boolean): Promise<number> {
  await using client = await login(target, tls);
  await client.expect("TYPE I", 200);
  const port = parseEpsv(await client.expect("EPSV", 229));
  const onread = { buffer: Buffer.alloc(2 ** 20), callback: () => true };
  const connection = net.connect({ port, host: "127.0.0.1", ...(!tls && { onread }) });
  connection.on("error", () => undefined); // the reply tells
  try {
    await once(connection, "connect");
    const started = performance.now();
    await transfer(client, client instanceof TlsClient ? () => client.secureData(connection) : () => connection);
    return units / ((performance.now() - started) / 1000);
  } finally {
    connection.destroy();
  }
}

function download(command: string) {
  return async (client: Speaker, connect: () => net.Socket): Promise<void> => {
    const data = connect();
    const ended = once(data, "end");
    data.resume();
    await client.expect(command, 125, 150);
    await ended;
    await done(client);
  };
}

/** Each time to a name of its own, because not every server may replace what another one left. */
function upload() {
  return async (client: Speaker, connect: () => net.Socket): Promise<void> => {
    const block = Buffer.alloc(2 ** 20, "portside\n");
    const data = connect();
    await client.expect(`STOR /${UPLOADS}/${randomUUID()}`, 125, 150);
    for (let sent = 0; sent < FILE_BYTES; sent += block.length) if (!data.write(block)) await once(data, "drain");
    data.end();
    await done(client);
  };
}

async function done(client: Speaker): Promise<void> {
  const { code } = await client.reply(DEADLINE);
  if (code !== 226) throw new Error(`the transfer ended with ${code}`);
}

async function sessions(target: Target, tls: boolean): Promise<number> {
  const started = performance.now();
  const end = started + SESSION_SECONDS * 1000;
  let count = 0;
  const work = async (): Promise<void> => {
    for (; performance.now() < end; count++) {
      await using client = await login(target, tls);
      await client.expect("QUIT", 221);
    }
  };
  await Promise.all(Array.from({ length: SESSION_CLIENTS }, work));
  return count / ((performance.now() - started) / 1000);
}

async function login(target: Target, tls: boolean): Promise<Speaker> {
  if (!tls) return (await ScriptedClient.connect(target.port)).login(target.username, target.password);
  return TlsClient.login(target.port, TLS, target);
}
