/** Bad days of Google Cloud Storage: what goes on by itself, what is told how, and what never stays behind. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ApiError, Storage } from "@google-cloud/storage";
import { GcsBucket, type GcsBucketOptions } from "../../dist/adapters/gcs/gcs-bucket.js";
import { GcsPartUpload } from "../../dist/adapters/gcs/gcs-part-upload.js";
import type { FileSystem, WriteMode } from "../../dist/storage/file-system.js";
import type { FileSystemErrorCode } from "../../dist/storage/file-system-error.js";
import type { FakeFault, FakeOperation, FakeRule } from "../kit/gcs-fake.js";
import { BUCKET, type GcsScene, gcsScene, leftovers } from "../kit/gcs-scene.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { at, begin, bytes, names, refused } from "../storage/store.js";

const MEBIBYTE = 1024 ** 2;
const PART = 5 * MEBIBYTE;
const NONE = new URLSearchParams();
const LARGE = bytesOf(3 * PART + 1234);
const OLD = bytesOf(2 * PART, 7);
const ONCE = { storage: { retryOptions: { autoRetry: false } } } as const;

const BUSY: FakeFault = { kind: "status", status: 503 };
const LOST: FakeFault = { kind: "lost" };
const DROP: FakeFault = { kind: "drop" };

async function scene(options: Parameters<typeof gcsScene>[0] = {}, signed = false): Promise<GcsScene> {
  const made = await gcsScene({ partSize: PART, ...options }, signed);
  made.bucket.put("old", OLD, {}, NONE);
  return made;
}

function settings({ fake }: GcsScene): GcsBucketOptions {
  const bucket = new Storage({ apiEndpoint: fake.endpoint, projectId: "test" }).bucket(BUCKET);
  return { bucket, prefix: "", requestTimeout: 5000, storageClass: undefined };
}

/** An upload that is aborted where it fails, as the server does. */
async function put(
  store: FileSystem,
  path: string,
  content: string | Uint8Array,
  how: WriteMode = { mode: "replace" },
): Promise<void> {
  await using handle = await store.openWrite(at(path), how);
  await handle.write([Buffer.from(content)]);
  await handle.commit();
}

