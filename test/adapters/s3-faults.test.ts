/** S3 goes wrong at every request of every operation: bounded, told rightly, nothing half, nothing left, nothing lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eachAtOnce } from "../../dist/adapters/objects/at-once.js";
import { S3FileSystem } from "../../dist/adapters/s3/s3-file-system.js";
import type { WriteMode } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { FakeCall, Fault } from "../kit/s3-fake.js";
import { FakeBucket, tagOf } from "../kit/s3-fake-bucket.js";
import { type FakeSubject, fakeSubject } from "../kit/s3-subject.js";
import { bytesOf, within } from "../kit/temporary.js";
import { at, bytes, entries, put } from "../storage/store.js";

const MEBIBYTE = 1024 * 1024;
const SMALL = Buffer.from("small and old");
const LARGE = bytesOf(6 * MEBIBYTE, 2);
const LARGE_TAG = tagOf(LARGE);
const NEW = bytesOf(5 * MEBIBYTE + 5, 3);
/** Milliseconds until a request is given up, where some will be, and where none should; and until anything must have ended. */
const [SHORT, LONG, BOUND] = [1500, 20_000, 40_000];

/** An operation, and which contents may stand where after it, whether it failed or not. */
interface Scenario {
  readonly title: string;
  readonly run: (store: S3FileSystem) => Promise<unknown>;
  /** Keys of objects that are there before, besides `small` and `large`; they hold their own name. */
  readonly prepared?: readonly string[];
  /** What may stand at each path: `undefined` where nothing need be. */
  readonly may: Readonly<Record<string, readonly (Buffer | undefined)[]>>;
}

const upload = (path: string, content: Buffer, mode: WriteMode) => (store: S3FileSystem) =>
  put(store, path, content, mode);
const joined = (...parts: readonly Buffer[]) => Buffer.concat(parts);

const TREE = ["d/a", "d/b", "d/e/c"];
/** Each file of the tree is at its old place, its new one, or both. */
const MOVED = Object.fromEntries(
  ["a", "b", "e/c"].flatMap((name) => [
    [`/d/${name}`, [Buffer.from(`d/${name}`), undefined]],
    [`/m/${name}`, [Buffer.from(`d/${name}`), undefined]],
  ]),
);

const SCENARIOS: readonly Scenario[] = [
  { title: "stat", run: (store) => store.stat(at("/small")), may: {} },
  { title: "stat of a directory", run: (store) => store.stat(at("/d")), prepared: TREE, may: {} },
  { title: "list", run: (store) => entries(store, "/"), may: {} },
  { title: "read", run: (store) => bytes(store, "/large"), may: {} },
  { title: "read to the end", run: (store) => bytes(store, "/small", { start: SMALL.length }), may: {} },
  {
    title: "replace",
    run: upload("/small", NEW.subarray(0, 99), { mode: "replace" }),
    may: { "/small": [SMALL, NEW.subarray(0, 99)] },
  },
  { title: "replace in parts", run: upload("/small", NEW, { mode: "replace" }), may: { "/small": [SMALL, NEW] } },
  { title: "exclusive", run: upload("/new", SMALL, { mode: "exclusive" }), may: { "/new": [undefined, SMALL] } },
  { title: "exclusive in parts", run: upload("/new", NEW, { mode: "exclusive" }), may: { "/new": [undefined, NEW] } },
  {
    title: "append",
    run: upload("/small", SMALL, { mode: "append" }),
    may: { "/small": [SMALL, joined(SMALL, SMALL)] },
  },
  {
    title: "append in parts",
    run: upload("/large", SMALL, { mode: "append" }),
    may: { "/large": [LARGE, joined(LARGE, SMALL)] },
  },
  {
    title: "at",
    run: upload("/large", NEW, { mode: "at", start: 5.5 * MEBIBYTE }),
    may: { "/large": [LARGE, joined(LARGE.subarray(0, 5.5 * MEBIBYTE), NEW)] },
  },
  { title: "remove", run: (store) => store.remove(at("/small")), may: { "/small": [SMALL, undefined] } },
  { title: "makeDirectory", run: (store) => store.makeDirectory(at("/made")), may: {} },
  {
    title: "removeDirectory",
    run: (store) => store.removeDirectory(at("/made")),
    prepared: ["made/"],
    may: {},
  },
  {
    title: "rename",
    run: (store) => store.rename(at("/small"), at("/moved")),
    may: { "/small": [SMALL, undefined], "/moved": [SMALL, undefined] },
  },
  {
    title: "rename over a file",
    run: (store) => store.rename(at("/large"), at("/small"), { overwrite: true }),
    may: { "/large": [LARGE, undefined], "/small": [SMALL, LARGE] },
  },
  { title: "rename of a directory", run: (store) => store.rename(at("/d"), at("/m")), prepared: TREE, may: MOVED },
  { title: "setTimes", run: (store) => store.setTimes(at("/small"), { modified: new Date(0) }), may: {} },
  { title: "sweep", run: (store) => store.sweep(0), may: {} },
];

