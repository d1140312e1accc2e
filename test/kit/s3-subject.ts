/** S3 file systems on the fake, or on a server, with a bucket of their own. */
import { test } from "node:test";
import { S3FileSystem, type S3FileSystemOptions } from "../../dist/adapters/s3/s3-file-system.js";
import { S3Fake } from "./s3-fake.js";
import { type Bucket, bucketIn, type S3Server } from "./s3-server.js";

/** A file system in an empty bucket. */
export interface S3Subject extends AsyncDisposable {
  readonly store: S3FileSystem;
  readonly bucket: Bucket;
}

/** The same, on a fake of its own. */
export interface FakeSubject extends S3Subject {
  readonly fake: S3Fake;
}

/** A file system in a new bucket of a server. */
export async function subjectIn(
  server: S3Server,
  options: Omit<S3FileSystemOptions, "bucket"> = {},
): Promise<S3Subject> {
  const bucket = await bucketIn(server);
  const store = new S3FileSystem({ client: bucket.config, ...options, bucket: bucket.name });
  return {
    store,
    bucket,
    async [Symbol.asyncDispose]() {
      store.close();
      await bucket[Symbol.asyncDispose]();
    },
  };
}

/** A file system on a new fake. @param keeps whether contents are kept, or only their sizes */
export async function fakeSubject(
  options: Omit<S3FileSystemOptions, "bucket"> = {},
  keeps = true,
): Promise<FakeSubject> {
  const fake = await S3Fake.start(keeps);
  const subject = await subjectIn(fake, options);
  return {
    ...subject,
    fake,
    async [Symbol.asyncDispose]() {
      fake.fault = () => undefined;
      await subject[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

/** A test on a fake of its own. */
export function withFake(
  title: string,
  options: Omit<S3FileSystemOptions, "bucket">,
  run: (subject: FakeSubject) => Promise<void>,
): void {
  test(`S3: ${title}`, async () => {
    await using subject = await fakeSubject(options);
    await run(subject);
  });
}

/** The requests that the work makes, by name. */
export async function asked(fake: S3Fake, work: () => Promise<unknown>): Promise<string> {
  const before = fake.calls.length;
  await work();
  return fake.calls
    .slice(before)
    .map(({ operation }) => operation)
    .sort()
    .join(" ");
}

/** What the bucket holds. */
export const objectsOf = ({ fake, bucket }: FakeSubject) => fake.buckets.get(bucket.name)!.objects;
