/** A folder on the disk for one test: a root that is served, and a neighbour with a canary that nobody may touch. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../kit/temporary.js";

const CANARY = "nobody touches this\n";

/** The folder. Disposing it removes it. */
export interface LocalFolder extends AsyncDisposable {
  /** What is served. */
  readonly root: string;
  /** What lies beside it, with one file `canary`. */
  readonly outside: string;
  /** Asserts that the neighbour is as it was. */
  assertCanary(): Promise<void>;
  /** Names in the root, hidden ones and uploads on their way included, sorted. */
  names(): Promise<string[]>;
}

export async function localFolder(): Promise<LocalFolder> {
  const folder = await temporaryDirectory();
  const root = join(folder.path, "root");
  const outside = join(folder.path, "outside");
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, "canary"), CANARY);
  return {
    root,
    outside,
    async assertCanary() {
      assert.deepEqual(await readdir(outside), ["canary"], "something was made outside");
      assert.equal(await readFile(join(outside, "canary"), "utf8"), CANARY);
      assert.deepEqual((await readdir(folder.path)).sort(), ["outside", "root"]);
    },
    names: async () => (await readdir(root)).sort(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
