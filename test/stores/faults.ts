/**
 * A store goes wrong at each request of each command, once and for good: the final reply is one that the command may
 * have, nothing is lost and nothing half, and the same session goes on, through all of it. This runs it; the commands
 * are in faults*.test.ts.
 */
import assert from "node:assert/strict";
import { suite } from "node:test";
import type { ObjectFileSystemOptions } from "../../dist/adapters/objects/object-options.js";
import { FileSystemError } from "../../dist/index.js";
import { begin, type Offer, offer, pour } from "../kit/data.js";
import type { Reply, ScriptedClient } from "../kit/scripted-client.js";
import { content, exists, put } from "../kit/store.js";
import { bytesOf, within } from "../kit/temporary.js";
import { at } from "../storage/store.js";
import { type Backend, PART } from "./backends.js";
import { type Stage, stageTest } from "./stage.js";
import { TROUBLES, type Trouble } from "./trouble.js";

/** What stands there, in one part and in two. */
export const SMALL = Buffer.from("small and old");
export const LARGE = bytesOf(PART + 1_000_000, 2);
/** What comes, in two parts. */
export const NEW = bytesOf(PART + 5, 3);
/** Milliseconds until a request is given up: of a fake, and of a real store, which is slow on a busy machine. */
const [SOON, LATER] = [2000, 3000];
/** Milliseconds until a command must have its final reply: a few requests, and the removal of what they have left. */
const BOUND = 10 * LATER;

/** What may stand at a path; `undefined` is nothing. */
type Contents = Readonly<Record<string, Buffer | undefined>>;

/** Commands, of which the last one counts. */
export interface Scenario {
  readonly commands: readonly string[];
  /** Options of the adapter. */
  readonly options?: ObjectFileSystemOptions;
  /** Bytes of an answer that still come where it is cut. Default: a few. */
  readonly cut?: number;
  /** What goes wrong here. Default: everything. */
  readonly only?: readonly Trouble[];
  /** Whether its directories are made anew each time: it leaves markers of them. */
  readonly anew?: boolean;
  /** Small files that stand in a directory `many`; only fakes are filled fast enough. */
  readonly many?: number;
  /** Final replies: of success, and of failure. */
  readonly good: number;
  readonly bad: readonly number[];
  /** Sent over the data connection. */
  readonly sends?: Buffer;
  /** What must come over the data connection, or begin it where the transfer fails. */
  readonly gets?: Buffer | RegExp;
  /** What stands there before. */
  readonly before?: Contents;
  /** What stands there after a success; else, what stood there before. */
  readonly after?: Contents;
}

/** Replies of transfers. */
export const UPLOAD = { good: 226, bad: [425, 426, 450, 451, 452, 551, 552, 553, 554] };
export const DOWNLOAD = { good: 226, bad: [425, 426, 450, 451, 550] };
/** The first ones can last. */
const LASTING: readonly Trouble[] = ["dies", "stalls", "throttles"];

/** What goes wrong. */
interface Bad {
  readonly trouble: Trouble;
  readonly forGood: boolean;
}

/** What goes wrong, and at which request. */
interface Trial extends Bad {
  readonly index: number;
  readonly standing: Standing;
}

/** Versions of what stands at paths. */
type Standing = ReadonlyMap<string, string | undefined>;

/** Registers the tests. */
export function faults(scenarios: readonly Scenario[], backends: readonly Backend[]): void {
  // They mostly wait for stores that stall.
  suite("stores that go wrong", { concurrency: backends.length }, () => {
    for (const backend of backends)
      suite(backend.name, { concurrency: backend.fake ? 8 : 4 }, () => {
        for (const scenario of scenarios) tryAll(backend, scenario);
      });
  });
}

/** What can go wrong in a scenario, in groups that take about as long. */
function groupsOf({ fake }: Backend, { gets, only = TROUBLES }: Scenario): readonly (readonly Bad[])[] {
  const cannot: readonly (Trouble | false)[] = [
    // Where nobody reads the answer as it comes, one that stops is one that never comes.
    gets === undefined && "hangs",
  ];
  const once = only.filter((trouble) => !cannot.includes(trouble));
  const bad = [
    ...LASTING.filter((trouble) => only.includes(trouble)).map((trouble) => ({ trouble, forGood: true })),
    ...once.map((trouble) => ({ trouble, forGood: false })),
  ];
  if (!fake) return [bad.filter(({ trouble, forGood }) => forGood || !LASTING.includes(trouble))];
  const waits = ({ trouble }: Bad) => trouble === "stalls" || trouble === "hangs";
  return [
    bad.filter((one) => waits(one) && one.forGood),
    bad.filter((one) => waits(one) && !one.forGood),
    bad.filter((one) => !waits(one)),
  ];
}

