/** The memory of uploads: taken within the budget, and given back however an upload ends. On the fake S3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { ObjectStore, PartUpload } from "../../../dist/adapters/objects/object-store.js";
import { ObjectUpload } from "../../../dist/adapters/objects/object-upload.js";
import { PartBudget } from "../../../dist/adapters/objects/part-budget.js";
import { S3Store } from "../../../dist/adapters/s3/s3-store.js";
import type { FileInfo } from "../../../dist/storage/file-info.js";
import { Gate } from "../../kit/gate.js";
import { type FakeSubject, fakeSubject } from "../../kit/s3-subject.js";
import { bytesOf, until } from "../../kit/temporary.js";
import { at } from "../../storage/store.js";

const MEBIBYTE = 1024 * 1024;
const PART = 5 * MEBIBYTE;
const BUDGET = 3 * PART;

function storeOf({ bucket }: FakeSubject): S3Store {
  return new S3Store({ client: bucket.client, bucket: bucket.name, requestTimeout: 20_000, storage: {} });
}

/** Begins an upload on the store of a subject, with a budget that can be looked at. */
async function begun(
  subject: FakeSubject,
  budget: PartBudget,
  signal?: AbortSignal,
  store: ObjectStore = storeOf(subject),
): Promise<ObjectUpload> {
  return await ObjectUpload.begin({
    path: at("/a"),
    key: "a",
    store,
    request: { exclusive: false },
    taken: "EBUSY",
    offset: 0,
    partSize: PART,
    concurrency: 4,
    budget,
    signal,
    sizeHint: undefined,
    uniformParts: false,
    maxReread: 0,
    requestTimeout: 20_000,
    infoOf: ({ size }): FileInfo => ({ name: "a", type: "file", size }),
  });
}

/** Asserts that nothing of the budget is taken. */
function assertWhole(budget: PartBudget, what: string): void {
  assert.ok(budget.take(BUDGET), what);
  assert.ok(!budget.take(1), what);
  budget.give(BUDGET);
}

test("an upload gives its memory back: committed, aborted, failed, given up", async () => {
  await using subject = await fakeSubject();
  const { fake, bucket } = subject;
  const budget = new PartBudget(BUDGET);
  const content = bytesOf(6 * PART + 1);

  const committed = await begun(subject, budget);
  await committed.write([content]);
  assert.ok(!budget.take(BUDGET), "it has taken some meanwhile");
  assert.equal((await committed.commit()).size, content.length);
  assertWhole(budget, "committed");

  const aborted = await begun(subject, budget);
  const writing = aborted.write([content]).catch(() => undefined);
  await aborted.abort();
  await writing;
  assertWhole(budget, "aborted");

  fake.fault = ({ operation }) =>
    operation === "UploadPart" ? { fault: "refuse", status: 403, code: "AccessDenied" } : undefined;
  const failed = await begun(subject, budget);
  await failed.write([content]).catch(() => undefined);
  await assert.rejects(failed.commit(), { code: "EACCES", path: "/a" });
  assertWhole(budget, "failed");

  const controller = new AbortController();
  const gate = new Gate();
  fake.fault = ({ operation }) => {
    if (operation !== "UploadPart") return undefined;
    void gate.pass();
    return { fault: "stall" };
  };
  const left = await begun(subject, budget, controller.signal);
  const stalled = left.write([content]);
  await gate.reached;
  controller.abort(new Error("ABOR"));
  await assert.rejects(stalled, { message: "ABOR" });
  await left.abort();
  assertWhole(budget, "given up");
  assert.deepEqual(await bucket.uploads(), []);
});

test("parts on their way are bounded by the concurrency, and by the budget", async () => {
  for (const [bytes, most] of [
    [0, 1],
    [PART, 2],
    [100 * PART, 4],
  ] as const) {
    await using subject = await fakeSubject();
    const { fake } = subject;
    fake.fault = ({ operation }) => (operation === "UploadPart" ? { fault: "stall" } : undefined);
    const upload = await begun(subject, new PartBudget(bytes));
    const writing = upload.write([bytesOf(8 * PART)]).catch((error: NodeJS.ErrnoException) => error.code);
    await until(() => fake.count("UploadPart") >= most);
    // A round trip: what would have been sent besides has been sent by then.
    await subject.bucket.uploads();
    assert.equal(fake.count("UploadPart"), most);
    await upload.abort();
    assert.equal(await writing, "EINVAL");
  }
});

test("the last part waits for its turn as the others do", async () => {
  await using subject = await fakeSubject();
  const gate = new Gate();
  let [now, most] = [0, 0];
  const parts: PartUpload = {
    keep: async () => 0,
    part: async () => {
      most = Math.max(most, ++now);
      await gate.pass();
      now--;
    },
    complete: async () => ({ key: "a", size: 4 * PART + 1, modified: undefined, version: undefined }),
    abort: async () => undefined,
  };
  const store = Object.assign(storeOf(subject), { beginParts: async () => parts });
  const upload = await begun(subject, new PartBudget(100 * PART), undefined, store);
  await upload.write([bytesOf(4 * PART + 1)]);
  assert.equal(most, 4);
  const committed = upload.commit();
  // A turn of the loop: what would have been sent besides has been sent by then.
  await setImmediate();
  gate.open();
  await committed;
  assert.equal(most, 4);
});

test("a commit that is asked for twice, and an abort meanwhile, do nothing more", async () => {
  await using subject = await fakeSubject();
  const upload = await begun(subject, new PartBudget(BUDGET));
  await upload.write([bytesOf(2 * PART)]);
  const committed = upload.commit();
  await assert.rejects(upload.commit(), { code: "EINVAL" });
  await upload.abort();
  assert.equal((await committed).size, 2 * PART);
  assert.equal(subject.fake.count("CompleteMultipartUpload"), 1);
  assert.equal(subject.fake.count("AbortMultipartUpload"), 0);
});
