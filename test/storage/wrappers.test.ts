/** `rooted`, `readOnly` and `restricted`: what they take away, and that nothing else changes. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type { Capability, FileSystem } from "../../dist/storage/file-system.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { readOnly } from "../../dist/storage/read-only.js";
import { type Permission, restricted } from "../../dist/storage/restricted.js";
import { rooted } from "../../dist/storage/rooted.js";
import { at, begin, entries, everyChange, everyOperation, names, put, refused, text } from "./store.js";

const CAPABILITIES: readonly Capability[] = [
  "list",
  "openRead",
  "openWrite",
  "append",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setCreated",
  "setMode",
  "availableSpace",
];

function sample(): MemoryFileSystem {
  return new MemoryFileSystem({
    files: { "/present": "x", "/home/anna/f": "anna's", "/home/anna/d/g": "g", "/home/bert": "b" },
    maxBytes: 1000,
  });
}

function supported(store: FileSystem): readonly Capability[] {
  return CAPABILITIES.filter((capability) => store.supports(capability, at("/")));
}

async function codeOf(operation: Promise<unknown>): Promise<string> {
  return operation.then(
    () => "done",
    (error: NodeJS.ErrnoException) => String(error.code),
  );
}

suite("rooted", () => {
  const make = () => {
    const whole = sample();
    return { whole, store: rooted(whole, "/home/anna") };
  };

  test("the root is the directory, and paths begin there", async () => {
    const { whole, store } = make();
    assert.equal((await store.stat(at("/"))).name, "");
    assert.deepEqual(await names(store), ["d", "f"]);
    assert.equal(await text(store, "/f"), "anna's");
    await put(store, "/new", "n");
    assert.equal(await text(whole, "/home/anna/new"), "n");
    await store.rename(at("/d"), at("/e"));
    assert.deepEqual(await names(whole, "/home/anna/e"), ["g"]);
  });

  test("S1.1 no path leads out", async () => {
    const { whole, store } = make();
    for (const path of ["/..", "/../bert", "/d/../../bert", "..", "/../../present"])
      for (const run of Object.values(everyOperation(store, path))) await refused("EINVAL", run(), path);
    assert.equal(await text(whole, "/home/bert"), "b");
  });

  test("errors name paths as clients know them, with the store's own as cause", async () => {
    const { store } = make();
    for (const [name, run] of Object.entries(everyOperation(store, "/no/such"))) {
      if (name === "renameTo") continue;
      const error = await refused("ENOENT", run(), "/no/such");
      assert.equal((error.cause as { path: string }).path, "/home/anna/no/such", name);
      assert.doesNotMatch(error.message, /anna/);
    }
    await refused("EEXIST", store.rename(at("/f"), at("/d")), "/d");
    const late = await begin(store, "/late", "x", { mode: "exclusive" });
    await put(store, "/late", "y");
    await refused("EEXIST", late.commit(), "/late");
    const full = await begin(store, "/full", "x");
    await refused("ENOSPC", full.write([Buffer.alloc(2000)]), "/full");
    await full.abort();
    class Broken extends FileSystemWrapper {
      override async *list(): AsyncGenerator<FileInfo> {
        yield { name: "a", type: "file", size: 0 };
        await this.inner.stat(at("/home/anna/gone"));
      }
    }
    await refused("ENOENT", entries(rooted(new Broken(sample()), "/home/anna")), "/gone");
  });

  test("the root itself cannot be made, replaced or taken away, though the store has none yet", async () => {
    const whole = sample();
    const store = rooted(whole, "/home/none");
    const codes: Record<string, string> = {};
    for (const [name, run] of Object.entries(everyChange(store, "/"))) codes[name] = await codeOf(run());
    assert.deepEqual(codes, {
      replace: "EISDIR",
      exclusive: "EISDIR",
      append: "EISDIR",
      at: "EISDIR",
      remove: "EISDIR",
      makeDirectory: "EEXIST",
      removeDirectory: "EACCES",
      renameFrom: "EACCES",
      renameTo: "EEXIST",
      setTimes: "ENOENT",
      setMode: "ENOENT",
    });
    assert.deepEqual(await names(whole, "/home"), ["anna", "bert"]);
  });

  test("absolute targets of links are shown from the new root, others not at all", async () => {
    const targets = ["/home/anna/d", "/home/anna", "/home/annabel", "/etc", "d/g", "../bert"];
    class Linked extends FileSystemWrapper {
      override async *list(): AsyncGenerator<FileInfo> {
        for (const target of targets) yield { name: target.replaceAll("/", "-"), type: "link", size: 0, target };
      }
    }
    const shown: (string | undefined)[] = [];
    for await (const { target } of rooted(new Linked(sample()), "/home/anna").list(at("/"))) shown.push(target);
    assert.deepEqual(shown, ["/d", "/", undefined, undefined, "d/g", "../bert"]);
  });

  test("a root of / changes nothing, roots compose, and bad ones are refused", async () => {
    assert.deepEqual(await names(rooted(sample(), "/")), ["home", "present"]);
    assert.deepEqual(await names(rooted(rooted(sample(), "home"), "/anna/")), ["d", "f"]);
    assert.deepEqual(await names(rooted(sample(), "/home/bert/../anna")), ["d", "f"]);
    assert.throws(() => rooted(sample(), "/a\0"), { code: "BAD_PATH" });
    assert.throws(() => rooted({} as FileSystem, "/"), TypeError);
  });

  test("supports() asks the store about the place below the root", () => {
    class Partly extends FileSystemWrapper {
      override supports(capability: Capability, path?: string): boolean {
        return super.supports(capability) && path === "/home/anna/d";
      }
    }
    const store = rooted(new Partly(sample()), "/home/anna");
    assert.equal(store.supports("openWrite", at("/d")), true);
    assert.equal(store.supports("openWrite", at("/e")), false);
    assert.equal(rooted(new Partly(sample()), "/home/anna/d").supports("openWrite"), true);
    assert.deepEqual(supported(rooted(sample(), "/home/anna")), CAPABILITIES);
  });
});

suite("readOnly", () => {
  test("reads go through, every change is refused before the store hears of it", async () => {
    const whole = sample();
    const store = readOnly(whole);
    assert.deepEqual(await names(store, "/home/anna"), ["d", "f"]);
    assert.equal(await text(store, "/home/anna/f", { start: 3 }), "a's");
    assert.equal((await store.stat(at("/present"))).size, 1);
    const codes = new Map<string, string>();
    for (const path of ["/present", "/home/anna/d", "/new", "/"])
      for (const [name, run] of Object.entries(everyChange(store, path))) {
        const code = await codeOf(run());
        assert.equal(codes.get(name) ?? code, code, "whatever the path");
        codes.set(name, code);
      }
    const expected = Object.keys(everyChange(store, "/")).map((name) => [
      name,
      name.startsWith("set") ? "ENOSYS" : "EROFS",
    ]);
    assert.deepEqual([...codes], expected);
    assert.deepEqual(await names(whole), ["home", "present"]);
    assert.deepEqual(supported(store), ["list", "openRead"]);
    assert.throws(() => readOnly({} as FileSystem), TypeError);
  });

  test("what the store lacks is not there either", () => {
    assert.deepEqual(supported(readOnly(restricted(sample(), ["list", "write"]))), ["list"]);
  });
});

suite("restricted", () => {
  /** What each permission opens: operations, and capabilities. */
  const TABLE: Readonly<
    Record<Permission, readonly [operations: readonly string[], capabilities: readonly Capability[]]>
  > = {
    list: [["list"], ["list"]],
    read: [["openRead", "checksum"], ["openRead"]],
    write: [["replace", "exclusive", "at"], ["openWrite"]],
    append: [["append"], ["append"]],
    remove: [["remove"], ["remove"]],
    makeDirectory: [["makeDirectory"], ["makeDirectory"]],
    removeDirectory: [["removeDirectory"], ["removeDirectory"]],
    rename: [["renameFrom", "renameTo"], ["rename"]],
    setTimes: [["setTimes"], ["setTimes", "setCreated"]],
    setMode: [["setMode"], ["setMode"]],
  };

  for (const [permission, [operations, capabilities]] of Object.entries(TABLE))
    test(`${permission} opens ${operations.join(", ")} and nothing else`, async () => {
      const store = restricted(sample(), [permission as Permission]);
      const open: string[] = [];
      for (const path of ["/present", "/home", "/new"])
        for (const [name, run] of Object.entries(everyOperation(store, path)))
          if (name !== "stat" && (await codeOf(run())) !== "EACCES") open.push(name);
      assert.deepEqual([...new Set(open)].sort(), [...operations].sort());
      assert.deepEqual(supported(store), [...capabilities, "availableSpace"]);
    });

  test("stat and availableSpace need no permission", async () => {
    const store = restricted(sample(), []);
    assert.equal((await store.stat(at("/present"))).size, 1);
    assert.ok((await store.availableSpace(at("/"))) < 1000);
    assert.deepEqual(supported(store), ["availableSpace"]);
  });

  test("a rename replaces a file only with write", async () => {
    const move = (permissions: Permission[]) =>
      codeOf(restricted(sample(), permissions).rename(at("/present"), at("/home/bert"), { overwrite: true }));
    assert.equal(await move(["rename"]), "EEXIST");
    assert.equal(await move(["rename", "remove", "append"]), "EEXIST");
    assert.equal(await move(["rename", "write"]), "done");
  });

  test("a capability that the store lacks stays away", () => {
    assert.deepEqual(supported(restricted(readOnly(sample()), ["list", "write", "setTimes"])), ["list"]);
  });

  test("later changes of the set that was given change nothing; unknown permissions are refused", async () => {
    const given = new Set<Permission>(["read"]);
    const store = restricted(sample(), given);
    given.add("remove");
    await refused("EACCES", store.remove(at("/present")), "/present");
    assert.throws(
      () => restricted(sample(), ["delete" as Permission]),
      /unknown permission delete; known are list, read/,
    );
    assert.throws(() => restricted(sample(), [undefined as unknown as Permission]), RangeError);
    assert.throws(() => restricted(sample(), ["toString" as Permission]), RangeError);
  });
});
