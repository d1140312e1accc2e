/** What S3 adds to the contract: requests, attributes, copies in parts, directories, cleaning up, options. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateMultipartUploadCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { ObjectFileSystem } from "../../dist/adapters/objects/object-file-system.js";
import type { ObjectFileSystemOptions } from "../../dist/adapters/objects/object-options.js";
import { S3FileSystem, type S3FileSystemOptions } from "../../dist/adapters/s3/s3-file-system.js";
import { S3Store } from "../../dist/adapters/s3/s3-store.js";
import type { Content } from "../kit/s3-fake-bucket.js";
import { asked, type FakeSubject, objectsOf, withFake } from "../kit/s3-subject.js";
import { bytesOf } from "../kit/temporary.js";
import { at, begin, bytes, entries, names, put, refused, text } from "../storage/store.js";

const MEBIBYTE = 1024 * 1024;

/** A file system whose server copies only small objects at once. */
class SmallCopies extends ObjectFileSystem {
  constructor({ bucket: { client, name } }: FakeSubject, options: ObjectFileSystemOptions = {}) {
    const store = new S3Store({
      client,
      bucket: name,
      requestTimeout: 5000,
      storage: {},
      maxCopy: 6 * MEBIBYTE,
      copyPart: 5 * MEBIBYTE,
    });
    super(store, options);
  }
}

withFake("one request where one does", { partSize: 5 * MEBIBYTE }, async ({ store, fake }) => {
  await put(store, "/d/a", "0123456789");
  const table: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["HeadObject", () => store.stat(at("/d/a"), { expect: "file" })],
    ["ListObjectsV2", () => store.stat(at("/d"), { expect: "directory" })],
    ["ListObjectsV2", () => entries(store, "/d")],
    ["GetObject", () => bytes(store, "/d/a")],
    ["GetObject", () => bytes(store, "/d/a", { start: 3, end: 5 })],
    ["", () => store.stat(at("/"))],
    ["ListObjectsV2 PutObject", () => put(store, "/d/b", "x")],
    [
      "CopyObject DeleteObject HeadObject ListObjectsV2 ListObjectsV2",
      () => store.rename(at("/d/b"), at("/d/a"), { overwrite: true }),
    ],
  ];
  for (const [expected, run] of table) assert.equal(await asked(fake, run), expected);
});

withFake(
  "type and metadata go with a rename, an append and a time that is set",
  { keepTimes: true },
  async (subject) => {
    const { store, bucket } = subject;
    const Metadata = { owner: "anna" };
    const attributes = { ContentType: "text/csv", Metadata, CacheControl: "no-store" };
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: "a", Body: "x", ...attributes }));
    await store.rename(at("/a"), at("/b"));
    await store.setTimes(at("/b"), { modified: new Date(1000) });
    const expected = { "content-type": "text/csv", "cache-control": "no-store", "x-amz-meta-owner": "anna" };
    assert.deepEqual(objectsOf(subject).get("b")?.headers, { ...expected, "x-amz-meta-mtime": "1" });
    await put(store, "/b", "y", { mode: "append" });
    const { "cache-control": _, ...kept } = expected;
    assert.deepEqual(objectsOf(subject).get("b")?.headers, kept, "but not the time");
  },
);

