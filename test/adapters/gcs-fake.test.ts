/**
 * The fake of Google Cloud Storage, driven by Google's own client alone: what that client takes for its store is what
 * the adapter is tested against. Knows nothing of portside but its fake.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { type ApiError, type Bucket, Storage } from "@google-cloud/storage";
import { GcsFake } from "../kit/gcs-fake.js";
import { QUANTUM } from "../kit/gcs-fake-uploads.js";
import { bytesOf } from "../kit/temporary.js";

const MEBIBYTE = 1024 * 1024;

function check(title: string, run: (bucket: Bucket, fake: GcsFake) => Promise<void>): void {
  test(title, async () => {
    await using fake = await GcsFake.start();
    const storage = new Storage({ apiEndpoint: fake.endpoint, projectId: "test" });
    const [bucket] = await storage.createBucket("official");
    await run(bucket, fake);
  });
}

async function refused(code: number, operation: Promise<unknown>): Promise<ApiError> {
  const error = await operation.then(
    () => assert.fail(`expected ${code}`),
    (reason: unknown) => reason as ApiError & { readonly status?: number },
  );
  assert.equal(Number(error.status ?? error.code), code, error.message);
  return error;
}

suite("fake of Google Cloud Storage, by the official client", () => {
  check("a bucket is there once, and a missing one is 404", async (bucket) => {
    assert.deepEqual(await bucket.exists(), [true]);
    await refused(409, bucket.storage.createBucket(bucket.name));
    await refused(404, bucket.storage.bucket("missing").getFiles());
  });

  check("a simple upload, its attributes and its checksums", async (bucket) => {
    const file = bucket.file("a b/ü#?%.txt");
    await file.save("123456789", { resumable: false, metadata: { contentType: "text/x", metadata: { mtime: "1" } } });
    const [metadata] = await file.getMetadata();
    assert.equal(metadata.contentType, "text/x");
    assert.deepEqual(metadata.metadata, { mtime: "1" });
    assert.equal(metadata.size, "9");
    assert.equal(metadata.crc32c, "4waSgw==", "the check value of CRC-32C");
    assert.equal(String((await file.download())[0]), "123456789");
  });

  check("a resumable upload in chunks, of every length round a quantum", async (bucket, fake) => {
    for (const length of [0, 1, QUANTUM - 1, QUANTUM, QUANTUM + 1, 2 * QUANTUM, MEBIBYTE + 5]) {
      const content = bytesOf(length);
      const file = bucket.file(`size ${length}`);
      await file.save(content, { resumable: true, chunkSize: QUANTUM });
      assert.ok((await file.download())[0].equals(content), String(length));
    }
    assert.ok(fake.count("chunk") > 10);
  });

  check("a chunk that was kept in part is sent again from where it ends", async (bucket, fake) => {
    fake.fail({ on: "chunk", fault: { kind: "short", bytes: 2 * QUANTUM }, after: 1 });
    const content = bytesOf(5 * MEBIBYTE);
    const file = bucket.file("short");
    await file.save(content, { resumable: true, chunkSize: MEBIBYTE });
    assert.ok((await file.download())[0].equals(content));
  });

  check("a chunk that is refused with 503 is sent again", async (bucket, fake) => {
    fake.fail({ on: "chunk", fault: { kind: "status", status: 503 }, after: 1 });
    const content = bytesOf(3 * MEBIBYTE);
    const file = bucket.file("again", { preconditionOpts: { ifGenerationMatch: 0 } });
    await file.save(content, { resumable: true, chunkSize: MEBIBYTE });
    assert.ok((await file.download())[0].equals(content));
  });

  check("ranges, and 416 behind the end", async (bucket) => {
    const file = bucket.file("digits");
    await file.save("0123456789");
    const read = async (options: object): Promise<string> => String((await file.download(options))[0]);
    assert.equal(await read({ start: 3, end: 5 }), "345");
    assert.equal(await read({ start: 8 }), "89");
    assert.equal(await read({ end: -3 }), "789");
    assert.equal(await read({ start: 5, end: 99 }), "56789");
    await refused(416, file.download({ start: 10 }));
  });

  check("what is kept compressed comes compressed to those who take that", async (bucket) => {
    const file = bucket.file("a");
    await file.save("content", { gzip: true, resumable: false });
    const url = `${bucket.storage.baseUrl}/b/${bucket.name}/o/a?alt=media`;
    const plain = await fetch(url, { headers: { "accept-encoding": "identity", range: "bytes=1-2" } });
    assert.deepEqual([plain.status, await plain.text()], [200, "content"]);
    const [compressed] = await file.download({ decompress: false });
    assert.equal(gunzipSync(compressed).toString(), "content");
    assert.equal(String((await file.download())[0]), "content");
  });

  check("a generation that was replaced is gone", async (bucket) => {
    const file = bucket.file("twice");
    await file.save("one");
    const generation = Number(file.metadata.generation);
    await file.save("two");
    assert.ok(Number(file.metadata.generation) > generation);
    await refused(404, bucket.file("twice", { generation }).download());
    assert.equal(String((await bucket.file("twice").download())[0]), "two");
  });

  check("conditions on every kind of writing", async (bucket) => {
    const file = bucket.file("held");
    const never = { preconditionOpts: { ifGenerationMatch: 0 } };
    await file.save("one", { resumable: false, ...never });
    await refused(412, file.save("two", { resumable: false, ...never }));
    await refused(412, file.save("two", { resumable: true, ...never }));
    await refused(412, bucket.file("held").copy(bucket.file("held"), never));
    await refused(412, bucket.combine(["held"], "held", { ifGenerationMatch: 0 }));
    await refused(412, bucket.file("held").delete({ ifGenerationMatch: 5 }));
    await refused(412, bucket.file("held").setMetadata({ metadata: { a: "b" } }, { ifMetagenerationMatch: 7 }));
    assert.equal(String((await bucket.file("held").download())[0]), "one");
    await bucket.file("held").delete({ ifGenerationMatch: Number(file.metadata.generation) });
    await refused(404, bucket.file("held").getMetadata());
    await refused(404, bucket.file("held").delete());
  });

  check("metadata is changed by itself", async (bucket) => {
    const file = bucket.file("a");
    await file.save("x", { metadata: { contentType: "text/x", metadata: { one: "1", two: "2" } } });
    const before = file.metadata.generation;
    const [after] = await file.setMetadata({ metadata: { two: null, three: "3" } });
    assert.deepEqual(after.metadata, { one: "1", three: "3" });
    assert.equal(after.generation, before);
    assert.equal(after.contentType, "text/x");
  });

  check("a copy in several calls keeps attributes", async (bucket, fake) => {
    fake.rewriteBytes = 300_000;
    const content = bytesOf(MEBIBYTE);
    await bucket.file("from").save(content, { metadata: { contentType: "text/x", metadata: { one: "1" } } });
    const [copied] = await bucket.file("from").copy(bucket.file("to/ü"));
    assert.equal(fake.count("rewrite"), 4);
    assert.ok((await copied.download())[0].equals(content));
    const [metadata] = await copied.getMetadata();
    assert.equal(metadata.contentType, "text/x");
    assert.deepEqual(metadata.metadata, { one: "1" });
  });

  check("composition of up to 32 sources", async (bucket) => {
    for (const name of ["1", "2", "3"]) await bucket.file(name).save(name);
    const [all] = await bucket.combine(["3", "1", "2"], "all");
    assert.equal(String((await all.download({ validation: "crc32c" }))[0]), "312");
    assert.equal((await all.getMetadata())[0].componentCount, 3);
    await refused(400, bucket.combine(Array<string>(33).fill("1"), "all"));
    await refused(404, bucket.combine(["1", "missing"], "all"));
  });

  check("listings: prefix, delimiter, pages, start", async (bucket) => {
    for (const name of ["a", "b/1", "b/2", "b/c/3", "é", "\uffee", "🚢", "z"]) await bucket.file(name).save(name);
    const [all] = await bucket.getFiles();
    const names = all.map(({ name }) => name);
    assert.deepEqual(names, ["a", "b/1", "b/2", "b/c/3", "z", "é", "\uffee", "🚢"]);
    const query = { delimiter: "/", maxResults: 2, autoPaginate: false } as const;
    const pages: string[][] = [];
    for (let next: object | null = query; next !== null; ) {
      const [files, more, answer] = (await bucket.getFiles(next)) as unknown as [
        { name: string }[],
        object | null,
        { prefixes?: string[] },
      ];
      pages.push([...files.map(({ name }) => name), ...(answer.prefixes ?? [])]);
      next = more;
    }
    assert.deepEqual(pages, [
      ["a", "b/"],
      ["z", "é"],
      ["\uffee", "🚢"],
    ]);
    const [below] = await bucket.getFiles({ prefix: "b/", delimiter: "/" });
    assert.deepEqual(
      below.map(({ name }) => name),
      ["b/1", "b/2"],
    );
    const [late] = await bucket.getFiles({ startOffset: "b/2", prefix: "b/" });
    assert.deepEqual(
      late.map(({ name }) => name),
      ["b/2", "b/c/3"],
    );
  });

  check("a session: its place, what was kept, its end", async (bucket, fake) => {
    const [uri] = await bucket.file("session").createResumableUpload({ metadata: { contentType: "text/x" } });
    const put = (range: string, body: Uint8Array, headers: object = {}): Promise<Response> =>
      fetch(uri, { method: "PUT", headers: { "content-range": range, ...headers }, body, redirect: "manual" });
    const first = await put(`bytes 0-${QUANTUM + 9}/*`, bytesOf(QUANTUM + 10));
    assert.deepEqual([first.status, first.headers.get("range")], [308, `bytes=0-${QUANTUM - 1}`]);
    const asked = await put("bytes */*", new Uint8Array(0), { "x-guploader-no-308": "yes" });
    assert.deepEqual([asked.status, asked.headers.get("x-http-status-code-override")], [200, "308"]);
    assert.equal((await put(`bytes ${2 * QUANTUM}-${2 * QUANTUM}/*`, bytesOf(1))).status, 400);
    assert.equal(fake.buckets.get("official")?.objects.size, 0);
    const last = await put(`bytes ${QUANTUM}-${QUANTUM + 1}/${QUANTUM + 2}`, bytesOf(2));
    assert.equal(last.status, 200);
    assert.equal((await bucket.file("session").getMetadata())[0].size, String(QUANTUM + 2));
    const [other] = await bucket.file("other").createResumableUpload();
    assert.equal((await fetch(other, { method: "DELETE" })).status, 499);
    assert.equal((await fetch(other, { method: "PUT", body: "x" })).status, 404);
    assert.deepEqual(await bucket.file("other").exists(), [false]);
  });

  check("names that the store does not take", async (bucket) => {
    await bucket.file("x".repeat(1024)).save("x");
    for (const name of ["x".repeat(1025), "a\nb"])
      await refused(400, bucket.file(name).save("x", { resumable: false }));
  });
});
