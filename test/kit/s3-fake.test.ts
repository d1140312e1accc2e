/** The fake S3 against the official SDK alone: what the adapter's tests rest on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { S3Fake } from "./s3-fake.js";
import { bytesOf } from "./temporary.js";

const MEBIBYTE = 1024 * 1024;
const Bucket = "bucket";

/** Runs a test with a fake, and a client that asks once. */
function withFake(title: string, run: (client: S3Client, fake: S3Fake) => Promise<void>): void {
  test(`fake S3: ${title}`, async () => {
    await using fake = await S3Fake.start();
    const client = new S3Client({ ...fake.config, maxAttempts: 1 });
    await client.send(new CreateBucketCommand({ Bucket }));
    await run(client, fake);
    client.destroy();
  });
}

/** Asserts that S3 refuses. */
async function refuses(request: Promise<unknown>, name: string, status: number): Promise<void> {
  await assert.rejects(request, (error: { name: string; $metadata?: { httpStatusCode?: number } }) => {
    assert.deepEqual([error.name, error.$metadata?.httpStatusCode], [name, status]);
    return true;
  });
}

const keys = (page: { Contents?: { Key?: string }[] }) => (page.Contents ?? []).map(({ Key }) => Key);

withFake("objects with their attributes, ranges, conditions", async (client) => {
  const Key = "a key/with +, ü, %41 and ..";
  const Metadata = { one: "1" };
  const put = await client.send(
    new PutObjectCommand({
      Bucket,
      Key,
      Body: "0123456789",
      ContentType: "text/plain",
      Metadata,
      CacheControl: "no-store",
    }),
  );
  const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
  assert.deepEqual(
    [head.ContentLength, head.ContentType, head.CacheControl, head.Metadata, head.ETag],
    [10, "text/plain", "no-store", Metadata, put.ETag],
  );
  const part = await client.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=3-5", IfMatch: put.ETag }));
  assert.deepEqual([await part.Body?.transformToString(), part.ContentRange], ["345", "bytes 3-5/10"]);
  await refuses(client.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=10-" })), "InvalidRange", 416);
  await refuses(client.send(new GetObjectCommand({ Bucket, Key, IfMatch: '"other"' })), "PreconditionFailed", 412);
  await refuses(client.send(new GetObjectCommand({ Bucket, Key: "none" })), "NoSuchKey", 404);
  await refuses(client.send(new HeadObjectCommand({ Bucket, Key: "none" })), "NotFound", 404);
  await refuses(
    client.send(new PutObjectCommand({ Bucket, Key, Body: "", IfNoneMatch: "*" })),
    "PreconditionFailed",
    412,
  );
  await refuses(
    client.send(new PutObjectCommand({ Bucket, Key, Body: "", IfMatch: '"x"' })),
    "PreconditionFailed",
    412,
  );
  await refuses(client.send(new DeleteBucketCommand({ Bucket })), "BucketNotEmpty", 409);
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  await client.send(new DeleteBucketCommand({ Bucket }));
  await refuses(client.send(new ListObjectsV2Command({ Bucket })), "NoSuchBucket", 404);
});

withFake("listings by delimiter, page by page", async (client) => {
  for (const Key of ["b", "a/2", "a/1", "a", "c/x/y", "ü", "z&<\u0001>"])
    await client.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
  const all = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: "url" }));
  assert.deepEqual(keys(all), ["a", "a/1", "a/2", "b", "c/x/y", "z%26%3C%01%3E", "%C3%BC"]);
  const seen: (string | undefined)[] = [];
  for (let ContinuationToken: string | undefined, more = true; more; ) {
    const page: Awaited<ReturnType<typeof list>> = await list(ContinuationToken);
    assert.ok((page.Contents ?? []).length + (page.CommonPrefixes ?? []).length <= 2);
    seen.push(...keys(page), ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
    ContinuationToken = page.NextContinuationToken;
    more = page.IsTruncated ?? false;
  }
  assert.deepEqual(new Set(seen), new Set(["a", "a/", "b", "c/", "z%26%3C%01%3E", "%C3%BC"]));
  assert.equal(seen.length, 6);
  assert.deepEqual(keys(await client.send(new ListObjectsV2Command({ Bucket, Prefix: "a/", Delimiter: "/" }))), [
    "a/1",
    "a/2",
  ]);

  function list(ContinuationToken: string | undefined) {
    const command = { Bucket, Delimiter: "/", MaxKeys: 2, ContinuationToken, EncodingType: "url" } as const;
    return client.send(new ListObjectsV2Command(command));
  }
});

