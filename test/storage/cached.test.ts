/** `cached`: what is remembered, what is forgotten, and who waits for whom. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import { type CacheOptions, cached } from "../../dist/storage/cached.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type { FileSystem, OperationOptions } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import type { VirtualPath } from "../../dist/storage/names.js";
import { type Fault, faulty } from "../../dist/testing/index.js";
import { download, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { at, begin, entries, names, put, refused } from "./store.js";

const LONG: CacheOptions = { milliseconds: 600_000, entries: 1000 };

/** Counts what the store is asked. */
class Asked extends FileSystemWrapper {
  asked: string[] = [];
  signal: AbortSignal | undefined;

  override stat(...args: Parameters<FileSystem["stat"]>): Promise<FileInfo> {
    this.signal = args[1]?.signal;
    this.asked.push(`stat ${args[0]}`);
    return super.stat(...args);
  }

  override list(path: VirtualPath, options?: OperationOptions): AsyncIterable<FileInfo> {
    this.asked.push(`list ${path}`);
    return super.list(path, options);
  }

  /** What was asked since the last time. */
  take(): readonly string[] {
    return this.asked.splice(0);
  }
}

function make(options: CacheOptions = LONG, files: Record<string, string> = { "/d/f": "x", "/d/e/g": "y", "/h": "z" }) {
  const inner = new Asked(new MemoryFileSystem({ files }));
  return { inner, store: cached(inner, options) };
}

suite("cached: what is remembered", () => {
  test("stat and listings are asked for once", async () => {
    const { inner, store } = make();
    for (let count = 0; count < 3; count++) {
      assert.equal((await store.stat(at("/d/f"))).size, 1);
      assert.deepEqual(await names(store, "/d"), ["e", "f"]);
      await refused("ENOENT", store.stat(at("/none")), "/none");
    }
    assert.deepEqual(inner.take(), ["stat /d/f", "list /d", "stat /none"]);
  });

  test("each way of asking by itself", async () => {
    const { inner, store } = make();
    for (const expect of ["file", "directory", undefined, "file"] as const) await store.stat(at("/h"), { expect });
    assert.equal(inner.take().length, 3);
    await refused("EINVAL", store.stat(at("file/h")));
    await refused("EINVAL", store.stat(at("h")));
  });

  test("other errors are not, nor is that a directory to list is missing", async () => {
    const { inner, store } = make();
    for (let count = 0; count < 2; count++) {
      await refused("ENOTDIR", store.stat(at("/h/x")), "/h/x");
      await refused("ENOENT", entries(store, "/none"), "/none");
      await refused("ENOTDIR", entries(store, "/h"), "/h");
    }
    assert.equal(inner.take().length, 6);
  });

  test("of what is missing the fact is kept, not the error with all that it holds", async () => {
    class Telling extends FileSystemWrapper {
      override stat(path: VirtualPath): Promise<FileInfo> {
        return Promise.reject(new FileSystemError("ENOENT", path, { cause: "an answer of the store" }));
      }
    }
    const store = cached(new Telling(new MemoryFileSystem()), LONG);
    const first = await refused("ENOENT", store.stat(at("/none")), "/none");
    const second = await refused("ENOENT", store.stat(at("/none")), "/none");
    assert.deepEqual([first.cause, second.cause], ["an answer of the store", undefined]);
  });

  test("what is thrown without being an error is no entry", async () => {
    class Rude extends FileSystemWrapper {
      override async stat(...args: Parameters<FileSystem["stat"]>): Promise<FileInfo> {
        AbortSignal.abort("no").throwIfAborted();
        return super.stat(...args);
      }
    }
    const store = cached(new Rude(new MemoryFileSystem()), LONG);
    for (let count = 0; count < 2; count++)
      assert.equal(await store.stat(at("/a")).catch((reason: unknown) => `thrown: ${String(reason)}`), "thrown: no");
  });

  test("a listing that was left early, failed or is too long is not", async () => {
    const files = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`/${index}`, ""]));
    const { inner, store } = make({ milliseconds: 600_000, entries: 44 }, files);
    for await (const _ of store.list(at("/"))) break;
    assert.equal((await entries(store)).size, 12);
    assert.equal((await entries(store)).size, 12);
    assert.equal(inner.take().length, 3, "12 are more than a quarter of 44");
    const roomy = cached(inner, { milliseconds: 600_000, entries: 48 });
    await entries(roomy);
    await entries(roomy);
    assert.equal(inner.take().length, 1);
    const broken: Fault = { at: "entry", call: 5, fail: "EIO" };
    const failing = cached(faulty(inner, [broken]), LONG);
    await refused("EIO", entries(failing));
    assert.equal((await entries(failing)).size, 12);
    assert.equal(inner.take().length, 2);
  });

  test("no more than so many entries: the one that was not asked for the longest goes", async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`/${index}`, ""]));
    const { inner, store } = make({ milliseconds: 600_000, entries: 8 }, files);
    for (const name of [0, 1, 2, 3, 0, 4, 0, 1]) await store.stat(at(`/${name}`));
    assert.deepEqual(inner.take(), ["stat /0", "stat /1", "stat /2", "stat /3", "stat /4", "stat /1"]);
  });

  test("not for longer than said", async () => {
    const { inner, store } = make({ milliseconds: 5, entries: 100 });
    await store.stat(at("/h"));
    await names(store);
    const again = async (wanted: string, ask: () => Promise<unknown>) => {
      inner.take();
      await until(
        () => {
          void ask();
          return inner.asked.includes(wanted);
        },
        2000,
        wanted,
      );
    };
    await again("stat /h", () => store.stat(at("/h")));
    await again("list /", () => names(store));
  });

  test("options that make no sense are told at once", () => {
    const store = new MemoryFileSystem();
    for (const milliseconds of [0, -1, Number.NaN, Infinity])
      assert.throws(() => cached(store, { milliseconds, entries: 1 }), /milliseconds must be above 0/);
    for (const count of [0, 1.5, Number.NaN, Infinity])
      assert.throws(() => cached(store, { milliseconds: 1, entries: count }), /entries must be 1 or more/);
    assert.throws(() => cached({} as FileSystem, LONG), TypeError);
  });
});

