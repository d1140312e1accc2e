/** S17.4, S17.5: stores that break every promise cost a client its command and nobody anything else. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { FileSystemError, MemoryFileSystem } from "../../dist/index.js";
import { begin, offer, reset } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { type Reply, type ScriptedClient, show } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { names } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import {
  type Fault,
  FaultStore,
  giving,
  hanging,
  NOTHING,
  type Operation,
  rejecting,
  throwing,
} from "./kit-fault-store.js";
import { Witness } from "./kit-witness.js";

/** What no client may ever read. */
const SECRET = "/srv/secret/key.pem";

/** Faults that must be answered with a refusal. */
const FAILURES: Readonly<Record<string, Fault>> = {
  "throws an error": throwing(new Error(SECRET)),
  "throws text": throwing(SECRET),
  "throws undefined": throwing(undefined),
  "rejects with an error": rejecting(Object.assign(new Error(SECRET), { code: "ENOENT", path: SECRET })),
  "rejects with undefined": rejecting(undefined),
  "rejects with null": rejecting(null),
  "rejects with an object": rejecting({ code: "EACCES", reply: SECRET, message: SECRET }),
  "rejects with a refusal of its own": rejecting(new FileSystemError("ENOSPC", "/f", { message: SECRET })),
  "rejects with a code that is none": rejecting(new FileSystemError("E2BIG" as "EIO", "/f", { message: SECRET })),
  "rejects with a code of every object": rejecting(new FileSystemError("constructor" as "EIO", "/f")),
};

/** Results that mean nothing; whatever the server makes of them, it must be a reply. */
const NONSENSE: Readonly<Record<string, Fault>> = {
  "gives undefined": giving(NOTHING),
  "gives a number": giving(42),
  "gives text": giving(SECRET),
  "gives an empty object": giving({}),
  "gives another file's nonsense": giving({
    name: 1,
    type: "socket",
    size: Number.NaN,
    modified: new Date(Number.NaN),
  }),
};

/** The commands that lead to each operation. Those of more than one line prepare the last. */
const COMMANDS: Readonly<Record<Operation, readonly string[]>> = {
  stat: ["SIZE f", "MDTM f", "CWD d", "RNFR f", "MLST f", "HASH f", "LIST f", "MLSD d"],
  list: ["LIST", "NLST", "MLSD", "STAT /"],
  entry: ["LIST", "NLST", "MLSD", "STAT /", "LIST -R", "LIST f*"],
  listed: ["LIST", "NLST", "MLSD", "STAT /"],
  openRead: ["RETR f", "TYPE A\nSIZE f", "HASH f"],
  read: ["RETR f", "TYPE A\nSIZE f", "XMD5 f", "TYPE A\nRETR f", "TYPE A\nREST 5\nRETR f"],
  sent: ["RETR f", "TYPE A\nRETR f"],
  close: ["RETR f", "TYPE A\nSIZE f", "HASH f"],
  openWrite: ["STOR g", "APPE g", "STOU", "REST 1\nSTOR f"],
  write: ["STOR g", "APPE f", "STOU", "TYPE A\nSTOR g"],
  commit: ["STOR g", "APPE g", "STOU"],
  abort: ["STOR g"],
  remove: ["DELE f"],
  makeDirectory: ["MKD x"],
  removeDirectory: ["RMD d"],
  rename: ["RNFR f\nRNTO x"],
  setTimes: ["MFMT 20200101000000 f", "MFF Modify=20200101000000; f", "SITE UTIME 20200101000000 f"],
  setMode: ["SITE CHMOD 600 f", "MFF UNIX.mode=600; f"],
};

/** All is said and done already, or was never asked: the transfer may count as complete. */
const TOO_LATE: ReadonlySet<Operation> = new Set(["close", "abort"]);

describe("S17.4 a store that fails", () => {
  for (const operation of Object.keys(COMMANDS) as Operation[])
    test(`at ${operation}`, () => suite(operation, FAILURES, (reply) => reply.code >= 400 || TOO_LATE.has(operation)));
});

describe("S17.4 a store that gives nonsense", () => {
  for (const operation of Object.keys(COMMANDS) as Operation[])
    test(`at ${operation}`, () => suite(operation, NONSENSE, (reply) => reply.code >= 200));
});

async function suite(operation: Operation, faults: Readonly<Record<string, Fault>>, wanted: (reply: Reply) => boolean) {
  const inner = new MemoryFileSystem({ files: { "/f": bytesOf(600_000), "/d/e": "" } });
  const store = new FaultStore(inner);
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store }, (server) => server.on("error", () => undefined));
    await using witness = await Witness.begin(served, store);
    const before = await names(inner);
    for (const [kind, fault] of Object.entries(faults)) {
      // A listing is no promise: it can only throw at once, or while it is read (see `entry`).
      if (operation === "list" && kind.startsWith("rejects")) continue;
      for (const commands of COMMANDS[operation]) {
        const reply = await provoke(served, store, { operation, fault, commands });
        const what = `${commands} where the store ${kind} at ${operation}: ${show(reply)}`;
        assert(wanted(reply), what);
        assert(!reply.raw.includes("secret") && !reply.raw.includes("E2BIG"), what);
        await until(() => store.open === 0, 2000, `the handles are closed after ${what}`);
      }
    }
    if (faults === FAILURES) assert.deepEqual(await names(inner), before, "something was left or taken");
    await witness.assertUnharmed();
  });
}

