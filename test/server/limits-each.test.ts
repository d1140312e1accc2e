/**
 * Bounds that are for one login, queue or listing by itself: whomever they are given for, the lowest counts, the reply is
 * the right one, and the fact names the bound.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type AdmissionStore,
  type FileSystem,
  type LimitName,
  type LimitScope,
  type Limits,
  MemoryAdmissionStore,
  MemoryFileSystem,
  type ServerOptions,
} from "../../dist/index.js";
import { limitSettings } from "../../dist/server/limit-options.js";
import { download } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { VastStore } from "../threats/kit-vast-store.js";

const SCOPES: readonly LimitScope[] = ["server", "listener", "address", "account", "session"];
/** Two directories below each other, and eight entries in all. */
const FILES = ["/a", "/b", "/c", "/sub/d", "/sub/e", "/sub/deep/f"];
/** More than anybody waits for. */
const ENDLESS = { entries: 1e9, directories: 1e8 };

interface Stage extends AsyncDisposable {
  readonly served: Served;
  readonly facts: string[];
}

/** A server that keeps the facts about bounds, and gives these to one scope. */
async function bounded(
  scope: LimitScope,
  limits: Limits,
  options: ServerOptions = {},
  store?: FileSystem,
): Promise<Stage> {
  const facts: string[] = [];
  const fileSystem = store ?? (await filled());
  const place = scope === "listener" && { listeners: [{ host: "127.0.0.1", port: 0, limits }] };
  const general = scope !== "listener" && scope !== "account" && { limits: { [scope]: limits } };
  const served = await serve({ fileSystem, ...options, ...place, ...general }, (server) => {
    server.on("limited", (fact) => void facts.push(`${fact.scope}.${fact.limit}`));
    server.on("login", (login) => {
      if (login.password === "secret") login.accept({ fileSystem, ...(scope === "account" && { limits }) });
    });
  });
  return { served, facts, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

async function filled(): Promise<FileSystem> {
  const fileSystem = new MemoryFileSystem();
  for (const path of ["/sub", "/sub/deep"]) await putDirectory(fileSystem, path);
  for (const path of FILES) await put(fileSystem, path, "x");
  return fileSystem;
}

async function fail(client: ScriptedClient, code: number): Promise<void> {
  await client.expect("USER test", 331);
  await client.expect("PASS wrong", code);
}

/** The lines of a listing that ends with 226, and what that says. */
async function listed(client: ScriptedClient, command: string): Promise<{ lines: string[]; text: string }> {
  const { bytes, replies } = await download(client, command);
  return { lines: bytes.toString().split("\r\n").slice(0, -1), text: replies[1].text };
}

describe("loginAttempts", () => {
  for (const scope of SCOPES.filter((each) => each !== "account"))
    test(`S9.3 ${scope}: 421 at the last one, of each connection by itself`, async () => {
      await using stage = await bounded(scope, { loginAttempts: 2 });
      for (let connection = 1; connection < 3; connection++) {
        const client = await stage.served.client();
        await fail(client, 530);
        await fail(client, 421);
        await client.expectClosed();
        assert.deepEqual(stage.facts, Array(connection).fill(`${scope}.loginAttempts`));
      }
    });

  test("the option stays: the lower one counts, and 0 takes none away", async () => {
    await using lower = await bounded("address", { loginAttempts: 5 });
    await using off = await bounded("address", { loginAttempts: 0 });
    for (const { served, facts } of [lower, off]) {
      const client = await served.client();
      for (const code of [530, 530, 421]) await fail(client, code);
      assert.deepEqual(facts, ["session.loginAttempts"]);
    }
  });

  test("where the option is off, the bound is there all the same", async () => {
    await using stage = await bounded("session", { loginAttempts: 4 }, { maxLoginAttempts: 0 });
    const client = await stage.served.client();
    for (const code of [530, 530, 530, 421]) await fail(client, code);
    assert.deepEqual(stage.facts, ["session.loginAttempts"]);
  });
});

describe("queuedCommands", () => {
  /** The server's ends of all connections. */
  const accepted: Socket[] = [];
  const accept = (message: unknown): void => void accepted.push((message as { readonly socket: Socket }).socket);
  before(() => subscribe("net.server.socket", accept));
  after(() => unsubscribe("net.server.socket", accept));

  /** Lets commands pile up behind a HELP that takes its time, until the server reads no more. */
  async function pileUp({ served }: Stage, client: ScriptedClient): Promise<void> {
    const gate = new Gate();
    const hold = ({ verb }: { readonly verb: string }): Promise<void> | undefined =>
      verb === "HELP" ? gate.pass() : undefined;
    served.server.on("command", hold);
    client.send("HELP\r\n");
    await gate.reached;
    for (let line = 0; line < 5; line++) client.send("NOOP\r\nSYST\r\n");
    await until(() => accepted.find(({ remotePort }) => remotePort === client.raw.localPort)?.isPaused() === true);
    served.server.off("command", hold);
    gate.open();
    await client.expectReply(214);
    for (let line = 0; line < 5; line++) {
      await client.expectReply(200);
      await client.expectReply(215);
    }
  }

  for (const scope of SCOPES)
    test(`S10.3 ${scope}: what comes behind waits in the network, is answered in order, and is told once`, () =>
      assertNoLeaks(async () => {
        await using stage = await bounded(scope, { queuedCommands: 2 });
        const client = await stage.served.user();
        for (let round = 0; round < 2; round++) {
          await pileUp(stage, client);
          assert.deepEqual(stage.facts, [`${scope}.queuedCommands`]);
        }
      }));

  test("of an account: from the login on, and no longer than it", async () => {
    const session = { limits: { session: { queuedCommands: 6 } } };
    for (const [enter, whose] of [
      [async () => undefined, "session"],
      [async (client: ScriptedClient) => void (await client.login()), "account"],
      [async (client: ScriptedClient) => void (await (await client.login()).expect("REIN", 220)), "session"],
    ] as const) {
      await using stage = await bounded("account", { queuedCommands: 3 }, session);
      const client = await stage.served.client();
      await enter(client);
      await pileUp(stage, client);
      assert.deepEqual(stage.facts, [`${whose}.queuedCommands`]);
    }
  });

  test("of one, a client that waits for each reply never hears of it", async () => {
    await using stage = await bounded("session", { queuedCommands: 1 });
    const client = await stage.served.user();
    for (let line = 0; line < 20; line++) await client.expect("NOOP", 200);
    assert.deepEqual(stage.facts, []);
  });
});

describe("listingEntries", () => {
  for (const scope of SCOPES)
    test(`S11.2 ${scope}: -R is cut and says so; one directory ends with 451, STAT is cut`, () =>
      assertNoLeaks(async () => {
        await using stage = await bounded(scope, { listingEntries: 3 });
        const { served, facts } = stage;
        const client = await served.user();
        for (const command of ["NLST -R", "LIST -R"]) {
          const { lines, text } = await listed(client, command);
          assert.equal(lines.length, 3, command);
          assert.match(text, /ends here/);
        }
        for (const command of ["NLST", "LIST", "MLSD", "NLST *"])
          await download(client, command, "EPSV", { final: 451 });
        const status = await client.expect("STAT /", 212);
        assert.equal(status.lines.length, 5);
        assert.match(status.lines.at(-1) ?? "", /Cut here/);
        assert.deepEqual(facts, Array(7).fill(`${scope}.listingEntries`));
        // As many as there are is not beyond.
        for (const command of ["NLST sub", "MLSD sub/deep", "NLST *b"])
          assert.match((await listed(client, command)).text, /Transfer complete/);
        await client.expect("STAT a", 213);
        assert.equal(facts.length, 7);
      }));

  test("the lowest counts, the option for -R among them", async () => {
    await using stage = await bounded("address", { listingEntries: 6 }, { listing: { maxEntries: 5, statLines: 2 } });
    const client = await stage.served.user();
    assert.equal((await listed(client, "NLST -R")).lines.length, 5);
    assert.equal((await client.expect("STAT /", 212)).lines.length, 4);
    assert.equal((await listed(client, "NLST")).lines.length, 4);
    assert.deepEqual(stage.facts, ["session.listingEntries", "session.listingEntries"]);
  });

  test("an account is given another one by login.accept, and it ends with REIN", async () => {
    const fileSystem = await filled();
    await using served = await serve({ limits: { account: { listingEntries: 2 } } }, (server) =>
      server.on("login", (login) =>
        login.accept({ fileSystem, ...(login.username === "wide" && { limits: { listingEntries: 4 } }) }),
      ),
    );
    const client = await served.client();
    for (const [name, count] of [
      ["wide", 4],
      ["narrow", 2],
    ] as const) {
      await client.expect(`USER ${name}`, 331);
      await client.expect("PASS x", 230);
      assert.equal((await listed(client, "NLST -R")).lines.length, count);
      await client.expect("REIN", 220);
    }
  });
});

describe("listingDepth", () => {
  for (const scope of SCOPES)
    test(`S11.2 ${scope}: -R goes no deeper, and says so`, async () => {
      await using stage = await bounded(scope, { listingDepth: 1 });
      const client = await stage.served.user();
      const { lines, text } = await listed(client, "NLST -R");
      assert.deepEqual(lines.sort(), ["a", "b", "c", "sub", "sub/d", "sub/deep", "sub/e"]);
      assert.match(text, /ends here/);
      assert.deepEqual(stage.facts, [`${scope}.listingDepth`]);
      await listed(client, "NLST");
      assert.equal((await listed(client, "NLST -R sub")).lines.length, 4);
      assert.equal(stage.facts.length, 1);
    });

  test("0 is no bound, but of the option it is no level", async () => {
    await using stage = await bounded("session", { listingDepth: 0 }, { listing: { maxDepth: 0 } });
    const client = await stage.served.user();
    assert.equal((await listed(client, "NLST -R")).lines.length, 4);
    assert.deepEqual(stage.facts, ["session.listingDepth"]);
  });
});

describe("listingTime", () => {
  for (const scope of SCOPES)
    test(`S11.2 S11.3 ${scope}: a listing without end is cut after its time, of one directory too`, () =>
      assertNoLeaks(async () => {
        const store = new VastStore(ENDLESS);
        await using stage = await bounded(scope, { listingTime: 50 }, { listing: { maxEntries: 1e9 } }, store);
        const client = await stage.served.user();
        const begun = performance.now();
        await listed(client, "LIST -R");
        await client.expect("STAT *nothing*", 212);
        await download(client, "NLST *nothing*", "EPSV", { final: 451 });
        await download(client, "MLSD", "EPSV", { final: 451 });
        const taken = performance.now() - begun;
        assert.ok(taken >= 190 && taken < 5000, `${taken} ms`);
        assert.deepEqual(stage.facts, Array(4).fill(`${scope}.listingTime`));
        assert.equal(store.open, 0);
        await client.assertQuiet();
      }));
});

describe("pending sessions of all clients", () => {
  for (const [given, pending] of [
    [{ sessions: 20_001 }, 10_001],
    [{ sessions: 3 }, 50],
    [{ sessions: 0 }, 0],
    [{ pending: 7 }, 7],
    [{ sessions: 0, pending: 7 }, 7],
    [{ pending: 0 }, 0],
  ] as const)
    test(`limits.server ${JSON.stringify(given)} has ${pending}`, () =>
      assert.equal(limitSettings({ server: given }).server.pending, pending));

  test("S13.2 without a number it is half of the descriptors at the most, so that some are left to refuse with", () => {
    for (const given of [undefined, {}, { sessions: undefined }]) {
      const { sessions = 0, pending } = limitSettings({ server: given }).server;
      assert.ok(sessions > 0 && sessions <= 25_000);
      assert.equal(pending, Math.max(50, Math.ceil(sessions / 2)));
    }
    const script =
      "const { limitSettings } = await import(process.argv[1]); console.log(limitSettings().server.sessions)";
    const program = fileURLToPath(new URL("../../dist/server/limit-options.js", import.meta.url));
    const run = [
      "-c",
      'ulimit -n 600; exec "$@"',
      "sh",
      process.execPath,
      "--input-type=module",
      "-e",
      script,
      program,
    ];
    assert.equal(execFileSync("sh", run, { encoding: "utf8" }).trim(), "300");
  });

  test("S9.5 half of the places are for those who log in", () =>
    assertNoLeaks(async () => {
      const facts: (LimitName | undefined)[] = [];
      const limits = { server: { sessions: 100 }, address: { sessions: 0, pending: 0 } };
      await using served = await serve({ limits }, (server) =>
        server.on("refused", ({ reached }) => void facts.push(reached?.limit)),
      );
      const waiting: ScriptedClient[] = [];
      for (let count = 0; count < 50; count++) waiting.push(await served.client());
      assert.equal((await served.client()).greeting.code, 421);
      await waiting[0]?.login();
      assert.equal((await served.client()).greeting.code, 220);
      assert.deepEqual(facts, ["pending"]);
    }));
});

describe("one address among all", () => {
  /** Counts the sessions that an address gets, until one is refused. */
  async function fill(served: Served, localAddress: string): Promise<number> {
    for (let count = 0; ; count++) {
      const client = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress });
      if (client.greeting.code === 421) return count;
      held.push(client);
    }
  }
  const held: ScriptedClient[] = [];

  test("S13.1 has as many as are left for all others, so that the next one always finds room", () =>
    assertNoLeaks(async () => {
      const reached: unknown[] = [];
      const limits = { server: { sessions: 600, pending: 0 }, address: {} };
      await using served = await serve({ host: "127.0.0.1", limits }, (server) =>
        server.on("refused", (fact) => void reached.push(fact.reached)),
      );
      try {
        assert.deepEqual(
          [await fill(served, "127.0.0.2"), await fill(served, "127.0.0.3"), await fill(served, "127.0.0.4")],
          [300, 150, 100],
        );
        assert.deepEqual(
          reached,
          Array.from({ length: 3 }, () => ({ limit: "sessions", scope: "address" })),
        );
      } finally {
        for (const client of held.splice(0)) await client[Symbol.asyncDispose]();
      }
    }));

  test("S13.1 on another machine that shares the store too, where it has less", () =>
    assertNoLeaks(async () => {
      const kept = new MemoryAdmissionStore();
      const admission: AdmissionStore = {
        get: async (key) => kept.get(key),
        increment: async (...by) => kept.increment(...by),
        expire: async (...end) => kept.expire(...end),
      };
      const options = { host: "127.0.0.1", limits: { server: { sessions: 400, pending: 0 }, address: {} }, admission };
      await using one = await serve(options);
      await using other = await serve(options);
      try {
        assert.deepEqual([await fill(one, "127.0.0.2"), await fill(other, "127.0.0.2")], [200, 100]);
        assert.deepEqual([(await one.client()).greeting.code, (await other.client()).greeting.code], [220, 220]);
      } finally {
        for (const client of held.splice(0)) await client[Symbol.asyncDispose]();
      }
    }));
});
