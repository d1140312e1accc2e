/** Puts files into a store and reads them back through the storage contract, beside the server. */
import { type FileSystem, virtualPath } from "../../dist/index.js";

/** Writes a file whole, as the store would after an upload. */
export async function put(store: FileSystem, path: string, content: string | Uint8Array): Promise<void> {
  await using handle = await store.openWrite(virtualPath(path), { mode: "replace" });
  await handle.write([Buffer.from(content)]);
  await handle.commit();
}

/** Makes an empty directory. */
export async function putDirectory(store: FileSystem, path: string): Promise<void> {
  await store.makeDirectory(virtualPath(path));
}

/** The content of a file. @throws FileSystemError `ENOENT` … */
export async function content(store: FileSystem, path: string): Promise<Buffer> {
  await using handle = await store.openRead(virtualPath(path));
  const chunks: Uint8Array[] = [];
  for await (const chunk of handle.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The names in a directory, sorted. */
export async function names(store: FileSystem, path = "/"): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of store.list(virtualPath(path))) found.push(entry.name);
  return found.sort();
}

/** Whether something stands at the path. */
export async function exists(store: FileSystem, path: string): Promise<boolean> {
  return store.stat(virtualPath(path)).then(
    () => true,
    () => false,
  );
}
