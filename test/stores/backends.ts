/**
 * The stores that a server stands before in these tests, through their adapters: fakes in this process always, real
 * ones where the environment names them. Knows no FTP.
 */
import assert from "node:assert/strict";
import { after, type TestContext } from "node:test";
import { ListObjectsV2Command, PutObjectCommand, type S3ClientConfig } from "@aws-sdk/client-s3";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { AzureFileSystem } from "../../dist/adapters/azure/azure-file-system.js";
import type { ObjectFileSystem } from "../../dist/adapters/objects/object-file-system.js";
import type { ObjectFileSystemOptions } from "../../dist/adapters/objects/object-options.js";
import { ACCOUNT, type Azurite, KEY, NO_AZURITE, openAzurite } from "../kit/azurite.js";
import { gcsScene, leftovers } from "../kit/gcs-scene.js";
import { S3Fake } from "../kit/s3-fake.js";
import { tagOf } from "../kit/s3-fake-bucket.js";
import { givenS3Server, type S3Server } from "../kit/s3-server.js";
import { type S3Subject, subjectIn } from "../kit/s3-subject.js";
import { openProxy } from "./proxy.js";
import { gcsRule, s3Fault, TroubleMaker } from "./trouble.js";

/** An empty store. */
export interface Opened extends AsyncDisposable {
  readonly files: ObjectFileSystem;
  readonly trouble: TroubleMaker;
  /** Every key in it, sorted. */
  keys(): Promise<readonly string[]>;
  /** What uploads that have not ended hold in it. */
  unfinished(): Promise<readonly string[]>;
  /** Puts small objects into it, behind the adapter's back. */
  fill(keys: Iterable<string>): Promise<void>;
  /** Pages of listings that were asked for; only fakes know. */
  pages?(): number;
}

/** A kind of store. */
export interface Backend {
  readonly name: string;
  /** Why it cannot be used here. */
  readonly missing?: string;
  /** Whether it is in this process. */
  readonly fake: boolean;
  /** Whether it forgets by itself what uploads have left that did not end. */
  readonly forgets: boolean;
  /** Whether it can be told to forget what it has not heard of again: sessions of GCS are in no list, and last a week. */
  readonly sweeps: boolean;
  /** Opens an empty one. @param options of the adapter */
  open(options?: ObjectFileSystemOptions): Promise<Opened>;
}

/** Bytes of a part: the smallest there are. */
export const PART = 5 * 1024 ** 2;

const OPTIONS: ObjectFileSystemOptions = { partSize: PART };
/** Tries once more and at once: the SDK's own strategy waits up to a second before. */
const IMPATIENT: Extract<S3ClientConfig["retryStrategy"], { readonly recordSuccess: unknown }> = {
  acquireInitialRetryToken: async () => retryToken(0),
  refreshRetryTokenForRetry: async (token, { errorType }) => {
    const passing = errorType === "THROTTLING" || errorType === "TRANSIENT";
    if (!passing || token.getRetryCount() > 0) throw new Error("no more retries");
    return retryToken(token.getRetryCount() + 1);
  },
  recordSuccess: () => undefined,
};

function retryToken(count: number) {
  return { getRetryCount: () => count, getRetryDelay: () => 0 };
}

const NO_S3 = "PORTSIDE_TEST_S3 is not set: .ci/ceph.sh starts a server and prints its address";

/** Starts what must be started, and ends it after the tests of the file. */
export async function backends(): Promise<readonly Backend[]> {
  const azurite = await openAzurite();
  after(() => azurite?.[Symbol.asyncDispose]());
  const server = givenS3Server();
  return [
    { name: "S3, a fake", fake: true, forgets: false, sweeps: true, open: openS3Fake },
    {
      name: "S3, a server",
      fake: false,
      forgets: false,
      sweeps: true,
      ...(server === undefined && { missing: NO_S3 }),
      open: (options) => openS3(known(server), options),
    },
    {
      name: "Azure, its emulator",
      fake: false,
      forgets: true,
      sweeps: false,
      ...(azurite === undefined && { missing: NO_AZURITE }),
      open: (options) => openAzure(known(azurite), options),
    },
    { name: "GCS, a fake", fake: true, forgets: false, sweeps: false, open: openGcs },
  ];
}

/** Whether the store is there. Else the test is skipped, but fails under `CI=true`. */
export function requireBackend(t: TestContext, { missing }: Backend): boolean {
  if (missing === undefined) return true;
  assert.notEqual(process.env.CI, "true", missing);
  t.skip(missing);
  return false;
}

