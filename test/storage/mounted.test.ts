/** `mounted`: which store a path belongs to, what stands fast, and what clients see of it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { FileSystem } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { mounted } from "../../dist/storage/mounted.js";
import type { VirtualPath } from "../../dist/storage/names.js";
import { readOnly } from "../../dist/storage/read-only.js";
import { download, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { at, begin, entries, everyChange, names, put, refused, text } from "./store.js";

/** Three stores; that at the root has things where mounts are, and lacks others. */
function sample() {
  const root = new MemoryFileSystem({
    files: { "/f": "root", "/archive/hidden": "h", "/way/file": "w", "/taken": "a file" },
    maxBytes: 1000,
  });
  const archive = new MemoryFileSystem({ files: { "/2025/a": "archived" }, maxBytes: 500 });
  const deep = new MemoryFileSystem({ files: { "/d": "deep" } });
  const store = mounted({
    "/": root,
    "/archive": archive,
    "/archive/2025/x": deep,
    "/way/a": deep,
    "/taken/b/c": deep,
  });
  return { store, root, archive, deep };
}

async function codes(operations: Readonly<Record<string, () => Promise<unknown>>>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, run] of Object.entries(operations))
    found[name] = await run().then(
      () => "done",
      (error: FileSystemError) => error.code,
    );
  return found;
}

suite("mounted: whose path it is", () => {
  test("the longest mount point wins, and a mount hides what lies under it", async () => {
    const { store, root, archive, deep } = sample();
    assert.equal(await text(store, "/f"), "root");
    assert.equal(await text(store, "/archive/2025/a"), "archived");
    assert.equal(await text(store, "/archive/2025/x/d"), "deep");
    await refused("ENOENT", store.stat(at("/archive/hidden")), "/archive/hidden");
    await refused("ENOENT", store.stat(at("/archived")), "/archived");
    await put(store, "/archive/new", "1");
    await put(store, "/way/a/new", "2");
    await put(store, "/way/new", "3");
    assert.equal(await text(archive, "/new"), "1");
    assert.equal(await text(deep, "/new"), "2");
    assert.equal(await text(root, "/way/new"), "3");
    assert.equal(await text(root, "/archive/hidden"), "h", "untouched");
  });

  test("listings merge: each name once, directories where mounts are", async () => {
    const { store } = sample();
    const listed: string[] = [];
    for await (const { name, type } of store.list(at("/"))) listed.push(`${type} ${name}`);
    assert.deepEqual(listed.sort(), ["directory archive", "directory taken", "directory way", "file f"]);
    assert.deepEqual(await names(store, "/way"), ["a", "file"]);
    assert.deepEqual(await names(store, "/archive"), ["2025"]);
    assert.deepEqual(await names(store, "/archive/2025"), ["a", "x"]);
    assert.deepEqual(await names(store, "/taken"), ["b"], "a file of the store below");
    assert.deepEqual(await names(store, "/taken/b"), ["c"]);
    assert.deepEqual(await names(store, "/taken/b/c"), ["d"]);
    const way = (await entries(store)).get("way");
    assert.ok(way?.modified, "a real directory keeps its facts");
    assert.equal((await entries(store)).get("archive")?.modified, undefined, "its store is not asked");
  });

  test("what stands fast can be looked at, whatever the store below has there", async () => {
    const { store } = sample();
    for (const path of ["/", "/archive", "/taken", "/taken/b", "/taken/b/c", "/way", "/archive/2025/x"]) {
      const { name, type, size } = await store.stat(at(path));
      assert.deepEqual(
        { name, type, size },
        { name: path.slice(path.lastIndexOf("/") + 1), type: "directory", size: 0 },
      );
      await refused("EISDIR", store.openRead(at(path)), path);
    }
    await refused("ENOENT", entries(store, "/way/none"), "/way/none");
    await refused("ENOTDIR", entries(store, "/f"), "/f");
  });

  test("without a store at the root there are only ways to the mounts", async () => {
    const inner = new MemoryFileSystem({ files: { "/f": "x" } });
    const store = mounted({ "/in/a": inner, "/out": undefined });
    assert.deepEqual(await names(store), ["in"]);
    assert.deepEqual(await names(store, "/in"), ["a"]);
    assert.deepEqual(await names(store, "/in/a"), ["f"]);
    assert.equal((await store.stat(at("/"))).name, "");
    for (const path of ["/new", "/in/new"]) {
      await refused("EROFS", store.openWrite(at(path), { mode: "replace" }), path);
      await refused("EROFS", store.makeDirectory(at(path)), path);
      await refused("ENOENT", store.stat(at(path)), path);
      await refused("ENOENT", store.remove(at(path)), path);
      await refused("ENOENT", entries(store, path), path);
    }
    await refused("ENOENT", store.makeDirectory(at("/none/new")), "/none/new");
    await refused("ENOSYS", store.availableSpace(at("/in")), "/in");
    assert.deepEqual(await names(mounted({})), []);
  });

  test("a store whose folder is gone does not hide the mounts in it", async () => {
    const archive = new MemoryFileSystem({ files: { "/a": "x" } });
    await using folder = await temporaryDirectory();
    const gone = new LocalFileSystem(`${folder.path}/gone`);
    const store = mounted({ "/": gone, "/archive": archive, "/lost": gone });
    assert.deepEqual(await names(store), ["archive", "lost"]);
    assert.equal((await store.stat(at("/"))).type, "directory");
    await refused("ENOENT", entries(store, "/lost"), "/lost");
  });

  test("a listing that breaks off is not taken for a whole one", async () => {
    class Vanishing extends MemoryFileSystem {
      override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
        yield { name: "first", type: "file", size: 0 };
        throw new FileSystemError("ENOENT", path);
      }
    }
    const store = mounted({ "/": new Vanishing(), "/a": new MemoryFileSystem() });
    await refused("ENOENT", entries(store), "/");
  });

  test("a fault of a store is not taken for its having nothing", async () => {
    class Broken extends MemoryFileSystem {
      override stat(): Promise<never> {
        return Promise.reject(new Error("out of order"));
      }
      override async *list(): AsyncGenerator<FileInfo> {
        yield await this.stat();
      }
    }
    const store = mounted({ "/": new Broken(), "/a": new MemoryFileSystem() });
    await assert.rejects(store.stat(at("/")), /out of order/);
    await assert.rejects(entries(store), /out of order/);
    assert.deepEqual(await names(store, "/a"), []);
  });
});

