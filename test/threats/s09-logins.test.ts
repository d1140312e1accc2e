/** S9.2, S9.3, S9.5, S9.6, S9.14: guessing passwords, what it costs and what it tells. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { download } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { measure } from "./kit-measure.js";

/** Milliseconds until a wrong login is answered. */
async function fail(client: ScriptedClient, name: string): Promise<number> {
  await client.expect(`USER ${name}`, 331);
  const begun = performance.now();
  await client.expect("PASS wrong", 530);
  return performance.now() - begun;
}

test("S9.2 200 wrong passwords of a name that exists, and of one that does not: the same time", async (t: TestContext) => {
  await using served = await serve({ loginDelay: 1, maxLoginAttempts: 0 });
  const client = await served.client();
  const times: Record<string, number[]> = { test: [], nobody: [] };
  for (let round = 0; round < 210; round++)
    for (const name of round % 2 === 0 ? ["test", "nobody"] : ["nobody", "test"]) {
      const time = await fail(client, name);
      if (round >= 10) times[name]?.push(time);
    }
  const [known, unknown] = [median(times["test"]), median(times["nobody"])];
  t.diagnostic(`${known.toFixed(2)} ms and ${unknown.toFixed(2)} ms`);
  assert.ok(Math.abs(known - unknown) < 1, `${known} ms for a known name, ${unknown} ms for another`);
});

test("S9.2 a right password is not delayed, also after wrong ones", async () => {
  await using served = await serve({ loginDelay: 300 });
  const client = await served.client();
  assert.ok((await fail(client, "test")) >= 290);
  assert.ok((await fail(client, "test")) >= 590, "twice as long");
  const begun = performance.now();
  await client.login();
  assert.ok(performance.now() - begun < 200);
});

test("S9.3 each failed login takes longer, at most ten times, and the third ends the connection", async () => {
  await using served = await serve({ loginDelay: 20 });
  const times: number[] = [];
  for (let connection = 0; connection < 3; connection++) {
    const client = await served.client();
    for (const code of [530, 530, 421]) {
      await client.expect("USER test", 331);
      const begun = performance.now();
      await client.expect("PASS wrong", code);
      times.push(performance.now() - begun);
    }
    await client.expectClosed();
  }
  const least = [20, 40, 80, 160, 200, 200, 200, 200, 200];
  for (const [index, time] of times.entries())
    assert.ok(time > (least[index] ?? 0) - 3 && time < (least[index] ?? 0) + 150, times.map(Math.round).join(" "));
});

test("S9.3 guesses in one segment are no quicker", async () => {
  await using served = await serve({ loginDelay: 30, maxLoginAttempts: 0 });
  const client = await served.client();
  const begun = performance.now();
  client.send("USER test\r\nPASS wrong\r\n".repeat(4));
  for (let guess = 0; guess < 4; guess++) {
    await client.expectReply(331);
    await client.expectReply(530);
    const least = 30 * (2 ** (guess + 1) - 1);
    assert.ok(performance.now() - begun > least - 5, `${guess + 1} guesses in ${performance.now() - begun} ms`);
  }
});

test("S9.3 guesses of many connections at once are no quicker", async () => {
  await using served = await serve({ loginDelay: 30 });
  const crowd = await Promise.all(Array.from({ length: 8 }, () => served.client()));
  const times = await Promise.all(crowd.map((client, index) => fail(client, `user${index}`)));
  for (const [index, time] of times.toSorted((one, other) => one - other).entries())
    assert.ok(time > Math.min(30 * 2 ** index, 300) - 5, times.map(Math.round).join(" "));
});

