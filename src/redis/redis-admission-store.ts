/** Counts and bans in Redis, for all servers that share it. Needs the peer `redis`. */
import type { AdmissionStore, QuotaUsage } from "../index.js";
import { RedisLink, type RedisLinkOptions } from "./redis-link.js";
import { RedisQuota } from "./redis-quota.js";

/** How Redis is reached, and where in it things are kept. */
export interface RedisAdmissionStoreOptions extends RedisLinkOptions {
  /** Before every key. Default `portside:`; servers share what they keep under the same prefix. */
  readonly prefix?: string | undefined;
}

/** Every option, so that a misspelt one is not silently off. */
const OPTIONS: readonly string[] = ["client", "timeout", "prefix"];

const GET = "return redis.call('GET', KEYS[1])";
/** A key without an end is new: in one step, or a count whose process dies would count for ever. */
const INCREMENT = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`;
const EXPIRE = "return redis.call('PEXPIRE', KEYS[1], ARGV[1])";

/**
 * An `AdmissionStore` in Redis: who is banned by one server is banned by all. Every operation is one script on one key.
 * One that cannot be done in time rejects; the server tells that as `error` and lets the client in. A connection that
 * is lost comes back by itself.
 * @example
 * const admission = new RedisAdmissionStore({ client: { url: "redis://10.0.0.9:6379" } });
 * const server = new Server({ admission });
 * // …
 * await server.close();
 * await admission.close();
 */
export class RedisAdmissionStore implements AdmissionStore {
  readonly #link: RedisLink;
  readonly #prefix: string;

  /** Connects when it is first asked. @throws TypeError, RangeError naming the option */
  constructor(options: RedisAdmissionStoreOptions = {}) {
    for (const key of Object.keys(options))
      if (!OPTIONS.includes(key)) throw new TypeError(`unknown option ${key}; known are ${OPTIONS.join(", ")}`);
    const { prefix = "portside:" } = options;
    if (typeof prefix !== "string") throw new TypeError("prefix must be a string, such as portside:");
    this.#link = new RedisLink(options);
    this.#prefix = prefix;
  }

  async get(key: string): Promise<number> {
    return Number((await this.#run(GET, key)) ?? 0);
  }

  async increment(key: string, by: number, milliseconds: number): Promise<number> {
    return Number(await this.#run(INCREMENT, key, by, Math.ceil(milliseconds)));
  }

  async expire(key: string, milliseconds: number): Promise<void> {
    await this.#run(EXPIRE, key, Math.ceil(milliseconds));
  }

  /**
   * A count of bytes and files for `quota`, shared by all who ask for the same name, over the same connection.
   * @param name of the tree, up to 300 bytes
   * @param limit the bounds, `bytes`, `files` or both: whole numbers, `Infinity` for none
   * @throws RangeError, TypeError naming the option
   * @example
   * const counter = admission.quota("ann", { bytes: 10 * 1024 ** 3 });
   * login.accept({ fileSystem: quota(files, { counter }) });
   */
  quota(name: string, limit: Partial<QuotaUsage>): RedisQuota {
    return new RedisQuota((script, ...args) => this.#run(script, `quota:${name}`, ...args), limit);
  }

  /** Ends the connection; every call rejects from then on. A client that was given stays as it is. */
  close(): Promise<void> {
    return this.#link.close();
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run(script: string, key: string, ...args: readonly number[]): Promise<unknown> {
    return this.#link.run(script, this.#prefix + key, args);
  }
}