interface Provocation {
  readonly operation: Operation;
  readonly fault: Fault;
  readonly commands: string;
}

/** Sends the commands in a session of its own, the last one with the fault on; the session must survive. */
async function provoke(served: Served, store: FaultStore, { operation, fault, commands }: Provocation): Promise<Reply> {
  const client = await served.user();
  await client.expect("TYPE I", 200);
  const lines = commands.split("\n");
  const last = lines.pop() ?? "";
  for (const line of lines) await client.expect(line, 200, 350);
  store.plan = (name, path) => (name === operation && !path.startsWith("/witness") ? fault : undefined);
  const reply = await final(client, last, operation);
  store.plan = () => undefined;
  await client.assertQuiet();
  await client.expect("TYPE A", 200);
  await client.expect("QUIT", 221);
  await client.expectClosed();
  return reply;
}

/** Runs a command with whatever it needs of a data connection. */
async function final(client: ScriptedClient, command: string, operation: Operation): Promise<Reply> {
  if (!/^(RETR|STOR|APPE|STOU|LIST|NLST|MLSD)/.test(command)) return client.command(command);
  await using offered = await offer(client, "EPSV");
  const socket = await offered.connect();
  client.send(`${command}\r\n`);
  const first = await client.reply();
  if (first.code >= 200) return first;
  socket.resume();
  if (operation === "abort") reset(socket);
  else if (/^(STO|APP)/.test(command)) socket.end(bytesOf(200_000));
  return await client.reply();
}

describe("S17.4 a store that fails at the n-th call", () => {
  for (const [command, operation, nth] of [
    ["RETR f", "read", 2],
    ["STOR g", "write", 3],
    ["LIST", "entry", 200],
  ] as const)
    test(`${command}, ${operation} ${nth}: 4yz after the 150, the rest of the session goes on`, async () => {
      const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`/e${index}`, ""]));
      const store = new FaultStore(new MemoryFileSystem({ files: { ...files, "/f": bytesOf(5_000_000) } }));
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await client.expect("TYPE I", 200);
        let calls = 0;
        store.plan = (name) =>
          name === operation && ++calls === nth ? throwing(new Error("disk on fire")) : undefined;
        await using offered = await offer(client, "PORT");
        const [, socket] = await begin(client, command, offered);
        socket.on("error", () => undefined).resume();
        if (command === "STOR g")
          for (let sent = 0; sent < 40 && !socket.destroyed; sent++) socket.write(bytesOf(1_000_000));
        await client.expectReply(451, 452, 426, 552);
        socket.destroy();
        await until(() => store.open === 0, 2000, "the handles are closed");
        await client.assertQuiet();
      });
      assert(!(await names(store)).includes("g"), "a partial file is left");
    });
});

describe("S17.5 a store that ends only when its signal fires", () => {
  for (const [leave, operation, command] of [
    ["data", "read", "RETR f"],
    ["data", "entry", "LIST"],
    ["data", "write", "STOR g"],
    ["ABOR", "openRead", "RETR f"],
    ["ABOR", "read", "RETR f"],
    ["ABOR", "openWrite", "STOR g"],
    ["ABOR", "write", "STOR g"],
    ["ABOR", "stat", "LIST"],
    ["ABOR", "entry", "LIST"],
    ["control", "read", "RETR f"],
    ["control", "write", "STOR g"],
    ["control", "stat", "LIST"],
    ["control", "stat", "SIZE f"],
    ["control", "stat", "CWD d"],
    ["control", "remove", "DELE f"],
    ["control", "makeDirectory", "MKD x"],
    ["control", "setMode", "SITE CHMOD 600 f"],
    ["control", "entry", "STAT /"],
  ] as const)
    test(`${command} waits for ${operation}, the client ends it by ${leave}`, async () => {
      const inner = new MemoryFileSystem({ files: { "/f": bytesOf(1_000_000), "/d/e": "", "/h": "" } });
      const store = new FaultStore(inner);
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await client.expect("TYPE I", 200);
        await using offered = await offer(client, "EPSV");
        const socket = await offered.connect();
        let asked = 0;
        store.plan = (name) => {
          if (name !== operation) return undefined;
          asked++;
          // The first entry of a listing is read before the 150.
          return operation === "entry" && asked === 1 ? undefined : hanging;
        };
        client.send(`${command}\r\n`);
        if (command === "STOR g") socket.write(bytesOf(100_000));
        await until(() => asked > (operation === "entry" ? 1 : 0), undefined, "the store is asked");
        await leaveBy(leave, client, socket);
        await until(() => store.open === 0, undefined, "the handles are closed");
        store.plan = () => undefined;
        if (leave === "control") await until(() => served.server.sessions.length === 0, undefined, "the session ends");
        else await client.assertQuiet();
      });
      assert(!(await names(inner)).includes("g"), "a partial file is left");
    });
});

async function leaveBy(leave: "data" | "ABOR" | "control", client: ScriptedClient, socket: Socket): Promise<void> {
  if (leave === "control") return client.reset();
  if (leave === "data") reset(socket);
  else client.send("ABOR\r\n");
  let reply = await client.reply();
  while (reply.code < 200) reply = await client.reply();
  assert([425, 426].includes(reply.code), show(reply));
  if (leave === "ABOR") await client.expectReply(226);
}
