/** What `LocalFileSystem` is told, and what it keeps to itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join, relative } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { refusal } from "../../dist/adapters/local/refusal.js";
import { LocalFileSystem, type LocalFileSystemOptions } from "../../dist/adapters/local-file-system.js";
import { decodeText, encodeText } from "../../dist/storage/names.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { at, begin, bytes, entries, everyLookup, everyOperation, names, put, refused, text } from "../storage/store.js";
import { folder, withoutDescriptors } from "./folder.js";

suite("LocalFileSystem: options", () => {
  test("mistakes are told at once", () => {
    assert.throws(() => new LocalFileSystem(""), TypeError);
    assert.throws(() => new LocalFileSystem(7 as unknown as string), TypeError);
    const wrong = [{ symlinks: "follow" }, { dotFiles: "deny" }, { durable: "yes" }] as unknown[];
    for (const options of wrong)
      assert.throws(() => new LocalFileSystem("/", options as LocalFileSystemOptions), RangeError);
  });

  test("a root that is missing is ENOENT for every operation, and served once it is there", async () => {
    await using made = await folder();
    const root = join(made.outside, "late");
    const store = new LocalFileSystem(root);
    for (const run of Object.values(everyOperation(store, "/a"))) {
      const error = await refused("ENOENT", run());
      assert.match(error.message, /root folder/);
    }
    await mkdir(root);
    await put(store, "/a", "x");
    assert.equal(await readFile(join(root, "a"), "utf8"), "x");
  });

  test("a root that is a file has no entries", async () => {
    await using made = await folder();
    await writeFile(join(made.root, "f"), "x");
    const store = new LocalFileSystem(join(made.root, "f"));
    await refused("ENOTDIR", entries(store), "/");
    await refused("ENOTDIR", store.stat(at("/x")), "/x");
  });

  test("a relative root is that of the moment of construction", async () => {
    await using made = await folder();
    const store = new LocalFileSystem(relative(process.cwd(), made.root));
    const before = process.cwd();
    try {
      process.chdir(made.outside);
      await put(store, "/a", "x");
    } finally {
      process.chdir(before);
    }
    assert.deepEqual(await readdir(made.root), ["a"]);
  });

  test("S16.5 S16.6 hidden dot files are listed nowhere and missing for everything", async () => {
    await using made = await folder({ dotFiles: "hide" });
    const { store, root } = made;
    await mkdir(join(root, ".secret"));
    await writeFile(join(root, ".secret", "key"), "secret");
    await writeFile(join(root, ".profile"), "secret");
    await symlink(".secret/key", join(root, "link"));
    await symlink(".secret", join(root, "directory"));
    await put(store, "/present", "x");
    assert.deepEqual(await names(store), ["directory", "link", "present"]);
    for (const path of ["/.profile", "/.secret", "/.secret/key", "/.none", "/directory/key"])
      for (const run of Object.values(everyOperation(store, path))) await refused("ENOENT", run(), path);
    for (const path of ["/link", "/directory"])
      for (const run of Object.values(everyLookup(store, path))) await refused("ENOENT", run(), path);
    assert.equal(await readFile(join(root, ".profile"), "utf8"), "secret");
    assert.deepEqual((await readdir(root)).sort(), [".profile", ".secret", "directory", "link", "present"]);
  });

  test("dot files are shown by default", async () => {
    await using made = await folder();
    await put(made.store, "/.profile", "x");
    assert.deepEqual(await names(made.store), [".profile"]);
  });

  test("uploads on their way are invisible and cannot be named", async () => {
    await using made = await folder();
    const { store, root } = made;
    await put(store, "/present", "x");
    const handle = await begin(store, "/new", "content");
    const temporary = (await readdir(root)).find((name) => name.startsWith(".portside-")) ?? "";
    assert.match(temporary, /^\.portside-[0-9a-f]{24}\.part$/);
    await symlink(temporary, join(root, "link"));
    assert.deepEqual(await names(store), ["link", "present"]);
    for (const name of [temporary, temporary.toUpperCase()])
      for (const run of Object.values(everyOperation(store, `/${name}`))) await refused("ENOENT", run(), `/${name}`);
    await refused("ENOENT", store.openRead(at("/link")), "/link");
    await handle.commit();
    assert.deepEqual((await readdir(root)).sort(), ["link", "new", "present"]);
  });

  test("durable uploads are committed like others", async () => {
    await using made = await folder({ durable: true });
    for (const mode of ["replace", "append", "exclusive"] as const) await put(made.store, `/${mode}`, "x", { mode });
    assert.deepEqual(await names(made.store), ["append", "exclusive", "replace"]);
  });
});

suite("LocalFileSystem: the disk", () => {
  test("S16.4 errors of the disk have our codes; host paths are in the cause alone", async () => {
    const table = [
      ["EPERM", "EACCES"],
      ["EXDEV", "EACCES"],
      ["EMFILE", "EBUSY"],
      ["EFBIG", "ENOSPC"],
      ["EILSEQ", "EINVAL"],
      ["ELOOP", "ELOOP"],
      ["EDQUOT", "EDQUOT"],
      ["EBADF", "EIO"],
      ["ESTALE", "EIO"],
    ] as const;
    for (const [code, expected] of table) {
      const cause = Object.assign(new Error(`${code}: trouble with '/srv/host/path'`), { code });
      const error = refusal(cause, at("/a"));
      assert.deepEqual([error.code, error.path, error.cause], [expected, "/a", cause]);
      assert.doesNotMatch(error.message, /srv/);
    }
    assert.equal(refusal("text", at("/a")).code, "EIO");
    await using made = await folder();
    const error = await refused("ENOENT", made.store.remove(at("/none")), "/none");
    assert.match((error.cause as Error).message, /ENOENT/);
  });

  test("S1.17 names and paths that are too long are ENAMETOOLONG", async () => {
    await using made = await folder();
    const { store } = made;
    await put(store, "/present", "x");
    const name = `/${"x".repeat(256)}`;
    for (const [operation, run] of Object.entries(everyOperation(store, name)))
      await refused("ENAMETOOLONG", run(), operation === "renameFrom" ? undefined : name);
    const path = `/${"x".repeat(200)}`.repeat(21);
    await refused("ENAMETOOLONG", store.stat(at(path)), path);
  });

  test("S1.17 128 directories deep", async () => {
    await using made = await folder();
    let path = "";
    for (let depth = 0; depth < 128; depth++) await made.store.makeDirectory(at((path += "/d")));
    await put(made.store, `${path}/f`, "x");
    assert.equal(await text(made.store, `${path}/f`), "x");
  });

  test("S1.18 any bytes that a name can have come back as the same bytes", async () => {
    await using made = await folder();
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 60 })
      .map((raw) => raw.filter((byte) => byte !== 0 && byte !== 0x0a && byte !== 0x0d && byte !== 0x2f))
      .filter((raw) => raw.length > 0 && !["", ".", ".."].includes(decodeText(raw)));
    const property = fc.asyncProperty(name, async (raw) => {
      const path = `/${decodeText(raw)}`;
      await put(made.store, path, raw);
      const [listed] = await names(made.store);
      assert.deepEqual(Buffer.from(encodeText(listed ?? "")), Buffer.from(raw));
      assert.deepEqual(await readdir(made.root, "buffer"), [Buffer.from(raw)]);
      assert.deepEqual(await bytes(made.store, path), Buffer.from(raw));
      await made.store.remove(at(path));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  test("names that FTP cannot carry are not listed", async () => {
    await using made = await folder();
    for (const name of ["cr\rlf", "lf\nlf", "fine"]) await writeFile(join(made.root, name), "");
    assert.deepEqual(await names(made.store), ["fine"]);
  });

  test("owner, group, links, mode and times are those of the disk", async () => {
    await using made = await folder();
    const path = join(made.root, "f");
    await writeFile(path, "x");
    await chmod(path, 0o4751);
    await utimes(path, 1, 1_000_000_000);
    const host = await stat(path, { bigint: true });
    const info = await made.store.stat(at("/f"));
    assert.deepEqual(
      [info.owner, info.group, info.links, info.mode],
      [String(host.uid), String(host.gid), 1, 0o751],
      "no bits beyond the nine",
    );
    assert.deepEqual(info.modified, new Date(1_000_000_000_000));
    assert.deepEqual(info.created, host.birthtime);
    await made.store.setTimes(at("/f"), { modified: new Date(5000) });
    // Later versions of Node keep the half microsecond that the others cut off.
    assert.equal(Math.floor((await stat(path)).atimeMs), 1000, "the time of the last reading stays");
  });

  test("S16.5 unique tells nothing of the host and is the same for every instance", async () => {
    await using made = await folder();
    await put(made.store, "/f", "x");
    const { unique = "" } = await made.store.stat(at("/f"));
    assert.match(unique, /^[\w-]{22}$/);
    assert.equal((await new LocalFileSystem(made.root).stat(at("/f"))).unique, unique);
    const { ino } = await stat(join(made.root, "f"));
    const block = Buffer.from(unique, "base64url");
    assert.ok(!block.includes(Buffer.from(ino.toString(16))) && block.readBigUInt64LE(8) !== BigInt(ino));
  });

  test("new files follow the umask, replaced ones keep their mode", async () => {
    await using made = await folder();
    const before = process.umask(0o027);
    try {
      await put(made.store, "/new", "x");
      await made.store.makeDirectory(at("/d"));
      await writeFile(join(made.root, "old"), "x");
      await chmod(join(made.root, "old"), 0o666);
      await put(made.store, "/old", "y");
      await put(made.store, "/old", "z", { mode: "at", start: 0 });
    } finally {
      process.umask(before);
    }
    const modes = [...(await entries(made.store)).values()].map(({ name, mode }) => [name, mode]);
    assert.deepEqual(modes, [
      ["d", 0o750],
      ["new", 0o640],
      ["old", 0o666],
    ]);
  });

  test("the upload over a private file is private from its first byte", async () => {
    await using made = await folder();
    await put(made.store, "/secret", "old");
    await made.store.setMode(at("/secret"), 0o600);
    await using _handle = await begin(made.store, "/secret", "new");
    const modes = (await readdir(made.root)).map(async (name) => (await stat(join(made.root, name))).mode & 0o777);
    assert.deepEqual(await Promise.all(modes), [0o600, 0o600]);
  });

  test("a replaced file keeps its owner where this process may give files away", async (context) => {
    if (process.getuid?.() !== 0) return context.skip("needs root");
    await using made = await folder();
    for (const name of ["replaced", "resumed", "grown"]) {
      await writeFile(join(made.root, name), "old");
      await chown(join(made.root, name), 1234, 4321);
    }
    await put(made.store, "/replaced", "new");
    await put(made.store, "/resumed", "new", { mode: "at", start: 1 });
    await put(made.store, "/grown", "new", { mode: "append" });
    for (const { name, owner, group } of (await entries(made.store)).values())
      assert.deepEqual([owner, group], ["1234", "4321"], name);
  });

  test("availableSpace is what the disk has", async () => {
    await using made = await folder();
    const free = await made.store.availableSpace(at("/"));
    const told = Number(execFileSync("df", ["--output=avail", "-B1", made.root]).toString().split("\n")[1]);
    assert.ok(Math.abs(free - told) < 2 ** 30, `${free} and ${told}`);
    await refused("ENOENT", made.store.availableSpace(at("/none")), "/none");
    assert.equal(made.store.supports("availableSpace"), true);
  });

  test("what this process may not do is EACCES, also replacing a file that it may not write", async (context) => {
    if (process.getuid?.() !== 0) return context.skip("needs root, to give root up for a moment");
    await using made = await folder();
    const { root, store } = made;
    await chmod(join(root, ".."), 0o755);
    for (const path of ["closed", "open"]) await mkdir(join(root, path));
    await writeFile(join(root, "open", "f"), "content");
    await writeFile(join(root, "closed", "f"), "content");
    await chmod(join(root, "open"), 0o777);
    await chmod(join(root, "open", "f"), 0o444);
    await chmod(join(root, "closed"), 0o700);
    await chmod(join(root, "closed", "f"), 0o600);
    process.seteuid?.(65_534);
    try {
      for (const mode of ["replace", "append"] as const)
        await refused("EACCES", store.openWrite(at("/open/f"), { mode }), "/open/f");
      await refused("EACCES", store.openWrite(at("/open/f"), { mode: "at", start: 2 }), "/open/f");
      await refused("EACCES", store.openRead(at("/closed/f")), "/closed/f");
      await refused("EACCES", entries(store, "/closed"), "/closed");
      await refused("EACCES", store.makeDirectory(at("/d")), "/d");
      await refused("EACCES", store.rename(at("/open/f"), at("/closed/f")), "/closed/f");
      await refused("EACCES", store.setMode(at("/open/f"), 0o777), "/open/f");
      assert.equal(await text(store, "/open/f"), "content");
      await put(store, "/open/mine", "x");
      assert.deepEqual(await names(store, "/open"), ["f", "mine"]);
    } finally {
      process.seteuid?.(0);
    }
    assert.deepEqual((await readdir(join(root, "open"))).sort(), ["f", "mine"]);
  });

  for (const [title, make] of [
    ["by descriptors", (root: string) => new LocalFileSystem(root)],
    ["by paths", (root: string) => withoutDescriptors(() => new LocalFileSystem(root))],
  ] as const) {
    test(`nothing stays open, ${title}: after success, refusal, abort and leaving early`, async () => {
      await using made = await folder();
      const store = make(await realpath(made.root));
      await reset(made.root);
      await store.stat(at("/"));
      await assertNoLeaks(async () => {
        for (const path of ["/present", "/d", "/none", "/", "/present/x", "/.portside-0.part", "bad"]) {
          for (const run of Object.values(everyOperation(store, path))) {
            const result = await run().catch(() => undefined);
            const handle = result as { close?: () => Promise<void>; abort?: () => Promise<void> } | undefined;
            await handle?.close?.();
            await handle?.abort?.();
            await reset(made.root);
          }
        }
        for await (const entry of store.list(at("/"))) if (entry.name !== "") break;
        await text(store, "/present");
        await (await begin(store, "/present", "x", { mode: "append" })).commit();
        await (await begin(store, "/present", "x", { mode: "at", start: 3 })).abort();
        const lost = await begin(store, "/d/x", "x", { mode: "exclusive" });
        await put(store, "/d/x", "y");
        await refused("EEXIST", lost.commit());
      });
    });
  }
});

/** A file `present` and an empty directory `d`, and nothing else. */
async function reset(root: string): Promise<void> {
  for (const name of await readdir(root)) await rm(join(root, name), { recursive: true });
  await writeFile(join(root, "present"), "0123456789");
  await mkdir(join(root, "d"));
}
