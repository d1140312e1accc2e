/**
 * A store goes wrong at each request of each command, once and for good: the final reply is one that the command may
 * have, nothing is lost and nothing half, and the same session goes on, through all of it.
 */
import assert from "node:assert/strict";
import { suite } from "node:test";
import { FileSystemError } from "../../dist/index.js";
import { begin, type Offer, offer, pour } from "../kit/data.js";
import type { Reply, ScriptedClient } from "../kit/scripted-client.js";
import { content, exists, put } from "../kit/store.js";
import { bytesOf, within } from "../kit/temporary.js";
import { at } from "../storage/store.js";
import { type Backend, backends, PART } from "./backends.js";
import { type Stage, stageTest } from "./stage.js";
import { TROUBLES, type Trouble } from "./trouble.js";

const SMALL = Buffer.from("small and old");
const LARGE = bytesOf(PART + 1_000_000, 2);
const NEW = bytesOf(PART + 5, 3);
/** Milliseconds until a request is given up. */
const REQUEST_TIMEOUT = 1500;
/** Milliseconds until a command must have its final reply: a few requests, and the removal of what they have left. */
const BOUND = 15 * REQUEST_TIMEOUT;

/** What may stand at a path; `undefined` is nothing. */
type Contents = Readonly<Record<string, Buffer | undefined>>;

/** Commands, of which the last one counts. */
interface Scenario {
  readonly commands: readonly string[];
  /** Final replies: of success, and of failure. */
  readonly good: number;
  readonly bad: readonly number[];
  /** Sent over the data connection. */
  readonly sends?: Buffer;
  /** What must come over the data connection, or begin it where the transfer fails. */
  readonly gets?: Buffer | RegExp;
  /** Whether nothing but the answer itself tells how long it is: then nobody sees that it is too short. */
  readonly trusts?: boolean;
  /** What stands there before. */
  readonly before?: Contents;
  /** What stands there after a success; else, what stood there before. */
  readonly after?: Contents;
}

const UPLOAD = { good: 226, bad: [425, 426, 450, 451, 452, 551, 552, 553, 554] };
const DOWNLOAD = { good: 226, bad: [425, 426, 450, 451, 550] };
const joined = (...parts: readonly Buffer[]) => Buffer.concat(parts);

const SCENARIOS: readonly Scenario[] = [
  { commands: ["SIZE small"], good: 213, bad: [450, 451, 550], before: { small: SMALL } },
  { commands: ["MDTM small"], good: 213, bad: [450, 451, 550], before: { small: SMALL } },
  { commands: ["CWD d", "CWD /"], good: 250, bad: [550], before: { "d/in": SMALL } },
  { commands: ["MLSD d"], ...DOWNLOAD, gets: / in\r\n$/, before: { "d/in": SMALL } },
  { commands: ["LIST d"], ...DOWNLOAD, gets: / in\r\n$/, before: { "d/in": SMALL } },
  { commands: ["RETR small"], ...DOWNLOAD, gets: SMALL, trusts: true, before: { small: SMALL } },
  { commands: ["RETR large"], ...DOWNLOAD, gets: LARGE, trusts: true, before: { large: LARGE } },
  { commands: ["REST 4000000", "RETR large"], ...DOWNLOAD, gets: LARGE.subarray(4_000_000), before: { large: LARGE } },
  { commands: ["STOR small"], ...UPLOAD, sends: NEW.subarray(0, 9), before: { small: SMALL } },
  { commands: ["STOR small"], ...UPLOAD, sends: NEW, before: { small: SMALL } },
  { commands: ["STOR new"], ...UPLOAD, sends: NEW, before: { new: undefined } },
  { commands: ["STOU"], ...UPLOAD, sends: NEW.subarray(0, 9) },
  {
    commands: ["APPE small"],
    ...UPLOAD,
    bad: [...UPLOAD.bad, 550],
    sends: SMALL,
    before: { small: SMALL },
    after: { small: joined(SMALL, SMALL) },
  },
  {
    commands: ["REST 5000000", "STOR large"],
    ...UPLOAD,
    sends: NEW,
    before: { large: LARGE },
    after: { large: joined(LARGE.subarray(0, 5_000_000), NEW) },
  },
  { commands: ["DELE small"], good: 250, bad: [450, 550], before: { small: SMALL }, after: { small: undefined } },
  {
    commands: ["RNFR small", "RNTO moved"],
    good: 250,
    bad: [450, 550, 553],
    before: { small: SMALL, moved: undefined },
    after: { small: undefined, moved: SMALL },
  },
  { commands: ["MKD made"], good: 257, bad: [550] },
  { commands: ["RMD made"], good: 250, bad: [550] },
];

/** The first ones can last. */
const LASTING: readonly Trouble[] = ["dies", "stalls", "throttles"];

/** What goes wrong, and at which request. */
interface Trial {
  readonly trouble: Trouble;
  readonly index: number;
  readonly forGood: boolean;
}