suite("mounted: what stands fast", () => {
  test("mount points and the ways to them cannot be made, written to, removed or renamed", async () => {
    for (const path of ["/archive", "/way", "/taken", "/taken/b", "/archive/2025"]) {
      const { store, root, archive } = sample();
      const { setTimes, setMode, renameTo, ...found } = await codes({
        ...everyChange(store, path),
        renameTo: () => store.rename(at("/f"), at(path), { overwrite: true }),
      });
      assert.deepEqual(found, {
        replace: "EISDIR",
        exclusive: "EEXIST",
        append: "EISDIR",
        at: "EISDIR",
        remove: "EISDIR",
        makeDirectory: "EEXIST",
        removeDirectory: "EACCES",
        renameFrom: "EACCES",
      });
      assert.equal(renameTo, "EEXIST");
      const isMount = path === "/archive";
      assert.deepEqual([setTimes, setMode], isMount ? ["done", "done"] : ["EACCES", "EACCES"]);
      assert.deepEqual(await names(root), ["archive", "f", "taken", "way"]);
      assert.deepEqual(await names(archive), ["2025"]);
    }
  });

  test("renaming stays in one store; another one is EACCES, and nothing has moved", async () => {
    const { store, archive, deep } = sample();
    await store.rename(at("/archive/2025/a"), at("/archive/b"));
    assert.equal(await text(archive, "/b"), "archived");
    for (const to of ["/b", "/archive/2025/x/b", "/way/a/b"])
      await refused("EACCES", store.rename(at("/archive/b"), at(to)), to);
    await refused("EACCES", store.rename(at("/way/a/d"), at("/archive/2025/x/e")), "/archive/2025/x/e");
    await refused("ENOENT", store.rename(at("/archive/none"), at("/archive/c")), "/archive/none");
    assert.deepEqual(await names(archive), ["2025", "b"]);
    assert.deepEqual(await names(deep), ["d"]);
  });
});

