/** A local folder for one test: served inside, with room beside it for what clients must not reach. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { LocalFileSystem, type LocalFileSystemOptions } from "../../dist/adapters/local-file-system.js";
import { temporaryDirectory } from "../kit/temporary.js";

/** The entries of large directories: there is nothing in them. */
const NUMBER = /^\d+$/;

/** `root` is served by `store`; `outside` lies beside it. */
export interface Folder extends AsyncDisposable {
  readonly store: LocalFileSystem;
  readonly root: string;
  readonly outside: string;
}

/** Makes the two folders. */
export async function folder(options?: LocalFileSystemOptions): Promise<Folder> {
  const directory = await temporaryDirectory();
  const [root, outside] = [join(directory.path, "root"), join(directory.path, "outside")];
  await mkdir(root);
  await mkdir(outside);
  const store = new LocalFileSystem(root, options);
  return { store, root, outside, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** What uploads leave on a disk: files that no client sees, anywhere below the root. Names need not be UTF-8. */
export async function parts(folder: Buffer): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { encoding: "buffer", withFileTypes: true })) {
    if (entry.name.includes(".portside-")) found.push(entry.name.toString());
    if (entry.isDirectory() && !NUMBER.test(entry.name.toString()))
      found.push(...(await parts(Buffer.concat([folder, Buffer.from("/"), entry.name]))));
  }
  return found;
}

/** Makes a file system as on a platform without `/proc/self/fd`. */
export function withoutDescriptors<Value>(make: () => Value): Value {
  const real = Object.getOwnPropertyDescriptor(process, "platform") ?? {};
  Object.defineProperty(process, "platform", { ...real, value: "darwin" });
  try {
    return make();
  } finally {
    Object.defineProperty(process, "platform", real);
  }
}