const BACKENDS = await backends();

// They mostly wait for stores that stall.
suite("stores that go wrong", { concurrency: 2 }, () => {
  for (const backend of BACKENDS)
    suite(backend.name, { concurrency: 9 }, () => {
      for (const scenario of SCENARIOS) {
        const title = `${scenario.commands.join(", ")}${scenario.sends ? ` of ${scenario.sends.length} bytes` : ""}`;
        const options = { requestTimeout: REQUEST_TIMEOUT };
        const work = async (stage: Stage): Promise<void> => {
          const client = await stage.served.user();
          await client.expect("TYPE I", 200);
          await prepare(stage, scenario);
          const count = await healthy(stage, client, scenario);
          assert(count > 0, "the store was asked");
          const trials = TROUBLES.flatMap((trouble) =>
            Array.from({ length: count }, (_, index) => [
              { trouble, index, forGood: false },
              ...(LASTING.includes(trouble) ? [{ trouble, index, forGood: true }] : []),
            ]).flat(),
          );
          for (const trial of trials)
            if (isTried(backend, scenario, trial, count)) await suffer(stage, client, scenario, trial);
        };
        stageTest(backend, title, work, options);
      }
    });
});

/** Real stores have fewer bad days here: each of them takes long. */
function isTried({ fake }: Backend, { trusts }: Scenario, { trouble, index, forGood }: Trial, count: number): boolean {
  if (trusts === true && trouble === "shortens") return false;
  return fake || (forGood && (index === 0 || index === count - 1));
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
  { trouble, index, forGood }: Trial,
): Promise<void> {
  const what = `${scenario.commands.join(", ")}: the store ${trouble} at request ${index}${forGood ? " for good" : ""}`;
  const { opened, backend } = stage;
  await prepare(stage, scenario);
  const unfinished = await opened.unfinished();
  opened.trouble.begin((asked) => (asked === index || (forGood && asked > index) ? trouble : undefined));
  const { reply, bytes } = await exchange(client, scenario).catch((error: Error) => {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  opened.trouble.end();
  const succeeded = reply.code === scenario.good;
  assert(succeeded || scenario.bad.includes(reply.code), `${what}: ${reply.code} ${reply.text}`);
  if (forGood) assert(!succeeded, `${what}: ${reply.code} ${reply.text}`);
  assertGot(scenario, bytes, succeeded, what);
  await assertStands(stage, scenario, succeeded, what);
  // What was begun in an answer that was lost, or cannot be ended by a store that does not answer, is for `sweep`.
  const swept = forGood || !LASTING.includes(trouble);
  if (swept && backend.sweeps) await opened.files.sweep(0);
  if (!backend.forgets && (!swept || backend.sweeps)) assert.deepEqual(await opened.unfinished(), unfinished, what);
  await assertUsable(stage, client, what);
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

/** Puts back what the scenario begins with. */
async function prepare({ opened: { files } }: Stage, { commands, before = {} }: Scenario): Promise<void> {
  for (const [path, bytes] of Object.entries(before))
    if (bytes !== undefined) await put(files, `/${path}`, bytes);
    else await unlessMissing(files.remove(at(`/${path}`)));
  if (commands[0] === "MKD made") await unlessMissing(files.removeDirectory(at("/made")));
  if (commands[0] === "RMD made" && !(await exists(files, "/made"))) await files.makeDirectory(at("/made"));
}

async function unlessMissing(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof FileSystemError) || error.code !== "ENOENT") throw error;
  });
}

/** What stands there is the old or the new, and after a success the new: nothing half, nothing lost. */
async function assertStands({ opened }: Stage, scenario: Scenario, succeeded: boolean, what: string): Promise<void> {
  const { before = {}, commands, sends } = scenario;
  const name = commands.at(-1)?.split(" ")[1] ?? "";
  const after = scenario.after ?? (sends === undefined ? before : { [name]: sends });
  const found: Record<string, Buffer | undefined> = {};
  for (const path of Object.keys(before)) {
    const bytes = await contentOf(opened.files, path);
    const may = succeeded ? [after[path]] : [before[path], after[path]];
    const fits = may.some((wanted) => (wanted === undefined ? bytes === undefined : bytes?.equals(wanted)));
    assert(fits, `${what}: ${path} holds ${bytes?.length ?? "nothing"}`);
    found[path] = bytes;
  }
  if (commands.includes("RNTO moved")) assert(found.small ?? found.moved, `${what}: the file is lost`);
}

async function contentOf(files: Stage["opened"]["files"], path: string): Promise<Buffer | undefined> {
  return (await exists(files, `/${path}`)) ? content(files, `/${path}`) : undefined;
}

/** No reply is too many, and the next upload and the next download go well. */
async function assertUsable({ opened }: Stage, client: ScriptedClient, what: string): Promise<void> {
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
  await opened.files.remove(at("/usable"));
}