suite("cached: what is forgotten", () => {
  /** Everything that can be seen of the tree. */
  const PATHS = ["/", "/d", "/d/e", "/d/e/g", "/d/f", "/h", "/n", "/n/e/g", "/n/f"];
  const see = async (store: FileSystem) =>
    Promise.all(
      PATHS.map(async (path) => {
        const said = (error: FileSystemError) => error.code;
        const info = await store.stat(at(path)).catch(said);
        const listing = await entries(store, path).then((found) => [...found.values()], said);
        return { path, info, listing };
      }),
    );

  const CHANGES: Readonly<Record<string, (store: FileSystem) => Promise<unknown>>> = {
    "a new file": (store) => put(store, "/n", "new"),
    "a new file below": (store) => put(store, "/d/e/n", "new"),
    "a replaced file": (store) => put(store, "/d/f", "replaced"),
    "a longer file": (store) => put(store, "/d/e/g", "more", { mode: "append" }),
    "a removed file": (store) => store.remove(at("/d/e/g")),
    "a new directory": (store) => store.makeDirectory(at("/n")),
    "a removed directory": async (store) => {
      await store.remove(at("/d/e/g"));
      await store.removeDirectory(at("/d/e"));
    },
    "a moved directory": (store) => store.rename(at("/d"), at("/n")),
    "a file moved over another": (store) => store.rename(at("/d/f"), at("/h"), { overwrite: true }),
    "a new time": (store) => store.setTimes(at("/d/e/g"), { modified: new Date(0) }),
    "a new mode": (store) => store.setMode(at("/d"), 0o700),
  };
  for (const [what, change] of Object.entries(CHANGES))
    test(what, async () => {
      const { inner, store } = make();
      const before = await see(store);
      await change(store);
      const after = await see(store);
      assert.deepEqual(after, await see(inner));
      assert.notDeepEqual(after, before);
      inner.take();
      assert.deepEqual(await see(store), after);
      assert.ok(!inner.asked.includes("stat /d") && !inner.asked.includes("list /"), "remembered again");
    });

  test("what a change does not touch stays", async () => {
    const { inner, store } = make();
    for (const path of ["/h", "/d", "/d/f"]) await store.stat(at(path));
    await names(store, "/d/e");
    inner.take();
    await put(store, "/d/f", "new");
    for (const path of ["/h", "/d", "/d/f"]) await store.stat(at(path));
    await names(store, "/d/e");
    assert.deepEqual(inner.take(), ["stat /d", "stat /d/f"]);
  });

  test("a change that failed forgets too, and an upload that was given up", async () => {
    const lost: Fault = { at: "remove", late: true, fail: "EIO" };
    const { inner } = make();
    const store = cached(faulty(inner, [lost]), LONG);
    await store.stat(at("/h"));
    await refused("EIO", store.remove(at("/h")));
    await refused("ENOENT", store.stat(at("/h")), "/h");
    const handle = await begin(store, "/d/f", "x", { mode: "append" });
    await store.stat(at("/d/f"));
    inner.take();
    await handle.abort();
    await store.stat(at("/d/f"));
    assert.deepEqual(inner.take(), ["stat /d/f"]);
  });

  test("what was asked before a change and answered after it is not remembered", async () => {
    const stalls: readonly Fault[] = [
      { at: "stat", path: "/h", call: 1, stall: "signal" },
      { at: "entry", path: "/d", call: 1, stall: "signal" },
    ];
    const slow = faulty(new MemoryFileSystem({ files: { "/d/f": "x", "/h": "old" } }), stalls);
    const inner = new Asked(slow);
    const store = cached(inner, LONG);
    const [looking, listing] = [store.stat(at("/h")), names(store, "/d")];
    for (const stall of stalls) await slow.struck(stall);
    await put(store, "/h", "newer");
    await put(store, "/d/n", "");
    assert.equal((await store.stat(at("/h"))).size, 5, "who asks after the change does not wait for the older answer");
    slow.release();
    await Promise.all([looking, listing]);
    assert.equal((await store.stat(at("/h"))).size, 5);
    assert.deepEqual(await names(store, "/d"), ["f", "n"]);
    assert.deepEqual(inner.take(), ["stat /h", "list /d", "stat /h", "list /d"]);
  });
});