/** What can go wrong with every request. */
const ALWAYS: readonly Fault[] = [
  { fault: "refuse", status: 503, code: "SlowDown" },
  { fault: "refuse", status: 500, code: "InternalError" },
  { fault: "stall" },
  { fault: "drop", at: 0 },
  { fault: "lose" },
];
/** What else can go wrong with those that send or get many bytes, or may lie. */
const SENDING: readonly Fault[] = [{ fault: "drop", at: MEBIBYTE }];
const GETTING: readonly Fault[] = [
  { fault: "break", at: 7 },
  { fault: "hang", at: 7 },
  { fault: "shorten", at: 7 },
];
const LYING: readonly Fault[] = [{ fault: "lie", code: "InternalError" }];
const ALSO: Readonly<Record<string, readonly Fault[]>> = {
  PutObject: SENDING,
  UploadPart: SENDING,
  GetObject: GETTING,
  ListObjectsV2: GETTING,
  CopyObject: LYING,
  UploadPartCopy: LYING,
  CompleteMultipartUpload: LYING,
};
/** What can be wrong with the whole store, from one request on. */
const FOR_GOOD: readonly Fault[] = [
  ...ALWAYS.slice(0, 4),
  { fault: "refuse", status: 403, code: "AccessDenied" },
  { fault: "refuse", status: 403, code: "QuotaExceeded" },
];

/** What one trial is about. */
interface Trial {
  readonly scenario: Scenario;
  /** The request, counted from the first of the operation. */
  readonly call: number;
  readonly fault: Fault;
  readonly forGood: boolean;
}

/** A file system in a bucket of its own. */
interface Prepared extends Disposable {
  readonly store: S3FileSystem;
  readonly name: string;
  readonly bucket: FakeBucket;
}

let buckets = 0;

/** A bucket that is made and filled behind the back of its file system. */
function prepared({ fake }: FakeSubject, { prepared = [] }: Scenario, requestTimeout: number): Prepared {
  const client = { ...fake.config, maxAttempts: 2 };
  const name = `trial-${buckets++}`;
  const bucket = new FakeBucket();
  fake.buckets.set(name, bucket);
  const store = new S3FileSystem({ bucket: name, client, ...OPTIONS, requestTimeout });
  for (const [key, content] of [["small", SMALL] as const, ["large", LARGE] as const, ...prepared.map(named)])
    bucket.put(key, { content, tag: content === LARGE ? LARGE_TAG : tagOf(content) }, {});
  return {
    store,
    name,
    bucket,
    [Symbol.dispose]() {
      store.close();
      fake.buckets.delete(name);
    },
  };
}

/** Trials of a scenario at a time. */
const AT_ONCE = 8;
const OPTIONS = { partSize: 5 * MEBIBYTE, maxRename: 10, keepTimes: true };
const named = (key: string) => [key, Buffer.from(key.endsWith("/") ? "" : key)] as const;

/** Asserts that what stands is what may stand. */
function assertWhole(bucket: FakeBucket, { may }: Scenario, what: string): void {
  const stands = (path: string) => bucket.objects.get(path.slice(1))?.content as Buffer | undefined;
  for (const [path, contents] of Object.entries({ "/small": [SMALL], "/large": [LARGE], ...may })) {
    const found = stands(path);
    const fits = contents.some((content) => (content === undefined ? found === undefined : found?.equals(content)));
    assert.ok(fits, `${what}: ${path} holds ${found?.length ?? "nothing"}`);
  }
  if (may !== MOVED) return;
  for (const key of TREE)
    assert.ok(stands(`/${key}`) ?? stands(`/${key.replace("d", "m")}`), `${what}: ${key} is lost`);
}

