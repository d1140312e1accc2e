/**
 * Clients of a chaos run besides the random ones: an inspector that reads what is visible, and a breaker that begins to
 * replace files and never ends it. Of both everything is known that may come.
 */
import assert from "node:assert/strict";
import net from "node:net";
import { parseEpsv, protect, reset } from "../kit/data.js";
import { type Reply, ScriptedClient, show } from "../kit/scripted-client.js";
import { CONTENTS, contentOf } from "../robustness/kit-chaos-files.js";
import type { Random } from "../robustness/kit-random.js";

/** Milliseconds in which the server must have answered, its own time-outs included. */
const PATIENCE = 20_000;

/** The server has gone, in order or because it has no room; the visit is over. */
class Gone extends Error {}

/** Connects, under TLS perhaps; `undefined` where the server has no room, or is just being replaced by another. */
export async function arrive(port: number, secure: boolean): Promise<ScriptedClient | undefined> {
  let client: ScriptedClient | undefined;
  try {
    client = await ScriptedClient.connect(port);
    if (client.greeting.code !== 220) throw new Gone();
    if (secure) await client.negotiate({ version: "TLSv1.3" });
    return client;
  } catch (error) {
    await client?.[Symbol.asyncDispose]();
    if (isEnd(error)) return undefined;
    throw error;
  }
}

/** Whether the connection could not be, or was ended in order: with 421, or without a word before the greeting or TLS. */
function isEnd(error: unknown): boolean {
  const { message, code } = error as Error & { readonly code?: string };
  return (
    error instanceof Gone ||
    code === "ECONNREFUSED" ||
    code === "ECONNRESET" ||
    /421|ECONNRESET|EPIPE|has been ended/.test(message) ||
    /^(the connection is closed; received: "(.*234 [^\\]*\\r\\n)?"$|closed in the handshake)/.test(message)
  );
}

/** Reads one visible file. @returns whether it was there; what is there is whole, and what its name says */
export async function inspect(port: number, random: Random): Promise<boolean> {
  const index = random.below(CONTENTS);
  const name = `${random.pick(["whole", "old"])}-${index}`;
  return await visit(port, random.chance(0.3), "witness", async (client) => {
    const socket = await dataOf(client);
    if (socket === undefined) return false;
    const arriving = collect(socket);
    const first = await say(client, `RETR ${name}`);
    if (first.code !== 150) {
      assert(name.startsWith("whole") || first.code !== 550, `an old file is gone: ${show(first)}`);
      socket.destroy();
      return false;
    }
    const bytes = await arriving;
    const final = await next(client);
    // The server may go away in the middle, and is then without blame.
    if (final.code === 426) return false;
    assert.equal(final.code, 226, show(final));
    assert(bytes.equals(contentOf(index)), `${name} is not whole: ${bytes.length} bytes`);
    return true;
  });
}

/**
 * Begins to replace an old file, or to add to one that others add to, and breaks off before the end. What is added on a
 * disk may be seen until it is cut back: so nothing is added to what the inspector reads.
 */
export async function breakOff(port: number, random: Random): Promise<boolean> {
  const index = random.below(CONTENTS);
  return await visit(port, random.chance(0.3), "test", async (client) => {
    const socket = await dataOf(client);
    if (socket === undefined) return false;
    const command = random.pick([`STOR old-${index}`, `APPE many-${index}`]);
    client.send(`${command}\r\n`);
    const first = await next(client);
    if (first.code !== 150) {
      socket.destroy();
      return false;
    }
    socket.resume().write(Buffer.alloc(random.below(400_000), "not the old file\n"));
    const way = random.below(5);
    if (way === 0) reset(socket);
    if (way === 1) client.send("ABOR\r\n");
    if (way === 2) client.reset();
    if (way === 3) socket.write(Buffer.alloc(900_000));
    // Else nothing: the server loses patience.
    const final = await next(client);
    assert(final.code >= 400, `what was broken off is complete: ${show(final)}`);
    // Not before: what ends a data connection in order is the end of the file.
    socket.destroy();
    if (way === 1) await next(client);
    return true;
  });
}

/** Logs in, does something, and leaves; an end in order is none of its matter. */
async function visit(
  port: number,
  secure: boolean,
  username: string,
  work: (client: ScriptedClient) => Promise<boolean>,
): Promise<boolean> {
  await using client = await arrive(port, secure);
  if (client === undefined) return false;
  try {
    await say(client, `USER ${username}`);
    const login = await say(client, "PASS secret");
    if (login.code !== 230) return false;
    await say(client, "TYPE I");
    return await work(client);
  } catch (error) {
    if (error instanceof Gone) return false;
    throw error;
  }
}

async function say(client: ScriptedClient, line: string): Promise<Reply> {
  client.send(`${line}\r\n`);
  return await next(client);
}

async function next(client: ScriptedClient): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await client.reply(PATIENCE);
  } catch (error) {
    if (client.raw.destroyed || /ECONNRESET|EPIPE|has been ended/.test((error as Error).message)) throw new Gone();
    throw error;
  }
  if (reply.code === 421) throw new Gone();
  return reply;
}

async function dataOf(client: ScriptedClient): Promise<net.Socket | undefined> {
  const reply = await say(client, "EPSV");
  if (reply.code !== 229) return undefined;
  const raw = net.connect(parseEpsv(reply), "127.0.0.1").on("error", () => undefined);
  return protect(client, raw).on("error", () => undefined);
}

/** What comes until the end, however that is. */
async function collect(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => void socket.once("end", resolve).once("close", resolve));
  socket.end();
  return Buffer.concat(chunks);
}
