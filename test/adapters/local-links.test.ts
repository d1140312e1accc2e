/** Links: inside they are ways, outside they are walls, and nobody can tell a wall from nothing. */
import assert from "node:assert/strict";
import { chmod, link, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { at, entries, everyLookup, everyOperation, names, put, refused, text } from "../storage/store.js";
import { type Folder, folder, withoutDescriptors } from "./folder.js";

/** A folder with a link of every kind. `out` and its like lead to what exists outside, `gone` to what does not. */
async function linked(options?: Parameters<typeof folder>[0]): Promise<Folder> {
  const made = await folder(options);
  const { root, outside } = made;
  await mkdir(join(outside, "closed"), { mode: 0o000 });
  await writeFile(join(outside, "canary"), "canary");
  await mkdir(join(root, "d"));
  await writeFile(join(root, "d", "f"), "inside");
  const links = {
    out: outside,
    outFile: join(outside, "canary"),
    outRelative: "../outside/canary",
    outParent: "..",
    outAndIn: "../root/d/f",
    outMissing: join(outside, "none"),
    outClosed: join(outside, "closed/x"),
    outNotDirectory: join(outside, "canary/x"),
    chain: "out",
    chainFile: "outFile",
    gone: "none",
    loop: "loop",
    loopA: "loopB",
    loopB: "loopA",
    self: ".",
    inFile: "d/f",
    inDirectory: "d",
    inAbsolute: join(root, "d"),
    inChain: "inFile",
    "d/up": "../d",
  };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
  return made;
}

const WALLS = ["out", "outFile", "outRelative", "outParent", "outMissing", "outClosed", "outNotDirectory", "chain"];
const BROKEN = [...WALLS, "chainFile", "gone", "loop", "loopA", "loopB"];

async function canaryIsWell({ outside }: Folder): Promise<void> {
  assert.deepEqual((await readdir(outside)).sort(), ["canary", "closed"]);
  assert.equal(await readFile(join(outside, "canary"), "utf8"), "canary");
}

/** Everything that follows a link is refused in the same way, whatever is behind it. */
async function assertWalls(made: Folder, store: LocalFileSystem, walls: readonly string[]): Promise<void> {
  for (const name of walls) {
    const path = `/${name}`;
    for (const run of Object.values(everyLookup(store, path))) await refused("ENOENT", run(), path);
    await refused("ENOENT", store.setTimes(at(path), { modified: new Date(0) }), path);
    await refused("ENOENT", store.setMode(at(path), 0o777), path);
    await refused("ENOENT", store.availableSpace(at(path)), path);
    await refused("EACCES", store.openWrite(at(path), { mode: "replace" }), path);
    await refused("EACCES", store.openWrite(at(path), { mode: "append" }), path);
    await refused("EEXIST", store.openWrite(at(path), { mode: "exclusive" }), path);
    await refused("EEXIST", store.makeDirectory(at(path)), path);
    await refused("ENOTDIR", store.removeDirectory(at(path)), path);
    for (const below of ["canary", "none", "closed/x", "canary/x", "root/d/f"])
      for (const run of Object.values(everyOperation(store, `${path}/${below}`)))
        await refused("ENOENT", run(), `${path}/${below}`);
  }
  await canaryIsWell(made);
}

suite("LocalFileSystem: links", () => {
  test("S1.3 S16.6 links that lead out, nowhere or in circles are missing, for every operation", async () => {
    await using made = await linked();
    await put(made.store, "/present", "x");
    await assertWalls(made, made.store, BROKEN);
  });

  test("S1.3 S16.6 the same without /proc/self/fd", async () => {
    await using made = await linked();
    const store = withoutDescriptors(() => new LocalFileSystem(made.root));
    await put(store, "/present", "x");
    await assertWalls(made, store, BROKEN);
    assert.equal(await text(store, "/inDirectory/f"), "inside");
  });

  test("S1.3 S16.6 what a wall hides cannot be felt for by one whom the host lets in", async (context) => {
    if (process.getuid?.() !== 0) return context.skip("needs root, to give root up for a moment");
    await using made = await linked();
    const { root, store } = made;
    for (const path of [root, join(root, "..")]) await chmod(path, 0o755);
    await mkdir(join(root, "closed"), { mode: 0o000 });
    process.seteuid?.(65_534);
    try {
      for (const name of ["outClosed", "out/closed/x", "out/none", "out/canary/x"])
        await refused("ENOENT", store.stat(at(`/${name}`)), `/${name}`);
      await refused("EACCES", store.stat(at("/closed/x")), "/closed/x");
    } finally {
      process.seteuid?.(0);
    }
  });

  test("S1.3 denied: no link is a way, wherever it leads", async () => {
    await using made = await linked({ symlinks: "deny" });
    await put(made.store, "/present", "x");
    await assertWalls(made, made.store, [...BROKEN, "inFile", "inDirectory", "inAbsolute", "inChain", "self"]);
    assert.equal(await text(made.store, "/d/f"), "inside");
    await refused("ENOENT", made.store.stat(at("/d/up/f")), "/d/up/f");
    await made.store.rename(at("/inFile"), at("/moved"));
    await made.store.remove(at("/moved"));
    assert.equal(await readFile(join(made.root, "d", "f"), "utf8"), "inside");
    for (const { target } of (await entries(made.store)).values()) assert.equal(target, undefined);
  });

  test("links to places inside are ways, for reading and for writing", async () => {
    await using made = await linked();
    const { store, root } = made;
    for (const path of ["/inFile", "/inChain", "/inDirectory/f", "/inAbsolute/f", "/self/self/d/up/f", "/outAndIn"])
      assert.equal(await text(store, path), "inside", path);
    assert.deepEqual(await names(store, "/inDirectory"), ["f", "up"]);
    const { name, type, size } = await store.stat(at("/inFile"));
    assert.deepEqual({ name, type, size }, { name: "inFile", type: "file", size: 6 });
    await put(store, "/inChain", "new");
    await put(store, "/inFile", "+", { mode: "append" });
    await put(store, "/inDirectory/g", "made");
    await store.setMode(at("/inFile"), 0o600);
    assert.equal(await readFile(join(root, "d", "f"), "utf8"), "new+");
    assert.equal(await readFile(join(root, "d", "g"), "utf8"), "made");
    assert.equal((await stat(join(root, "d", "f"))).mode & 0o777, 0o600);
    assert.equal(await readlink(join(root, "inChain")), "inFile", "the link is still one");
  });

  test("S16.4 S16.5 listings show links, and only targets that are inside, as clients know them", async () => {
    await using made = await linked();
    const shown: Record<string, string | undefined> = {};
    for (const { name, type, target, size } of (await entries(made.store)).values()) {
      if (name !== "d") assert.deepEqual([type, size], ["link", 0]);
      shown[name] = target;
    }
    const hidden = Object.fromEntries(WALLS.filter((name) => name !== "chain").map((name) => [name, undefined]));
    assert.deepEqual(shown, {
      ...hidden,
      outAndIn: undefined,
      chain: "out",
      chainFile: "outFile",
      gone: "none",
      loop: "loop",
      loopA: "loopB",
      loopB: "loopA",
      self: ".",
      inFile: "d/f",
      inDirectory: "d",
      inAbsolute: "/d",
      inChain: "inFile",
      d: undefined,
    });
    assert.equal((await entries(made.store, "/inDirectory")).get("up")?.target, "../d");
  });

  test("remove and rename take the link itself, also a wall", async () => {
    await using made = await linked();
    const { store, root } = made;
    await store.rename(at("/outFile"), at("/moved"));
    await store.rename(at("/out"), at("/movedToo"), { overwrite: true });
    assert.equal((await lstat(join(root, "moved"))).isSymbolicLink(), true);
    for (const name of ["moved", "movedToo", "loop", "gone", "inDirectory"]) await store.remove(at(`/${name}`));
    assert.deepEqual(await names(store, "/d"), ["f", "up"]);
    await canaryIsWell(made);
  });

  test("S1.4 S1.6 a file moved onto a link replaces the link and writes nothing through it", async () => {
    await using made = await linked();
    const { store, root } = made;
    await put(store, "/mine", "mine");
    await refused("EEXIST", store.rename(at("/mine"), at("/outFile")), "/outFile");
    await store.rename(at("/mine"), at("/outFile"), { overwrite: true });
    assert.equal((await lstat(join(root, "outFile"))).isFile(), true);
    await put(store, "/mine", "mine");
    for (const to of ["/out/mine", "/out/canary", "/chain/x", "/outParent/x"])
      await refused("ENOENT", store.rename(at("/mine"), at(to), { overwrite: true }), to);
    for (const from of ["/out/canary", "/outParent/outside/canary"])
      await refused("ENOENT", store.rename(at(from), at("/stolen")), from);
    await canaryIsWell(made);
  });

  test("S1.4 a directory cannot be moved into itself through a link", async () => {
    await using made = await linked();
    await refused("EINVAL", made.store.rename(at("/d"), at("/inDirectory/d")));
    assert.equal(await text(made.store, "/d/f"), "inside");
  });

  test("S1.5 a root below a link, and a root that is one", async () => {
    await using made = await linked();
    const { root, outside } = made;
    await symlink(join(root, ".."), join(outside, "way"));
    for (const path of [join(outside, "way", "root"), join(root, "self")]) {
      const store = new LocalFileSystem(path);
      assert.equal(await text(store, "/d/f"), "inside");
      assert.equal(await text(store, "/inAbsolute/f"), "inside");
      await refused("ENOENT", store.openRead(at("/out/canary")), "/out/canary");
      await refused("ENOENT", store.openRead(at("/outParent/outside/canary")));
    }
  });

  test("S1.3 a folder whose name begins like the root's is outside", async () => {
    await using made = await folder();
    await mkdir(`${made.root}-secret`);
    await writeFile(`${made.root}-secret/f`, "secret");
    await symlink(`../root-secret`, join(made.root, "sibling"));
    await symlink(`${made.root}-secret`, join(made.root, "absolute"));
    for (const path of ["/sibling/f", "/absolute/f"]) await refused("ENOENT", made.store.openRead(at(path)), path);
    assert.equal((await entries(made.store)).get("absolute")?.target, undefined);
  });

  test("S1.6 nothing is moved to another disk by copying, nor through a link there", async (context) => {
    await using here = await folder();
    const shared = await mkdtempOn("/dev/shm");
    if (shared === undefined) return context.skip("/dev/shm is not there");
    await using there = shared;
    if ((await stat(here.root)).dev === (await stat(there.path)).dev) return context.skip("/dev/shm is the same disk");
    await writeFile(join(here.outside, "canary"), "canary");
    await writeFile(join(here.root, "mine"), "mine");
    await symlink(join(here.outside, "canary"), join(there.path, "target"));
    const host = new LocalFileSystem("/");
    const [from, to] = [join(here.root, "mine"), join(there.path, "target")];
    await refused("EEXIST", host.rename(at(from), at(to)), to);
    await refused("EACCES", host.rename(at(from), at(to), { overwrite: true }));
    await refused("EACCES", host.rename(at(from), at(join(there.path, "new"))));
    assert.equal(await readFile(join(here.outside, "canary"), "utf8"), "canary");
    assert.equal(await readFile(from, "utf8"), "mine");
    assert.deepEqual(await readdir(there.path), ["target"]);
  });

  test("S1.19 an upload over a hard link leaves the other name's file alone; only growing is in place", async () => {
    await using made = await folder();
    const { store, root, outside } = made;
    await writeFile(join(outside, "canary"), "canary");
    for (const name of ["replaced", "resumed"]) await link(join(outside, "canary"), join(root, name));
    await put(store, "/replaced", "new");
    await put(store, "/resumed", "!", { mode: "at", start: 3 });
    assert.equal(await text(store, "/resumed"), "can!");
    assert.equal(await readFile(join(outside, "canary"), "utf8"), "canary");
  });
});

async function mkdtempOn(disk: string): Promise<Awaited<ReturnType<typeof temporaryDirectory>> | undefined> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = disk;
  try {
    return await temporaryDirectory();
  } catch {
    return undefined;
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
