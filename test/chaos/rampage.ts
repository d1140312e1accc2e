/**
 * The chaos run: random clients, visitors and programs against one server process, whose stores are faulty, whose
 * certificates change, and which is closed and replaced now and then. What must hold meanwhile and in the end.
 */
import assert from "node:assert/strict";
import { readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { issue, testCertificates } from "../kit/certificates.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { ChaosClient } from "../robustness/kit-chaos-client.js";
import { assertWhole, CONTENTS, contentOf } from "../robustness/kit-chaos-files.js";
import { type LocalFolder, localFolder } from "../robustness/kit-local.js";
import { tenPorts } from "../robustness/kit-ports.js";
import { Random } from "../robustness/kit-random.js";
import { type ChaosReport, ChaosServer } from "./chaos-server.js";
import { runProgram } from "./programs.js";
import { arrive, breakOff, inspect } from "./visitors.js";

/** How long, and how wild. */
export interface Rampage {
  readonly seed: number;
  readonly milliseconds: number;
  /** Told of once a minute. Default: nobody. */
  readonly onMinute?: ((figures: Figures) => void) | undefined;
}

/** What has happened, and what is held. Sizes in bytes. */
export interface Figures {
  readonly totals: ChaosReport["totals"];
  /** What clients did, by kind. */
  readonly visits: Readonly<Record<string, number>>;
  /** Reachable, each time that everybody had left: the first one after a warm-up. */
  readonly reachable: readonly number[];
  /** Resident memory in the beginning, the most that it was, and in the end. */
  readonly resident: readonly [begin: number, most: number, end: number];
}

/** Milliseconds in which a passive port that rests is closed. */
const REST = 1000;
const RANDOM_CLIENTS = 8;
const STEPS = 25;
/** Milliseconds between two times that everybody leaves and the books are looked at. */
const ROUND = 60_000;
/** Milliseconds of the first time, which fills caches and pools. */
const WARM_UP = 3000;
const MEMORY_BOUND = 200_000_000;
/** Bytes by which what is reachable may differ from one time to another. */
const MEMORY_NOISE = 6_000_000;

/** Runs, and asserts what must hold. Settles when all is given back. */
export async function rampage({ seed, milliseconds, onMinute }: Rampage): Promise<Figures> {
  await using folder = await localFolder();
  await using ports = await tenPorts();
  await furnish(folder);
  const pair = (await testCertificates()).server;
  await using server = await ChaosServer.start({ seed, root: folder.root, pair, ports: ports.range, faults: true });
  const books = new Books(server, folder);
  const end = performance.now() + milliseconds;
  for (let round = 0; performance.now() < end; round++) {
    const left = end - performance.now();
    await rage({
      server,
      books,
      seed: seed + 1000 * round,
      milliseconds: Math.min(left, round === 0 ? WARM_UP : ROUND),
    });
    await books.close();
    if (round > 0) onMinute?.(books.figures);
  }
  return books.figures;
}

/** Links that lead out, and files that are there to be destroyed. */
async function furnish({ root }: LocalFolder): Promise<void> {
  await symlink("../outside", join(root, "out"));
  await symlink("..", join(root, "up"));
  for (let index = 0; index < CONTENTS; index++) await writeFile(join(root, `old-${index}`), contentOf(index));
}

interface Round {
  readonly server: ChaosServer;
  readonly books: Books;
  readonly seed: number;
  readonly milliseconds: number;
}

/** Everybody at once, for a time. What one of them finds wrong ends it all. */
async function rage({ server, books, seed, milliseconds }: Round): Promise<void> {
  const end = performance.now() + milliseconds;
  let failure: { readonly error: unknown } | undefined;
  const isOver = (): boolean => failure !== undefined || performance.now() > end;
  const work = async (index: number, visit: (random: Random) => Promise<string>): Promise<void> => {
    const random = new Random(seed + index);
    while (!isOver()) {
      try {
        books.count(await visit(random));
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all([
    ...Array.from({ length: RANDOM_CLIENTS }, (_, index) => work(index, (random) => live(server, random))),
    ...[100, 101].map((index) => work(index, async (random) => told("inspected", await inspect(server.port, random)))),
    ...[200, 201].map((index) =>
      work(index, async (random) => told("broken off", await breakOff(server.port, random))),
    ),
    work(300, (random) => startProgram(server, random)),
    work(400, (random) => command(server, random, isOver)),
    work(500, () => books.look()),
  ]);
  if (failure !== undefined) throw failure.error;
}

function told(what: string, done: boolean): string {
  return done ? what : `not ${what}`;
}

async function live(server: ChaosServer, random: Random): Promise<string> {
  const client = await arrive(server.port, random.chance(0.25));
  if (client === undefined) {
    await pause(20);
    return "not let in";
  }
  await new ChaosClient(client, random).live(STEPS);
  return "random";
}

async function startProgram(server: ChaosServer, random: Random): Promise<string> {
  await using folder = await temporaryDirectory();
  const done = await runProgram({ port: server.port, folder: folder.path, random });
  if (done === undefined) await pause(100);
  return done ?? "no program";
}

/** What the host does: other certificates, another server on the same port. */
async function command(server: ChaosServer, random: Random, isOver: () => boolean): Promise<string> {
  for (let waited = 0; waited < 20 && !isOver(); waited++) await pause(100);
  if (random.chance(0.6)) {
    const { ca } = await testCertificates();
    const pair = await issue({ name: "localhost", hosts: ["localhost", "127.0.0.1", "::1"] }, ca);
    await server.tell({ kind: "renew", pair });
    return "renewed";
  }
  await server.tell({ kind: "restart", drain: random.chance(0.5) ? 0 : random.below(700) });
  return "restarted";
}

/** What is seen of the server and of its files. */
class Books {
  readonly #server: ChaosServer;
  readonly #folder: LocalFolder;
  readonly #visits: Record<string, number> = {};
  readonly #reachable: number[] = [];
  readonly #resident: [number, number, number];
  #totals: ChaosReport["totals"] | undefined;
  /** What the process held when everybody had left for the first time. */
  #held: Readonly<Record<string, number>> | undefined;

  constructor(server: ChaosServer, folder: LocalFolder) {
    this.#server = server;
    this.#folder = folder;
    const begin = server.resident();
    this.#resident = [begin, begin, begin];
  }

  get figures(): Figures {
    assert(this.#totals, "nothing is known yet");
    return { totals: this.#totals, visits: this.#visits, reachable: this.#reachable, resident: this.#resident };
  }

  count(visit: string): void {
    this.#visits[visit] = (this.#visits[visit] ?? 0) + 1;
  }

  /** Looks from outside while everybody is at it. */
  async look(): Promise<string> {
    await pause(200);
    this.#server.assertAlive();
    const resident = this.#server.resident();
    this.#resident[1] = Math.max(this.#resident[1], resident);
    assert(resident < this.#resident[0] + MEMORY_BOUND, `${resident} bytes of memory, ${this.#resident[0]} at first`);
    return "looked";
  }

  /** Everybody has left: nothing of them may be held, and what is visible is whole. */
  async close(): Promise<void> {
    const { totals, failures, handles, bytes } = await this.#server.atRest();
    this.#totals = totals;
    this.#reachable.push(bytes);
    this.#resident[2] = this.#server.resident();
    // Ports that rest are nobody's, and are closed by then.
    await pause(REST);
    assert.deepEqual(failures, []);
    const held = { ...handles, ...this.#server.descriptors() };
    this.#held ??= held;
    assert.deepEqual(excess(this.#held, held), [], "the process holds more than at first");
    const [first = 0] = this.#reachable;
    assert(bytes < first + MEMORY_NOISE, `${bytes} bytes are reachable, ${first} at first`);
    const unfinished = (await readdir(this.#folder.root, { recursive: true })).filter((name) => name.endsWith(".part"));
    assert.deepEqual(unfinished, [], "left behind by uploads");
    await assertWhole(this.#folder.root);
    await this.#folder.assertCanary();
  }
}

function excess(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(after)
    .filter(([kind, count]) => count > (before[kind] ?? 0))
    .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} before, ${count} after`);
}