for (const exclusive of [true, false])
  withFake(
    `what is too large for one copy goes in parts, ${exclusive ? "to a new name" : "over a file"}`,
    {},
    async (subject) => {
      const { bucket } = subject;
      const store = new SmallCopies(subject, { keepTimes: true });
      const content = bytesOf(12 * MEBIBYTE);
      const attributes = { ContentType: "text/csv", Metadata: { owner: "anna" }, ContentDisposition: "inline" };
      await bucket.client.send(
        new PutObjectCommand({
          Bucket: bucket.name,
          Key: "a",
          Body: content,
          ContentLength: content.length,
          ...attributes,
        }),
      );
      if (!exclusive) await put(store, "/b", "old");
      await store.rename(at("/a"), at("/b"), { overwrite: !exclusive });
      assert.equal(subject.fake.count("UploadPartCopy"), 3);
      assert.equal(subject.fake.count("CopyObject"), 0);
      assert.ok((await bytes(store, "/b")).equals(content));
      const expected = { "content-type": "text/csv", "content-disposition": "inline", "x-amz-meta-owner": "anna" };
      assert.deepEqual(objectsOf(subject).get("b")?.headers, expected);
      await store.setTimes(at("/b"), { modified: new Date(5000) });
      assert.deepEqual(objectsOf(subject).get("b")?.headers, { ...expected, "x-amz-meta-mtime": "5" });
      assert.ok((await bytes(store, "/b")).equals(content));
      await put(store, "/c", "taken");
      await refused("EEXIST", store.rename(at("/b"), at("/c")), "/c");
      subject.fake.fault = ({ operation, nth }) =>
        operation === "UploadPartCopy" && nth === 7
          ? { fault: "refuse", status: 403, code: "AccessDenied" }
          : undefined;
      await refused("EACCES", store.rename(at("/b"), at("/d")), "/b");
      assert.deepEqual(await bucket.uploads(), []);
      assert.deepEqual(await names(store), ["b", "c"]);
    },
  );

withFake(
  "uniform parts: what is added to has them too",
  { partSize: 5 * MEBIBYTE, uniformParts: true },
  async (subject) => {
    const { store, fake } = subject;
    const content = bytesOf(11 * MEBIBYTE);
    await put(store, "/a", content);
    const sizes: number[] = [];
    fake.fault = ({ operation, key }) => {
      if (operation !== "CompleteMultipartUpload") return undefined;
      const uploads = [...fake.buckets.get(subject.bucket.name)!.uploads.values()].filter(
        (upload) => upload.key === key,
      );
      for (const { parts } of uploads) for (const { content } of parts.values()) sizes.push((content as Buffer).length);
      return undefined;
    };
    await put(store, "/a", bytesOf(7 * MEBIBYTE, 2), { mode: "append" });
    assert.deepEqual(sizes.slice(0, -1), [5 * MEBIBYTE, 5 * MEBIBYTE, 5 * MEBIBYTE]);
    assert.ok((await bytes(store, "/a")).equals(Buffer.concat([content, bytesOf(7 * MEBIBYTE, 2)])));
  },
);

withFake(
  "a store that cannot copy parts refuses to add to large files before anything is sent",
  { partSize: 5 * MEBIBYTE, maxReread: 0 },
  async (subject) => {
    const { store, fake, bucket } = subject;
    await put(store, "/large", bytesOf(6 * MEBIBYTE));
    await put(store, "/small", "old");
    fake.fault = ({ operation }) =>
      operation === "UploadPartCopy" ? { fault: "refuse", status: 501, code: "NotImplemented" } : undefined;
    await refused("ENOSYS", store.openWrite(at("/large"), { mode: "append" }), "/large");
    await put(store, "/small", "new", { mode: "append" });
    assert.equal(await text(store, "/small"), "oldnew");
    assert.deepEqual(await bucket.uploads(), []);
  },
);

withFake("a server without conditions", {}, async ({ store, fake }) => {
  let conditional = 0;
  // Swift: 501 for the header, before anything is done.
  fake.fault = ({ operation, headers }) => {
    if (operation === "GetObject" || (headers["if-match"] ?? headers["if-none-match"]) === undefined) return undefined;
    conditional++;
    return { fault: "refuse", status: 501, code: "NotImplemented" };
  };
  await put(store, "/a", "x", { mode: "exclusive" });
  await refused("EEXIST", put(store, "/a", "y", { mode: "exclusive" }), "/a");
  await put(store, "/a", "y", { mode: "append" });
  await store.makeDirectory(at("/d"));
  await store.rename(at("/a"), at("/b"));
  assert.equal(await text(store, "/b"), "xy");
  assert.equal(conditional, 4);
});

withFake(
  "keys that FTP cannot carry are not shown, and nothing leads out of the prefix",
  { prefix: "home/anna" },
  async (subject) => {
    const { store, bucket, fake } = subject;
    const held: Content = Buffer.from("x");
    const inside = fake.buckets.get(bucket.name)!;
    for (const key of [
      "home/anna/a",
      "home/anna//x",
      "home/anna/../x",
      "home/anna/./x",
      "home/anna/cr\r\nlf",
      "home/bob/x",
      "home/annabel",
      "x",
    ])
      inside.put(key, { content: held, tag: '"t"' }, {});
    assert.deepEqual(await names(store), ["a"]);
    await refused("ENOENT", store.stat(at("/x")), "/x");
    assert.equal(await store.sweep(0), 0);
  },
);