suite("GCS: what goes on by itself", () => {
  const table: readonly (readonly [title: string, rule: FakeRule])[] = [
    ["503 for the beginning", { on: "session", fault: BUSY }],
    ["503 for the first chunk", { on: "chunk", fault: BUSY }],
    ["503 for a later chunk, three times", { on: "chunk", fault: BUSY, after: 1, times: 3 }],
    ["429 for the last chunk", { on: "chunk", fault: { kind: "status", status: 429 }, after: 3 }],
    ["a chunk whose connection goes", { on: "chunk", fault: DROP, after: 2 }],
    ["a chunk whose answer is lost", { on: "chunk", fault: LOST, after: 1 }],
    ["the last chunk, whose answer is lost", { on: "chunk", fault: LOST, after: 3 }],
    ["a chunk that is kept in part", { on: "chunk", fault: { kind: "short", bytes: MEBIBYTE }, after: 1 }],
    ["a chunk that is not kept at all, once", { on: "chunk", fault: { kind: "short", bytes: PART }, after: 1 }],
    ["the last chunk, kept in part", { on: "chunk", fault: { kind: "short", bytes: 1 }, after: 3 }],
  ];
  for (const signed of [false, true])
    for (const [title, rule] of table)
      test(`an upload with ${title}${signed ? ", with credentials" : ""}`, async () => {
        await using made = await scene({}, signed);
        made.fake.fail(rule);
        await put(made.store, "/new", LARGE, { mode: "exclusive" });
        assert.ok(made.bucket.objects.get("new")?.body.equals(LARGE));
        assert.deepEqual(leftovers(made), []);
      });

  test("after a chunk was lost the store is asked what it has", async () => {
    await using made = await scene();
    made.fake.fail({ on: "chunk", fault: LOST, after: 1 }, { on: "status", fault: BUSY });
    await put(made.store, "/new", LARGE);
    assert.ok(made.bucket.objects.get("new")?.body.equals(LARGE));
    assert.equal(made.fake.count("status"), 2);
    assert.equal(made.fake.count("chunk"), 4, "nothing is sent twice");
  });

  for (const [title, fault] of [
    ["whose answer is lost", LOST],
    ["that is refused with 503", BUSY],
  ] as const)
    test(`one piece ${title}: written once, whatever its conditions`, async () => {
      await using made = await scene();
      const small = (): string => made.bucket.objects.get("new")?.body.toString() ?? "";
      for (const [mode, expected] of [
        ["exclusive", "content"],
        ["append", "contentcontent"],
        ["replace", "content"],
      ] as const) {
        made.fake.fail({ on: "upload", fault });
        await put(made.store, "/new", "content", { mode });
        assert.equal(small(), expected);
      }
      assert.equal(made.fake.count("upload"), 6);
    });

  test("one piece that meets another one when it is sent again is no success", async () => {
    await using made = await scene();
    const handle = await begin(made.store, "/new", "content", { mode: "exclusive" });
    made.fake.fail({ on: "upload", fault: DROP });
    const committed = refused("EEXIST", handle.commit(), "/new");
    await until(() => made.fake.count("upload") === 1);
    made.bucket.put("new", Buffer.from("other"), {}, NONE);
    await committed;
    assert.equal(made.bucket.objects.get("new")?.body.toString(), "other");
  });

  test("a joining whose answer is lost has happened, once", async () => {
    await using made = await scene();
    made.fake.fail({ on: "compose", fault: LOST });
    const handle = await begin(made.store, "/old", "tail", { mode: "append" });
    const { size, version } = await handle.commit();
    const { body, generation } = made.bucket.objects.get("old") ?? assert.fail();
    assert.deepEqual([size, version], [2 * PART + 4, String(generation)]);
    assert.ok(body.equals(Buffer.concat([OLD, Buffer.from("tail")])));
    assert.equal(made.fake.count("compose"), 1);
    assert.deepEqual(leftovers(made), []);
  });

  test("a joining that was not done, where another one of the same length was, is no success", async () => {
    await using made = await scene();
    made.fake.fail({ on: "compose", fault: DROP });
    const handle = await begin(made.store, "/old", "tail", { mode: "append" });
    made.fake.fail({ on: "chunk", fault: { kind: "late", milliseconds: 300 } });
    const committed = refused("EIO", handle.commit(), "/old");
    await until(() => made.fake.count("chunk") === 1);
    const other = Buffer.concat([OLD, Buffer.from("TAIL")]);
    made.bucket.put("old", other, {}, NONE);
    await committed;
    assert.ok(made.bucket.objects.get("old")?.body.equals(other));
    assert.deepEqual(leftovers(made), []);
  });

  test("a download that is cut", async () => {
    for (const signed of [false, true]) {
      await using made = await scene({}, signed);
      made.fake.fail({ on: "media", fault: { kind: "cut", bytes: PART } });
      assert.ok((await bytes(made.store, "/old")).equals(bytesOf(2 * PART, 7)));
    }
  });

  test("the beginning of a download", async () => {
    await using made = await scene();
    made.fake.fail({ on: "media", fault: BUSY }, { on: "media", fault: DROP });
    assert.ok((await bytes(made.store, "/old")).equals(bytesOf(2 * PART, 7)));
  });
});

/** Every operation, and what of the API it cannot do without. */
const OPERATIONS: Readonly<
  Record<string, readonly [asks: FakeOperation, run: (store: FileSystem) => Promise<unknown>]>
