/** `quota`: what is counted, when it is refused, and that everything is given back. */
import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileSystem } from "../../dist/storage/file-system.js";
import { MemoryCounter, type QuotaCounter } from "../../dist/storage/quota/quota-counter.js";
import { usageOf } from "../../dist/storage/quota/usage-of.js";
import { type QuotaOptions, quota } from "../../dist/storage/quota.js";
import { type Fault, faulty } from "../../dist/testing/index.js";
import { upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { serve } from "../kit/serve.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { at, begin, names, put, refused, text } from "./store.js";

const ROOT = at("/");

/** A quota with a look at its count. */
function counted(inner: FileSystem, bytes = 100, files = 10) {
  const counter = new MemoryCounter({ bytes, files });
  const left = () => bytes - counter.bytesLeft();
  return { store: quota(inner, { counter }), inner, counter, used: left };
}

function x(count: number): string {
  return "x".repeat(count);
}

suite("quota: bytes", () => {
  test("what a file takes, and what gives it back", async () => {
    const { store, used } = counted(new MemoryFileSystem());
    await put(store, "/a", x(10));
    assert.equal(used(), 10, "made");
    await put(store, "/a", x(30));
    assert.equal(used(), 30, "replaced by a larger one");
    await put(store, "/a", x(5));
    assert.equal(used(), 5, "replaced by a smaller one");
    await put(store, "/a", x(5), { mode: "append" });
    assert.equal(used(), 10, "appended");
    await put(store, "/a", x(2), { mode: "at", start: 3 });
    assert.equal(used(), 5, "resumed before the end");
    await put(store, "/a", x(4), { mode: "at", start: 5 });
    assert.equal(used(), 9, "resumed at the end");
    await put(store, "/b", x(20), { mode: "exclusive" });
    await store.rename(at("/b"), at("/c"));
    assert.equal(used(), 29, "moved");
    await refused("EEXIST", store.rename(at("/c"), at("/a")));
    assert.equal(used(), 29, "not moved");
    await store.rename(at("/c"), at("/a"), { overwrite: true });
    assert.equal(used(), 20, "moved over another");
    await store.rename(at("/a"), at("/a"), { overwrite: true });
    assert.equal(used(), 20, "moved to itself");
    await refused("ENOENT", store.remove(at("/none")));
    await store.makeDirectory(at("/d"));
    await refused("EISDIR", store.remove(at("/d")));
    await store.removeDirectory(at("/d"));
    assert.equal(used(), 20, "directories count nothing");
    await store.remove(at("/a"));
    assert.equal(used(), 0, "removed");
  });

  test("the bound is met midway: EDQUOT, nothing is left, the rest is free again", async () => {
    const { store, inner, used } = counted(new MemoryFileSystem());
    await put(store, "/a", x(60));
    const handle = await begin(store, "/b", x(40));
    assert.equal(used(), 100);
    await refused("EDQUOT", handle.write([Buffer.from("1")]), "/b");
    await refused("EDQUOT", handle.write([]), "/b");
    await refused("EDQUOT", handle.commit(), "/b");
    await handle.abort();
    assert.deepEqual(await names(inner), ["a"]);
    assert.equal(used(), 60);
    await put(store, "/b", x(40));
    assert.equal(used(), 100, "exactly full");
    await refused("EDQUOT", put(store, "/c", "1"));
    await put(store, "/c", "");
    assert.equal(used(), 100, "an empty file takes no bytes");
  });

  test("what is replaced counts until the commit", async () => {
    const { store } = counted(new MemoryFileSystem());
    await put(store, "/a", x(60));
    await refused("EDQUOT", put(store, "/a", x(41)), "/a");
    await put(store, "/a", x(40));
    await put(store, "/a", x(60));
    assert.equal(await text(store, "/a"), x(60));
  });

  test("a size that is known and cannot fit is refused at once; one that fits is kept free", async () => {
    const { store, used } = counted(new MemoryFileSystem());
    await refused("EDQUOT", store.openWrite(at("/a"), { mode: "replace", sizeHint: 101 }), "/a");
    assert.equal(used(), 0);
    const first = await store.openWrite(at("/a"), { mode: "replace", sizeHint: 80 });
    assert.equal(used(), 80);
    await refused("EDQUOT", store.openWrite(at("/b"), { mode: "replace", sizeHint: 21 }), "/b");
    await first.write([Buffer.alloc(90)]);
    assert.equal(used(), 90, "more came than was said");
    await first.commit();
    const less = await store.openWrite(at("/b"), { mode: "replace", sizeHint: 10 });
    await less.write([Buffer.alloc(3)]);
    await less.commit();
    assert.equal(used(), 93, "less came than was said");
    for (const sizeHint of [Number.NaN, -5, 0.5, Infinity, 2 ** 60])
      await (await store.openWrite(at("/c"), { mode: "replace", sizeHint })).abort();
    assert.equal(used(), 93, "hints that are none");
  });

  test("a resumed file that has become shorter meanwhile needs more room at the end than it has taken", async () => {
    const { store, inner, used } = counted(new MemoryFileSystem(), 12);
    await put(store, "/a", x(10));
    const resumed = await begin(store, "/a", "1", { mode: "at", start: 9 });
    await put(store, "/a", x(1));
    await put(store, "/b", x(10));
    assert.equal(used(), 12);
    await refused("EDQUOT", resumed.commit(), "/a");
    assert.equal(used(), 11);
    assert.deepEqual(await usageOf(inner, 9), { bytes: 11, files: 2 });
  });

  test("several at once never pass the bound together", async () => {
    const { store, inner, used } = counted(new MemoryFileSystem(), 1000);
    let most = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, async (_, index) => {
        await using handle = await store.openWrite(at(`/${index}`), { mode: "replace" });
        for (let count = 0; count < 30; count++) {
          await handle.write([Buffer.alloc(10)]);
          most = Math.max(most, used());
        }
        await handle.commit();
      }),
    );
    const done = results.filter(({ status }) => status === "fulfilled").length;
    assert.ok(done < 4 && most <= 1000 && most > 900, `${done} of 300 bytes each, at most ${most} at once`);
    assert.equal(used(), done * 300);
    assert.deepEqual(await usageOf(inner, 100), { bytes: done * 300, files: done });
  });
});

