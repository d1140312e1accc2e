/** portside/redis: counts with an end, in one step for all who share them, over clients of one's own or of the host. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient } from "redis";
import { type AdmissionStore, MemoryAdmissionStore } from "../../dist/index.js";
import { RedisAdmissionStore } from "../../dist/redis/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until } from "../kit/temporary.js";
import { race, withRedis } from "./scene.js";

/** What every store does. */
const CONTRACT: Readonly<Record<string, (store: AdmissionStore) => Promise<void>>> = {
  async "a key that is not there is 0"(store) {
    assert.equal(await store.get("nothing"), 0);
  },
  async "adds, and takes away"(store) {
    assert.equal(await store.increment("key", 2, 60_000), 2);
    assert.equal(await store.increment("key", 3, 60_000), 5);
    assert.equal(await store.increment("key", -6, 60_000), -1);
    assert.equal(await store.get("key"), -1);
    assert.equal(await store.get("other"), 0);
  },
  async "ends when its time is over, and begins anew"(store) {
    await store.increment("key", 1, 50);
    await until(async () => (await store.get("key")) === 0);
    assert.equal(await store.increment("key", 1, 60_000), 1);
  },
  async "a key that is there keeps its end"(store) {
    await store.increment("key", 1, 200);
    await store.increment("key", 1, 60_000);
    await until(async () => (await store.get("key")) === 0);
  },
  async "expire lets it live longer, or end now"(store) {
    await store.increment("short", 1, 100);
    await store.increment("long", 1, 100);
    await store.expire("long", 60_000);
    await until(async () => (await store.get("short")) === 0);
    assert.equal(await store.get("long"), 1);
    await store.expire("long", 0);
    assert.equal(await store.get("long"), 0);
  },
  async "expire makes no key"(store) {
    await store.expire("key", 60_000);
    assert.equal(await store.increment("key", 1, 50), 1);
    await until(async () => (await store.get("key")) === 0);
  },
  async "keys with all that they may have"(store) {
    const key = `ban:2001:db8::/64 "é"*?{x}${"k".repeat(270)}`.replaceAll(" ", "_");
    assert.equal(await store.increment(key, 1, 60_000), 1);
    assert.equal(await store.get(key), 1);
  },
};

describe("an AdmissionStore", () => {
  for (const [title, holds] of Object.entries(CONTRACT)) {
    test(`in memory: ${title}`, () => holds(new MemoryAdmissionStore()));
    withRedis(`in Redis: ${title}`, ({ store }) => holds(store()));
  }
});

describe("RedisAdmissionStore", () => {
  withRedis("two processes count together: every sum comes once, and none is lost", async ({ redis, store }) => {
    const sums = (await race(redis, "increment", 2, 2000)).flat() as number[];
    assert.deepEqual(
      sums.toSorted((one, other) => one - other),
      Array.from({ length: 4000 }, (_, index) => index + 1),
    );
    assert.equal(await store().get("key"), 4000);
  });

  withRedis("stores with one prefix share, with two they do not", async ({ store }) => {
    await store().increment("key", 1, 60_000);
    assert.equal(await store().get("key"), 1);
    assert.equal(await store({ prefix: "other:" }).get("key"), 0);
  });

  withRedis("a client of the host is used, and left as it is", async ({ redis }) => {
    const client = createClient({ url: redis.url });
    await client.connect();
    const store = new RedisAdmissionStore({ client, prefix: "ftp:" });
    await store.increment("key", 4, 60_000);
    assert.equal(await client.get("ftp:key"), "4");
    const left = await client.pTTL("ftp:key");
    assert.ok(left > 50_000 && left <= 60_000, `${left} ms`);
    await store.close();
    await assert.rejects(store.get("key"), /closed/);
    assert.equal(await client.get("ftp:key"), "4");
    client.destroy();
  });

  withRedis("a host's client that was never connected rejects", async ({ redis }) => {
    const store = new RedisAdmissionStore({ client: createClient({ url: redis.url }) });
    await assert.rejects(store.get("key"));
  });

  withRedis("closed before it was used, twice, and while it connects", async ({ store }) => {
    const unused = store();
    await unused.close();
    await unused.close();
    await assert.rejects(unused.increment("key", 1, 1000), /closed/);
    const connecting = store();
    const asked = connecting.get("key");
    await connecting.close();
    await assert.rejects(asked);
  });

  test("wrong options", () =>
    assertNoLeaks(async () => {
      const wrong = (options: object) => () => new RedisAdmissionStore(options);
      assert.throws(wrong({ timeout: -1 }), { name: "RangeError", message: /^timeout .*milliseconds/ });
      assert.throws(wrong({ timeout: 1.5 }), RangeError);
      assert.throws(wrong({ prefix: 7 }), { name: "TypeError", message: /^prefix / });
      assert.throws(wrong({ url: "redis://127.0.0.1" }), { name: "TypeError", message: /unknown option url/ });
    }));
});