withFake(
  "uploads of killed processes are swept, the young and others' are not",
  { prefix: "p" },
  async ({ store, bucket }) => {
    for (const Key of ["p/old", "p/older", "elsewhere"])
      await bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key }));
    assert.equal(await store.sweep(3_600_000), 0);
    await assert.rejects(store.sweep(-1), RangeError);
    await assert.rejects(store.sweep(Number.NaN), RangeError);
    while ((await store.sweep(0)) === 0);
    assert.equal((await bucket.uploads()).length, 1);
  },
);

withFake(
  "a listing is never more than a page ahead, and who leaves ends what is on its way",
  {},
  async ({ store, fake, bucket }) => {
    const inside = fake.buckets.get(bucket.name)!;
    for (let index = 0; index < 5000; index++) inside.put(`${index}`, { content: 0, tag: '"t"' }, {});
    let seen = 0;
    for await (const entry of store.list(at("/"))) {
      assert.equal(entry.type, "file");
      const ahead = fake.count("ListObjectsV2") - Math.ceil(++seen / 1000);
      assert.ok(ahead <= 1, `${ahead} pages ahead at entry ${seen}`);
      if (seen === 1500) break;
    }
    assert.ok(fake.count("ListObjectsV2") <= 3);
  },
);

withFake(
  "a download whose connection breaks goes on, if it is still the same version",
  { requestTimeout: 5000 },
  async ({ store, fake }) => {
    const content = bytesOf(3 * MEBIBYTE);
    await put(store, "/a", content);
    for (const fault of ["break", "shorten"] as const) {
      fake.fault = ({ operation }) => (operation === "GetObject" ? { fault, at: MEBIBYTE } : undefined);
      assert.ok((await bytes(store, "/a", { start: 5 })).equals(content.subarray(5)));
    }
    fake.fault = ({ operation }) => (operation === "GetObject" ? { fault: "break", at: MEBIBYTE } : undefined);
    await using handle = await store.openRead(at("/a"));
    fake.fault = () => undefined;
    await put(store, "/a", bytesOf(3 * MEBIBYTE, 2));
    const read = async () => {
      let length = 0;
      for await (const chunk of handle.body)
        assert.ok(content.subarray(length, (length += chunk.length)).equals(chunk));
      return length;
    };
    await refused("EBUSY", read(), "/a");
  },
);

withFake(
  "what is lost on the way is asked for again, and its own object is no stranger",
  { partSize: 5 * MEBIBYTE },
  async ({ store, fake, bucket }) => {
    for (const [lost, content] of [
      ["PutObject", "x"],
      ["CompleteMultipartUpload", bytesOf(6 * MEBIBYTE)],
    ] as const) {
      let count = 0;
      fake.fault = ({ operation }) => (operation === lost && count++ === 0 ? { fault: "lose" } : undefined);
      await put(store, `/${lost}`, content, { mode: "exclusive" });
      assert.equal(count, 2);
      assert.ok((await bytes(store, `/${lost}`)).equals(Buffer.from(content)));
    }
    let count = 0;
    fake.fault = ({ operation }) => (operation === "CopyObject" && count++ === 0 ? { fault: "lose" } : undefined);
    await store.rename(at("/PutObject"), at("/moved"));
    assert.deepEqual(await names(store), ["CompleteMultipartUpload", "moved"]);
    assert.deepEqual(await bucket.uploads(), []);
  },
);

