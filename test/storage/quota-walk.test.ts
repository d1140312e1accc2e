/** `quota` in any order of uploads, aborts, removals and renames: the count is what a walk finds, and within the bound. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileSystem, WriteHandle, WriteMode } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { MemoryCounter, type QuotaCounter } from "../../dist/storage/quota/quota-counter.js";
import { usageOf } from "../../dist/storage/quota/usage-of.js";
import { quota } from "../../dist/storage/quota.js";
import { faulty } from "../../dist/testing/index.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { at, begin, put, refused } from "./store.js";

const LIMIT = { bytes: 60, files: 4 };
const FILES = ["/a", "/b", "/d/a", "/d"];
/** What is there at the start. */
const PRESENT = { "/a": 5, "/d/a": 7 };
const path = fc.constantFrom(...FILES);
const size = fc.integer({ min: 0, max: 30 });
const mode = fc.oneof(
  fc.constantFrom<WriteMode>({ mode: "replace" }, { mode: "append" }, { mode: "exclusive" }),
  fc.record({ mode: fc.constant("at" as const), start: fc.integer({ min: 0, max: 20 }) }),
);

/** One thing that a client does. Uploads stay open for a few steps of the others. */
const change = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("upload" as const),
      path,
      mode,
      sizes: fc.array(size, { maxLength: 3 }),
      hint: fc.option(size, { nil: undefined }),
      keep: fc.boolean(),
      pause: fc.integer({ min: 0, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), path }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("rename" as const), path, to: path, overwrite: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { kind: "move" as const, path: "/d", to: "/e2" },
      { kind: "move" as const, path: "/e2", to: "/d" },
    ),
  },
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

/** Lets every call to the store, and every answer of it, come when the scheduler says so. */
class Shuffled extends FileSystemWrapper {
  readonly #turn: () => Promise<unknown>;

  constructor(inner: FileSystem, turn: () => Promise<unknown>) {
    super(inner);
    this.#turn = turn;
  }

  override stat(...args: Parameters<FileSystem["stat"]>) {
    return this.#shuffled(() => super.stat(...args));
  }

  override async openWrite(...args: Parameters<FileSystem["openWrite"]>): Promise<WriteHandle> {
    const handle = await this.#shuffled(() => super.openWrite(...args));
    return {
      offset: handle.offset,
      write: (chunks) => this.#shuffled(() => handle.write(chunks)),
      commit: () => this.#shuffled(() => handle.commit()),
      abort: (reason) => this.#shuffled(() => handle.abort(reason)),
      [Symbol.asyncDispose]: () => handle.abort(),
    };
  }

  override remove(...args: Parameters<FileSystem["remove"]>) {
    return this.#shuffled(() => super.remove(...args));
  }

  override rename(...args: Parameters<FileSystem["rename"]>) {
    return this.#shuffled(() => super.rename(...args));
  }

  async #shuffled<Value>(run: () => Promise<Value>): Promise<Value> {
    await this.#turn();
    try {
      return await run();
    } finally {
      await this.#turn();
    }
  }
}

/** Counts as the default does, and sees that the bound holds at every moment. */
class WatchedCounter extends MemoryCounter {
  now = { bytes: 0, files: 0 };

  constructor() {
    super(LIMIT);
  }

  override add(bytes: number, files: number): boolean {
    const added = super.add(bytes, files);
    if (added) this.now = { bytes: this.now.bytes + bytes, files: this.now.files + files };
    assert.ok(this.now.bytes <= LIMIT.bytes && this.now.files <= LIMIT.files, JSON.stringify(this.now));
    return added;
  }
}

async function carryOut(store: FileSystem, change: Change, turn: () => Promise<unknown>): Promise<void> {
  if (change.kind === "remove") return store.remove(at(change.path));
  if (change.kind === "move") return store.rename(at(change.path), at(change.to));
  if (change.kind === "rename") return store.rename(at(change.path), at(change.to), { overwrite: change.overwrite });
  await using handle = await store.openWrite(at(change.path), { ...change.mode, sizeHint: change.hint });
  for (const size of change.sizes) await handle.write([Buffer.alloc(size)]);
  for (let count = 0; count < change.pause; count++) await turn();
  if (change.keep) await handle.commit();
}

