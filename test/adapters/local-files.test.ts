/** Files that are not what they seem: FIFOs, sockets, devices, holes, files that shrink, files beyond 4 GiB. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstat, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { bytesOf, within } from "../kit/temporary.js";
import { at, begin, bytes, entries, everyOperation, names, put, refused, text } from "../storage/store.js";
import { folder, withoutDescriptors } from "./folder.js";

suite("LocalFileSystem: special files", { skip: process.platform === "win32" && "Windows has none" }, () => {
  for (const [title, make] of [
    ["by descriptors", (root: string) => new LocalFileSystem(root)],
    ["by paths", (root: string) => withoutDescriptors(() => new LocalFileSystem(root))],
  ] as const) {
    test(`S1.15 FIFOs and sockets are not listed and refused at once, ${title}`, async () => {
      await using made = await folder();
      const store = make(made.root);
      await put(store, "/present", "x");
      execFileSync("mkfifo", [join(made.root, "fifo")]);
      const server = createServer().listen(join(made.root, "socket"));
      await new Promise((resolve) => server.once("listening", resolve));
      try {
        assert.deepEqual(await names(store), ["present"]);
        for (const name of ["fifo", "socket"]) {
          const codes: Record<string, unknown> = {};
          for (const [operation, run] of Object.entries(everyOperation(store, `/${name}`)))
            codes[operation] = (await within(refusalOf(run()), operation, 2000)).code;
          assert.deepEqual(codes, {
            stat: "EACCES",
            list: "ENOTDIR",
            openRead: "EACCES",
            checksum: "EACCES",
            replace: "EACCES",
            exclusive: "EEXIST",
            append: "EACCES",
            at: "EACCES",
            remove: "EACCES",
            makeDirectory: "EEXIST",
            removeDirectory: "ENOTDIR",
            renameFrom: "EACCES",
            renameTo: "EEXIST",
            setTimes: "EACCES",
            setMode: "EACCES",
          });
          await refused("EACCES", store.rename(at("/present"), at(`/${name}`), { overwrite: true }));
        }
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
      assert.equal((await lstat(join(made.root, "fifo"))).isFIFO(), true);
    });

    test(`S1.15 S18.7 twenty FIFOs at a time hold no thread of the pool, ${title}`, async () => {
      await using made = await folder();
      const store = make(made.root);
      await put(store, "/present", "x");
      const fifos = Array.from({ length: 20 }, (_, index) => join(made.root, `fifo${index}`));
      execFileSync("mkfifo", fifos);
      const opened = fifos.flatMap((_, index) => [
        refused("EACCES", store.openRead(at(`/fifo${index}`))),
        refused("EACCES", store.openWrite(at(`/fifo${index}`), { mode: "append" })),
      ]);
      assert.equal(await within(text(store, "/present"), "a read beside them", 2000), "x");
      await within(Promise.all(opened), "the refusals", 2000);
    });
  }

  test("S1.15 links to devices and to /proc are missing, also in a store of the whole host", async () => {
    await using made = await folder();
    for (const [name, target] of [
      ["zero", "/dev/zero"],
      ["memory", "/proc/self/mem"],
      ["environment", "/proc/self/environ"],
      ["root", "/proc/self/root"],
      ["descriptors", "/proc/self/fd"],
    ] as const) {
      await symlink(target, join(made.root, name));
      await refused("ENOENT", within(made.store.openRead(at(`/${name}`)), name, 2000), `/${name}`);
      await refused("ENOENT", entries(made.store, `/${name}`), `/${name}`);
    }
    await refused("ENOENT", made.store.openRead(at("/root/etc/passwd")));
    const host = new LocalFileSystem("/");
    for (const path of ["/dev/zero", join(made.root, "zero")]) await refused("EACCES", host.openRead(at(path)), path);
  });
});

suite("LocalFileSystem: bytes", () => {
  test("S16.7 a hole is read as zeros, never as what memory held before", async () => {
    await using made = await folder();
    const dirt = Array.from({ length: 64 }, () => Buffer.alloc(262_144, 0xaa));
    dirt.length = 0;
    await writeFile(join(made.root, "hole"), "");
    await truncate(join(made.root, "hole"), 5_000_001);
    const read = await bytes(made.store, "/hole");
    assert.equal(read.length, 5_000_001);
    assert.ok(read.every((byte) => byte === 0));
  });

  test("S16.7 a file that shrinks while it is read is an error, and no bytes are made up", async () => {
    await using made = await folder();
    const content = bytesOf(1_000_000);
    await put(made.store, "/a", content);
    await using handle = await made.store.openRead(at("/a"));
    const chunks: Uint8Array[] = [];
    const read = async () => {
      for await (const chunk of handle.body) {
        chunks.push(chunk);
        if (chunks.length === 1) await truncate(join(made.root, "a"), 300_000);
      }
    };
    await refused("EIO", read(), "/a");
    assert.ok(Buffer.concat(chunks).equals(content.subarray(0, 300_000)));
  });

  test("a file of no size in /proc has no bytes, and does not fail", async () => {
    const host = new LocalFileSystem("/");
    assert.equal(await text(host, "/proc/version"), "");
  });

  test("offsets past 2^32: read, append, resume and cut back", async () => {
    await using made = await folder();
    const { store, root } = made;
    const size = 5 * 2 ** 30;
    await writeFile(join(root, "large"), "");
    await truncate(join(root, "large"), size);
    await put(store, "/large", "tail", { mode: "append" });
    assert.equal((await store.stat(at("/large"))).size, size + 4);
    assert.equal(await text(store, "/large", { start: size - 2 }), "\0\0tail");
    assert.equal(await text(store, "/large", { start: 2 ** 32 + 1, end: 2 ** 32 + 3 }), "\0\0");
    const resumed = await begin(store, "/large", "more", { mode: "at", start: size + 4 });
    assert.equal(resumed.offset, size + 4);
    await resumed.abort();
    assert.equal((await store.stat(at("/large"))).size, size + 4);
    await refused("ERANGE", store.openRead(at("/large"), { start: size + 5 }), "/large");
  });

  test("a thousand chunks in one write", async () => {
    await using made = await folder();
    const content = bytesOf(2500 * 7);
    const handle = await made.store.openWrite(at("/a"), { mode: "replace" });
    await handle.write(Array.from({ length: 2500 }, (_, index) => content.subarray(index * 7, index * 7 + 7)));
    await handle.write([]);
    await handle.commit();
    assert.ok((await readFile(join(made.root, "a"))).equals(content));
  });

  test("writes that are not waited for stay in order, and commit waits for them", async () => {
    await using made = await folder();
    const handle = await made.store.openWrite(at("/a"), { mode: "replace" });
    const writes = Array.from({ length: 20 }, (_, index) => handle.write([Buffer.from(`${index};`)]));
    await handle.commit();
    await Promise.all(writes);
    assert.equal(await text(made.store, "/a"), writes.map((_, index) => `${index};`).join(""));
  });

  test("a full disk is ENOSPC, a failed write cannot be committed, and nothing is left", async (context) => {
    if (process.platform !== "linux") return context.skip("needs prlimit");
    await using made = await folder();
    const script = `
      import { LocalFileSystem } from "${new URL("../../dist/adapters/local-file-system.js", import.meta.url).href}";
      process.on("SIGXFSZ", () => undefined);
      const store = new LocalFileSystem(${JSON.stringify(made.root)});
      const handle = await store.openWrite("/a", { mode: "replace" });
      const codes = [];
      await handle.write([Buffer.alloc(3_000_000)]).catch((error) => codes.push(error.code));
      await handle.commit().catch((error) => codes.push(error.code));
      process.stdout.write(codes.join());
    `;
    const node = [process.execPath, "--input-type=module", "--eval", script];
    assert.equal(execFileSync("prlimit", ["--fsize=1000000", ...node]).toString(), "ENOSPC,ENOSPC");
    assert.deepEqual(await readdir(made.root), []);
  });

  test("an append in place locks the file for every instance of this process, whichever name leads to it", async () => {
    await using made = await folder();
    const { store, root } = made;
    await mkdir(join(root, "d"));
    await put(store, "/d/log", "old");
    await symlink("d/log", join(root, "link"));
    const other = new LocalFileSystem(join(root, "d"));
    const first = await begin(store, "/link", "+", { mode: "append" });
    assert.equal(await text(other, "/log"), "old+", "in place: readers see it grow");
    await refused("EBUSY", other.openWrite(at("/log"), { mode: "append" }), "/log");
    await refused("EBUSY", other.openWrite(at("/log"), { mode: "at", start: 4 }), "/log");
    await first.abort();
    await put(other, "/log", "!", { mode: "append" });
    assert.equal(await text(store, "/link"), "old!");
  });

  test("a long prefix is copied only as long as somebody waits", async () => {
    await using made = await folder();
    await writeFile(join(made.root, "large"), "");
    await truncate(join(made.root, "large"), 2 ** 34);
    const controller = new AbortController();
    const reason = new Error("ABOR");
    const opening = made.store.openWrite(at("/large"), { mode: "at", start: 2 ** 33, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(within(opening, "S12.3 the copy ends", 2000), reason);
    assert.deepEqual(await readdir(made.root), ["large"]);
    assert.equal((await made.store.stat(at("/large"))).size, 2 ** 34);
  });
});

async function refusalOf(operation: Promise<unknown>): Promise<NodeJS.ErrnoException> {
  return operation.then(
    () => assert.fail("it was not refused"),
    (error: NodeJS.ErrnoException) => error,
  );
}
