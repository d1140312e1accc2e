/** `faulty`: each kind of fault at each kind of point, and that it strikes where it was planned. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import { type Fault, type FaultPoint, faulty } from "../../dist/testing/index.js";
import { download, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { bytesOf } from "../kit/temporary.js";
import { at, begin, bytes, entries, everyChange, everyLookup, names, put, refused, text } from "./store.js";

function make(...faults: readonly Fault[]) {
  const inner = new MemoryFileSystem({ files: { "/present": "0123456789", "/d/f": "x" }, maxBytes: 10_000_000 });
  return { inner, store: faulty(inner, faults) };
}

suite("faulty: fail", () => {
  const METHODS: Readonly<Record<string, FaultPoint>> = {
    list: "list",
    openRead: "openRead",
    replace: "openWrite",
    append: "openWrite",
    renameFrom: "rename",
  };
  const OPERATIONS = Object.keys({
    ...everyLookup(make().store, "/present"),
    ...everyChange(make().store, "/present"),
  });
  for (const name of OPERATIONS.filter((name) => !["exclusive", "at", "renameTo"].includes(name)))
    test(`${name} fails before the store hears of it`, async () => {
      const fault: Fault = { at: METHODS[name] ?? (name as FaultPoint), fail: "EBUSY" };
      const { inner, store } = make(fault);
      const run = { ...everyLookup(store, "/present"), ...everyChange(store, "/present") }[name];
      await refused("EBUSY", run!(), "/present");
      assert.equal(store.times(fault), 1);
      assert.deepEqual(await names(inner), ["d", "present"]);
      assert.notEqual((await inner.stat(at("/present"))).modified?.getTime(), 0);
    });

  test("availableSpace, close, and an error of one's own", async () => {
    const error = new Error("mine");
    const { store } = make({ at: "availableSpace", fail: error }, { at: "close", fail: error });
    await assert.rejects(store.availableSpace(at("/")), error);
    const handle = await store.openRead(at("/present"));
    await assert.rejects(handle.close(), error);
  });

  test("only at its path, or paths that match, and only at its call", async () => {
    const byPath: Fault = { at: "stat", path: "/present", call: 2, fail: "EIO" };
    const byPattern: Fault = { at: "stat", path: /^\/d\b/g, fail: "EACCES" };
    const { store } = make(byPath, byPattern);
    await store.stat(at("/"));
    await store.stat(at("/present"));
    await refused("EIO", store.stat(at("/present")));
    await store.stat(at("/present"));
    for (const path of ["/d", "/d/f", "/d"]) await refused("EACCES", store.stat(at(path)), path);
    assert.deepEqual([store.times(byPath), store.times(byPattern)], [1, 3]);
  });

  test("a write fails after so many bytes; the commit then fails too and leaves nothing", async () => {
    const { inner, store } = make({ at: "write", after: 5, fail: "ENOSPC" });
    const handle = await begin(store, "/new", "12345");
    await refused("ENOSPC", handle.write([Buffer.from("6")]), "/new");
    await refused("ENOSPC", handle.write([Buffer.from("7")]), "/new");
    await refused("ENOSPC", handle.commit(), "/new");
    await handle.abort();
    assert.deepEqual(await names(inner), ["d", "present"]);
    assert.equal(await inner.availableSpace(at("/")), 10_000_000 - 11);
    await refused("ENOSPC", put(store, "/again", "123456"), "/again");
    await refused("ENOSPC", put(store, "/exactly", "12345"), "/exactly");
    await put(store, "/fewer", "1234");
  });

  test("a commit fails before the store does it, or late: done, but the answer is lost", async () => {
    for (const late of [false, true]) {
      const { inner, store } = make({ at: "commit", fail: "EIO", late });
      await refused("EIO", put(store, "/new", "content"), "/new");
      assert.deepEqual(await names(inner), late ? ["d", "new", "present"] : ["d", "present"]);
    }
    const { inner, store } = make({ at: "remove", fail: "EIO", late: true }, { at: "rename", fail: "EIO", late: true });
    await refused("EIO", store.remove(at("/present")), "/present");
    await refused("EIO", store.rename(at("/d"), at("/e")), "/d");
    assert.deepEqual(await names(inner), ["e"]);
  });

  test("an abort that fails is one, after a commit there is none", async () => {
    const fault: Fault = { at: "abort", fail: "EIO" };
    const { inner, store } = make(fault);
    const handle = await begin(store, "/new", "x");
    await refused("EIO", handle.abort(), "/new");
    const kept = await begin(store, "/kept", "x");
    await kept.commit();
    await kept.abort();
    assert.equal(store.times(fault), 1);
    assert.deepEqual(await names(inner), ["d", "kept", "present"]);
  });

  test("a download fails before its first byte, midway, and after its last one", async () => {
    for (const after of [0, 4, 10]) {
      const { store } = make({ at: "read", after, fail: "EIO" });
      await using handle = await store.openRead(at("/present"));
      let seen = "";
      const read = async () => {
        for await (const piece of handle.body) seen += Buffer.from(piece).toString();
      };
      await refused("EIO", read(), "/present");
      assert.equal(seen, "0123456789".slice(0, after));
    }
    const { store } = make({ at: "read", after: 11, fail: "EIO" }, { at: "read", call: 2, fail: "EIO" });
    assert.equal(await text(store, "/present"), "0123456789");
    await refused("EIO", bytes(store, "/present"));
  });

  test("a listing fails midway", async () => {
    const { store } = make({ at: "entry", call: 2, fail: "EIO" });
    let seen = 0;
    const read = async () => {
      for await (const _ of store.list(at("/"))) seen++;
    };
    await refused("EIO", read(), "/");
    assert.equal(seen, 1);
  });
});

suite("faulty: truncate", () => {
  test("what is read, listed and written ends early and looks whole", async () => {
    const { inner, store } = make(
      { at: "read", after: 3, truncate: true },
      { at: "entry", call: 2, truncate: true },
      { at: "write", after: 1_000_003, truncate: true },
    );
    assert.equal(await text(store, "/present"), "012");
    assert.equal((await entries(store)).size, 1);
    const content = bytesOf(3_000_000);
    const handle = await begin(store, "/new", content);
    await handle.write([Buffer.from("more")]);
    assert.equal((await handle.commit()).size, 1_000_003);
    assert.ok((await bytes(inner, "/new")).equals(content.subarray(0, 1_000_003)));
  });

  test("several faults of one flow strike in the order of their bytes", async () => {
    const faults: readonly Fault[] = [
      { at: "read", after: 6, truncate: true },
      { at: "read", after: 2, delay: 0 },
      { at: "read", after: 2, delay: 1 },
      { at: "read", after: 8, fail: "EIO" },
    ];
    const { store } = make(...faults);
    assert.equal(await text(store, "/present"), "012345");
    assert.deepEqual(
      faults.map((fault) => store.times(fault)),
      [1, 1, 1, 0],
    );
  });
});

suite("faulty: delay and stall", () => {
  test("a delay passes, or ends with its signal's reason", async () => {
    const fault: Fault = { at: "stat", call: 2, delay: 600_000 };
    const { store } = make({ at: "stat", call: 1, delay: 1 }, fault);
    assert.equal((await store.stat(at("/present"))).size, 10);
    const controller = new AbortController();
    const waiting = store.stat(at("/present"), { signal: controller.signal });
    await store.struck(fault);
    const reason = new Error("gone");
    controller.abort(reason);
    await assert.rejects(waiting, reason);
  });

  test("a stall obeys its signal, or is deaf; both end with release()", async () => {
    for (const stall of ["signal", "deaf"] as const) {
      const fault: Fault = { at: "openRead", stall };
      const { store } = make(fault);
      const controller = new AbortController();
      const waiting = [store.openRead(at("/present"), { signal: controller.signal }), store.openRead(at("/d/f"))];
      await store.struck(fault);
      const reason = new Error("gone");
      controller.abort(reason);
      if (stall === "signal") await assert.rejects(waiting[0]!, reason);
      store.release();
      const results = await Promise.allSettled(waiting);
      assert.equal(results[1]?.status, "fulfilled");
      // The store itself sees that the signal has fired.
      assert.equal(results[0]?.status, "rejected");
    }
  });

  test("an upload stalls midway: the signal ends the write, what arrived can be kept", async () => {
    const fault: Fault = { at: "write", after: 4, stall: "signal" };
    const { inner, store } = make(fault);
    const controller = new AbortController();
    const handle = await store.openWrite(at("/new"), { mode: "replace", signal: controller.signal });
    const writing = handle.write([Buffer.from("123456")]);
    await store.struck(fault);
    controller.abort(new Error("ABOR"));
    await assert.rejects(writing, /ABOR/);
    await handle.commit();
    assert.equal(await text(inner, "/new"), "1234");
  });

  test("struck() resolves also afterwards, and knows its plan", async () => {
    const fault: Fault = { at: "stat", delay: 0 };
    const { store } = make(fault);
    await store.stat(at("/"));
    await store.struck(fault);
    assert.throws(() => store.struck({ ...fault }), RangeError);
    assert.equal(store.times({ ...fault }), 0);
  });
});

test("faulty: plans that make no sense are told at once", () => {
  const wrong: readonly unknown[] = [
    { at: "open", fail: "EIO" },
    { at: "stat" },
    { at: "stat", fail: "EIO", delay: 1 },
    { at: "stat", fail: "EIO", call: 0 },
    { at: "stat", fail: "EIO", call: 1.5 },
    { at: "stat", fail: "EIO", after: 1 },
    { at: "read", fail: "EIO", after: -1 },
    { at: "stat", delay: -1 },
    { at: "stat", delay: Number.NaN },
    { at: "commit", truncate: true },
    { at: "commit", delay: 1, late: true },
    { at: "openWrite", fail: "EIO", late: true },
  ];
  for (const fault of wrong) assert.throws(() => make(fault as Fault), /^RangeError: faulty: /, JSON.stringify(fault));
});

test("faulty over FTP: short data, a lost answer, a full disk: a correct reply, and the session goes on", async () => {
  const faults: readonly Fault[] = [
    { at: "read", path: "/present", after: 5, fail: "EIO" },
    { at: "commit", path: "/lost", fail: "EIO" },
    { at: "write", path: "/full", after: 100_000, fail: "ENOSPC" },
    { at: "rename", fail: "EBUSY" },
  ];
  const { inner, store } = make(...faults);
  await using served = await serve({ fileSystem: store }, (server) => server.on("error", () => undefined));
  const client = await served.user();
  await client.expect("TYPE I", 200);
  assert.equal((await download(client, "RETR present", "EPSV", { final: 451 })).bytes.toString(), "01234");
  await upload(client, "STOR lost", "x", "EPSV", { final: 451 });
  await upload(client, "STOR full", bytesOf(200_000), "EPSV", { final: 552 });
  await client.expect("RNFR present", 350);
  await client.expect("RNTO moved", 450);
  await upload(client, "STOR fine", "x");
  assert.deepEqual(await names(inner), ["d", "fine", "present"]);
  for (const fault of faults) assert.equal(store.times(fault), 1);
});
