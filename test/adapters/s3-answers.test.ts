/** Servers that answer strangely: nothing is lost by it, nothing wrong is sent, nothing goes on for ever. */
import assert from "node:assert/strict";
import { ObjectFileSystem } from "../../dist/adapters/objects/object-file-system.js";
import { S3FileSystem } from "../../dist/adapters/s3/s3-file-system.js";
import { S3Store } from "../../dist/adapters/s3/s3-store.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { Gate } from "../kit/gate.js";
import type { Fault } from "../kit/s3-fake.js";
import type { Answer } from "../kit/s3-fake-operations.js";
import { asked, type FakeSubject, objectsOf, withFake } from "../kit/s3-subject.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { at, bytes, everyOperation, names, put, refused, text } from "../storage/store.js";

const MEBIBYTE = 1024 * 1024;

/** Every request of an operation goes wrong, from now on. */
function spoil({ fake }: FakeSubject, operation: string, fault: Fault | undefined): void {
  fake.fault = (call) => (call.operation === operation ? fault : undefined);
}

const alter = (change: (answer: Answer) => Answer): Fault => ({ fault: "alter", alter: change });

withFake("a download that is always too short is gone on with", {}, async (subject) => {
  const { store } = subject;
  await put(store, "/a", "small and old");
  spoil(subject, "GetObject", { fault: "shorten", at: 7 });
  assert.equal(await text(store, "/a"), "small and old");
});

for (const size of [13, 6 * MEBIBYTE])
  withFake(
    `what is added to must have the size that was told: ${size} bytes`,
    { partSize: 5 * MEBIBYTE },
    async (subject) => {
      const { store, bucket } = subject;
      const old = bytesOf(size);
      await put(store, "/a", old);
      // Without a length, or with one that is too small.
      spoil(
        subject,
        "HeadObject",
        alter((answer) => ({ ...answer, headers: { ...answer.headers, "transfer-encoding": "chunked" } })),
      );
      await refused("EIO", store.stat(at("/a")), "/a");
      await refused("EIO", put(store, "/a", "more", { mode: "append" }), "/a");
      spoil(subject, "HeadObject", { fault: "shorten", at: 7 });
      await refused("EBUSY", put(store, "/a", "more", { mode: "append" }), "/a");
      spoil(subject, "HeadObject", undefined);
      assert.ok((await bytes(store, "/a")).equals(old));
      assert.deepEqual(await bucket.uploads(), []);
    },
  );

withFake("a server that sends everything where a range is asked for", {}, async (subject) => {
  const { store } = subject;
  const body = Buffer.from("0123456789");
  await put(store, "/a", body);
  const { tag: etag } = objectsOf(subject).get("a")!;
  spoil(
    subject,
    "GetObject",
    alter(() => ({ status: 200, headers: { etag }, body })),
  );
  assert.equal(await text(store, "/a"), "0123456789");
  await refused("EIO", store.openRead(at("/a"), { start: 5 }), "/a");
});

withFake("a file that was empty a moment ago is read as it is now", {}, async (subject) => {
  const { store, fake } = subject;
  await put(store, "/a", "grown");
  fake.fault = ({ operation, nth }) =>
    operation === "GetObject" && nth === 0 ? { fault: "refuse", status: 416, code: "InvalidRange" } : undefined;
  assert.equal(await text(store, "/a"), "grown");
});

withFake("a listing that has more, and does not tell where, fails", {}, async (subject) => {
  const { store } = subject;
  await put(store, "/a", "x");
  const list = alter((answer) => ({ ...answer, body: Buffer.from(String(answer.body).replace(">false<", ">true<")) }));
  spoil(subject, "ListObjectsV2", list);
  await refused("EIO", names(store), "/");
  spoil(
    subject,
    "ListMultipartUploads",
    alter((answer) => ({ ...answer, body: Buffer.from(String(answer.body).replace(">false<", ">true<")) })),
  );
  await refused("EIO", store.sweep(0), "/");
});

withFake("uploads are swept page by page, whatever their names", {}, async ({ store, fake, bucket }) => {
  const inside = fake.buckets.get(bucket.name)!;
  for (let index = 0; index < 1500; index++) inside.begin(`a+b ${index % 1000}%2F`, {});
  assert.equal(await within(store.sweep(3_600_000), "sweeping"), 0);
  assert.equal(fake.count("ListMultipartUploads"), 2);
  inside.clear();
});

