/**
 * The memory of the S3 adapter, measured in a process of its own against a fake that keeps nothing. 512 MiB each way;
 * 2 GiB with `PORTSIDE_TEST_LARGE=1`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { type FakeSubject, fakeSubject } from "../kit/s3-subject.js";

const MEBIBYTE = 1024 * 1024;
const LARGE = (process.env.PORTSIDE_TEST_LARGE === "1" ? 2048 : 512) * MEBIBYTE;
/** Bytes above an idle process: what the product promises. */
const PROMISED = 150 * 1000 * 1000;
/** Milliseconds for the largest work on a busy machine. */
const LIMIT = 240_000;

interface Taken {
  readonly result: number;
  /** Bytes of the largest resident set, above that of the idle process. */
  readonly above: number;
  readonly seconds: number;
}

async function taken(t: TestContext, { fake, bucket }: FakeSubject, work: string, bytes = 0): Promise<Taken> {
  const args = [join(import.meta.dirname, "s3-memory-child.js"), work, fake.endpoint, bucket.name, String(bytes)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LIMIT });
  const told = JSON.parse(stdout) as Taken;
  t.diagnostic(`${work}: ${Math.round(told.above / 1e6)} MB above idle, ${told.seconds.toFixed(1)} s`);
  return told;
}

test(`S3: ${LARGE / MEBIBYTE} MiB up and down in bounded memory`, async (t) => {
  await using subject = await fakeSubject({}, false);
  for (const work of ["up", "down"]) {
    const { result, above } = await taken(t, subject, work, LARGE);
    assert.equal(result, LARGE);
    assert.ok(above < PROMISED, `${work}: ${above} bytes above idle`);
  }
  assert.deepEqual(await subject.bucket.uploads(), []);
});

test("S3: 50 uploads at once stay within a part each and the budget", async (t) => {
  await using subject = await fakeSubject({}, false);
  const { above } = await taken(t, subject, "many", 16 * MEBIBYTE);
  // docs/stores.md: a part each, the budget, and 2 MiB for each connection.
  const documented = 50 * (5 + 2) * MEBIBYTE + 64 * MEBIBYTE;
  assert.ok(above < documented, `${above} bytes above idle`);
});

test("S3: 100,000 entries are listed in constant memory", async (t) => {
  await using subject = await fakeSubject();
  const inside = subject.fake.buckets.get(subject.bucket.name);
  for (let index = 0; index < 100_000; index++)
    inside?.put(`entry ${String(index).padStart(6, "0")}`, { content: 0, tag: '"t"' }, {});
  const { result, above } = await taken(t, subject, "list");
  assert.equal(result, 100_001);
  assert.ok(above < PROMISED / 2, `${above} bytes above idle`);
  inside?.clear();
});
