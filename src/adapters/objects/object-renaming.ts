/**
 * Renaming in a store of objects: copying and removing. Of a directory every object is copied, and only then the old
 * ones go. Interrupted, it can be asked for again: the markers of both directories say where it was going.
 */
import type { RenameOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { isWithin, type VirtualPath } from "../../storage/names.js";
import { eachAtOnce } from "./at-once.js";
import type { ObjectInfo } from "./object-store.js";
import type { ObjectTree } from "./object-tree.js";

/** From where to where. */
export interface Renaming extends RenameOptions {
  readonly from: VirtualPath;
  readonly to: VirtualPath;
  /** Objects that may be moved with a directory. */
  readonly maxRename: number;
}

/** The metadata of markers while their directory is on its way: the key of the other one, percent-encoded. */
const MOVING_TO = "portsidemovingto";
const MOVING_FROM = "portsidemovingfrom";
/** Objects copied or removed at a time. */
const AT_ONCE = 8;

/**
 * Moves a file or a directory.
 * @throws FileSystemError `ENOENT`, `EEXIST`, `EINVAL`, `ENOSYS` for more objects than may be moved
 */
export async function renameEntry(tree: ObjectTree, renaming: Renaming): Promise<void> {
  const { from, to, overwrite = false, signal } = renaming;
  const target = tree.keys.file(to);
  const file = await tree.file(from, signal);
  if (file === undefined) return await renameDirectory(tree, renaming);
  const [taken, directory] = await Promise.all([
    overwrite ? undefined : tree.file(to, signal),
    tree.directory(to, signal),
  ]);
  if (taken !== undefined || directory !== undefined) throw new FileSystemError("EEXIST", to);
  await tree.store.copy(file, target, { exclusive: !overwrite }, signal);
  await tree.keepParent(from, signal);
  await tree.store.remove(file.key, signal);
}

async function renameDirectory(tree: ObjectTree, renaming: Renaming): Promise<void> {
  const { from, to, signal } = renaming;
  const [source, target] = [tree.keys.directory(from), tree.keys.directory(to)];
  if ((await tree.directory(from, signal)) === undefined) throw new FileSystemError("ENOENT", from);
  if (isWithin(to, from)) throw new FileSystemError("EINVAL", to);
  if (!tree.keys.fits(target)) throw new FileSystemError("ENAMETOOLONG", to);
  if ((await tree.file(to, signal)) !== undefined) throw new FileSystemError("EEXIST", to);
  const begun = await isBegun(tree, source, target, signal);
  if (!begun && (await tree.directory(to, signal)) !== undefined) throw new FileSystemError("EEXIST", to);
  await tree.requireParent(to, signal);
  const objects = await below(tree, source, renaming);
  if (!objects.every(({ key }) => tree.keys.fits(target + key.slice(source.length))))
    throw new FileSystemError("ENAMETOOLONG", to, { message: "a name below the directory would be too long" });
  await tree.keepParent(from, signal);
  if (!begun) {
    await tree.mark(source, false, signal, { [MOVING_TO]: encodeURIComponent(target) });
    await tree.mark(target, false, signal, { [MOVING_FROM]: encodeURIComponent(source) });
  }
  await eachAtOnce(objects, AT_ONCE, async (object) => {
    await tree.store.copy(object, target + object.key.slice(source.length), { exclusive: false }, signal);
  });
  await eachAtOnce(objects, AT_ONCE, ({ key }) => tree.store.remove(key, signal));
  await tree.store.remove(source, signal);
}

/** Whether this very renaming was interrupted before. */
async function isBegun(tree: ObjectTree, source: string, target: string, signal?: AbortSignal): Promise<boolean> {
  const old = await tree.store.head(source, signal);
  if (old?.metadata?.[MOVING_TO] !== encodeURIComponent(target)) return false;
  const begun = await tree.store.head(target, signal);
  return begun?.metadata?.[MOVING_FROM] === encodeURIComponent(source);
}

/** Everything below a directory but its marker, if that is not too much. */
async function below(
  { store }: ObjectTree,
  source: string,
  { from, maxRename, signal }: Renaming,
): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for (let next: string | undefined; ; ) {
    const page = await store.list({ prefix: source, grouped: false, from: next }, signal);
    for (const object of page.objects) if (object.key !== source) found.push(object);
    if (found.length > maxRename)
      throw new FileSystemError("ENOSYS", from, { message: `more than ${maxRename} objects below the directory` });
    next = page.next;
    if (next === undefined) return found;
  }
}