withFake("a bucket that is not there is one fault, and it is named", {}, async ({ fake }) => {
  const store = new S3FileSystem({ bucket: "none", client: fake.config, keepTimes: true });
  for (const [what, run] of Object.entries(everyOperation(store, "/a/b"))) {
    const error = await run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof FileSystemError, what);
    if (what === "setMode" || what === "availableSpace") continue;
    assert.equal(error.code, "EIO", what);
    assert.match(error.message, /NoSuchBucket/, what);
  }
  store.close();
});

withFake("what some servers say in words of their own", {}, async (subject) => {
  const { store } = subject;
  await put(store, "/a", "x");
  spoil(subject, "PutObject", { fault: "refuse", status: 400, code: "XMinioAdminBucketQuotaExceeded" });
  await refused("EDQUOT", put(store, "/b", "x"), "/b");
  // Gone meanwhile: that is what was wanted.
  spoil(subject, "DeleteObject", { fault: "refuse", status: 404, code: "NoSuchKey" });
  await store.remove(at("/a"));
});

withFake("times that no date can hold are not shown", { keepTimes: true }, async (subject) => {
  const { store } = subject;
  await put(store, "/a", "x");
  const object = objectsOf(subject).get("a")!;
  for (const time of ["", " ", "1e300", "8640000000001", "soon"]) {
    objectsOf(subject).set("a", { ...object, headers: { "x-amz-meta-mtime": time } });
    const { modified } = await store.stat(at("/a"));
    assert.equal(modified?.getTime(), Math.floor(object.modified.getTime() / 1000) * 1000, JSON.stringify(time));
  }
});

withFake("a directory is not renamed where a name would be too long", { maxRename: 10 }, async ({ store, fake }) => {
  const name = "n".repeat(1000);
  await put(store, `/d/${name}`, "x");
  await put(store, "/d/a", "x");
  const renaming = asked(fake, () => refused("ENAMETOOLONG", store.rename(at("/d"), at(`/${"m".repeat(30)}`))));
  assert.doesNotMatch(await renaming, /Put|Copy|Delete/);
  await store.rename(at("/d"), at(`/${"m".repeat(23)}`));
  assert.deepEqual(await names(store, `/${"m".repeat(23)}`), ["a", name]);
});

/** A file system whose server copies only small objects at once. */
class SmallCopies extends ObjectFileSystem {
  constructor({ bucket: { client, name } }: FakeSubject) {
    const maxCopy = 6 * MEBIBYTE;
    super(new S3Store({ client, bucket: name, requestTimeout: 4000, storage: {}, maxCopy, copyPart: maxCopy }), {});
  }
}

for (const stalled of ["CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload"])
  withFake(`a copy in parts ends with its signal, and leaves nothing: ${stalled} stalls`, {}, async (subject) => {
    const { fake, bucket } = subject;
    const store = new SmallCopies(subject);
    const inside = fake.buckets.get(bucket.name)!;
    const content = bytesOf(7 * MEBIBYTE);
    inside.put("a", { content, tag: '"t"' }, {});
    const controller = new AbortController();
    const reached = new Gate();
    fake.fault = ({ operation, nth }) => {
      // What is to be cleaned up has been begun: a part is refused.
      if (operation === "UploadPartCopy" && stalled.startsWith("Abort"))
        return { fault: "refuse", status: 403, code: "AccessDenied" };
      if (operation !== stalled || nth > 0) return undefined;
      void reached.pass();
      return { fault: "stall" };
    };
    const renaming = store.rename(at("/a"), at("/b"), { signal: controller.signal });
    renaming.catch(() => undefined);
    await within(reached.reached, "stalling");
    const reason = new Error("ABOR");
    controller.abort(reason);
    await assert.rejects(within(renaming, "the end", 2000), reason);
    await until(() => inside.uploads.size === 0);
    assert.deepEqual([...inside.objects.keys()], ["a"]);
  });

withFake(
  "an upload that cannot begin ends with its signal, also while it is forgotten",
  { partSize: 5 * MEBIBYTE },
  async (subject) => {
    const { store, fake, bucket } = subject;
    await put(store, "/a", bytesOf(6 * MEBIBYTE));
    const reached = new Gate();
    fake.fault = ({ operation, nth }) => {
      if (operation === "UploadPartCopy") return { fault: "refuse", status: 403, code: "AccessDenied" };
      if (operation !== "AbortMultipartUpload" || nth > 0) return undefined;
      void reached.pass();
      return { fault: "stall" };
    };
    const controller = new AbortController();
    const beginning = store.openWrite(at("/a"), { mode: "append", signal: controller.signal });
    beginning.catch(() => undefined);
    await within(reached.reached, "stalling");
    const reason = new Error("ABOR");
    controller.abort(reason);
    await assert.rejects(within(beginning, "the end", 2000), reason);
    assert.equal((await bucket.uploads()).length, 1);
  },
);