/** Each kind of trouble, at each request in turn. */
function tryAll(backend: Backend, scenario: Scenario): void {
  if (scenario.many !== undefined && !backend.fake) return;
  const size = scenario.sends ? ` of ${scenario.sends.length} bytes` : "";
  const named = `${scenario.commands.join(", ")}${size}`;
  const options = { ...scenario.options, requestTimeout: backend.fake ? SOON : LATER };
  for (const group of groupsOf(backend, scenario).filter(({ length }) => length > 0)) {
    const titles = group.map(({ trouble, forGood }) => (forGood ? `${trouble} for good` : trouble));
    stageTest(
      backend,
      `${named}: the store ${titles.join(", ")}`,
      (stage) => tryGroup(stage, scenario, group),
      options,
    );
  }
}

async function tryGroup(stage: Stage, scenario: Scenario, group: readonly Bad[]): Promise<void> {
  const client = await stage.served.user();
  await client.expect("TYPE I", 200);
  await stage.opened.fill(namesOf(scenario.many ?? 0));
  let standing = await prepared(stage, scenario);
  const count = await healthy(stage, client, scenario);
  assert(count > 0, "the store was asked");
  for (const { trouble, forGood } of group)
    for (let index = 0; index < count; index++) {
      if (!isTried(stage.backend, forGood, index, count)) continue;
      standing = await prepared(stage, scenario, standing);
      await suffer(stage, client, scenario, { trouble, index, forGood, standing });
    }
}

/** Real stores have fewer bad days here, each of them takes long: the first and the last request for good, the last once. */
function isTried({ fake }: Backend, forGood: boolean, index: number, count: number): boolean {
  return fake || index === count - 1 || (forGood && index === 0);
}

function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `many/${String(index).padStart(4, "0")}`);
}

/** Without a fault: the reply of success. @returns the requests that it took */
async function healthy(stage: Stage, client: ScriptedClient, scenario: Scenario): Promise<number> {
  const { trouble } = stage.opened;
  trouble.begin(() => undefined);
  const { reply, bytes } = await exchange(client, scenario);
  assert.equal(reply.code, scenario.good, reply.text);
  assertGot(scenario, bytes, true, "healthy");
  return trouble.count;
}

