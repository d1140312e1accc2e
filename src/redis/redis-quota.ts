/**
 * What a quota allows, counted in Redis. It stands here and not over an `AdmissionStore`: that adds to one number at a
 * time, and between adding and taking back what was too much others would be refused who had room.
 */
import type { QuotaCounter, QuotaUsage } from "../index.js";

/** Runs a script on the key of the count. */
export type RunScript = (script: string, ...args: readonly number[]) => Promise<unknown>;

/** -1 is no bound. */
const ADD = `
local used = redis.call('HMGET', KEYS[1], 'bytes', 'files')
local bytes, files = tonumber(ARGV[1]), tonumber(ARGV[2])
local maxBytes, maxFiles = tonumber(ARGV[3]), tonumber(ARGV[4])
if bytes > 0 and maxBytes >= 0 and (tonumber(used[1]) or 0) + bytes > maxBytes then return 0 end
if files > 0 and maxFiles >= 0 and (tonumber(used[2]) or 0) + files > maxFiles then return 0 end
redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'files', ARGV[2])
return 1`;
const USED = "return redis.call('HMGET', KEYS[1], 'bytes', 'files')";
const BEGIN = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'bytes', ARGV[1], 'files', ARGV[2])
return 1`;
const SET = "return redis.call('HSET', KEYS[1], 'bytes', ARGV[1], 'files', ARGV[2])";

/**
 * A `QuotaCounter` for all processes that share a Redis, exact among them. It begins at nothing, and has no end. What cannot
 * be counted is not written: where Redis does not answer, uploads fail with 451. A process that dies in the middle of an
 * upload, and an outage, leave the count too high, never too low; `set` corrects it.
 */
export class RedisQuota implements QuotaCounter {
  readonly #run: RunScript;
  readonly #limit: QuotaUsage;

  /** @throws RangeError where a bound is no count, TypeError without one */
  constructor(run: RunScript, { bytes = Infinity, files = Infinity }: Partial<QuotaUsage>) {
    assertBound("bytes", bytes);
    assertBound("files", files);
    if (bytes === Infinity && files === Infinity) throw new TypeError("quota: give bytes or files");
    this.#run = run;
    this.#limit = { bytes, files };
  }

  async add(bytes: number, files: number): Promise<boolean> {
    const { bytes: maxBytes, files: maxFiles } = this.#limit;
    return Number(await this.#run(ADD, bytes, files, boundOf(maxBytes), boundOf(maxFiles))) === 1;
  }

  async bytesLeft(): Promise<number> {
    return Math.max(0, this.#limit.bytes - (await this.used()).bytes);
  }

  /** What is counted now. */
  async used(): Promise<QuotaUsage> {
    const [bytes, files] = (await this.#run(USED)) as readonly unknown[];
    return { bytes: Number(bytes ?? 0), files: Number(files ?? 0) };
  }

  /**
   * Begins with what the tree holds already, unless something is counted.
   * @returns whether it did
   * @throws RangeError where a number is no count
   */
  async begin(used: QuotaUsage): Promise<boolean> {
    assertUsage(used);
    return Number(await this.#run(BEGIN, used.bytes, used.files)) === 1;
  }

  /** Takes what the tree holds for the count, whatever that was; not while uploads run. @throws RangeError where a number is no count */
  async set(used: QuotaUsage): Promise<void> {
    assertUsage(used);
    await this.#run(SET, used.bytes, used.files);
  }
}

function boundOf(limit: number): number {
  return limit === Infinity ? -1 : limit;
}

function assertBound(name: string, value: number): void {
  if (value !== Infinity) assertCount(name, value);
}

function assertUsage({ bytes, files }: QuotaUsage): void {
  assertCount("bytes", bytes);
  assertCount("files", files);
}

function assertCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`quota: ${name} must be a whole number, 0 or more, not ${value}`);
}