withFake("uploads in parts", async (client) => {
  const Key = "parts";
  const [large, small] = [bytesOf(5 * MEBIBYTE), bytesOf(9, 2)];
  const begin = () => client.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { one: "1" } }));
  const { UploadId } = await begin();
  const send = (PartNumber: number, Body: Buffer) =>
    client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ContentLength: Body.length }));
  const Parts = [
    { PartNumber: 1, ETag: (await send(1, large)).ETag },
    { PartNumber: 3, ETag: (await send(3, small)).ETag },
  ];
  const complete = (parts: typeof Parts, IfNoneMatch?: string) =>
    client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts }, IfNoneMatch }),
    );
  assert.equal((await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts?.length, 2);
  assert.equal((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.[0]?.UploadId, UploadId);
  await refuses(client.send(new HeadObjectCommand({ Bucket, Key })), "NotFound", 404);
  await refuses(complete([{ PartNumber: 1, ETag: '"x"' }]), "InvalidPart", 400);
  await client.send(new PutObjectCommand({ Bucket, Key, Body: "other" }));
  await refuses(complete(Parts, "*"), "PreconditionFailed", 412);
  const { ETag } = await complete(Parts);
  assert.match(ETag ?? "", /^"[0-9a-f]{32}-2"$/);
  const found = await client.send(new GetObjectCommand({ Bucket, Key }));
  assert.ok(Buffer.from((await found.Body?.transformToByteArray()) ?? []).equals(Buffer.concat([large, small])));
  assert.deepEqual(found.Metadata, { one: "1" });
  await refuses(send(1, small), "NoSuchUpload", 404);

  const other = { Bucket, Key, UploadId: (await begin()).UploadId };
  const tags: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [PartNumber, CopySourceRange] of [
    [1, "bytes=0-9"],
    [2, "bytes=10-19"],
  ] as const) {
    const copy = new UploadPartCopyCommand({
      ...other,
      PartNumber,
      CopySource: `${Bucket}/${Key}`,
      CopySourceRange,
      CopySourceIfMatch: ETag,
    });
    tags.push({ PartNumber, ETag: (await client.send(copy)).CopyPartResult?.ETag });
  }
  const tooSmall = new CompleteMultipartUploadCommand({ ...other, MultipartUpload: { Parts: tags } });
  await refuses(client.send(tooSmall), "EntityTooSmall", 400);
  await client.send(new AbortMultipartUploadCommand(other));
  await refuses(client.send(new ListPartsCommand(other)), "NoSuchUpload", 404);
});

withFake("copies keep or replace attributes, under conditions", async (client) => {
  const ContentType = "text/plain";
  await client.send(new PutObjectCommand({ Bucket, Key: "ü a", Body: "x", ContentType, Metadata: { one: "1" } }));
  const CopySource = `${Bucket}/${encodeURIComponent("ü a")}`;
  const copy = (Key: string, more: object = {}) =>
    client.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }));
  const attributes = async (Key: string) => {
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    return [head.ContentType, head.Metadata];
  };
  await copy("b");
  assert.deepEqual(await attributes("b"), [ContentType, { one: "1" }]);
  await copy("b", { MetadataDirective: "REPLACE", Metadata: { two: "2" } });
  assert.deepEqual(await attributes("b"), [undefined, { two: "2" }]);
  await refuses(copy("b", { CopySourceIfMatch: '"x"' }), "PreconditionFailed", 412);
  await refuses(copy("b", { IfNoneMatch: "*" }), "PreconditionFailed", 412);
  await refuses(copy("ü a"), "InvalidRequest", 400);
});

withFake("what goes wrong on demand", async (client, fake) => {
  const get = async () => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: "a" }), {
      abortSignal: AbortSignal.timeout(2000),
    });
    return await Body?.transformToString();
  };
  await client.send(new PutObjectCommand({ Bucket, Key: "a", Body: "0123456789" }));
  fake.fault = () => ({ fault: "refuse", status: 503, code: "SlowDown" });
  await refuses(get(), "SlowDown", 503);
  fake.fault = () => ({ fault: "drop", at: 0 });
  await assert.rejects(get(), { code: "ECONNRESET" });
  fake.fault = () => ({ fault: "break", at: 4 });
  await assert.rejects(get(), { message: "aborted" });
  fake.fault = () => ({ fault: "shorten", at: 4 });
  assert.equal(await get(), "0123");
  fake.fault = () => ({ fault: "lie", code: "InternalError" });
  await refuses(
    client.send(new CopyObjectCommand({ Bucket, Key: "b", CopySource: `${Bucket}/a` })),
    "InternalError",
    // What it is in the SDK's eyes.
    503,
  );
  fake.fault = () => ({ fault: "stall" });
  await assert.rejects(get(), { name: "AbortError" });
  fake.fault = () => ({ fault: "lose" });
  await assert.rejects(client.send(new DeleteObjectCommand({ Bucket, Key: "a" })), { code: "ECONNRESET" });
  fake.fault = () => undefined;
  await refuses(get(), "NoSuchKey", 404);
});
