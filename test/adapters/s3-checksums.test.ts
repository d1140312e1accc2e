/** Checksums that S3 knows: told without reading where they are of all bytes, read where they are not. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { checksumsOf } from "../../dist/adapters/s3/s3-checksums.js";
import type { S3FileSystem } from "../../dist/adapters/s3/s3-file-system.js";
import { type ChecksumAlgorithm, digestOf } from "../../dist/storage/checksum.js";
import { tagOf } from "../kit/s3-fake-bucket.js";
import { givenS3Server } from "../kit/s3-server.js";
import { asked, fakeSubject, objectsOf, subjectIn, withFake } from "../kit/s3-subject.js";
import { bytesOf } from "../kit/temporary.js";
import { at, put, refused } from "../storage/store.js";

const MEBIBYTE = 1024 * 1024;
const OPTIONS = { partSize: 5 * MEBIBYTE };
const ALGORITHMS: readonly ChecksumAlgorithm[] = ["crc32", "md5", "sha1", "sha256", "sha512"];
/** How an object is asked for, with and without its bytes. */
const [KNOWN, READ] = ["HeadObject", "GetObject HeadObject"];

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Asserts that every checksum of a file is that of the bytes. */
async function assertSums(store: S3FileSystem, path: string, bytes: Buffer): Promise<void> {
  for (const algorithm of ALGORITHMS) {
    const { digest } = await digestOf(once(bytes), algorithm);
    const expected = { digest, start: 0, end: bytes.length };
    assert.deepEqual(await store.checksum(at(path), { algorithm }), expected, `${algorithm} of ${bytes.length}`);
  }
}

const given = givenS3Server();
const servers = {
  "the fake": () => fakeSubject(OPTIONS),
  ...(given && { "the server": () => subjectIn(given, OPTIONS) }),
};

for (const [name, make] of Object.entries(servers))
  test(`S3, ${name}: checksums are those of the bytes, whatever was done to the file`, async () => {
    await using subject = await make();
    const { store } = subject;
    const [small, large] = [Buffer.from("small"), bytesOf(6 * MEBIBYTE)];
    for (const bytes of [small, Buffer.alloc(0), large, bytesOf(10, 2)]) {
      await put(store, "/a", bytes);
      await assertSums(store, "/a", bytes);
    }
    for (const bytes of [small, large]) {
      await put(store, "/b", bytes);
      await put(store, "/b", small, { mode: "append" });
      await assertSums(store, "/b", Buffer.concat([bytes, small]));
      await store.rename(at("/b"), at("/c"), { overwrite: true });
      await assertSums(store, "/c", Buffer.concat([bytes, small]));
    }
    await refused("ENOENT", store.checksum(at("/none"), { algorithm: "md5" }), "/none");
    await store.makeDirectory(at("/d"));
    await refused("EISDIR", store.checksum(at("/d"), { algorithm: "md5" }), "/d");
    await refused("EISDIR", store.checksum(at("/"), { algorithm: "md5" }), "/");
  });

withFake("a file is read for a checksum only where its tag is none", OPTIONS, async ({ store, fake }) => {
  const [small, large] = [Buffer.from("small"), bytesOf(6 * MEBIBYTE)];
  const requests = (path: string, algorithm: ChecksumAlgorithm, range = {}) =>
    asked(fake, () => store.checksum(at(path), { algorithm, ...range }));
  await put(store, "/small", small);
  await put(store, "/large", large);
  assert.equal(await requests("/small", "md5"), KNOWN);
  assert.equal(await requests("/small", "sha256"), READ);
  assert.equal(await requests("/large", "md5"), READ);
  assert.equal(await requests("/small", "md5", { start: 1 }), "GetObject");
  assert.equal(await requests("/small", "md5", { end: 2 }), "GetObject");
  await put(store, "/small", small, { mode: "append" });
  assert.equal(await requests("/small", "md5"), KNOWN);
});

const BYTES = Buffer.from("some bytes");
const base64 = (algorithm: string) => createHash(algorithm).update(BYTES).digest("base64");
const CRC32 = Buffer.from(crc32(BYTES).toString(16).padStart(8, "0"), "hex").toString("base64");
const FULL = { "x-amz-checksum-type": "FULL_OBJECT" };
const SHA256 = { "x-amz-checksum-sha256": base64("sha256") };

/** What is told with an object, which checksum is wanted, and what is then asked. */
const TOLD: readonly (readonly [Readonly<Record<string, string>>, ChecksumAlgorithm, string])[] = [
  [{ ...FULL, ...SHA256 }, "sha256", KNOWN],
  [{ ...FULL, ...SHA256 }, "sha1", READ],
  [{ ...FULL, "x-amz-checksum-sha1": base64("sha1") }, "sha1", KNOWN],
  [{ ...FULL, "x-amz-checksum-crc32": CRC32 }, "crc32", KNOWN],
  // Of its parts, of another length, without a word on what it is of.
  [{ "x-amz-checksum-type": "COMPOSITE", "x-amz-checksum-sha256": `${base64("sha256")}-2` }, "sha256", READ],
  [{ "x-amz-checksum-type": "COMPOSITE", ...SHA256 }, "sha256", READ],
  [{ ...FULL, "x-amz-checksum-sha256": base64("sha1") }, "sha256", READ],
  [SHA256, "sha256", READ],
  [{ "x-amz-server-side-encryption": "AES256" }, "md5", KNOWN],
  [{ "x-amz-server-side-encryption": "aws:kms" }, "md5", READ],
  [{ "x-amz-server-side-encryption": "aws:kms:dsse" }, "md5", READ],
  [{ "x-amz-server-side-encryption-customer-algorithm": "AES256" }, "md5", READ],
];

withFake("checksums that an object was given are told", OPTIONS, async (subject) => {
  const { store, fake, bucket } = subject;
  const inside = fake.buckets.get(bucket.name);
  for (const [headers, algorithm, requests] of TOLD) {
    // Where the tag counts it has to be the right one, elsewhere it would lie.
    const tag = algorithm === "md5" && requests === READ ? '"0123456789abcdef0123456789abcdef"' : tagOf(BYTES);
    inside?.put("a", { content: BYTES, tag }, headers);
    const what = `${algorithm} ${JSON.stringify(headers)}`;
    const { digest } = await digestOf(once(BYTES), algorithm);
    assert.equal((await store.checksum(at("/a"), { algorithm })).digest, digest, what);
    assert.equal(await asked(fake, () => store.checksum(at("/a"), { algorithm })), requests, what);
  }
  assert.equal(objectsOf(subject).size, 1);
  // Asking for them may need a right that looking does not.
  const before = fake.calls.length;
  await store.stat(at("/a"));
  assert.deepEqual(
    fake.calls.slice(before).map(({ headers }) => headers["x-amz-checksum-mode"]),
    [undefined],
  );
});

test("S3: what looks like a tag of bytes, and is none", () => {
  const tag = "0123456789abcdef0123456789ABCDEF";
  const md5 = (bucket: string, ETag: string) => checksumsOf(bucket, { ETag }).md5;
  assert.equal(md5("bucket", `"${tag}"`), tag.toLowerCase());
  for (const bucket of ["bucket--zone--x-s3", "point--zone--xa-s3"]) assert.equal(md5(bucket, `"${tag}"`), undefined);
  for (const other of [`"${tag}-1"`, `W/"${tag}"`, `"${tag}0"`, ""]) assert.equal(md5("bucket", other), undefined);
});
