/** Options of S3FileSystem and GcsFileSystem that are wrong: refused with their name, before any request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GcsFileSystem, type GcsFileSystemOptions } from "../../dist/adapters/gcs/gcs-file-system.js";
import { S3FileSystem, type S3FileSystemOptions } from "../../dist/adapters/s3/s3-file-system.js";

const WRONG: readonly (readonly [message: RegExp, options: unknown])[] = [
  [/the options must be an object/, undefined],
  [/the options must be an object/, null],
  [/unknown option buckets/, { bucket: "b", buckets: "b" }],
  [/bucket must be the name of a bucket/, {}],
  [/bucket must be the name of a bucket/, { bucket: "" }],
  [/bucket must be the name of a bucket.*prefix/, { bucket: "b/c" }],
  [/prefix must be names joined by \//, { bucket: "b", prefix: "a/../b" }],
  [/partSize must be an integer from/, { bucket: "b", partSize: 1 }],
  [/requestTimeout must be a number/, { bucket: "b", requestTimeout: "1" }],
];

const WRONG_FOR_S3: readonly (readonly [message: RegExp, options: unknown])[] = [
  [/client must be an S3Client/, { bucket: "b", client: 5 }],
  [/client must be an S3Client/, { bucket: "b", client: null }],
  [/kmsKeyId needs serverSideEncryption/, { bucket: "b", kmsKeyId: "k" }],
  [/kmsKeyId needs serverSideEncryption/, { bucket: "b", kmsKeyId: "k", serverSideEncryption: "AES256" }],
];

for (const [message, options] of [...WRONG, ...WRONG_FOR_S3])
  test(`S3: ${JSON.stringify(options)}`, () => {
    assert.throws(() => new S3FileSystem(options as S3FileSystemOptions), message);
  });

for (const [message, options] of [...WRONG, [/storage must be/, { bucket: "b", storage: 5 }] as const])
  test(`GCS: ${JSON.stringify(options)}`, () => {
    assert.throws(() => new GcsFileSystem(options as GcsFileSystemOptions), message);
  });
