/** The S3 server that a test run is given, if any, and buckets in it. Knows no adapter. */
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";

/** A server of S3. */
export interface S3Server {
  readonly config: S3ClientConfig;
}

/** A bucket that is removed, with everything in it, when it is disposed. */
export interface Bucket extends AsyncDisposable {
  readonly name: string;
  readonly client: S3Client;
  readonly config: S3ClientConfig;
  /** The identifiers of the uploads in parts that were begun and have not ended. */
  uploads(): Promise<readonly string[]>;
}

/** `PORTSIDE_TEST_S3=http://key:secret@host:port`, or nothing. */
export function givenS3Server(): S3Server | undefined {
  const given = process.env.PORTSIDE_TEST_S3;
  if (given === undefined || given === "") return undefined;
  const { origin, username, password } = new URL(given);
  return { config: configOf(origin, username, password) };
}

/** How a client of the SDK reaches a server. */
export function configOf(endpoint: string, accessKeyId = "test", secretAccessKey = "test"): S3ClientConfig {
  return {
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  };
}

let count = 0;

/** Makes an empty bucket. */
export async function bucketIn({ config }: S3Server): Promise<Bucket> {
  const client = new S3Client(config);
  const name = `portside-${process.pid}-${Date.now().toString(36)}-${count++}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    name,
    client,
    config,
    uploads: async () => (await uploadsIn(client, name)).map(({ UploadId }) => UploadId ?? ""),
    async [Symbol.asyncDispose]() {
      await emptied(client, name);
      await client.send(new DeleteBucketCommand({ Bucket: name }));
      client.destroy();
    },
  };
}

async function uploadsIn(client: S3Client, Bucket: string) {
  return (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
}

async function emptied(client: S3Client, Bucket: string): Promise<void> {
  for (const { Key, UploadId } of await uploadsIn(client, Bucket))
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  for (let more = true; more; ) {
    const page = await client.send(new ListObjectsV2Command({ Bucket }));
    const keys = (page.Contents ?? []).values();
    const worker = async (): Promise<void> => {
      for (const { Key } of keys) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    more = page.IsTruncated ?? false;
  }
}
