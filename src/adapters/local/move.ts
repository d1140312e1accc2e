/** Giving a file another name only where that name is free. Node has no `renameat2`. */
import type { PathLike } from "node:fs";
import { link, unlink } from "node:fs/promises";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import type { Disk } from "./disk.js";
import { systemCode } from "./refusal.js";

/** What disks without hard links say, and Linux of files that belong to others (`fs.protected_hardlinks`). */
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"]);

/**
 * Moves a file, neither directory nor link, within one disk. The new name is taken by making a hard link, which one
 * of many contenders can; where the disk has none it is looked at first, and what is made between that look
 * and the move is replaced.
 * @throws FileSystemError `EEXIST` about `path`, and system errors
 */
export async function moveToFreeName(disk: Disk, from: PathLike, to: PathLike, path: VirtualPath): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has(systemCode(error))) throw error;
    return moveAfterLook(disk, from, to, path);
  }
  try {
    await disk.unlink(from);
  } catch (error) {
    await unlink(to).catch(() => undefined);
    throw error;
  }
}

/** Moves anything, directories too, where the name is free at a look just before. */
export async function moveAfterLook(disk: Disk, from: PathLike, to: PathLike, path: VirtualPath): Promise<void> {
  if ((await disk.statIfAny(to)) !== undefined) throw new FileSystemError("EEXIST", path);
  await disk.rename(from, to);
}