suite("mounted: what is told", () => {
  test("errors carry the path of the whole tree, and the store's own as cause", async () => {
    const { store } = sample();
    const error = await refused("ENOENT", store.stat(at("/archive/none")), "/archive/none");
    assert.equal((error.cause as FileSystemError).path, "/none");
    await refused("EEXIST", store.rename(at("/archive/2025/a"), at("/archive/2025")), "/archive/2025");
    await put(store, "/archive/b", "b");
    await refused("EEXIST", store.rename(at("/archive/2025/a"), at("/archive/b")), "/archive/b");
    const late = await begin(store, "/archive/late", "x", { mode: "exclusive" });
    await put(store, "/archive/late", "y");
    await refused("EEXIST", late.commit(), "/archive/late");
    const full = await begin(store, "/archive/full", "x");
    await refused("ENOSPC", full.write([Buffer.alloc(2000)]), "/archive/full");
    await full.abort();
    for (const path of ["/..", "/archive/../f", "f", "/archive//a"])
      await refused("EINVAL", store.stat(at(path)), path);
  });

  test("unique facts of two stores never meet, those of one stay the same at each place", async () => {
    const { store } = sample();
    const [file, archived] = [await store.stat(at("/f")), await store.stat(at("/archive/2025"))];
    assert.ok(file.unique && archived.unique);
    assert.equal(new Set([file.unique, archived.unique, (await store.stat(at("/way/a/d"))).unique]).size, 3);
    const one = (await store.stat(at("/way/a/d"))).unique;
    assert.equal((await store.stat(at("/taken/b/c/d"))).unique, one);
    assert.equal((await entries(store, "/way/a")).get("d")?.unique, one);
    await using reader = await store.openRead(at("/way/a/d"));
    assert.equal(reader.info.unique, one);
  });

  test("absolute targets of links are those of the whole tree", async () => {
    class Linked extends MemoryFileSystem {
      override async *list() {
        for (const target of ["/d/e", "/", "d"]) yield { name: "l", type: "link", size: 0, target } as const;
      }
    }
    const shown: (string | undefined)[] = [];
    for await (const { target } of mounted({ "/a": new Linked() }).list(at("/a"))) shown.push(target);
    assert.deepEqual(shown, ["/a/d/e", "/a", "d"]);
  });

  test("supports() asks the store of the path, or any of them", async () => {
    const full = new MemoryFileSystem({ maxBytes: 9 });
    const store = mounted({ "/": readOnly(full), "/in": full });
    assert.equal(store.supports("openWrite"), true);
    assert.equal(store.supports("openWrite", at("/")), false);
    assert.equal(store.supports("openWrite", at("/in/x")), true);
    assert.equal(await store.availableSpace(at("/in")), 9);
    const bare = mounted({ "/in": readOnly(full) });
    assert.equal(bare.supports("openWrite"), false);
    assert.equal(bare.supports("list", at("/")), true);
    assert.equal(bare.supports("makeDirectory", at("/")), false);
    assert.equal(mounted({}).supports("list"), true);
    assert.equal(mounted({}).supports("openRead"), false);
  });

  test("wrong paths and stores are told at once", () => {
    const store = new MemoryFileSystem();
    for (const path of ["", "a", "/a/", "/a//b", "/a/../b", "/.", "/a\0", "/a\n", "/\uD800", "/ok/\uDC41"])
      assert.throws(() => mounted({ [path]: store }), TypeError, JSON.stringify(path));
    assert.throws(() => mounted({ "/a": {} as FileSystem }), /mounted: what is at \/a must be a FileSystem/);
    assert.ok(mounted({ "/ä b": store }) instanceof FileSystem);
  });
});

suite("mounted: over FTP", () => {
  test("LIST shows mounts, uploads land in their stores, RNTO across mounts is refused", async () => {
    const { store, archive } = sample();
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    assert.match((await download(client, "LIST")).bytes.toString(), /^d.* archive\r$/m);
    assert.match((await download(client, "MLSD")).bytes.toString(), /^type=dir;.* archive\r$/im);
    await client.expect("CWD /archive", 250);
    await upload(client, "STOR sent", "by FTP");
    assert.equal(await text(archive, "/sent"), "by FTP");
    await client.expect("RNFR sent", 350);
    await client.expect("RNTO /sent", 553);
    await client.expect("RNFR sent", 350);
    await client.expect("RNTO 2025/sent", 250);
    await client.expect("RMD /archive/2025/x", 550);
    await client.expect("RNFR /archive", 350);
    await client.expect("RNTO /elsewhere", 550, 553);
    await client.expect("DELE /archive", 550);
    await client.expect("MKD /taken", 550);
    assert.deepEqual(await names(archive, "/2025"), ["a", "sent"]);
  });
});
