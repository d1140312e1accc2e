/** Counts of several processes in one store: exact while all live, and without those who have died soon after. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Allowance } from "../../dist/limits/allowance.js";
import { MemoryAdmissionStore } from "../../dist/limits/memory-admission-store.js";
import { Scope } from "../../dist/limits/scope.js";
import { SharedCounts, SPAN_MS } from "../../dist/limits/shared-counts.js";
import { assertNoLeaks } from "../kit/leaks.js";

/** Processes with one store and one clock, which the test turns. */
function processes(count: number) {
  const store = new MemoryAdmissionStore();
  const errors: unknown[] = [];
  const clock = { now: 1000 * SPAN_MS };
  const each = Array.from(
    { length: count },
    () =>
      new SharedCounts(
        store,
        (error) => errors.push(error),
        () => clock.now,
      ),
  );
  /** Lets time pass; all but the dead look at the clock meanwhile. */
  const pass = (milliseconds: number, dead?: SharedCounts): void => {
    for (let passed = 0; passed < milliseconds; passed += SPAN_MS / 8) {
      clock.now += SPAN_MS / 8;
      for (const one of each) if (one !== dead) one.turn();
    }
  };
  return { each: each as [SharedCounts, SharedCounts, SharedCounts], pass, errors, store };
}

describe("SharedCounts", () => {
  test("sums what all count, whoever enters and leaves", () =>
    assertNoLeaks(async () => {
      const { each, errors } = processes(3);
      const [one, other, third] = each;
      assert.equal(await one.enter("k"), 1);
      assert.equal(await other.enter("k"), 2);
      assert.equal(await other.enter("other"), 1);
      one.leave("k");
      assert.equal(await third.enter("k"), 2);
      other.leave("k");
      other.leave("other");
      third.leave("k");
      assert.deepEqual([one.size, other.size, third.size, errors], [0, 0, 0, []]);
    }));

  for (const spans of [0.25, 0.5, 0.75, 1, 1.5, 2, 3.25, 100])
    test(`after ${spans} spans the sum is the same, and right when one leaves`, async () => {
      const { each, pass } = processes(3);
      const [one, other, third] = each;
      await one.enter("k");
      await one.enter("k");
      await other.enter("k");
      pass(spans * SPAN_MS);
      assert.equal(await third.enter("k"), 4);
      one.leave("k");
      pass(SPAN_MS);
      assert.equal(await third.enter("k"), 4);
      for (const left of [one, other, third, third]) left.leave("k");
    });

  for (const spans of [0, 0.25, 0.5, 0.75])
    test(`who dies ${spans} of a span on counts at first, and no more one and a half spans later`, async () => {
      const { each, pass } = processes(2);
      const [one, dead] = each;
      pass(spans * SPAN_MS);
      await one.enter("k");
      await dead.enter("k");
      assert.equal(await one.enter("k"), 3);
      pass(1.5 * SPAN_MS, dead);
      assert.equal(await one.enter("k"), 3, "its own two, and one more");
      for (let count = 0; count < 3; count++) one.leave("k");
      dead.leave("k");
    });

  test("clocks that differ by less than half a span count the same", async () => {
    const store = new MemoryAdmissionStore();
    const at = (time: number) => new SharedCounts(store, assert.ifError, () => time);
    const [early, late] = [at(10 * SPAN_MS - 1), at(10.4 * SPAN_MS)];
    await early.enter("k");
    assert.equal(await late.enter("k"), 2);
    early.leave("k");
    late.leave("k");
  });

  test("a store that fails is reported, and this process counts alone", async () => {
    const errors: unknown[] = [];
    const failure = new Error("away");
    const reject = () => Promise.reject(failure);
    const counts = new SharedCounts({ get: reject, increment: reject, expire: reject }, (error) => errors.push(error));
    assert.equal(await counts.enter("k"), 1);
    assert.equal(await counts.enter("k"), 2);
    assert.deepEqual(errors, [failure, failure]);
    counts.leave("k");
    counts.leave("k");
    await counts.settled();
    assert.equal(counts.size, 0);
  });

  test("settled: the store knows what has left", async () => {
    let told: (() => void) | undefined;
    const memory = new MemoryAdmissionStore();
    const increment = async (key: string, by: number, time: number): Promise<number> => {
      if (by < 0) await new Promise<void>((resolve) => (told = resolve));
      return memory.increment(key, by, time);
    };
    const counts = new SharedCounts(
      { get: (key) => memory.get(key), increment, expire: () => undefined },
      assert.ifError,
      () => 0,
    );
    await counts.enter("k");
    counts.leave("k");
    let settled = false;
    const settling = counts.settled().then(() => (settled = true));
    await new Promise(setImmediate);
    assert.equal(settled, false);
    told?.();
    await settling;
    assert.equal(memory.get("now:k:0"), 0);
  });
});

describe("allowances of several processes", () => {
  const limits = { sessions: 2, pending: 2, transfers: 1 };

  function allowances(count: number) {
    const { each } = processes(count);
    return each.map(
      (counts) => () => new Allowance([new Scope("address", limits, { counts, name: "a" }), new Scope("session")]),
    );
  }

  test("of those that come at once as many get in as there is room for", async () => {
    const made = allowances(3).flatMap((make) => [make()]);
    const reached = await Promise.all(made.map(async (allowance) => allowance.begin()));
    assert.equal(reached.filter((each) => each === undefined).length, 2);
    assert.deepEqual(
      reached.find((each) => each !== undefined),
      { limit: "sessions", scope: "address" },
    );
    for (const allowance of made) allowance.end();
    assert.equal(await made[2]?.begin(), undefined, "room again");
    made[2]?.end();
  });

  test("transfers; what is over while it was asked for counts no more", async () => {
    const [one, other] = allowances(2).map((make) => make()) as [Allowance, Allowance];
    await one.begin();
    await other.begin();
    assert.equal(await one.beginTransfer(), undefined);
    assert.deepEqual(await other.beginTransfer(), { limit: "transfers", scope: "address" });
    one.endTransfer();
    const asked = other.beginTransfer();
    other.end();
    await asked;
    assert.equal(await one.beginTransfer(), undefined);
    one.end();
  });
});
