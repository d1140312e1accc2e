/** Short words for what tests of stores do all the time. Knows no adapter. */
import assert from "node:assert/strict";
import type { FileInfo } from "../storage/file-info.js";
import type { FileSystem, ReadHandle, ReadOptions, WriteHandle, WriteMode } from "../storage/file-system.js";
import { FileSystemError, type FileSystemErrorCode } from "../storage/file-system-error.js";
import type { VirtualPath } from "../storage/names.js";

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
  return await rest(handle);
}

/** The same through memory of the reader, which the end leaves as it is; `undefined` where the store does not read so. */
export async function bytesInto(
  memory: Uint8Array,
  store: FileSystem,
  path: string,
  range: ReadOptions,
): Promise<Buffer | undefined> {
  await using handle = await store.openRead(at(path), range);
  const { body } = handle;
  if (body.read === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for (let count = await body.read(memory); count > 0; count = await body.read(memory))
    chunks.push(Buffer.from(memory.subarray(0, count)));
  assert.equal(await body.read(memory), 0, "what has ended goes on");
  return Buffer.concat(chunks);
}

/** What an open reader has still to give. */
export async function rest(handle: ReadHandle): Promise<Buffer> {
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

/** The names in a directory, sorted; one that was listed twice is there twice. */
export async function names(store: FileSystem, path = "/"): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(at(path))) found.push(name);
  return found.sort();
}

/** A code, or all that are as good. */
export type Codes = FileSystemErrorCode | readonly FileSystemErrorCode[];

/** Asserts that the operation is refused with the code, or one of them, and that the error names the path. */
export async function refused(codes: Codes, operation: Promise<unknown>, path?: string): Promise<FileSystemError> {
  const error = await operation.then(
    (value) => assert.fail(`expected ${[codes].flat().join(" or ")}, got ${String(value)}`),
    (reason: unknown) => reason,
  );
  return asRefusal(codes, error, path);
}

/** The error as such a refusal. Throws what is no `FileSystemError` as it is. */
export function asRefusal(codes: Codes, error: unknown, path?: string): FileSystemError {
  if (!(error instanceof FileSystemError)) throw error;
  const wanted = [codes].flat();
  if (!wanted.includes(error.code)) assert.equal(error.code, wanted.join(" or "));
  if (path !== undefined) assert.equal(error.path, path);
  return error;
}

/** An operation, to be begun. */
export type Operation = () => Promise<unknown>;

/** Every operation of a file system on one path, as something to be refused. */
export function everyOperation(store: FileSystem, path: string): Readonly<Record<string, Operation>> {
  return { ...everyLookup(store, path), ...everyChange(store, path) };
}

/** The operations that only look. */
export function everyLookup(
  store: FileSystem,
  path: string,
  signal?: AbortSignal,
): Readonly<Record<string, Operation>> {
  return {
    stat: () => store.stat(at(path), { signal }),
    list: () => exhausted(store.list(at(path), { signal })),
    openRead: async () => (await store.openRead(at(path), { signal })).close(),
    checksum: () => store.checksum(at(path), { algorithm: "md5", signal }),
  };
}

/** The operations that change something. */
export function everyChange(
  store: FileSystem,
  path: string,
  signal?: AbortSignal,
): Readonly<Record<string, Operation>> {
  const upload = async (how: WriteMode) => (await store.openWrite(at(path), { ...how, signal })).abort();
  return {
    replace: () => upload({ mode: "replace" }),
    exclusive: () => upload({ mode: "exclusive" }),
    append: () => upload({ mode: "append" }),
    at: () => upload({ mode: "at", start: 0 }),
    remove: () => store.remove(at(path), { signal }),
    makeDirectory: () => store.makeDirectory(at(path), { signal }),
    removeDirectory: () => store.removeDirectory(at(path), { signal }),
    renameFrom: () => store.rename(at(path), at("/elsewhere"), { signal }),
    renameTo: () => store.rename(at("/present"), at(path), { signal }),
    setTimes: () => store.setTimes(at(path), { modified: new Date(0) }, { signal }),
    setMode: () => store.setMode(at(path), 0o700, { signal }),
  };
}

async function exhausted(listing: AsyncIterable<FileInfo>): Promise<void> {
  for await (const entry of listing) assert.equal(typeof entry.name, "string");
}
