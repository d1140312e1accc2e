/** What is particular to the adapter for Google Cloud Storage, on the fake of its API: see gcs-fake.test.ts. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Storage } from "@google-cloud/storage";
import { GcsFileSystem, type GcsFileSystemOptions } from "../../dist/adapters/gcs/gcs-file-system.js";
import { GcsFake } from "../kit/gcs-fake.js";
import { QUANTUM } from "../kit/gcs-fake-uploads.js";
import { BUCKET, gcsScene, leftovers } from "../kit/gcs-scene.js";
import { bytesOf, until } from "../kit/temporary.js";
import { at, begin, bytes, everyOperation, names, put, refused, text } from "../storage/store.js";

const MEBIBYTE = 1024 ** 2;
const PART = 5 * MEBIBYTE;
const NONE = new URLSearchParams();

suite("GCS: uploads", () => {
  test("one piece is one request, with a condition where it must be new", async () => {
    await using scene = await gcsScene();
    await put(scene.store, "/a", "content");
    const [plain] = scene.fake.requests.filter(({ operation }) => operation === "upload");
    assert.equal(plain?.query.get("uploadType"), "media");
    assert.equal(plain?.query.has("ifGenerationMatch"), false);
    await put(scene.store, "/b", "content", { mode: "exclusive" });
    const uploads = scene.fake.requests.filter(({ operation }) => operation === "upload");
    assert.deepEqual(
      uploads.map(({ query }) => query.get("ifGenerationMatch")),
      [null, "0"],
    );
    assert.equal(scene.fake.count("session"), 0);
  });

  test("more is one session, its chunks in order and of whole quanta", async () => {
    await using scene = await gcsScene({ partSize: PART + 1, concurrency: 8 });
    const content = bytesOf(4 * PART + 12_345);
    await put(scene.store, "/a", content);
    assert.ok((await bytes(scene.store, "/a")).equals(content));
    assert.equal(scene.fake.count("session"), 1);
    let end = 0;
    const ranges = scene.fake.requests.flatMap(({ operation, headers }) =>
      operation === "chunk" ? [/^bytes (\d+)-(\d+)\/(\*|\d+)$/.exec(headers["content-range"] ?? "")] : [],
    );
    for (const [index, range] of ranges.entries()) {
      assert.equal(Number(range?.[1]), end);
      end = Number(range?.[2]) + 1;
      const isLast = index === ranges.length - 1;
      assert.equal(range?.[3], isLast ? String(content.length) : "*");
      if (!isLast) assert.equal(end % QUANTUM, 0);
    }
    assert.equal(end, content.length);
  });

  test("an object that comes meanwhile ends an exclusive upload of any size, and is kept", async () => {
    for (const size of [10, 2 * PART + 1]) {
      await using scene = await gcsScene({ partSize: PART });
      const handle = await begin(scene.store, "/a", bytesOf(size), { mode: "exclusive" });
      scene.bucket.put("a", Buffer.from("other"), {}, NONE);
      await refused("EEXIST", handle.commit(), "/a");
      assert.equal(await text(scene.store, "/a"), "other");
      assert.deepEqual(leftovers(scene), []);
    }
  });

  test("a file that holds the end of an earlier request's parts arrives whole", async () => {
    await using scene = await gcsScene({ storageClass: "NEARLINE" });
    await put(scene.store, "/a", "x");
    const [first] = scene.fake.requests.filter(({ operation }) => operation === "upload");
    const boundary = /boundary=(.+)$/.exec(first?.headers["content-type"] ?? "")?.[1];
    const content = `before\r\n--${boundary ?? assert.fail()}--\r\nbehind`;
    await put(scene.store, "/a", content);
    assert.equal(await text(scene.store, "/a"), content);
  });

  test("an abort ends the session", async () => {
    await using scene = await gcsScene({ partSize: PART });
    const handle = await begin(scene.store, "/a", bytesOf(2 * PART + 1));
    await until(() => scene.fake.count("chunk") > 0);
    assert.equal(leftovers(scene).length, 1);
    await handle.abort();
    assert.deepEqual(leftovers(scene), []);
    assert.equal(scene.bucket.objects.size, 0);
  });

  test("what is given to new objects", async () => {
    await using scene = await gcsScene({ partSize: PART, storageClass: "NEARLINE", contentType: "text/x" });
    await put(scene.store, "/small", "x");
    await put(scene.store, "/large", bytesOf(PART + 1));
    await put(scene.store, "/large", "x", { mode: "append" });
    await scene.store.makeDirectory(at("/d"));
    for (const name of ["small", "large", "d/"])
      assert.equal(scene.bucket.objects.get(name)?.storageClass, "NEARLINE", name);
    for (const name of ["small", "large"]) assert.equal(scene.bucket.objects.get(name)?.contentType, "text/x", name);
    assert.equal(scene.bucket.objects.get("d/")?.contentType, "application/x-directory");
    assert.equal(await text(scene.store, "/small"), "x");
  });
});

suite("GCS: adding to objects", () => {
  const attributes = { contentType: "text/x", cacheControl: "no-store", metadata: { one: "1" } };

  test("the store joins what is there and what comes; nothing is read", async () => {
    await using scene = await gcsScene({ partSize: PART });
    const old = bytesOf(2 * PART);
    scene.bucket.put("a", old, attributes, NONE);
    for (const added of [bytesOf(7), bytesOf(PART + 3)]) {
      const before = scene.bucket.objects.get("a")?.body ?? old;
      const info = await put(scene.store, "/a", added, { mode: "append" });
      const { body, ...rest } = scene.bucket.objects.get("a") ?? assert.fail();
      assert.ok(body.equals(Buffer.concat([before, added])));
      assert.equal(info.size, body.length);
      assert.equal(info.version, String(rest.generation));
      assert.deepEqual([rest.contentType, rest.cacheControl, rest.metadata], ["text/x", "no-store", { one: "1" }]);
    }
    assert.equal(scene.fake.count("media"), 0);
    assert.equal(scene.fake.count("compose"), 2);
    assert.deepEqual(leftovers(scene), []);
  });

  test("a time that was set does not outlive what is added, joined or sent anew", async () => {
    await using scene = await gcsScene({ partSize: PART, keepTimes: true });
    for (const size of [5, 2 * PART]) {
      scene.bucket.put("a", bytesOf(size), { contentType: "text/x", metadata: { one: "1" } }, NONE);
      await scene.store.setTimes(at("/a"), { modified: new Date(1_000_000) });
      await put(scene.store, "/a", "x", { mode: "append" });
      const { metadata, contentType, updated } = scene.bucket.objects.get("a") ?? assert.fail();
      assert.deepEqual([metadata, contentType], [{ one: "1" }, "text/x"], String(size));
      assert.deepEqual((await scene.store.stat(at("/a"))).modified, updated);
    }
    assert.equal(scene.fake.count("compose"), 1);
  });

  test("an object of another class than new ones have keeps it, for only one class can be joined", async () => {
    await using scene = await gcsScene({ partSize: PART, storageClass: "NEARLINE" });
    scene.bucket.put("a", bytesOf(2 * PART), { storageClass: "COLDLINE" }, NONE);
    await put(scene.store, "/a", "x", { mode: "append" });
    const { storageClass, body } = scene.bucket.objects.get("a") ?? assert.fail();
    assert.deepEqual([storageClass, body.length], ["COLDLINE", 2 * PART + 1]);
  });

  test("nothing added is nothing done", async () => {
    await using scene = await gcsScene({ partSize: PART });
    const { generation } = scene.bucket.put("a", bytesOf(2 * PART), {}, NONE);
    const handle = await scene.store.openWrite(at("/a"), { mode: "append" });
    assert.equal((await handle.commit()).size, 2 * PART);
    assert.equal(scene.bucket.objects.get("a")?.generation, generation);
    assert.equal(scene.fake.count("session"), 0);
  });

  test("to an object that was changed meanwhile: EBUSY, also at the very last moment", async () => {
    for (const isLate of [false, true]) {
      await using scene = await gcsScene({ partSize: PART });
      scene.bucket.put("a", bytesOf(2 * PART), {}, NONE);
      const handle = await begin(scene.store, "/a", "tail", { mode: "append" });
      scene.fake.fail({ on: "chunk", fault: { kind: "late", milliseconds: isLate ? 300 : 0 } });
      const committed = refused("EBUSY", handle.commit(), "/a");
      if (isLate) await until(() => scene.fake.count("chunk") === 1);
      scene.bucket.put("a", Buffer.from("other"), {}, NONE);
      await committed;
      assert.equal(scene.fake.count("compose"), isLate ? 1 : 0);
      assert.deepEqual(leftovers(scene), []);
      assert.equal(await text(scene.store, "/a"), "other");
    }
  });

  test("the store is told at the joining which generation is meant", async () => {
    await using scene = await gcsScene({ partSize: PART });
    const { generation } = scene.bucket.put("a", bytesOf(2 * PART), {}, NONE);
    await put(scene.store, "/a", "tail", { mode: "append" });
    const [joined] = scene.fake.requests.filter(({ operation }) => operation === "compose");
    assert.equal(joined?.query.get("ifGenerationMatch"), String(generation));
  });

  test("the middle of an object passes through here, up to a bound", async () => {
    await using scene = await gcsScene({ partSize: PART, maxReread: 2 * PART });
    const old = bytesOf(3 * PART);
    scene.bucket.put("a", old, {}, NONE);
    await refused("ENOSYS", scene.store.openWrite(at("/a"), { mode: "at", start: 2 * PART + 1 }), "/a");
    assert.equal(scene.fake.count("media"), 0);
    await put(scene.store, "/a", "tail", { mode: "at", start: 2 * PART });
    const expected = Buffer.concat([old.subarray(0, 2 * PART), Buffer.from("tail")]);
    assert.ok((await bytes(scene.store, "/a")).equals(expected));
    assert.deepEqual(leftovers(scene), []);
  });

  test("what waits to be joined is seen and touched by nobody; sweep() removes it when it is old", async () => {
    await using scene = await gcsScene({ prefix: "p" });
    const name = `.portside-${"0".repeat(24)}.part`;
    scene.bucket.put(`p/${name}`, Buffer.from("x"), {}, NONE);
    scene.bucket.put(name, Buffer.from("outside"), {}, NONE);
    scene.bucket.put("p/.portside-notes", Buffer.from("mine"), {}, NONE);
    scene.bucket.put("p/present", Buffer.from("x"), {}, NONE);
    assert.deepEqual(await names(scene.store), [".portside-notes", "present"]);
    const path = `/${name}`;
    for (const operation of ["stat", "openRead", "remove", "renameFrom", "renameTo", "setTimes"])
      await refused("ENOENT", everyOperation(scene.store, path)[operation]!());
    await refused("ENOENT", put(scene.store, path, "x"), path);
    await refused("ENOENT", put(scene.store, path, bytesOf(9 * MEBIBYTE)), path);
    assert.equal(await scene.store.sweep(60_000), 0);
    assert.equal(await scene.store.sweep(0), 1);
    assert.deepEqual([...scene.bucket.objects.keys()].sort(), [name, "p/.portside-notes", "p/present"]);
  });
});

suite("GCS: copies", () => {
  test("in several calls: every one has the condition, and attributes are kept", async () => {
    await using scene = await gcsScene();
    scene.fake.rewriteBytes = 400_000;
    const attributes = { contentType: "text/x", cacheControl: "no-store", metadata: { one: "1" } };
    const old = scene.bucket.put("a", bytesOf(MEBIBYTE), attributes, NONE);
    await scene.store.rename(at("/a"), at("/b"));
    const calls = scene.fake.requests.filter(({ operation }) => operation === "rewrite");
    assert.equal(calls.length, 3);
    for (const { query } of calls)
      assert.deepEqual([query.get("ifGenerationMatch"), query.get("sourceGeneration")], ["0", String(old.generation)]);
    const moved = scene.bucket.objects.get("b") ?? assert.fail();
    assert.ok(moved.body.equals(old.body));
    assert.deepEqual([moved.contentType, moved.cacheControl, moved.metadata], ["text/x", "no-store", { one: "1" }]);
    assert.deepEqual([...scene.bucket.objects.keys()], ["b"]);
  });

  test("into a class of its own", async () => {
    await using scene = await gcsScene({ storageClass: "COLDLINE" });
    scene.bucket.put("a", Buffer.from("x"), { contentType: "text/x", metadata: { one: "1" } }, NONE);
    await scene.store.rename(at("/a"), at("/b"));
    const { storageClass, contentType, metadata } = scene.bucket.objects.get("b") ?? assert.fail();
    assert.deepEqual([storageClass, contentType, metadata], ["COLDLINE", "text/x", { one: "1" }]);
  });

  test("what changes between two calls is EBUSY, a name that is taken meanwhile EEXIST; the source stays", async () => {
    for (const [code, changed] of [
      ["EBUSY", "a"],
      ["EEXIST", "b"],
    ] as const) {
      await using scene = await gcsScene();
      scene.fake.rewriteBytes = 400_000;
      scene.bucket.put("a", bytesOf(MEBIBYTE), {}, NONE);
      scene.fake.fail({ on: "rewrite", after: 1, fault: { kind: "late", milliseconds: 200 } });
      const renamed = refused(code, scene.store.rename(at("/a"), at("/b")));
      await until(() => scene.fake.count("rewrite") === 2);
      scene.bucket.put(changed, Buffer.from("other"), {}, NONE);
      await renamed;
      assert.ok(scene.bucket.objects.has("a"));
      assert.equal(scene.bucket.objects.get(changed)?.body.toString(), "other");
    }
  });
});

suite("GCS: reading", () => {
  test("a download that is left does not end another one, and its connection goes", async () => {
    await using scene = await gcsScene();
    const content = bytesOf(8 * MEBIBYTE);
    scene.bucket.put("a", content, {}, NONE);
    const [left, read] = [await scene.store.openRead(at("/a")), await scene.store.openRead(at("/a"))];
    const other = read.body[Symbol.asyncIterator]();
    const chunks = [(await other.next()).value as Uint8Array];
    for await (const chunk of left.body) if (chunk.length > 0) break;
    await left.close();
    await until(async () => (await scene.fake.connections()) === 1);
    for (let result = await other.next(); !result.done; result = await other.next()) chunks.push(result.value);
    assert.ok(Buffer.concat(chunks).equals(content));
  });

  test("what is kept compressed passes as it is, whole and in part", async () => {
    for (const signed of [false, true]) {
      await using scene = await gcsScene({}, signed);
      const content = gzipSync(bytesOf(100_000));
      scene.bucket.put("a.gz", content, { contentEncoding: "gzip" }, NONE);
      assert.ok((await bytes(scene.store, "/a.gz")).equals(content));
      assert.ok((await bytes(scene.store, "/a.gz", { start: 10, end: 90_000 })).equals(content.subarray(10, 90_000)));
    }
  });

  test("times that were set come with what is read, and with no other generation", async () => {
    await using scene = await gcsScene({ keepTimes: true });
    const { generation } = scene.bucket.put("a", Buffer.from("x"), { metadata: { one: "1" } }, NONE);
    await scene.store.setTimes(at("/a"), { modified: new Date(1_000_000) });
    const { metadata, generation: after } = scene.bucket.objects.get("a") ?? assert.fail();
    assert.deepEqual(metadata, { one: "1", mtime: "1000" });
    assert.equal(after, generation);
    await using handle = await scene.store.openRead(at("/a"));
    assert.equal(handle.info.modified?.getTime(), 1_000_000);
    assert.equal(handle.info.version, String(generation));
  });
});

suite("GCS: names and options", () => {
  test("a name that the SDK would change is refused by every operation", async () => {
    await using scene = await gcsScene();
    await put(scene.store, "/present", "x");
    for (const path of ["/{{projectId}}", "/d/a{{projectId}}"]) {
      for (const [name, run] of Object.entries(everyOperation(scene.store, path)))
        if (name !== "list" && name !== "removeDirectory" && name !== "setMode") await refused("EINVAL", run());
      await refused("EINVAL", put(scene.store, path, "x"), path);
    }
    assert.deepEqual([...scene.bucket.objects.keys()], ["present"]);
  });

  test("a bucket that is not there is no empty one", async () => {
    await using scene = await gcsScene();
    scene.fake.buckets.clear();
    await refused("EIO", names(scene.store), "/");
    await refused("EIO", scene.store.openWrite(at("/a"), { mode: "replace" }), "/a");
  });

  test("a client or a bucket of the SDK, of either of its builds", async () => {
    await using fake = await GcsFake.start(BUCKET);
    const { Storage: Other } = createRequire(import.meta.url)("@google-cloud/storage") as { Storage: typeof Storage };
    assert.notEqual(Other, Storage);
    const options = { apiEndpoint: fake.endpoint, projectId: "test" };
    for (const [index, Client] of [Storage, Other].entries()) {
      const storage = new Client(options);
      await put(new GcsFileSystem({ bucket: BUCKET, storage }), `/storage ${index}`, "x");
      await put(new GcsFileSystem({ bucket: storage.bucket(BUCKET) }), `/bucket ${index}`, "x");
    }
    const made = [...fake.bucket(BUCKET).objects.keys()].sort();
    assert.deepEqual(made, ["bucket 0", "bucket 1", "storage 0", "storage 1"]);
  });

  test("who pays is told with every request", async () => {
    await using fake = await GcsFake.start(BUCKET);
    const storage = new Storage({ apiEndpoint: fake.endpoint, projectId: "test" });
    const bucket = storage.bucket(BUCKET, { userProject: "payer" });
    const store = new GcsFileSystem({ bucket, partSize: PART, keepTimes: true });
    await put(store, "/a", bytesOf(2 * PART));
    await put(store, "/a", "x", { mode: "append" });
    await put(store, "/small", "x");
    await store.setTimes(at("/small"), { modified: new Date(0) });
    assert.equal(await text(store, "/small"), "x");
    await store.rename(at("/small"), at("/moved"));
    assert.deepEqual(await names(store), ["a", "moved"]);
    const asked = fake.requests.filter(({ operation }) => operation !== "chunk");
    for (const { operation, query } of asked) assert.equal(query.get("userProject"), "payer", operation);
    assert.ok(new Set(asked.map(({ operation }) => operation)).size >= 8);
  });

  test("wrong options are named", async () => {
    const wrong: readonly [unknown, RegExp][] = [
      [{}, /bucket/],
      [{ bucket: "" }, /bucket/],
      [{ bucket: 1 }, /bucket/],
      [{ bucket: "b", storageclass: "NEARLINE" }, /storageclass/],
      [{ bucket: "b", storageClass: 1 }, /storageClass/],
      [{ bucket: "b", storage: "s" }, /storage/],
      [{ bucket: "b", requestTimeout: -1 }, /requestTimeout/],
      [{ bucket: "b", prefix: "a//b" }, /prefix/],
      [{ bucket: new Storage().bucket("b"), storage: { projectId: "p" } }, /storage/],
    ];
    for (const [options, naming] of wrong)
      assert.throws(
        () => new GcsFileSystem(options as GcsFileSystemOptions),
        (error: Error) => (error instanceof TypeError || error instanceof RangeError) && naming.test(error.message),
        JSON.stringify(Object.keys(options as object)),
      );
  });
});
