/** S9.1, S9.2, S9.7 to S9.9, S9.12: who gets in without a right password, and what one login leaves to the next. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { MemoryFileSystem, type Server } from "../../dist/index.js";
import { GUESSING, start } from "../cli/started.js";
import { upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";

const NOBODY = ["anonymous", "ftp", "ANONYMOUS", "Anonymous", "guest", "root", "admin", "portside"];

test("S9.1 unknown, disabled, refused by a rule, or with a listener that fails: to the byte what a wrong password is", async () => {
  await using served = await serve({ maxLoginAttempts: 0, hookTimeout: 50 }, (server) =>
    server.on("login", async (login) => {
      if (login.username === "disabled") login.reject();
      if (login.username === "later") await Promise.resolve().then(() => login.reject());
      if (login.username === "broken") throw new Error("the directory of users is gone");
      if (login.username === "hanging") await new Promise(() => undefined);
    }),
  );
  const client = await served.client();
  const said: string[] = [];
  for (const [name, password] of [
    ["test", "wrong"],
    ["nobody", "secret"],
    ["disabled", "secret"],
    ["later", "secret"],
    ["broken", "secret"],
    ["hanging", "secret"],
    ["TEST", "secret"],
    ["test ", "secret"],
  ] as const) {
    const asked = await client.expect(`USER ${name}`, 331);
    said.push(Buffer.concat([asked.raw, (await client.expect(`PASS ${password}`, 530)).raw]).toString());
  }
  assert.deepEqual([...new Set(said)], [said[0]]);
});

test("S9.2 the program takes as long for a name that it does not know", async (t: TestContext) => {
  await using program = await start("--memory", "--user", "anna:one", "--limit", "bans=off", "--limit", "loginDelay=0");
  const times: Record<string, number[]> = { anna: [], nobody: [] };
  for (let round = 0; round < 110; round++) {
    await using client = await ScriptedClient.connect(program.port);
    for (const name of round % 2 === 0 ? ["anna", "nobody"] : ["nobody", "anna"]) {
      await client.expect(`USER ${name}`, 331);
      const begun = performance.now();
      await client.expect("PASS wrong", 530);
      if (round >= 10) times[name]?.push(performance.now() - begun);
    }
  }
  const [known = Number.NaN, unknown = Number.NaN] = Object.values(times).map(
    (all) => all.toSorted((one, other) => one - other)[all.length >> 1],
  );
  t.diagnostic(`${known.toFixed(2)} ms and ${unknown.toFixed(2)} ms`);
  assert.ok(Math.abs(known - unknown) < 1, `${known} ms for a known name, ${unknown} ms for another`);
});

describe("S9.7 nobody's name and no password", () => {
  test("S9.7 without a listener nobody is anonymous", async () => {
    await using served = await serve({ maxLoginAttempts: 0 });
    const client = await served.client();
    for (const name of NOBODY)
      for (const password of ["", " ", "guest@example.org", "secret"]) {
        await client.expect(`USER ${name}`, 331);
        await client.expect(`PASS ${password}`, 530);
        await client.expect("PWD", 530);
      }
  });

  test("S9.7 to the program neither: not with an empty password, not with none, not with a blank", async () => {
    await using program = await start("--memory", "--user", "anna:one", ...GUESSING);
    for (const name of [...NOBODY, "anna"])
      for (const line of ["PASS ", "PASS  ", "PASS", "PASS guest@example.org"]) {
        await using client = await ScriptedClient.connect(program.port);
        await client.expect(`USER ${name}`, 331);
        await client.expect(line, 530, 501);
        await client.expect("PWD", 530);
      }
  });

  test("S9.7 an empty password reaches the listener as one, and a name that is empty or blank never does", async () => {
    const asked: (readonly [string, string])[] = [];
    await using served = await serve({ maxLoginAttempts: 0 }, (server) =>
      server.on("login", ({ username, password }) => void asked.push([username, password])),
    );
    const client = await served.client();
    for (const line of ["USER", "USER "]) await client.expect(line, 501);
    await client.expect("PASS secret", 503);
    for (const password of ["", " "]) {
      await client.expect("USER test", 331);
      await client.expect(`PASS ${password}`, 530);
    }
    assert.deepEqual(asked, [
      ["test", ""],
      ["test", " "],
    ]);
  });
});

/** Two accounts: `first` may do everything, `second` has a file of its own, may only read, and has tighter bounds. */
function twoAccounts(server: Server, second: MemoryFileSystem): void {
  server.on("login", (login) => {
    if (login.username === "first") login.accept({ fileSystem: new MemoryFileSystem(), limits: { sessions: 1 } });
    if (login.username === "second")
      login.accept({ fileSystem: second, permissions: ["list", "read"], limits: { sessions: 1 } });
  });
}

