/** Redis is gone, comes back, or says nothing any more: clients are let in, it is told, and nobody waits for long. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { createClient } from "redis";
import { RedisAdmissionStore } from "../../dist/redis/index.js";
import type { RedisServer } from "../kit/redis-server.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { withRedis } from "./scene.js";

interface Stage extends AsyncDisposable {
  readonly served: Served;
  /** What the server has told as `error`. */
  readonly errors: string[];
}

/** A server that counts in Redis. */
async function stage(admission: RedisAdmissionStore): Promise<Stage> {
  const errors: string[] = [];
  const served = await serve({ admission, bans: { after: 3 } }, (server) =>
    server.on("error", ({ error }) => void errors.push(String(error))),
  );
  return { served, errors, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

async function failedLogin({ served }: Stage): Promise<ScriptedClient> {
  const client = await served.client();
  await client.expect("USER test", 331);
  await client.expect("PASS wrong", 530);
  return client;
}

/** How many milliseconds the work takes. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Bans this machine again as soon as Redis counts again, and finds that it is banned. */
async function assertCounts(made: Stage): Promise<void> {
  await until(async () => {
    const client = await made.served.client();
    if (client.greeting.code === 421) return true;
    await client.expect("USER test", 331);
    // The one that is banned for it reads 421.
    const { code } = await client.command("PASS wrong");
    assert.ok(code === 530 || code === 421);
    return false;
  });
}

const OUTAGES: Readonly<Record<string, (redis: RedisServer) => Promise<void> | void>> = {
  killed: (redis) => redis.kill(),
  paused: (redis) => redis.pause(),
};

describe("without Redis", () => {
  for (const [title, begin] of Object.entries(OUTAGES))
    withRedis(
      `${title} while the server runs: clients log in, failed logins are answered, it is told`,
      async (scene) => {
        await using made = await stage(scene.store({ timeout: 300 }));
        await failedLogin(made);
        assert.deepEqual(made.errors, []);
        await begin(scene.redis);
        await made.served.user();
        await failedLogin(made);
        assert.ok(made.errors.length >= 2, "each is told");
        for (const error of made.errors) assert.match(error, /Redis|[Ss]ocket|client/);
        // Nobody waits behind what has not been answered: ten clients one after another are no slower than one.
        const taken = await timeOf(async () => {
          for (let count = 0; count < 10; count++) await made.served.user();
        });
        assert.ok(taken < 10 * 300, `${taken} ms`);
        scene.redis.resume();
        if (title === "killed") await scene.redis.run();
        await assertCounts(made);
      },
    );

  withRedis("never there when the server starts: clients log in, and it is used when it comes", async (scene) => {
    await scene.redis.kill();
    await using made = await stage(scene.store({ timeout: 300 }));
    await made.served.user();
    assert.ok(made.errors.length > 0);
    await scene.redis.run();
    await assertCounts(made);
  });

  withRedis("killed and run again between two commands: found again by itself", async ({ redis, store }) => {
    const made = store();
    await made.increment("key", 5, 60_000);
    await redis.kill();
    await redis.run();
    await until(() => made.increment("key", 1, 60_000).then(Boolean, () => false));
    assert.ok((await made.get("key")) < 5, "a Redis that keeps nothing has forgotten");
  });

  withRedis(
    "paused: the first waits for the time, the others do not, and all is well again behind it",
    async (scene) => {
      const made = scene.store({ timeout: 300 });
      await made.get("key");
      scene.redis.pause();
      const first = await timeOf(() => assert.rejects(made.increment("key", 1, 60_000), /did not answer in 300 ms/));
      assert.ok(first > 250, `${first} ms`);
      await assert.rejects(made.increment("key", 1, 60_000), /still owes an answer/);
      scene.redis.resume();
      await until(() => made.get("key").then(Boolean, () => false));
      assert.equal(await made.get("key"), 1, "what was on its way has counted, what was refused has not");
    },
  );

  withRedis("paused, under a client of the host that queues: it does not fill that queue", async ({ redis }) => {
    const client = createClient({ url: redis.url });
    client.on("error", () => undefined);
    await client.connect();
    const made = new RedisAdmissionStore({ client, timeout: 100 });
    await redis.kill();
    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => made.increment("key", 1, 60_000)));
    assert.ok(asked.every(({ status }) => status === "rejected"));
    for (let count = 0; count < 100; count++) await assert.rejects(made.increment("key", 1, 60_000));
    await redis.run();
    await until(() =>
      made.get("key").then(
        () => true,
        () => false,
      ),
    );
    assert.ok((await made.get("key")) <= 5, "only the first were sent late");
    client.destroy();
  });

  withRedis("silent for too long: the connection is given up, and made again when it can be", async ({ redis }) => {
    const client = { url: redis.url, pingInterval: 50, socket: { socketTimeout: 300 } };
    await using made = new RedisAdmissionStore({ client, timeout: 100 });
    await made.get("key");
    redis.pause();
    await assert.rejects(made.get("key"), /did not answer/);
    const refusal = (): Promise<string> => made.get("key").then(String, String);
    await until(async () => !/owes an answer|did not answer/.test(await refusal()));
    redis.resume();
    await until(async () => (await refusal()) === "0");
  });

  withRedis("closed while it is paused", async ({ redis, store }) => {
    const made = store({ timeout: 100 });
    await made.get("key");
    redis.pause();
    const asked = made.get("key");
    await made.close();
    await assert.rejects(asked);
  });
});
