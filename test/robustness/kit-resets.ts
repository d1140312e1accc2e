/**
 * One transfer, brought to a given stage and struck down there in a given way, with the proof of what must be
 * left of it. The store is a folder on the disk.
 */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import type net from "node:net";
import { join } from "node:path";
import { LocalFileSystem } from "../../dist/index.js";
import { begin, type DataMode, download, type Offer, offer, reset } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { type ScriptedClient, show } from "../kit/scripted-client.js";
import type { Served } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";
import { FaultStore, type Operation } from "./kit-fault-store.js";
import type { LocalFolder } from "./kit-local.js";

export type Verb = "RETR" | "STOR" | "APPE" | "LIST";
export type Stage = "before accept" | "before the first byte" | "midway" | "after the last byte" | "during commit";
/** `close` drops the connection without reading on; `FIN` half-closes it; `in flight` sends bytes just before. */
export type Way =
  | "control RST"
  | "control FIN"
  | "control close"
  | "data RST"
  | "data RST in flight"
  | "data close"
  | "both RST";

export const STAGES: readonly Stage[] = [
  "before accept",
  "before the first byte",
  "midway",
  "after the last byte",
  "during commit",
];
export const WAYS: readonly Way[] = [
  "control RST",
  "control FIN",
  "control close",
  "data RST",
  "data RST in flight",
  "data close",
  "both RST",
];

const DOWNLOAD = bytesOf(2_000_000, 3);
const UPLOAD = bytesOf(700_000, 4);
const OLD = bytesOf(1000, 5);
/** Entries of the directory that LIST shows. */
const ENTRIES = 300;

/** Where the store waits for the test. */
const GATES: Readonly<Record<Verb, Partial<Record<Stage, readonly [Operation, index: number]>>>> = {
  RETR: { "before the first byte": ["read", 0], midway: ["read", 3], "after the last byte": ["sent", 0] },
  LIST: { "before the first byte": ["entry", 1], midway: ["entry", 200], "after the last byte": ["listed", 0] },
  STOR: { "during commit": ["commit", 0] },
  APPE: { "during commit": ["commit", 0] },
};

const TARGETS: Readonly<Record<Verb, string>> = { RETR: "down", LIST: "many", STOR: "up", APPE: "log" };

/** What is served while transfers are struck down. */
export interface Field {
  readonly folder: LocalFolder;
  readonly served: Served;
  readonly store: FaultStore;
}

/** Which transfer, how far, and what happens to it. */
export interface Strike {
  readonly mode: DataMode;
  readonly verb: Verb;
  readonly stage: Stage;
  readonly way: Way;
}

/** Whether a stage and a way have a meaning for the verb: only uploads are committed, and an upload ends by being closed. */
export function applies({ verb, stage, way }: Omit<Strike, "mode">): boolean {
  const upload = verb === "STOR" || verb === "APPE";
  if (!upload) return stage !== "during commit" && way !== "data RST in flight";
  return way !== "data close" && !(way === "data RST in flight" && stage === "during commit");
}

/** Files for all verbs. */
export async function prepareField({ root }: LocalFolder): Promise<FaultStore> {
  await writeFile(join(root, "down"), DOWNLOAD);
  const store = new FaultStore(new LocalFileSystem(root));
  await store.makeDirectory("/many" as Parameters<FaultStore["makeDirectory"]>[0]);
  for (let index = 0; index < ENTRIES; index++) await writeFile(join(root, "many", `entry number ${index}`), "");
  return store;
}