async function suffer(
  stage: Stage,
  client: ScriptedClient,
  scenario: Scenario,
  { trouble, index, forGood, standing }: Trial,
): Promise<void> {
  const what = `${scenario.commands.join(", ")}: the store ${trouble} at request ${index}${forGood ? " for good" : ""}`;
  const { opened, backend } = stage;
  const unfinished = await opened.unfinished();
  const plan = (asked: number) => (asked === index || (forGood && asked > index) ? trouble : undefined);
  opened.trouble.begin(plan, scenario.cut);
  const { reply, bytes } = await exchange(client, scenario).catch((error: Error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  opened.trouble.end();
  const succeeded = reply.code === scenario.good;
  assert(succeeded || scenario.bad.includes(reply.code), `${what}: ${reply.code} ${reply.text}`);
  if (forGood) assert(!succeeded, `${what}: ${reply.code} ${reply.text}`);
  assertGot(scenario, bytes, succeeded, what);
  await assertStands(stage, scenario, { succeeded, standing }, what);
  // What was begun in an answer that was lost, or cannot be ended by a store that does not answer, is for `sweep`.
  const swept = forGood || !LASTING.includes(trouble);
  if (swept && backend.sweeps) await opened.files.sweep(0);
  if (!backend.forgets && (!swept || backend.sweeps)) assert.deepEqual(await opened.unfinished(), unfinished, what);
  await assertUsable(client, what);
}

/** Sends the commands and gives the reply that ends them, which is the first one of failure. */
async function exchange(
  client: ScriptedClient,
  scenario: Scenario,
): Promise<{ readonly reply: Reply; readonly bytes: Buffer }> {
  const none = Buffer.alloc(0);
  const [last = "", ...others] = scenario.commands.toReversed();
  const moves = scenario.sends !== undefined || scenario.gets !== undefined;
  await using offered = moves ? await offer(client, "EPSV") : undefined;
  for (const command of others.toReversed()) {
    const reply = await answer(client, command);
    if (reply.code >= 400) return { reply, bytes: none };
  }
  if (offered !== undefined) return await move(client, last, offered, scenario);
  return { reply: await answer(client, last), bytes: none };
}

async function answer(client: ScriptedClient, command: string): Promise<Reply> {
  client.send(`${command}\r\n`);
  return client.reply(BOUND);
}

async function move(
  client: ScriptedClient,
  command: string,
  offered: Offer,
  { sends }: Scenario,
): Promise<{ readonly reply: Reply; readonly bytes: Buffer }> {
  client.send(`${command}\r\n`);
  const connecting = offered.connect();
  // Where the command is refused, nobody takes the connection.
  connecting.catch(() => undefined);
  const chunks: Buffer[] = [];
  const preliminary = await client.reply(BOUND);
  if (preliminary.code >= 400) return { reply: preliminary, bytes: Buffer.alloc(0) };
  assert(preliminary.code < 200, preliminary.text);
  const socket = await connecting;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("data", (chunk) => chunks.push(chunk));
  if (sends !== undefined) await pour(socket, sends);
  const reply = await client.reply(BOUND);
  await within(closed, "the end of the data connection", BOUND);
  return { reply, bytes: Buffer.concat(chunks) };
}

function assertGot({ gets }: Scenario, bytes: Buffer, succeeded: boolean, what: string): void {
  if (gets instanceof RegExp) {
    if (succeeded) assert.match(bytes.toString(), gets, what);
    return;
  }
  if (gets === undefined) return;
  if (succeeded) assert.equal(bytes.length, gets.length, `${what}: bytes that came`);
  assert(gets.subarray(0, bytes.length).equals(bytes), `${what}: other bytes came`);
}

/** Prepares, once more where the machine was too busy for the short time that requests have here: nothing is tried yet. */
async function prepared(stage: Stage, scenario: Scenario, standing?: Standing): Promise<Standing> {
  return await prepare(stage, scenario, standing).catch(() => prepare(stage, scenario, standing));
}

/**
 * Puts back what the scenario begins with.
 * @param standing what was put there before: what still has that version needs nothing
 */
async function prepare(
  { opened: { files } }: Stage,
  { commands, anew, before = {} }: Scenario,
  standing?: Standing,
): Promise<Standing> {
  if (anew) {
    for (const path of Object.keys(before)) await unlessMissing(files.remove(at(`/${path}`)));
    const directories = new Set(Object.keys(before).map((path) => path.split("/")[0]));
    for (const name of directories) await unlessMissing(files.removeDirectory(at(`/${name}`)));
  }
  const found = new Map<string, string | undefined>();
  for (const [path, bytes] of Object.entries(before)) {
    const version = await versionOf(files, path);
    const stands = !anew && standing?.has(path) === true && standing.get(path) === version;
    if (!stands && bytes !== undefined) await put(files, `/${path}`, bytes);
    if (!stands && bytes === undefined && version !== undefined) await files.remove(at(`/${path}`));
    found.set(path, stands ? version : await versionOf(files, path));
  }
  if (commands[0] === "MKD made") await unlessMissing(files.removeDirectory(at("/made")));
  if (commands[0] === "RMD made" && !(await exists(files, "/made"))) await files.makeDirectory(at("/made"));
  return found;
}

/** The version of a file; `undefined` where there is none. */
async function versionOf(files: Stage["opened"]["files"], path: string): Promise<string | undefined> {
  try {
    const { version } = await files.stat(at(`/${path}`));
    assert(version !== undefined, `${path} has no version`);
    return version;
  } catch (error) {
    if (error instanceof FileSystemError && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function unlessMissing(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof FileSystemError) || error.code !== "ENOENT") throw error;
  });
}

/** What stands there is the old or the new, and after a success the new: nothing half, nothing lost. */
async function assertStands(
  { opened }: Stage,
  scenario: Scenario,
  { succeeded, standing }: { readonly succeeded: boolean; readonly standing: Standing },
  what: string,
): Promise<void> {
  const { before = {}, commands, sends } = scenario;
  const name = commands.at(-1)?.split(" ")[1] ?? "";
  const after = scenario.after ?? (sends === undefined ? before : { [name]: sends });
  const found: Record<string, Buffer | undefined> = {};
  for (const path of Object.keys(before)) {
    const version = await versionOf(opened.files, path);
    // The same version is the same bytes: they are not fetched again.
    const same = standing.get(path) === version;
    const bytes = same ? before[path] : version === undefined ? undefined : await content(opened.files, `/${path}`);
    const may = succeeded ? [after[path]] : [before[path], after[path]];
    const fits = may.some((wanted) => (wanted === undefined ? bytes === undefined : bytes?.equals(wanted)));
    assert(fits, `${what}: ${path} holds ${bytes?.length ?? "nothing"}`);
    found[path] = bytes;
  }
  if (commands.includes("RNTO moved")) assert(found.small ?? found.moved, `${what}: the file is lost`);
}

/** No reply is too many, and the next upload and the next download go well. */
async function assertUsable(client: ScriptedClient, what: string): Promise<void> {
  await client.assertQuiet();
  await client.expect("PWD", 257);
  const bytes = Buffer.from(what);
  for (const [command, good] of [
    ["STOR usable", 226],
    ["RETR usable", 226],
  ] as const) {
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, command, offered);
    const chunks: Buffer[] = [];
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk) => chunks.push(chunk));
    if (command.startsWith("STOR")) socket.end(bytes);
    await client.expectReply(good);
    await within(closed, "the end of the data connection");
    if (command.startsWith("RETR")) assert.equal(Buffer.concat(chunks).toString(), what);
  }
}
