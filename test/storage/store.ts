/** Short words for what the storage tests do all the time. Knows no adapter. */
import assert from "node:assert/strict";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type { FileSystem, ReadOptions, WriteHandle, WriteMode } from "../../dist/storage/file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "../../dist/storage/file-system-error.js";
import type { VirtualPath } from "../../dist/storage/names.js";

/** A path as it stands, canonical or not. */
export function at(path: string): VirtualPath {
  return path as VirtualPath;
}

/** Opens an upload and writes, no more. */
export async function begin(
  store: FileSystem,
  path: string,
  content: string | Uint8Array,
  how: WriteMode = { mode: "replace" },
): Promise<WriteHandle> {
  const handle = await store.openWrite(at(path), how);
  await handle.write([Buffer.from(content)]);
  return handle;
}

/** One whole upload. */
export async function put(
  store: FileSystem,
  path: string,
  content: string | Uint8Array,
  how?: WriteMode,
): Promise<FileInfo> {
  const handle = await begin(store, path, content, how);
  return handle.commit();
}

/** One whole download. */
export async function bytes(store: FileSystem, path: string, range?: ReadOptions): Promise<Buffer> {
  await using handle = await store.openRead(at(path), range);
  const chunks: Uint8Array[] = [];
  for await (const chunk of handle.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** One whole download, as text. */
export async function text(store: FileSystem, path: string, range?: ReadOptions): Promise<string> {
  return (await bytes(store, path, range)).toString();
}

/** The entries of a directory by name, names sorted. */
export async function entries(store: FileSystem, path = "/"): Promise<Map<string, FileInfo>> {
  const found: FileInfo[] = [];
  for await (const entry of store.list(at(path))) found.push(entry);
  return new Map(found.sort((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => [entry.name, entry]));
}

/** The names in a directory, sorted. */
export async function names(store: FileSystem, path = "/"): Promise<string[]> {
  return [...(await entries(store, path)).keys()];
}

/** Asserts that the operation is refused with the code, and that the error names the path. */
export async function refused(
  code: FileSystemErrorCode,
  operation: Promise<unknown>,
  path?: string,
): Promise<FileSystemError> {
  const error = await operation.then(
    (value) => assert.fail(`expected ${code}, got ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FileSystemError)) throw error;
  assert.equal(error.code, code);
  if (path !== undefined) assert.equal(error.path, path);
  return error;
}

/** Every operation of a file system on one path, as something to be refused. */
export function everyOperation(store: FileSystem, path: string): Readonly<Record<string, () => Promise<unknown>>> {
  return { ...everyLookup(store, path), ...everyChange(store, path) };
}

/** The operations that only look. */
export function everyLookup(store: FileSystem, path: string): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    stat: () => store.stat(at(path)),
    list: () => entries(store, path),
    openRead: () => store.openRead(at(path)),
  };
}

/** The operations that change something. */
export function everyChange(store: FileSystem, path: string): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    replace: () => store.openWrite(at(path), { mode: "replace" }),
    exclusive: () => store.openWrite(at(path), { mode: "exclusive" }),
    append: () => store.openWrite(at(path), { mode: "append" }),
    at: () => store.openWrite(at(path), { mode: "at", start: 0 }),
    remove: () => store.remove(at(path)),
    makeDirectory: () => store.makeDirectory(at(path)),
    removeDirectory: () => store.removeDirectory(at(path)),
    renameFrom: () => store.rename(at(path), at("/elsewhere")),
    renameTo: () => store.rename(at("/present"), at(path)),
    setTimes: () => store.setTimes(at(path), { modified: new Date(0) }),
    setMode: () => store.setMode(at(path), 0o700),
  };
}