/** Carries out all of it at once. @returns how many of the changes were made */
async function all(inner: FileSystem, changes: readonly Change[], turn: () => Promise<unknown>): Promise<number> {
  await inner.makeDirectory(at("/d"));
  for (const [path, size] of Object.entries(PRESENT)) await put(inner, path, Buffer.alloc(size));
  const counter = new WatchedCounter();
  counter.add(12, 2);
  const store = quota(new Shuffled(inner, turn), { counter });
  const done = await Promise.allSettled(
    changes.map(async (change) => {
      await turn();
      await carryOut(store, change, turn);
    }),
  );
  for (const result of done)
    if (result.status === "rejected" && !(result.reason instanceof FileSystemError)) throw result.reason;
  assert.deepEqual(counter.now, await usageOf(inner, 1000));
  return done.filter(({ status }) => status === "fulfilled").length;
}

/** More than an upload of two writes has places where it waits. */
const MOMENTS = 30;

/** An upload to a file and one beside it, one of which ends at some moment. @returns whether it did */
async function interrupted(by: "the signal" | "the counter", moment: number, keep: boolean): Promise<boolean> {
  const inner = new MemoryFileSystem({ files: { "/a": "12345" } });
  const controller = new AbortController();
  const { signal } = controller;
  let turns = 0;
  const turn = async (): Promise<boolean> => {
    const due = ++turns === moment;
    if (due && by === "the signal") controller.abort(new Error("ABOR"));
    return due && by === "the counter";
  };
  const own = new WatchedCounter();
  own.add(5, 1);
  const counter: QuotaCounter = {
    async add(bytes, files) {
      if ((await turn()) && (bytes > 0 || files > 0)) throw new Error("no connection");
      return own.add(bytes, files);
    },
    bytesLeft: () => own.bytesLeft(),
  };
  const store = quota(new Shuffled(inner, turn), { counter });
  const upload = async (path: string): Promise<void> => {
    await using handle = await store.openWrite(at(path), { mode: "replace", sizeHint: 6, signal });
    await handle.write([Buffer.alloc(4)]).catch(() => undefined);
    await handle.write([Buffer.alloc(8)]).catch(() => undefined);
    if (keep) await handle.commit();
    else if (signal.aborted) throw signal.reason;
  };
  const results = await Promise.allSettled([upload("/a"), upload("/b")]);
  // What nobody waited for comes to its end.
  for (let rounds = 0; rounds < 5; rounds++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(own.now, await usageOf(inner, 100), `${by} at ${moment}`);
  await store.rename(at("/a"), at("/c"));
  return results.some(({ status }) => status === "rejected");
}

suite("quota: the count is what a walk finds", () => {
  test("over memory, in every order that a scheduler thinks of", async () => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 2, maxLength: 12 }),
        fc.scheduler(),
        async (changes, scheduler) => {
          const running = all(new MemoryFileSystem(), changes, () => scheduler.schedule(Promise.resolve()));
          await scheduler.waitFor(running);
          made += await running;
        },
      ),
      { numRuns: 300 },
    );
    assert.ok(made > 300, `only ${made} changes were made at all`);
  });

  test("over a disk, where appending grows files in place", async () => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 12 }), async (changes) => {
        await using folder = await temporaryDirectory();
        made += await all(
          new LocalFileSystem(folder.path),
          changes,
          () => new Promise((resolve) => setImmediate(resolve)),
        );
      }),
      { numRuns: 200 },
    );
    assert.ok(made > 200, `only ${made} changes were made at all`);
  });

  for (const fails of ["the signal", "the counter"] as const)
    for (const keep of [true, false])
      test(`whenever ${fails} ends an upload that is then ${keep ? "kept" : "given up"}`, async () => {
        let ended = 0;
        for (let moment = 1; moment <= MOMENTS; moment++) ended += (await interrupted(fails, moment, keep)) ? 1 : 0;
        assert.ok(ended > 0 && ended < MOMENTS, `${ended} of ${MOMENTS} uploads were ended`);
      });

  test("a new file whose commit was done, but not answered, counts; one whose abort fails does not", async () => {
    const inner = new MemoryFileSystem();
    const failing = faulty(inner, [
      { at: "commit", path: "/new", fail: "EIO", late: true },
      { at: "abort", path: "/given-up", fail: "EIO" },
    ]);
    const counter = new MemoryCounter({ bytes: 100, files: 1 });
    const store = quota(failing, { counter });
    const lost = await begin(store, "/given-up", Buffer.alloc(50));
    await refused("EIO", lost.abort());
    assert.equal(counter.bytesLeft(), 100);
    await refused("EIO", put(store, "/new", Buffer.alloc(30)), "/new");
    assert.equal((await inner.stat(at("/new"))).size, 30);
    assert.equal(counter.bytesLeft(), 70);
    assert.equal(counter.add(0, 1), false);
    await store.rename(at("/new"), at("/given-up"));
  });

  test("one after another, with the count of the quota itself", async () => {
    const inner = new MemoryFileSystem({ files: { "/d/a": "123", "/e/a": "4567" } });
    const store = quota(inner, LIMIT);
    await put(store, "/b", "89");
    await store.rename(at("/d"), at("/f"));
    await store.remove(at("/f/a"));
    const { bytes } = await usageOf(inner, 100);
    assert.equal(await store.availableSpace(at("/")), LIMIT.bytes - bytes);
  });

  test("a file that grows in place, and is replaced, removed, moved or moved over meanwhile", async () => {
    const meanwhile: Readonly<Record<string, (store: FileSystem) => Promise<unknown>>> = {
      nothing: async () => undefined,
      replaced: (store) => put(store, "/a", "12345678"),
      removed: (store) => store.remove(at("/a")),
      moved: (store) => refused("EBUSY", store.rename(at("/a"), at("/b")), "/a"),
      "its directory moved": (store) => store.rename(at("/d"), at("/e")),
      "moved over": (store) => store.rename(at("/d/a"), at("/a"), { overwrite: true }),
      "replaced, then removed": async (store) => {
        await put(store, "/a", "12345678");
        await store.remove(at("/a"));
      },
    };
    for (const [what, happens] of Object.entries(meanwhile))
      for (const keep of [true, false]) {
        await using folder = await temporaryDirectory();
        const inner = new LocalFileSystem(folder.path);
        await inner.makeDirectory(at("/d"));
        for (const [path, size] of Object.entries(PRESENT)) await put(inner, path, Buffer.alloc(size));
        const store = quota(inner, { ...LIMIT, used: { bytes: 12, files: 2 } });
        const handle = await begin(store, "/a", "grown", { mode: "append" });
        assert.equal((await inner.stat(at("/a"))).size, 10, "it shows");
        await happens(store);
        await (keep ? handle.commit().catch(() => undefined) : handle.abort());
        const { bytes } = await usageOf(inner, 100);
        const left = Math.min(LIMIT.bytes - bytes, await inner.availableSpace(at("/")));
        assert.equal(await store.availableSpace(at("/")), left, `${what}, ${keep ? "committed" : "aborted"}`);
      }
  });

  test("a directory to which an upload is on its way is not renamed; others are", async () => {
    const inner = new MemoryFileSystem();
    const store = quota(inner, LIMIT);
    for (const directory of ["/d", "/d/in", "/dd"]) await store.makeDirectory(at(directory));
    const handle = await store.openWrite(at("/d/in/f"), { mode: "replace" });
    const code = (from: string, to: string) =>
      store.rename(at(from), at(to)).then(
        () => "done",
        (error: FileSystemError) => error.code,
      );
    assert.deepEqual(
      [await code("/d", "/e"), await code("/d/in", "/e"), await code("/dd", "/e")],
      ["EBUSY", "EBUSY", "done"],
    );
    await handle.commit();
    assert.equal(await code("/d", "/g"), "done");
  });
});
