/** The default store of counts and bans: what it keeps, for how long, and that nothing makes it grow beyond its bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryAdmissionStore } from "../../dist/index.js";
import { clock } from "./clock.js";

test("a key lives as long as it was given when it was made, not longer by what is added", () => {
  using time = clock();
  const store = new MemoryAdmissionStore();
  assert.equal(store.get("a:1"), 0);
  assert.equal(store.increment("a:1", 2, 1000), 2);
  time.forward(999);
  assert.equal(store.increment("a:1", -5, 1000), -3);
  assert.equal(store.get("a:1"), -3);
  time.forward(1);
  assert.equal(store.get("a:1"), 0);
  assert.equal(store.size, 0);
  assert.equal(store.increment("a:1", 1, 1000), 1);
});

test("expire: longer, shorter, at once; a key that is not there stays so", () => {
  using time = clock();
  const store = new MemoryAdmissionStore();
  store.increment("a:1", 1, 1000);
  store.expire("a:1", 5000);
  time.forward(4999);
  assert.equal(store.get("a:1"), 1);
  store.expire("a:1", 0);
  assert.equal(store.get("a:1"), 0);
  store.expire("a:2", 1000);
  assert.equal(store.get("a:2"), 0);
  assert.equal(store.size, 0);
});

test("is an AdmissionStore as its contract says, whatever is done in whatever order", () => {
  const step = fc.record({
    what: fc.constantFrom("get", "increment", "expire", "wait"),
    key: fc.constantFrom("ban:1", "ban:2", "names:1", "plain"),
    by: fc.integer({ min: -3, max: 3 }),
    time: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      using time = clock();
      const store = new MemoryAdmissionStore();
      const model = new Map<string, { value: number; left: number }>();
      for (const { what, key, by, time: amount } of steps) {
        if (what === "wait") {
          time.forward(amount);
          for (const entry of model.values()) entry.left -= amount;
        }
        for (const [name, { left }] of model) if (left <= 0) model.delete(name);
        const known = model.get(key);
        if (what === "get") assert.equal(store.get(key), known?.value ?? 0);
        if (what === "increment") {
          const entry = known ?? { value: 0, left: amount };
          entry.value += by;
          model.set(key, entry);
          assert.equal(store.increment(key, by, amount), entry.value);
        }
        if (what === "expire") {
          store.expire(key, amount);
          if (known !== undefined) known.left = amount;
        }
      }
    }),
  );
});

test("S9.4 a flood of new keys never makes it larger than it may be", () => {
  for (const maxKeys of [1, 2, 9, 10, 1000]) {
    const store = new MemoryAdmissionStore({ maxKeys });
    for (let key = 0; key < 5 * maxKeys + 5; key++) {
      assert.equal(store.increment(`failures:${key}`, 1, 60_000), 1);
      assert.ok(store.size <= maxKeys, `${store.size} of ${maxKeys}`);
    }
    assert.ok(store.size >= Math.floor(maxKeys * 0.9), `${store.size} of ${maxKeys}`);
  }
});

test("S9.4 a flood of names and of failing addresses throws out no ban", () => {
  const store = new MemoryAdmissionStore({ maxKeys: 1000 });
  for (let key = 0; key < 200; key++) store.increment(`ban:${key}`, 1, 60_000);
  for (let key = 0; key < 20_000; key++) {
    store.increment(`names:${key}`, 1, 60_000);
    store.increment(`failures:${key}`, 1, 60_000);
  }
  for (let key = 0; key < 200; key++) assert.equal(store.get(`ban:${key}`), 1);
  // What came last is there too.
  assert.equal(store.get("failures:19999"), 1);
  assert.equal(store.get("names:19999"), 1);
});

test("keys whose time is over make room before any other", () => {
  using time = clock();
  const store = new MemoryAdmissionStore({ maxKeys: 100 });
  for (let key = 0; key < 60; key++) store.increment(`a:${key}`, 1, 60_000);
  for (let key = 0; key < 40; key++) store.increment(`b:${key}`, 1, 10);
  time.forward(10);
  for (let key = 100; key < 140; key++) store.increment(`a:${key}`, 1, 60_000);
  for (let key = 0; key < 60; key++) assert.equal(store.get(`a:${key}`), 1);
});

test("a key costs the same whether a thousand are kept or a hundred thousand, and also when it is full", () => {
  const costOf = (maxKeys: number): number => {
    const store = new MemoryAdmissionStore({ maxKeys });
    for (let key = 0; key < maxKeys; key++) store.increment(`failures:${key}`, 1, 60_000);
    const begun = performance.now();
    for (let key = 0; key < 200_000; key++) store.increment(`failures:${maxKeys + key}`, 1, 60_000);
    return performance.now() - begun;
  };
  const least = (maxKeys: number): number => Math.min(...Array.from({ length: 3 }, () => costOf(maxKeys)));
  const [small, large] = [least(1000), least(100_000)];
  // Larger maps are farther from the processor; a walk over all keys for each new one would be a hundred times as much.
  assert.ok(large < 12 * small, `${small} ms with 1,000 keys, ${large} ms with 100,000`);
});

for (const maxKeys of [0, -1, 1.5, Number.NaN, "5"])
  test(`maxKeys ${JSON.stringify(maxKeys)} is a RangeError that names it`, () =>
    assert.throws(() => new MemoryAdmissionStore({ maxKeys: maxKeys as number }), {
      name: "RangeError",
      message: /maxKeys/,
    }));