/** The error, if the operation failed. */
async function outcome(run: Promise<unknown>, what: string): Promise<FileSystemError | undefined> {
  const error = await within(run, what, BOUND).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return undefined;
  assert.ok(error instanceof FileSystemError, what);
  assert.match(error.path, /^\/(?:$|small|large|new|made|moved|m|d)/, what);
  assert.ok(error.cause !== undefined || /bytes too few/.test(error.message), `${what}: no cause`);
  return error;
}

/** The codes that tell a fault. The answer to a HEAD has no body, and so no name for what is wrong. */
function codesOf(fault: Fault, met: FakeCall | undefined): readonly string[] {
  if (fault.fault !== "refuse") return ["EIO", "EBUSY"];
  if (met?.operation === "HeadObject" && fault.status === 403) return ["EACCES"];
  return { SlowDown: ["EBUSY"], AccessDenied: ["EACCES"], QuotaExceeded: ["EDQUOT"] }[fault.code] ?? ["EIO"];
}

/** The requests of a scenario, in order. */
async function callsOf(base: FakeSubject, scenario: Scenario): Promise<readonly FakeCall[]> {
  using subject = prepared(base, scenario, LONG);
  const before = base.fake.calls.length;
  await scenario.run(subject.store);
  return base.fake.calls.slice(before);
}

async function tried(base: FakeSubject, { scenario, call, fault, forGood }: Trial): Promise<void> {
  const what = `${scenario.title}, ${Object.values(fault).join(" ")} at call ${call}${forGood ? " for good" : ""}`;
  const waits = fault.fault === "stall" || fault.fault === "hang";
  using subject = prepared(base, scenario, waits ? SHORT : LONG);
  const { store, name, bucket } = subject;
  let count = 0;
  let met: FakeCall | undefined;
  FAULTS.set(name, (asked) => {
    const index = count++;
    if (index < call || (!forGood && index > call)) return undefined;
    met ??= asked;
    return fault;
  });
  const error = await outcome(scenario.run(store), what);
  FAULTS.delete(name);
  if (error !== undefined)
    assert.ok(codesOf(fault, met).includes(error.code), `${what}: ${error.code}, ${error.message}`);
  if (forGood) assert.ok(error, `${what}: succeeded`);
  assertWhole(bucket, scenario, what);
  // Who has never heard of an upload cannot forget it.
  const unheard = met?.operation === "CreateMultipartUpload" && fault.fault === "lose";
  // Whoever heals has time: what hangs here hangs for good.
  if (forGood || unheard) {
    const healer = new S3FileSystem({ bucket: name, client: base.fake.config, requestTimeout: LONG });
    await healer.sweep(0);
    healer.close();
  }
  assert.deepEqual([...bucket.uploads.keys()], [], what);
}

/** What goes wrong in each bucket. */
const FAULTS = new Map<string, (call: FakeCall) => Fault | undefined>();

/** Tries a scenario with every fault at each of its requests. */
async function triedAll(scenario: Scenario): Promise<void> {
  await using base = await fakeSubject();
  const calls = await callsOf(base, scenario);
  assert.ok(calls.length > 0);
  base.fake.fault = (call) => FAULTS.get(call.bucket)?.(call);
  const trials = calls.flatMap(({ operation }, call) => [
    ...FOR_GOOD.map((fault) => ({ scenario, call, fault, forGood: true })),
    ...[...ALWAYS, ...(ALSO[operation] ?? [])].map((fault) => ({ scenario, call, fault, forGood: false })),
  ]);
  await eachAtOnce(trials, AT_ONCE, (trial) => tried(base, trial));
}

// Most of the time goes by waiting for what stalls: scenarios wait together.
test("S3 goes wrong at every request, once and for good", { concurrency: 5 }, async (t) => {
  await assertNoLeaks(async () => {
    await Promise.all(SCENARIOS.map((scenario) => t.test(scenario.title, () => triedAll(scenario))));
  });
});