function known<Value>(value: Value | undefined): Value {
  assert(value !== undefined, "a store that is missing was opened");
  return value;
}

/** Works on the keys, eight at a time. */
async function atOnce(keys: Iterable<string>, work: (key: string) => Promise<unknown>): Promise<void> {
  const queue = keys[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

function s3Face({ store, bucket }: S3Subject): Pick<Opened, "files" | "keys" | "unfinished"> {
  return {
    files: store,
    unfinished: () => bucket.uploads(),
    keys: async () => {
      const { Contents = [] } = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.name }));
      return Contents.map(({ Key = "" }) => Key).sort();
    },
  };
}

async function openS3Fake(options?: ObjectFileSystemOptions): Promise<Opened> {
  const trouble = new TroubleMaker();
  const fake = await S3Fake.start();
  const client = { ...fake.config, retryStrategy: IMPATIENT };
  const subject = await subjectIn(fake, { ...OPTIONS, ...options, client });
  const { bucket, store } = subject;
  fake.fault = (call) => s3Fault(trouble, call);
  const held = known(fake.buckets.get(bucket.name));
  return {
    ...s3Face(subject),
    trouble,
    pages: () => fake.count("ListObjectsV2"),
    fill: async (keys) => {
      for (const key of keys) held.put(key, { content: Buffer.from("x"), tag: tagOf(Buffer.from("x")) }, {});
    },
    // Not the whole subject: it would remove the objects one by one.
    [Symbol.asyncDispose]: async () => {
      store.close();
      bucket.client.destroy();
      await fake[Symbol.asyncDispose]();
    },
  };
}

async function openS3({ config }: S3Server, options?: ObjectFileSystemOptions): Promise<Opened> {
  const trouble = new TroubleMaker();
  const proxy = await openProxy(config.endpoint as string, trouble);
  const client = { ...config, endpoint: proxy.url, retryStrategy: IMPATIENT };
  const subject = await subjectIn({ config }, { ...OPTIONS, ...options, client });
  const { bucket } = subject;
  return {
    ...s3Face(subject),
    trouble,
    fill: async (keys) => {
      await atOnce(keys, (Key) => bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body: "x" })));
    },
    [Symbol.asyncDispose]: async () => {
      await subject[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function openAzure(azurite: Azurite, options?: ObjectFileSystemOptions): Promise<Opened> {
  const trouble = new TroubleMaker();
  const container = await azurite.container();
  const proxy = await openProxy(new URL(azurite.endpoint).origin, trouble);
  const client = new ContainerClient(
    `${proxy.url}/${ACCOUNT}/${container.containerName}`,
    new StorageSharedKeyCredential(ACCOUNT, KEY),
    { retryOptions: { maxTries: 2, retryDelayInMs: 1, maxRetryDelayInMs: 1 } },
  );
  const blobs = async (includeUncommitedBlobs: boolean): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { name } of container.listBlobsFlat({ includeUncommitedBlobs })) found.push(name);
    return found.sort();
  };
  const isUnfinished = async (name: string): Promise<boolean> => {
    const { uncommittedBlocks = [] } = await container.getBlockBlobClient(name).getBlockList("uncommitted");
    return uncommittedBlocks.length > 0;
  };
  return {
    files: new AzureFileSystem({ ...OPTIONS, ...options, container: client }),
    trouble,
    keys: () => blobs(false),
    unfinished: async () => {
      const found: string[] = [];
      for (const name of await blobs(true)) if (await isUnfinished(name)) found.push(name);
      return found;
    },
    fill: async (keys) => {
      await atOnce(keys, (key) => container.getBlockBlobClient(key).upload("x", 1));
    },
    [Symbol.asyncDispose]: async () => {
      await container.delete();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function openGcs(options?: ObjectFileSystemOptions): Promise<Opened> {
  const trouble = new TroubleMaker();
  const storage = { retryOptions: { maxRetries: 1, maxRetryDelay: 0.01 } };
  const scene = await gcsScene({ ...OPTIONS, ...options, storage });
  const { fake, bucket, store } = scene;
  fake.fail(gcsRule(trouble));
  return {
    files: store,
    trouble,
    keys: async () => [...bucket.objects.keys()].sort(),
    unfinished: async () => leftovers(scene),
    pages: () => fake.count("list"),
    fill: async (keys) => {
      for (const key of keys) bucket.put(key, Buffer.from("x"), {}, new URLSearchParams());
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}