/** Does it, and asserts that nothing is left but what must be. */
export async function strike(field: Field, what: Strike): Promise<void> {
  const { served, store, folder } = field;
  await rm(join(folder.root, "up"), { force: true });
  await writeFile(join(folder.root, "log"), OLD);
  const client = await served.user();
  const { localPort } = client.socket;
  await client.expect("TYPE I", 200);
  const gate = new Gate();
  const written = watchStore(store, what, gate);
  const offered = await offer(client, what.mode);
  try {
    const socket = await reach(client, offered, what, { gate, written });
    act(client, socket, what.way);
    if (what.way.startsWith("data")) await assertSessionGoesOn(client, what, gate);
    else await assertSessionEnds(field, localPort, gate);
  } finally {
    gate.open();
    store.plan = () => undefined;
    await offered[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  }
  await until(() => store.open === 0, undefined, "the store's handles are closed");
  await assertFiles(folder, what.stage === "during commit" ? what.verb : undefined);
}

/** Lets the store wait at the gate, and counts the writes. */
function watchStore(store: FaultStore, { verb, stage }: Strike, gate: Gate): () => number {
  const [operation, index] = GATES[verb][stage] ?? [];
  let [steps, writes] = [0, 0];
  store.plan = (name, path) => {
    if (path !== `/${TARGETS[verb]}`) return undefined;
    if (name === "write") writes++;
    if (name !== operation || steps++ !== index) return undefined;
    return (signal) => gate.pass(signal);
  };
  return () => writes;
}

async function reach(
  client: ScriptedClient,
  offered: Offer,
  { mode, verb, stage, way }: Strike,
  { gate, written }: { gate: Gate; written: () => number },
): Promise<net.Socket | undefined> {
  const command = `${verb} ${TARGETS[verb]}`;
  if (stage === "before accept") return await beforeAccept(client, offered, command, { mode, way });
  const [, socket] = await begin(client, command, offered);
  if (verb === "STOR" || verb === "APPE") await send(socket, stage, written);
  else if (stage !== "before the first byte") socket.resume();
  if (GATES[verb][stage] !== undefined) await gate.reached;
  return socket;
}

/** Nobody accepts: passive, the client has not come; active, nobody listens any more. */
async function beforeAccept(
  client: ScriptedClient,
  offered: Offer,
  command: string,
  { mode, way }: Pick<Strike, "mode" | "way">,
): Promise<net.Socket | undefined> {
  const active = mode === "PORT" || mode === "EPRT";
  if (active) await offered[Symbol.asyncDispose]();
  client.send(`${command}\r\n`);
  if (active && !way.startsWith("data")) return undefined;
  assert.equal((await client.reply()).code, 150);
  return active || way.startsWith("control") ? undefined : await offered.connect();
}

async function send(socket: net.Socket, stage: Stage, written: () => number): Promise<void> {
  if (stage === "before the first byte") return;
  socket.write(stage === "midway" ? UPLOAD.subarray(0, 300_000) : UPLOAD);
  if (stage === "during commit") socket.end().resume();
  await until(() => written() > 0, undefined, "the store has got bytes");
}

function act(client: ScriptedClient, socket: net.Socket | undefined, way: Way): void {
  if (way === "data RST in flight") socket?.write(UPLOAD.subarray(0, 100_000));
  if (socket !== undefined && (way.startsWith("data RST") || way === "both RST")) reset(socket);
  if (way === "data close") socket?.destroy();
  if (way === "control RST" || way === "both RST") client.reset();
  if (way === "control FIN") client.end();
  if (way === "control close") client.socket.destroy();
}

/** The data connection broke: one final reply, and the session is as good as new. */
async function assertSessionGoesOn(client: ScriptedClient, { mode, verb, stage }: Strike, gate: Gate): Promise<void> {
  // At the end of the data, and during the commit, all may have gone well already.
  const codes = stage === "during commit" ? [226] : stage === "after the last byte" ? [226, 426] : [425, 426];
  gate.open();
  const final = await client.reply();
  const allowed =
    verb === "STOR" || verb === "APPE" ? codes.filter((code) => code !== 226 || stage === "during commit") : codes;
  assert(allowed.includes(final.code), `expected ${allowed.join(" or ")}, got ${show(final)}`);
  await client.assertQuiet();
  assert((await download(client, "RETR down", mode)).bytes.equals(DOWNLOAD), "the next transfer");
  await client.expect("QUIT", 221);
  await client.expectClosed();
}

/** The client is gone: so is the session, at once unless it commits. */
async function assertSessionEnds({ served }: Field, port: number | undefined, gate: Gate): Promise<void> {
  gate.open();
  const mine = (): boolean => served.server.sessions.some(({ remotePort }) => remotePort === port);
  await until(() => !mine(), undefined, "the session has ended");
}

/** Nothing but whole files, and the upload only where it was committed. */
async function assertFiles(folder: LocalFolder, committed: Verb | undefined): Promise<void> {
  const expected = ["down", "log", "many", "witness.bin", ...(committed === "STOR" ? ["up"] : [])];
  assert.deepEqual(await folder.names(), expected.sort());
  if (committed === "STOR") assert((await readFile(join(folder.root, "up"))).equals(UPLOAD), "the upload is whole");
  const log = committed === "APPE" ? Buffer.concat([OLD, UPLOAD]) : OLD;
  assert((await readFile(join(folder.root, "log"))).equals(log), "the file that was appended to");
}