suite("quota: files", () => {
  test("a new file takes one, from the beginning of its upload; directories take none", async () => {
    const store = quota(new MemoryFileSystem(), { files: 2 });
    await put(store, "/a", "1");
    const second = await begin(store, "/b", "2");
    await refused("EDQUOT", store.openWrite(at("/c"), { mode: "append" }), "/c");
    await put(store, "/a", "replaced");
    await store.makeDirectory(at("/d"));
    await second.abort();
    await put(store, "/c", "3");
    await refused("EDQUOT", store.openWrite(at("/e"), { mode: "exclusive" }), "/e");
    await store.rename(at("/c"), at("/a"), { overwrite: true });
    await put(store, "/e", "4");
    await store.remove(at("/a"));
    await put(store, "/f", "5");
    assert.deepEqual(await names(store), ["d", "e", "f"]);
  });

  test("two uploads that make one file count it once; one to a file that has gone meanwhile needs it anew", async () => {
    const { store, inner, counter } = counted(new MemoryFileSystem(), 100, 2);
    const [first, second] = [await begin(store, "/a", "1"), await begin(store, "/a", "22")];
    await refused("EDQUOT", store.openWrite(at("/b"), { mode: "replace" }), "/b");
    await first.commit();
    await second.commit();
    const third = await begin(store, "/a", "333");
    await store.remove(at("/a"));
    await put(store, "/b", "");
    await put(store, "/c", "");
    await refused("EDQUOT", third.commit(), "/a");
    assert.deepEqual(await usageOf(inner, 100), { bytes: 0, files: 2 });
    assert.equal(counter.bytesLeft(), 100);
    assert.equal(counter.add(0, 1), false);
    assert.equal(counter.add(0, -2), true);
  });
});