withFake(
  "the signal ends what stalls, the upload can still be kept",
  { partSize: 5 * MEBIBYTE },
  async ({ store, fake, bucket }) => {
    const controller = new AbortController();
    const handle = await store.openWrite(at("/a"), { mode: "replace", signal: controller.signal });
    let stalled: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    fake.fault = ({ operation, nth }) => {
      if (operation !== "CreateMultipartUpload" || nth > 0) return undefined;
      stalled();
      return { fault: "stall" };
    };
    const writing = handle.write([bytesOf(6 * MEBIBYTE)]);
    await reached;
    const reason = new Error("ABOR");
    controller.abort(reason);
    await assert.rejects(writing, reason);
    fake.fault = () => undefined;
    void handle.abort();
    const other = await begin(store, "/b", bytesOf(11 * MEBIBYTE));
    await other.commit();
    assert.deepEqual([await names(store), await bucket.uploads()], [["b"], []]);
  },
);

withFake(
  "a server that ignores conditions: what stands there is looked at",
  { partSize: 5 * MEBIBYTE },
  async ({ store, fake, bucket }) => {
    fake.conditional = false;
    const large = bytesOf(6 * MEBIBYTE);
    for (const old of [Buffer.from("old"), large]) {
      await put(store, "/a", old);
      const added = await begin(store, "/a", "more", { mode: "append" });
      await put(store, "/a", "theirs");
      await refused("EBUSY", added.commit(), "/a");
      assert.equal(await text(store, "/a"), "theirs");
    }
    const made = await begin(store, "/b", large, { mode: "exclusive" });
    await put(store, "/b", "theirs");
    await refused("EEXIST", made.commit(), "/b");
    await refused("EEXIST", store.rename(at("/a"), at("/b")), "/b");
    assert.equal(await text(store, "/b"), "theirs");
    assert.deepEqual(await bucket.uploads(), []);
  },
);

withFake("the entries of a page do not wait for the next one", {}, async ({ store, fake, bucket }) => {
  const inside = fake.buckets.get(bucket.name)!;
  for (let index = 0; index < 1500; index++) inside.put(`${index}`, { content: 0, tag: '"t"' }, {});
  fake.fault = ({ operation, nth }) => (operation === "ListObjectsV2" && nth > 0 ? { fault: "stall" } : undefined);
  let seen = 0;
  for await (const entry of store.list(at("/"))) {
    assert.equal(entry.type, "file");
    if (++seen === 1000) break;
  }
  assert.equal(seen, 1000);
});

test("S3: what it supports", async () => {
  const store = new S3FileSystem({ bucket: "b", client: { region: "us-east-1" } });
  const all = [
    "list",
    "openRead",
    "openWrite",
    "append",
    "remove",
    "makeDirectory",
    "removeDirectory",
    "rename",
  ] as const;
  for (const capability of all)
    assert.ok(store.supports(capability) && store.supports(capability, at("/x")), capability);
  for (const capability of ["setTimes", "setCreated", "setMode", "availableSpace"] as const)
    assert.ok(!store.supports(capability), capability);
  const keeping = new S3FileSystem({ bucket: "b", keepTimes: true, client: { region: "us-east-1" } });
  assert.ok(keeping.supports("setTimes") && !keeping.supports("setCreated"));
  store.close();
  keeping.close();
});

test("S3: wrong options are named", () => {
  const table: readonly (readonly [object, RegExp])[] = [
    [{ bucket: "" }, /bucket/],
    [{ bucket: "b", buckte: 1 }, /buckte/],
    [{ bucket: "b", partSize: 1 }, /partSize/],
    [{ bucket: "b", partSize: "8" }, /partSize/],
    [{ bucket: "b", concurrency: 65 }, /concurrency/],
    [{ bucket: "b", partBudget: -1 }, /partBudget/],
    [{ bucket: "b", maxRename: 1.5 }, /maxRename/],
    [{ bucket: "b", requestTimeout: 2 ** 31 }, /requestTimeout/],
    [{ bucket: "b", keepTimes: 1 }, /keepTimes/],
    [{ bucket: "b", contentType: 1 }, /contentType/],
    [{ bucket: "b", prefix: "a//b" }, /prefix/],
    [{ bucket: "b", prefix: "a/../b" }, /prefix/],
    [{ bucket: "b", prefix: "\ud800" }, /prefix/],
    [{ bucket: "b", prefix: 1 }, /prefix/],
  ];
  for (const [options, message] of table)
    assert.throws(() => new S3FileSystem(options as S3FileSystemOptions), { message });
});
