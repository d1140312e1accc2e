/** What the tests of portside/redis share: a server of their own, and other processes that race over it. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { RedisAdmissionStore, type RedisAdmissionStoreOptions } from "../../dist/redis/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram } from "../kit/programs.js";
import { RedisServer } from "../kit/redis-server.js";
import { within } from "../kit/temporary.js";

/** A Redis, and stores on it that are closed in the end. */
export interface RedisScene {
  readonly redis: RedisServer;
  store(options?: Omit<RedisAdmissionStoreOptions, "client">): RedisAdmissionStore;
}

/** A test with a Redis of its own; nothing is left of either. */
export function withRedis(title: string, work: (scene: RedisScene) => Promise<void>): void {
  test(title, async (t: TestContext) => {
    const program = requireProgram(t, "redis-server");
    if (program === undefined) return;
    await assertNoLeaks(async () => {
      await using redis = await RedisServer.start(program);
      const stores: RedisAdmissionStore[] = [];
      const store: RedisScene["store"] = (options) => {
        const made = new RedisAdmissionStore({ client: { url: redis.url }, ...options });
        stores.push(made);
        return made;
      };
      try {
        await work({ redis, store });
      } finally {
        await Promise.all(stores.map((made) => made.close()));
      }
    });
  });
}

/** So many processes do the same thing so often, all at once. @returns what came of each */
export async function race(redis: RedisServer, what: string, processes: number, times: number): Promise<unknown[][]> {
  const program = join(import.meta.dirname, "redis-child.js");
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, [program, redis.url, what, String(times)], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  try {
    await Promise.all(children.map((child) => within(once(child.stdout, "data"), "a child is ready")));
    return await Promise.all(children.map((child) => finished(child)));
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function finished(child: ChildProcessByStdio<Writable, Readable, null>): Promise<unknown[]> {
  const closed = once(child, "close");
  child.stdin.end("go\n");
  const text = (await within(child.stdout.setEncoding("utf8").toArray(), "a child has done it")).join("");
  await closed;
  return JSON.parse(text) as unknown[];
}
