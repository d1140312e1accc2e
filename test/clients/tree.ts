/** A small tree of directories with awkward names, for clients that walk trees: put somewhere, and found again elsewhere. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { virtualPath } from "../../dist/index.js";
import { content, put, putDirectory } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import type { Scene } from "./scene.js";

type Tree = Readonly<Record<string, Uint8Array>>;

const DIRECTORIES = ["sub dir", "sub dir/d\u00e9eper", "-rf"];
const FILES: Tree = {
  "top.txt": bytesOf(70_000, 11),
  "sub dir/one file": bytesOf(1000, 12),
  "sub dir/-dash": bytesOf(1, 13),
  "sub dir/empty": Buffer.alloc(0),
  "sub dir/d\u00e9eper/e\u0301 \"quoted\" 'name'": bytesOf(2000, 14),
  "-rf/x": bytesOf(10, 15),
};

/** Puts the tree into a directory of the store, which is made. */
export async function putTree(scene: Scene, directory: string): Promise<void> {
  await putDirectory(scene.store, `/${directory}`);
  for (const path of DIRECTORIES) await putDirectory(scene.store, `/${directory}/${path}`);
  for (const [path, bytes] of Object.entries(FILES)) await put(scene.store, `/${directory}/${path}`, bytes);
}

/** Writes the tree into a local directory of the client, which is made. */
export async function writeTree(scene: Scene, directory: string): Promise<void> {
  for (const path of DIRECTORIES) await mkdir(join(scene.local(directory), path), { recursive: true });
  for (const [path, bytes] of Object.entries(FILES)) await writeFile(join(scene.local(directory), path), bytes);
}

/** Asserts that a directory of the store holds the tree and nothing else. */
export async function assertStoredTree(scene: Scene, directory: string): Promise<void> {
  const found: Record<string, Buffer> = {};
  const walk = async (prefix: string): Promise<void> => {
    for await (const { name, type } of scene.store.list(virtualPath(`/${directory}/${prefix}`))) {
      if (type === "directory") await walk(`${prefix}${name}/`);
      else found[prefix + name] = await content(scene.store, `/${directory}/${prefix}${name}`);
    }
  };
  await walk("");
  assertTree(found);
}

/** Asserts that a local directory of the client holds the tree and nothing else. */
export async function assertLocalTree(scene: Scene, directory: string): Promise<void> {
  const found: Record<string, Buffer> = {};
  for (const entry of await readdir(scene.local(directory), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(scene.local(directory).length + 1)] = await readFile(path);
  }
  assertTree(found);
}

function assertTree(found: Tree): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(FILES).sort());
  for (const [path, bytes] of Object.entries(FILES))
    assert(Buffer.from(bytes).equals(found[path] ?? Buffer.alloc(0)), path);
}