suite("cached: who waits for whom", () => {
  const stall: Fault = { at: "stat", call: 1, stall: "signal" };
  const slow = () => {
    const store = faulty(new MemoryFileSystem({ files: { "/f": "x" } }), [stall]);
    const inner = new Asked(store);
    return { faults: store, inner, store: cached(inner, LONG) };
  };

  test("several who ask share one request; one who leaves takes it from nobody", async () => {
    const { faults, inner, store } = slow();
    const controller = new AbortController();
    const [first, ...others] = [{ signal: controller.signal }, {}, { signal: new AbortController().signal }].map(
      (options) => store.stat(at("/f"), options),
    );
    await faults.struck(stall);
    const reason = new Error("gone");
    controller.abort(reason);
    await assert.rejects(first!, reason);
    faults.release();
    for (const other of others) assert.equal((await other).size, 1);
    assert.deepEqual(inner.take(), ["stat /f"]);
  });

  test("when all have left the store is told; who comes then asks anew", async () => {
    const { faults, inner, store } = slow();
    const controller = new AbortController();
    const asking = [1, 2].map(() => store.stat(at("/f"), { signal: controller.signal }));
    await faults.struck(stall);
    const { signal } = inner;
    assert.equal(signal?.aborted, false);
    controller.abort(new Error("gone"));
    for (const asked of asking) await assert.rejects(asked, /gone/);
    assert.equal(signal.aborted, true);
    assert.equal((await store.stat(at("/f"))).size, 1);
    assert.deepEqual(inner.take(), ["stat /f", "stat /f"]);
    await assert.rejects(store.stat(at("/f"), { signal: AbortSignal.abort(new Error("before")) }), /before/);
  });

  test("one error fails all who share the request, and is asked anew", async () => {
    const fault: Fault = { at: "stat", call: 1, fail: new FileSystemError("EBUSY", "/f") };
    const inner = new Asked(faulty(new MemoryFileSystem({ files: { "/f": "x" } }), [fault]));
    const store = cached(inner, LONG);
    const [one, other] = [store.stat(at("/f")), store.stat(at("/f"))];
    await refused("EBUSY", one);
    await refused("EBUSY", other);
    assert.equal((await store.stat(at("/f"))).size, 1);
    assert.equal(inner.take().length, 2);
  });
});

test("cached over FTP: clients see each other's changes at once, and listings cost one request", async () => {
  const { inner, store } = make();
  await using served = await serve({ fileSystem: store });
  const [one, other] = [await served.user(), await served.user()];
  await one.expect("TYPE I", 200);
  for (const client of [one, other, one]) assert.match((await download(client, "NLST d")).bytes.toString(), /f\r\n/);
  assert.equal(inner.take().filter((line) => line === "list /d").length, 1);
  await other.expect("SIZE d/f", 550, 213);
  await one.expect("SIZE d/f", 213);
  await upload(one, "STOR d/new", "by FTP");
  assert.match((await download(other, "NLST d")).bytes.toString(), /new\r\n/);
  await other.expect("RNFR d", 350);
  await other.expect("RNTO moved", 250);
  await one.expect("SIZE d/new", 550);
  await one.expect("SIZE moved/new", 213);
});