suite("quota: what fails gives back", () => {
  const FAULTS: readonly Fault[] = [
    { at: "openWrite", fail: "EIO" },
    { at: "write", after: 5, fail: "ENOSPC" },
    { at: "commit", fail: "EIO" },
    { at: "commit", fail: "EIO", late: true },
    { at: "remove", fail: "EIO" },
    { at: "rename", fail: "EBUSY" },
    { at: "stat", fail: "EIO" },
  ];
  for (const fault of FAULTS)
    test(`a store that fails at ${fault.at}${fault.late ? ", though it has done it" : ""}`, async () => {
      const inner = new MemoryFileSystem({ files: { "/old": x(10), "/other": x(20) } });
      const failing = faulty(inner, [fault]);
      const { store, counter, used } = counted(failing);
      counter.begin({ bytes: 30, files: 2 });
      const replace = async () => {
        await using handle = await store.openWrite(at("/old"), { mode: "replace", sizeHint: 40 });
        await handle.write([Buffer.alloc(20)]);
        await handle.commit();
      };
      const changes = [
        replace(),
        store.remove(at("/other")),
        store.rename(at("/other"), at("/old"), { overwrite: true }),
      ];
      await Promise.allSettled(changes);
      assert.ok(failing.times(fault) > 0);
      assert.equal(used(), (await usageOf(inner, 100)).bytes);
    });

  test("a counter that fails is a fault of the upload, and of nobody else", async () => {
    const broken = new Error("no connection");
    let fails = false;
    const own = new MemoryCounter({ bytes: 100, files: 9 });
    const counter: QuotaCounter = {
      add: async (bytes, files) => {
        if (fails) throw broken;
        return own.add(bytes, files);
      },
      bytesLeft: () => own.bytesLeft(),
    };
    const inner = new MemoryFileSystem();
    const store = quota(inner, { counter });
    const handle = await begin(store, "/a", x(10));
    fails = true;
    assert.equal((await refused("EIO", handle.write([Buffer.alloc(1)]), "/a")).cause, broken);
    await refused("EIO", handle.commit(), "/a");
    assert.equal((await refused("EIO", store.openWrite(at("/b"), { mode: "replace" }), "/b")).cause, broken);
    assert.deepEqual(await names(inner), []);
    fails = false;
    await put(store, "/b", x(50));
    assert.equal(await text(inner, "/b"), x(50));
  });

  test("a counter that does not answer: the signal is obeyed, and what it gives late goes back", async () => {
    const gate = new Gate();
    const own = new MemoryCounter({ bytes: 100, files: 9 });
    const counter: QuotaCounter = {
      add: async (bytes, files) => {
        if (bytes + files > 0) await gate.pass();
        return own.add(bytes, files);
      },
      bytesLeft: () => own.bytesLeft(),
    };
    const reason = new Error("ABOR");
    const controller = new AbortController();
    const store = quota(new MemoryFileSystem(), { counter });
    const opening = store.openWrite(at("/a"), { mode: "replace", sizeHint: 70, signal: controller.signal });
    await gate.reached;
    controller.abort(reason);
    await assert.rejects(opening, reason);
    gate.open();
    await put(store, "/b", x(100));
  });
});

suite("quota: the count at the start", () => {
  const files = { "/a": x(10), "/d/b": x(20), "/d/e/c": "" };
  const left = (options: QuotaOptions, inner: FileSystem = new MemoryFileSystem({ files })) =>
    quota(inner, options).availableSpace(ROOT);

  test("is walked, or told, or the counter's own affair", async () => {
    assert.equal(await left({ bytes: 100 }), 70);
    assert.equal(await left({ bytes: 25 }), 0, "more than is allowed");
    assert.equal(await left({ bytes: 100, used: { bytes: 99, files: 1 } }), 1);
    assert.equal(await left({ counter: new MemoryCounter({ bytes: 7, files: 1 }) }), 7);
    const full = quota(new MemoryFileSystem({ files }), { files: 3 });
    await refused("EDQUOT", full.openWrite(at("/new"), { mode: "replace" }), "/new");
    await full.remove(at("/a"));
    await put(full, "/new", "");
  });

  test("is walked once, and again after it has failed", async () => {
    const once: Fault = { at: "list", path: "/d/e", call: 1, fail: "EIO" };
    const counting: Fault = { at: "list", path: "/", delay: 0 };
    const failing = faulty(new MemoryFileSystem({ files }), [counting, once]);
    const store = quota(failing, { bytes: 100 });
    const results = await Promise.allSettled([
      store.remove(at("/a")),
      put(store, "/n", x(1)),
      store.availableSpace(ROOT),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "rejected", "rejected"],
    );
    assert.equal(failing.times(counting), 1);
    await Promise.all([put(store, "/n", x(1)), put(store, "/m", x(1))]);
    assert.equal(failing.times(counting), 2);
    assert.equal(await store.availableSpace(ROOT), 68);
  });

  test("passes over what cannot be entered, gives up where there is too much", async () => {
    const hidden = faulty(new MemoryFileSystem({ files }), [
      { at: "list", path: "/d/e", fail: "ENOENT" },
      { at: "list", path: "/d", fail: "EACCES" },
    ]);
    assert.equal(await left({ bytes: 100 }, hidden), 90);
    assert.equal(await left({ bytes: 100, maxEntries: 5 }), 70);
    const error = await refused("EIO", left({ bytes: 100, maxEntries: 4 }));
    assert.match(error.message, /more than 4 entries to count; say what is used/);
  });

  test("one who gives up waiting for it does not stop it", async () => {
    const stall: Fault = { at: "list", path: "/d", stall: "deaf" };
    const slow = faulty(new MemoryFileSystem({ files }), [stall]);
    const store = quota(slow, { bytes: 100 });
    const controller = new AbortController();
    const given = store.openWrite(at("/a"), { mode: "replace", signal: controller.signal });
    const waiting = put(store, "/a", x(11));
    await slow.struck(stall);
    controller.abort(new Error("gone"));
    await assert.rejects(given, /gone/);
    slow.release();
    await waiting;
    assert.equal(await store.availableSpace(ROOT), 69);
  });

  test("links count nothing", async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "f"), x(10));
    await symlink("f", join(folder.path, "l"));
    const local = new LocalFileSystem(folder.path, { symlinks: "deny" });
    const store = quota(local, { bytes: 100, files: 3 });
    assert.equal(await store.availableSpace(ROOT), 90);
    await store.remove(at("/l"));
    assert.equal(await store.availableSpace(ROOT), 90);
    await store.remove(at("/f"));
    assert.equal(await store.availableSpace(ROOT), 100);
  });
});

