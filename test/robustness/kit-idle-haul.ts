/** One client that moves a large file, made up as it is sent and counted as it comes. */
import assert from "node:assert/strict";
import { begin, offer, pour } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";

const CHUNK = Buffer.alloc(256 * 1024, "portside\n");
/** Milliseconds for the final reply: a store that makes a file durable takes its time. */
const DEADLINE = 120_000;

/** How fast a file went each way, in bytes a second, from the command to its final reply. */
export interface Pace {
  readonly up: number;
  readonly down: number;
}

/** Uploads a file, downloads it, and deletes it. @param size bytes, a multiple of 256 KiB */
export async function haul(port: number, size: number): Promise<Pace> {
  await using client = await ScriptedClient.connect(port);
  await (await client.login()).expect("TYPE I", 200);
  const up = await paced(size, () => send(client, size));
  assert.equal((await client.expect("SIZE hauled", 213)).text, String(size));
  const down = await paced(size, async () => assert.equal(await receive(client), size));
  await client.expect("DELE hauled", 250);
  await client.expect("QUIT", 221);
  return { up, down };
}

async function paced(size: number, move: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await move();
  return size / ((performance.now() - begun) / 1000);
}

async function send(client: ScriptedClient, size: number): Promise<void> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "STOR hauled", offered);
  await pour(socket, chunks(size));
  assert.equal((await client.reply(DEADLINE)).code, 226);
}

async function receive(client: ScriptedClient): Promise<number> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "RETR hauled", offered);
  let came = 0;
  socket.on("data", (chunk: Buffer) => {
    came += chunk.length;
  });
  const final = client.reply(DEADLINE);
  await new Promise((resolve) => socket.once("close", resolve));
  assert.equal((await final).code, 226);
  return came;
}

function* chunks(size: number): Generator<Buffer> {
  for (let sent = 0; sent < size; sent += CHUNK.length) yield CHUNK;
}