for (const answer of ["accept", "requireAccount"] as const)
  test(`S9.3 of guesses that are verified at the same moment none gets in behind the ban, by ${answer}`, async () => {
    const gate = new Gate();
    let asked = 0;
    await using served = await serve({ bans: { after: 10 } }, (server) =>
      server.on("login", async (login) => {
        asked++;
        if (login.password !== "secret") return;
        await gate.pass();
        if (answer === "requireAccount") login.requireAccount();
      }),
    );
    const lucky = await served.client();
    lucky.send("USER test\r\nPASS secret\r\n");
    await gate.reached;
    const crowd = await Promise.all(Array.from({ length: 10 }, () => served.client()));
    for (const client of crowd) await client.expect("USER test", 331);
    for (const client of crowd) await client.expect("PASS wrong", 530, 421);
    gate.open();
    await lucky.expectReply(331);
    await lucky.expectReply(421);
    await lucky.expectClosed();
    assert.equal(asked, 11);
  });

test("S9.5 who waits for a delayed answer holds no more than a socket and a clock, and is free at once when he leaves", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ loginDelay: 6000 });
    const crowd = await Promise.all(Array.from({ length: 100 }, () => served.client()));
    let failed = 0;
    served.server.on("loginFailed", () => void failed++);
    for (const client of crowd) client.send("USER test\r\nPASS wrong\r\n");
    await until(() => failed === 100, undefined, "all have failed");
    const cost = await measure(async () => {
      await (await served.user()).assertQuiet();
      for (const client of crowd) client.reset();
      await until(() => served.server.sessions.length === 1, 2000, "they are gone");
    });
    assert.ok(cost.total < 1000, `${cost.total} ms of the processor`);
  });
});

for (const [what, length] of [
  ["4 KB", 4096],
  ["just below a line's bound", 8180],
] as const)
  test(`S9.6 PASS of ${what} reaches the host once, and is told nowhere`, async () => {
    const seen: number[] = [];
    const replies: unknown[] = [];
    await using served = await serve({}, (server) => {
      server.on("login", ({ password }) => void seen.push(password.length));
      server.on("reply", ({ argument, text }) => void replies.push(argument, text));
    });
    const client = await served.client();
    await client.expect("USER test", 331);
    await client.expect(`PASS ${"x".repeat(length)}`, 530);
    assert.deepEqual(seen, [length]);
    assert.ok(!JSON.stringify(replies).includes("xxxx"));
    await client.login();
  });

test("S9.6 PASS of 1 MB never reaches the host: no hash is made of it", async () => {
  let asked = 0;
  await using served = await serve({}, (server) => server.on("login", () => void asked++));
  const client = await served.client();
  await client.expect("USER test", 331);
  client.send(`PASS ${"x".repeat(2 ** 20)}\r\n`);
  await client.expectReply(421, 500);
  assert.equal(asked, 0);
  await served.user();
});

test("S9.6 fifty wrong passwords at once do not hold up the download of somebody else", async () => {
  await using served = await serve({ loginDelay: 300 });
  await put(served.fileSystem, "/f", bytesOf(1_000_000));
  const user = await served.user();
  await user.expect("TYPE I", 200);
  const alone = await timeOf(() => download(user, "RETR f"));
  const crowd = await Promise.all(Array.from({ length: 50 }, () => served.client()));
  for (const client of crowd) client.send("USER test\r\nPASS wrong\r\n");
  const besieged = await timeOf(() => download(user, "RETR f"));
  assert.ok(besieged < 3 * alone + 100, `${alone} ms alone, ${besieged} ms among them`);
});

test("S9.14 by account, by address and in all: 530, 421, 421, each with the same text, whoever it is", async () => {
  const limits = { server: { sessions: 4 }, address: { sessions: 3 }, account: { sessions: 1 } };
  await using served = await serve({ limits });
  const first = await served.user();
  const second = await served.client();
  await second.expect("USER test", 331);
  const tooMany = await second.expect("PASS secret", 530);
  // A wrong password tells nobody how many there are.
  await second.expect("USER test", 331);
  assert.notEqual((await second.expect("PASS wrong", 530)).text, tooMany.text);
  await served.client();
  const fourth = await served.client();
  assert.equal(fourth.greeting.code, 421);
  await first.expect("QUIT", 221);
  await until(() => served.server.sessions.length === 2, 2000, "it has left");
  await second.login();
});

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function median(numbers: readonly number[] = []): number {
  return [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
}