suite("quota: availableSpace", () => {
  test("is what the bound leaves, or the store where that is less", async () => {
    const store = quota(new MemoryFileSystem({ maxBytes: 50 }), { bytes: 60 });
    assert.equal(await store.availableSpace(ROOT), 50);
    await put(store, "/a", x(40));
    assert.equal(await store.availableSpace(ROOT), 10);
    const tight = quota(new MemoryFileSystem({ maxBytes: 50 }), { bytes: 20 });
    assert.equal(await tight.availableSpace(ROOT), 20);
    await refused("ENOENT", tight.availableSpace(at("/none")), "/none");
    await refused("ENOENT", quota(new MemoryFileSystem(), { bytes: 20 }).availableSpace(at("/none")), "/none");
  });

  test("is there where bytes have a bound, or the store can tell", async () => {
    const plain = new MemoryFileSystem();
    assert.equal(plain.supports("availableSpace"), false);
    assert.equal(quota(plain, { bytes: 1 }).supports("availableSpace"), true);
    assert.equal(quota(plain, { files: 1 }).supports("availableSpace"), false);
    assert.equal(quota(plain, { files: 1 }).supports("append"), true);
    await refused("ENOSYS", quota(plain, { files: 1 }).availableSpace(ROOT), "/");
  });
});

test("quota: options that make no sense are told at once", () => {
  const store = new MemoryFileSystem();
  const counter = new MemoryCounter({ bytes: 1, files: 1 });
  for (const wrong of [-1, 1.5, Number.NaN, "1" as unknown as number]) {
    assert.throws(() => quota(store, { bytes: wrong }), RangeError);
    assert.throws(() => quota(store, { files: wrong }), /quota: files must be a whole number, 0 or more/);
    assert.throws(() => quota(store, { bytes: 1, maxEntries: wrong }), RangeError);
    assert.throws(() => quota(store, { bytes: 1, used: { bytes: wrong, files: 0 } }), /used\.bytes/);
  }
  assert.throws(() => quota(store, { bytes: 1, used: { bytes: Infinity, files: 0 } }), RangeError);
  assert.throws(() => quota(store, {}), TypeError);
  assert.throws(() => quota(store, { bytes: 1, counter }), TypeError);
  assert.throws(() => quota({} as FileSystem, { bytes: 1 }), TypeError);
});

suite("quota: over FTP", () => {
  test("552 midway leaves nothing; ALLO of too much is refused before; DELE makes room", async () => {
    const inner = new MemoryFileSystem();
    await using served = await serve({ fileSystem: quota(inner, { bytes: 100_000, files: 2 }) });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await upload(client, "STOR a", x(60_000));
    await upload(client, "STOR b", x(60_000), "EPSV", { final: 552 });
    assert.deepEqual(await names(inner), ["a"]);
    await client.expect("ALLO 40001", 552);
    await upload(client, "APPE a", x(40_001), "EPSV", { final: 552 });
    assert.equal((await inner.stat(at("/a"))).size, 60_000);
    await upload(client, "APPE a", x(40_000));
    await client.expect("DELE a", 250);
    await upload(client, "STOR b", x(100_000));
    await upload(client, "STOR c", "");
    await client.expect("EPSV", 229);
    await client.expect("STOR d", 552);
    assert.deepEqual(await usageOf(inner, 9), { bytes: 100_000, files: 2 });
  });
});
