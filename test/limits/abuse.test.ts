/** Failed logins and bans: growing, by address, once for each burst, and nothing of a name in the store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type AdmissionStore, MemoryAdmissionStore } from "../../dist/index.js";
import { Abuse } from "../../dist/limits/abuse.js";
import { Networks } from "../../dist/wire/network.js";
import { clock } from "./clock.js";

const SETTINGS = { after: 3, window: 10_000, duration: 60_000, longest: 200_000, exempt: new Networks([]) };

/** A store that answers later, as one on another machine does, and remembers the keys that it saw. */
class Distant implements AdmissionStore {
  readonly keys = new Set<string>();
  readonly #store = new MemoryAdmissionStore();

  async get(key: string): Promise<number> {
    await setImmediate();
    return this.#store.get(key);
  }

  async increment(key: string, by: number, milliseconds: number): Promise<number> {
    this.keys.add(key);
    await setImmediate();
    return this.#store.increment(key, by, milliseconds);
  }

  async expire(key: string, milliseconds: number): Promise<void> {
    await setImmediate();
    this.#store.expire(key, milliseconds);
  }
}

async function failUntilBanned(abuse: Abuse, address: string): Promise<number> {
  for (let tries = 1; tries < SETTINGS.after; tries++) {
    const failure = await abuse.failed(address, "anna");
    assert.deepEqual([failure.banned, failure.out], [0, false]);
  }
  const last = await abuse.failed(address, "anna");
  assert.equal(last.out, true);
  return last.banned;
}

test("S9.3 each ban lasts twice as long as the one before, up to the longest; a day of peace makes it short again", async () => {
  using time = clock();
  const abuse = new Abuse(new MemoryAdmissionStore(), SETTINGS);
  for (const expected of [60_000, 120_000, 200_000, 200_000]) {
    assert.equal(await failUntilBanned(abuse, "192.0.2.1"), expected);
    time.forward(expected - 1);
    assert.equal(await abuse.isBanned("192.0.2.1"), true);
    time.forward(1);
    assert.equal(await abuse.isBanned("192.0.2.1"), false);
  }
  time.forward(86_400_000);
  assert.equal(await failUntilBanned(abuse, "192.0.2.1"), 60_000);
});

test("S9.3 failures count for their window, which begins with the first", async () => {
  using time = clock();
  const abuse = new Abuse(new MemoryAdmissionStore(), SETTINGS);
  for (let round = 0; round < 5; round++) {
    assert.equal((await abuse.failed("192.0.2.1", "anna")).out, false);
    assert.equal((await abuse.failed("192.0.2.1", "anna")).out, false);
    time.forward(SETTINGS.window);
  }
  assert.equal(await abuse.isBanned("192.0.2.1"), false);
});

test("S9.3 S13.10 the addresses of one /64 are one, and what is IPv4 is IPv4 however it is written; others are not touched", async () => {
  const abuse = new Abuse(new MemoryAdmissionStore(), SETTINGS);
  for (const address of ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::9"]) await abuse.failed(address, "anna");
  assert.equal(await abuse.isBanned("2001:db8::abcd"), true);
  assert.equal(await abuse.isBanned("2001:db8:0:1::1"), false);
  await abuse.ban("::ffff:192.0.2.9", 1000);
  assert.equal(await abuse.isBanned("192.0.2.9"), true);
  assert.equal(await abuse.isBanned("::1"), false);
  assert.equal(await abuse.isBanned("192.0.2.8"), false);
});

test("S9.4 a name that is guessed from everywhere bans nobody who has not guessed himself", async () => {
  const abuse = new Abuse(new MemoryAdmissionStore(), SETTINGS);
  const counts = [];
  for (let address = 0; address < 100; address++) counts.push(await abuse.failed(`192.0.2.${address}`, "anna"));
  assert.ok(counts.every(({ out }) => !out));
  // But the answers become slow, wherever they are asked for.
  assert.equal(counts.at(-1)?.count, 100);
  assert.equal(await abuse.isBanned("192.0.2.1"), false);
});

test("S9.3 fifty failures at the same moment, over a distant store, are one ban of the first length", async () => {
  const abuse = new Abuse(new Distant(), SETTINGS);
  const failures = await Promise.all(Array.from({ length: 50 }, () => abuse.failed("192.0.2.1", "anna")));
  assert.deepEqual(
    failures.map(({ banned }) => banned).filter((banned) => banned > 0),
    [60_000],
  );
  assert.equal(failures.filter(({ out }) => out).length, 48);
  await abuse.unban("192.0.2.1");
  assert.equal(await abuse.isBanned("192.0.2.1"), false);
  assert.equal(await failUntilBanned(abuse, "192.0.2.1"), 60_000);
});

test("after 0 bans nobody for failures, and a ban by hand holds all the same", async () => {
  const abuse = new Abuse(new MemoryAdmissionStore(), { ...SETTINGS, after: 0 });
  for (let tries = 0; tries < 100; tries++) assert.equal((await abuse.failed("192.0.2.1", "anna")).out, false);
  await abuse.ban("192.0.2.1", 5000);
  assert.equal(await abuse.isBanned("192.0.2.1"), true);
});

test("S9.3 who is exempt is counted and never banned for it; by hand he is; others are as before", async () => {
  const exempt = new Networks(["192.0.2.0/28", "2001:db8::/64"]);
  const abuse = new Abuse(new MemoryAdmissionStore(), { ...SETTINGS, exempt });
  for (const address of ["192.0.2.1", "::ffff:192.0.2.2", "64:ff9b::192.0.2.3", "2001:db8::9"]) {
    for (let count = 1; count <= 9; count++)
      assert.deepEqual(await abuse.failed(address, address), { count, banned: 0, out: false });
    assert.equal(await abuse.isBanned(address), false);
    await abuse.ban(address, 5000);
    assert.equal(await abuse.isBanned(address), true);
  }
  for (const address of ["192.0.2.16", "2001:db8:0:1::9"]) assert.equal(await failUntilBanned(abuse, address), 60_000);
});

test("S9.2 keys are short, without blanks, tell no name, and a flood of names has an end", async () => {
  const store = new Distant();
  const abuse = new Abuse(store, { ...SETTINGS, after: 0 });
  const names = ["hunter2 typed in the wrong field", "\u0001 \r\n", "x".repeat(8000), ""];
  for (const name of names) await abuse.failed("2001:db8::1", name);
  for (const key of store.keys) assert.match(key, /^[a-z]+:[\w:/-]{1,60}$/);
  assert.ok(![...store.keys].some((key) => key.includes("hunter2")));
  // 18 bits: thousands of likely passwords have the same ones.
  const named = [...store.keys].filter((key) => key.startsWith("names:"));
  assert.ok(named.every((key) => key.length === "names:".length + 3));
});