describe("S9.8 what one login leaves to the next", () => {
  for (const [armed, then, code] of [
    ["RNFR mine", "RNTO stolen", 503],
    ["REST 3", "STAT", 211],
    ["EPSV", "LIST", 425],
    ["PASV", "LIST", 425],
    ["CWD d", "SIZE f", 213],
  ] as const)
    test(`S9.8 nothing of ${armed}, nor of the rights`, async () => {
      const second = new MemoryFileSystem();
      for (const path of ["/mine", "/f"]) await put(second, path, "theirs");
      await using served = await serve({ allowRelogin: true }, (server) => twoAccounts(server, second));
      const client = await (await served.client()).login("first", "x");
      await client.expect("TYPE I", 200);
      await upload(client, "STOR mine", "of first");
      await client.expect("MKD d", 257);
      const { code: done } = await client.command(armed);
      assert(done < 400, `${armed}: ${done}`);
      await client.expect("USER second", 331);
      for (const line of ["PWD", then]) await client.expect(line, 530);
      await client.expect("USER second", 331);
      await client.expect("PASS x", 230);
      await client.expect(then, code);
      for (const line of ["DELE mine", "MKD x", "RMD d"]) await client.expect(line, 550);
      await client.expect("RNFR mine", 350, 550);
      await client.expect("RNTO stolen", 503, 550, 553);
      assert.match((await client.expect("PWD", 257)).text, /^"\/"/);
      assert.equal((await client.expect("SIZE mine", 213)).text, "6");
      assert.equal(served.server.sessions[0]?.username, "second");
    });

  test("S9.8 nor of a mask, a room that was asked for, or the time to be idle", async () => {
    await using served = await serve({ allowRelogin: true });
    const client = await served.user();
    const asked = async (): Promise<readonly string[]> => [
      (await client.expect("SITE UMASK", 200)).text,
      (await client.expect("SITE IDLE", 200)).text,
    ];
    const before = await asked();
    for (const line of ["SITE UMASK 000", "SITE IDLE 77", "ALLO 5"]) await client.expect(line, 200);
    assert.notEqual((await asked())[0], before[0]);
    await client.login();
    assert.deepEqual(await asked(), before);
    await upload(client, "STOR f", "longer than five");
  });

  test("S9.8 who has logged in as somebody else is counted as that one, and no longer as the one before", async () => {
    const second = new MemoryFileSystem();
    await using served = await serve({ allowRelogin: true }, (server) => twoAccounts(server, second));
    const client = await (await served.client()).login("first", "x");
    const other = await served.client();
    await other.expect("USER first", 331);
    await other.expect("PASS x", 530);
    await client.expect("USER second", 331);
    await client.expect("PASS x", 230);
    await other.login("first", "x");
    const third = await served.client();
    await third.expect("USER second", 331);
    await third.expect("PASS x", 530);
  });
});

test("S9.9 PASS first, twice, behind others; USER again and again; RNTO and SITE of a stranger: an order or a refusal", async () => {
  const asked: string[] = [];
  await using served = await serve({ maxLoginAttempts: 0 }, (server) =>
    server.on("login", ({ username }) => void asked.push(username)),
  );
  const client = await served.client();
  for (const [line, code] of [
    ["PASS secret", 503],
    ["RNTO x", 530],
    ["SITE CHMOD 777 x", 530],
    ["USER nobody", 331],
    ["USER other", 331],
    ["USER test", 331],
    ["RNFR x", 530],
    ["PASS secret", 503],
    ["PASS secret", 503],
    ["RNTO x", 530],
    ["USER test", 331],
    ["PASS wrong", 530],
    ["PASS secret", 503],
    ["PWD", 530],
    ["USER nobody", 331],
    ["USER test", 331],
    ["PASS secret", 230],
    ["PASS wrong", 503],
    ["RNTO x", 503],
    ["PWD", 257],
  ] as const)
    await client.expect(line, code);
  assert.deepEqual(asked, ["test", "test"]);
});

test("S9.12 no name and no password opens a port, or a session that is not logged in", () =>
  assertNoLeaks(async () => {
    await using served = await serve({ maxLoginAttempts: 0 });
    const listeners = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
    await until(() => listeners() === 1, undefined, "nothing else listens here");
    const client = await served.client();
    for (const name of ["x:)", ":)", "test:)", "backdoor", "root:)", "HELP ACIDBITCHEZ", "test'--", "${jndi:ldap://x}"])
      for (const password of ["", ":)", "secret:)", name]) {
        await client.expect(`USER ${name}`, 331);
        await client.expect(`PASS ${password}`, 530);
        await client.expect("PWD", 530);
      }
    assert.equal(listeners(), 1);
    assert.equal(served.server.sessions.length, 1);
  }));