> = {
  stat: ["get", (store) => store.stat(at("/old"))],
  "stat of a directory": ["list", (store) => store.stat(at("/d"), { expect: "directory" })],
  list: ["list", (store) => names(store)],
  read: ["media", (store) => bytes(store, "/old")],
  "small upload": ["upload", (store) => put(store, "/new", "x")],
  "large upload": ["chunk", (store) => put(store, "/new", LARGE)],
  "beginning of a large upload": ["session", (store) => put(store, "/new", LARGE)],
  append: ["compose", (store) => put(store, "/old", "x", { mode: "append" })],
  remove: ["delete", (store) => store.remove(at("/old"))],
  makeDirectory: ["upload", (store) => store.makeDirectory(at("/d"))],
  rename: ["rewrite", (store) => store.rename(at("/old"), at("/new"))],
  setTimes: ["patch", (store) => store.setTimes(at("/old"), { modified: new Date(0) })],
};

suite("GCS: what is told", () => {
  const refusals: readonly (readonly [code: FileSystemErrorCode, status: number, reason: string])[] = [
    ["EACCES", 401, "authError"],
    ["EACCES", 403, "forbidden"],
    ["EDQUOT", 403, "quotaExceeded"],
    ["EBUSY", 403, "userRateLimitExceeded"],
    ["EBUSY", 429, "rateLimitExceeded"],
    ["EBUSY", 503, "backendError"],
    ["EIO", 500, "constructor"],
    ["EIO", 400, "invalid"],
    ["ENOSPC", 507, "full"],
  ];
  for (const [name, [on, run]] of Object.entries(OPERATIONS))
    test(`refusals of ${name}, with what the store said`, async () => {
      for (const [code, status, reason] of refusals) {
        await using made = await scene({ ...ONCE, keepTimes: true });
        made.fake.fail({ on, fault: { kind: "status", status, reason } });
        const error = await refused(code, run(made.store));
        assert.ok(error.path.startsWith("/"), error.path);
        assert.ok(error.cause instanceof ApiError || error.cause instanceof Error, String(error.cause));
        assert.match(error.message, new RegExp(reason));
        assert.deepEqual(leftovers(made), []);
        assert.equal(made.bucket.objects.get("old")?.body.length, 2 * PART);
        assert.ok(!made.bucket.objects.has("new"));
      }
    });

  for (const [name, [on, run]] of Object.entries(OPERATIONS))
    test(`${name} ends in time when the store stalls, is gone, or answers with something else`, async () => {
      for (const fault of [{ kind: "stall" }, DROP, { kind: "status", status: 502 }] as const) {
        await using made = await scene({ ...ONCE, keepTimes: true, requestTimeout: 700 });
        made.fake.fail({ on, fault, times: 100 });
        const error = await within(refused("EIO", run(made.store)), name, 6000);
        assert.ok(error.cause instanceof Error);
        assert.equal(made.bucket.objects.get("old")?.body.length, 2 * PART);
        assert.ok(!made.bucket.objects.has("new"));
      }
    });

  test("a session that the store has forgotten is EBUSY", async () => {
    for (const status of [404, 410, 499]) {
      await using made = await scene(ONCE);
      made.fake.fail({ on: "chunk", fault: { kind: "status", status }, after: 1 });
      await refused("EBUSY", put(made.store, "/new", LARGE), "/new");
      assert.deepEqual(leftovers(made), []);
    }
  });

  test("412 for the last chunk: the name is taken, or not what was added to", async () => {
    const fault: FakeFault = { kind: "status", status: 412, reason: "conditionNotMet" };
    await using made = await scene();
    made.fake.fail({ on: "chunk", fault, after: 3 });
    await refused("EEXIST", put(made.store, "/new", LARGE, { mode: "exclusive" }), "/new");
    made.fake.fail({ on: "chunk", fault });
    await refused("EBUSY", put(made.store, "/old", LARGE, { mode: "at", start: 1 }), "/old");
    made.fake.fail({ on: "upload", fault });
    await refused("EBUSY", put(made.store, "/old", "x", { mode: "at", start: 1 }), "/old");
    assert.equal(made.bucket.objects.get("old")?.body.length, 2 * PART);
    assert.deepEqual(leftovers(made), []);
  });

  test("a store that keeps nothing of what it is sent is EIO in the end", async () => {
    await using made = await scene();
    made.fake.fail({ on: "chunk", fault: { kind: "short", bytes: 2 * PART }, times: 100 });
    await refused("EIO", put(made.store, "/new", LARGE), "/new");
    assert.deepEqual(leftovers(made), []);
  });

  test("what was not joined goes, also where the end of its session is refused", async () => {
    await using made = await scene(ONCE);
    made.fake.fail({ on: "compose", fault: BUSY }, { on: "cancel", fault: BUSY });
    await refused("EBUSY", put(made.store, "/old", "tail", { mode: "append" }), "/old");
    assert.equal(made.fake.count("cancel"), 1);
    assert.deepEqual(leftovers(made), []);
  });

  test("a bucket that is not there any more is a fault, and no missing file", async () => {
    await using made = await scene();
    const small = await begin(made.store, "/a", "x");
    made.fake.buckets.clear();
    for (const run of [
      () => small.commit(),
      () => made.store.stat(at("/old")),
      () => bytes(made.store, "/old"),
      () => names(made.store),
    ])
      assert.match((await refused("EIO", run())).message, /bucket/);
    const upload = new GcsPartUpload(new GcsBucket(settings(made)), "a", { exclusive: false });
    const sent = upload.part(0, bytesOf(PART), new AbortController().signal);
    assert.match((await refused("EIO", sent)).message, /bucket/);
  });

  test("bytes have more time the more they are", async () => {
    await using made = await scene({ ...ONCE, requestTimeout: 300 });
    made.fake.fail({ on: "upload", fault: { kind: "late", milliseconds: 400 } });
    await put(made.store, "/new", bytesOf(PART));
    made.fake.fail({ on: "chunk", fault: { kind: "late", milliseconds: 400 } });
    await put(made.store, "/new", bytesOf(PART + 1));
    assert.equal(made.bucket.objects.get("new")?.body.length, PART + 1);
    made.fake.fail({ on: "upload", fault: { kind: "late", milliseconds: 400 } });
    await refused("EIO", put(made.store, "/new", "x"), "/new");
  });

  test("an abort whose request fails is over all the same", async () => {
    await using made = await scene({ ...ONCE, requestTimeout: 500 });
    for (const fault of [BUSY, DROP, { kind: "stall" }] as const) {
      const handle = await begin(made.store, "/new", LARGE);
      made.fake.fail({ on: "cancel", fault });
      await within(handle.abort(), fault.kind, 5000);
      assert.ok(!made.bucket.objects.has("new"));
    }
  });

  test("a download that is cut is no shorter file", async () => {
    for (const signed of [false, true]) {
      await using made = await scene({}, signed);
      made.fake.fail({ on: "media", fault: { kind: "cut", bytes: 0 }, times: 100 });
      await refused("EIO", bytes(made.store, "/old"), "/old");
    }
  });

  test("a download that hangs ends when its time is up", async () => {
    await using made = await scene({ requestTimeout: 700 });
    made.fake.fail({ on: "media", fault: { kind: "hang", bytes: 0 }, after: 1, times: 100 });
    made.fake.fail({ on: "media", fault: { kind: "hang", bytes: PART } });
    await within(refused("EIO", bytes(made.store, "/old"), "/old"), "time", 8000);
  });

  test("a download that hangs ends with its signal", async () => {
    await using made = await scene();
    made.fake.fail({ on: "media", fault: { kind: "hang", bytes: PART } });
    const [stop, reason] = [new AbortController(), new Error("enough")];
    const handle = await made.store.openRead(at("/old"), { signal: stop.signal });
    const read = async (): Promise<void> => {
      let left = PART;
      for await (const chunk of handle.body) if ((left -= chunk.length) === 0) setImmediate(() => stop.abort(reason));
    };
    await assert.rejects(within(read(), "signal", 5000), reason);
    await until(async () => (await made.fake.connections()) === 0);
  });
});
