/**
 * Others who exchange directories and links while the file system works: a thread swaps a directory for a link to the
 * outside as fast as it can, and nothing outside may ever be read, written, made, moved or changed.
 */
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import type { LocalFileSystem } from "../../dist/adapters/local-file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { at, entries, put, text } from "../storage/store.js";
import { type Folder, folder } from "./folder.js";

const ROUNDS = 300;

/** Swaps `d` and `link` in the folder by renaming, until told to stop; says how often. */
const SWAPPER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { renameSync } = require("node:fs");
  const { root, flag } = workerData;
  const stop = new Int32Array(flag);
  const move = (from, to) => { try { renameSync(root + from, root + to); } catch {} };
  let swaps = 0;
  parentPort.postMessage("ready");
  while (Atomics.load(stop, 0) === 0) {
    move("/d", "/real");
    move("/link", "/d");
    move("/d", "/link");
    move("/real", "/d");
    swaps++;
  }
  parentPort.postMessage(swaps);
`;

/** Runs the work while the thread swaps. @returns how often it swapped */
async function whileSwapping(root: string, work: () => Promise<void>): Promise<number> {
  const flag = new SharedArrayBuffer(4);
  const worker = new Worker(SWAPPER, { eval: true, workerData: { root, flag } });
  try {
    await new Promise((resolve) => worker.once("message", resolve));
    await work();
    const swaps = new Promise<number>((resolve) => worker.once("message", resolve));
    Atomics.store(new Int32Array(flag), 0, 1);
    return await swaps;
  } finally {
    Atomics.store(new Int32Array(flag), 0, 1);
    await worker.terminate();
  }
}

/** `d/f` inside and a directory outside that looks the same, with `link` leading to it. */
async function contested(): Promise<Folder> {
  const made = await folder();
  const { root, outside } = made;
  await mkdir(join(root, "d"));
  await writeFile(join(root, "d", "f"), "inside");
  await writeFile(join(outside, "f"), "canary");
  await writeFile(join(outside, "only-outside"), "canary");
  for (const path of [outside, join(outside, "f")]) await chmod(path, 0o700);
  await symlink(outside, join(root, "link"));
  return made;
}

async function assertCanary({ outside }: Folder, before: number): Promise<void> {
  assert.deepEqual((await readdir(outside)).sort(), ["f", "only-outside"]);
  for (const name of ["f", "only-outside"]) assert.equal(await readFile(join(outside, name), "utf8"), "canary");
  for (const path of [outside, join(outside, "f")]) assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.equal((await stat(join(outside, "f"))).mtimeMs, before);
}

/** Refusals are what a race may end in; faults are not. */
async function settle(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if (!(error instanceof FileSystemError) || error.code === "EIO") throw error;
    return false;
  }
}

const ATTACKS: Readonly<Record<string, (store: LocalFileSystem, round: number) => Promise<unknown>>> = {
  "reading a file": async (store) => assert.match(await text(store, "/d/f"), /^(?:inside|upload|more)+$/),
  "reading through stat": async (store) => assert.notEqual((await store.stat(at("/d/f"))).mode, 0o700),
  listing: async (store) => assert.ok(!(await entries(store, "/d")).has("only-outside")),
  replacing: (store) => put(store, "/d/f", "upload"),
  appending: (store) => put(store, "/d/f", "more", { mode: "append" }),
  resuming: (store) => put(store, "/d/f", "upload", { mode: "at", start: 0 }),
  "making a file": (store, round) => put(store, `/d/new${round}`, "upload", { mode: "exclusive" }),
  removing: (store) => store.remove(at("/d/only-outside")),
  "making a directory": (store, round) => store.makeDirectory(at(`/d/made${round}`)),
  "removing a directory": (store, round) => store.removeDirectory(at(`/d/made${round - 1}`)),
  "moving out": (store) => store.rename(at("/d/only-outside"), at("/stolen")),
  "moving in": async (store, round) => {
    await put(store, `/mine${round}`, "upload");
    await store.rename(at(`/mine${round}`), at("/d/f"), { overwrite: true });
  },
  "setting times": (store) => store.setTimes(at("/d/f"), { modified: new Date(1000) }),
  "setting permission bits": (store) => store.setMode(at("/d/f"), 0o644),
  "setting permission bits of a directory": (store) => store.setMode(at("/d"), 0o755),
};

suite("LocalFileSystem: races", { skip: process.platform !== "linux" && "pinned by descriptors on Linux only" }, () => {
  for (const [title, attack] of Object.entries(ATTACKS)) {
    test(`S1.7 S1.8 ${title}, while the directory is swapped for a link to the outside`, async () => {
      await using made = await contested();
      const { mtimeMs } = await stat(join(made.outside, "f"));
      const rounds = async () => {
        for (let round = 0; round < ROUNDS; round++) await settle(attack(made.store, round));
      };
      await assertNoLeaks(async () => {
        const swaps = await whileSwapping(made.root, rounds);
        assert.ok(swaps > 0, "the directory was swapped");
      });
      await assertCanary(made, mtimeMs);
      assert.equal(await settle(made.store.stat(at("/stolen"))), false);
    });
  }

  test("S1.8 an upload under way keeps its directory, wherever that is moved", async () => {
    await using made = await contested();
    const { store, root, outside } = made;
    const handle = await store.openWrite(at("/d/g"), { mode: "replace" });
    await handle.write([Buffer.from("upload")]);
    await store.rename(at("/d"), at("/moved"));
    await store.rename(at("/link"), at("/d"));
    await handle.commit();
    assert.equal(await readFile(join(root, "moved", "g"), "utf8"), "upload");
    assert.deepEqual((await readdir(outside)).sort(), ["f", "only-outside"]);
  });
});
