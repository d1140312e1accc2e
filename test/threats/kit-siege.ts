/**
 * A flood from one address, from a process of its own, against a server that is another process; and how long a client
 * of another address takes meanwhile, compared with its time alone. All three on the loopback.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { collect, offer } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { until, within } from "../kit/temporary.js";
import type { Flooded, FloodKind } from "./kit-siege-flooder.js";
import type { Figures } from "./kit-siege-server.js";

/** The address of the client that behaves; the flood comes from 127.0.0.1. */
const OTHER = "127.0.0.2";
/** Phases of each kind, and visits of a phase: fewer where each takes its time. */
const PHASES = 3;
const VISITS = { plain: 60, scrypt: 12 };

/** A program and what it says. */
class Program implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(script: string, ...args: string[]) {
    this.child = fork(join(import.meta.dirname, script), args);
  }

  async ask<Answer>(question: string): Promise<Answer> {
    const answer = within(once(this.child, "message"), `an answer to ${question}`, 30_000);
    this.child.send(question);
    return (await answer)[0] as Answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

/** What a siege has come to. */
export interface Siege {
  /** Milliseconds of the client that behaves: medians. */
  readonly alone: number;
  readonly besieged: number;
  /** What the flood has done, of all phases. */
  readonly flooded: Flooded;
  /** Bytes by which the server's resident memory grew at the most. */
  readonly memory: number;
}

/** Besieges a server with its default options, and asserts that it holds nothing of it afterwards. */
export async function besiege(kind: FloodKind, verifier: keyof typeof VISITS): Promise<Siege> {
  await using server = new Program("kit-siege-server.js", "{}", verifier);
  const [port] = (await within(once(server.child, "message"), "the port")) as [number];
  // Nothing counts before the server is warm.
  await visits(port, VISITS[verifier]);
  const before = await server.ask<Figures>("figures");
  const [alone, besieged]: [number[], number[]] = [[], []];
  const flooded = { done: 0, refused: 0 };
  let memory = 0;
  for (let phase = 0; phase < PHASES; phase++) {
    alone.push(...(await visits(port, VISITS[verifier])));
    await using flooder = new Program("kit-siege-flooder.js", String(port), kind);
    await until(async () => (await flooder.ask<Flooded>("report")).done > 20, 20_000, "the flood has come");
    besieged.push(...(await visits(port, VISITS[verifier])));
    memory = Math.max(memory, (await server.ask<Figures>("figures")).memory - before.memory);
    const { done, refused } = await flooder.ask<Flooded>("report");
    flooded.done += done;
    flooded.refused += refused;
  }
  await until(async () => (await server.ask<Figures>("figures")).sessions === 0, 10_000, "nobody is left");
  const after = await server.ask<Figures>("figures");
  assert.ok(after.sockets <= before.sockets, `${before.sockets} sockets before, ${after.sockets} after`);
  await visits(port, 1);
  return { alone: median(alone), besieged: median(besieged), flooded, memory };
}

/** A client that connects, logs in, lists, and leaves; several times. @returns milliseconds of each */
async function visits(port: number, times: number): Promise<number[]> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const begun = performance.now();
    await using client = await ScriptedClient.connect(port, "127.0.0.1", { localAddress: OTHER });
    await client.login();
    await using offered = await offer(client, "PASV");
    client.send("LIST\r\n");
    const socket = await offered.connect({ localAddress: OTHER });
    await client.expectReply(150);
    assert.match((await collect(socket)).toString(), / file\r\n/);
    await client.expectReply(226);
    taken.push(performance.now() - begun);
    await client.expect("QUIT", 221);
  }
  return taken;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
}
