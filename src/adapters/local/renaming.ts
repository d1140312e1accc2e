/** Moving files, links and directories inside the root. */
import { FileSystemError } from "../../storage/file-system-error.js";
import { baseName, isWithin, ROOT, type VirtualPath } from "../../storage/names.js";
import { usableType } from "./entry.js";
import type { Jail } from "./jail.js";
import { moveAfterLook, moveToFreeName } from "./move.js";
import type { Pin } from "./pin.js";
import { refusal, systemCode } from "./refusal.js";

/**
 * Moves with both parents pinned; a link is moved, or replaced, and never followed. Errors are about `from`,
 * except that `to` is taken or cannot be.
 */
export async function renameInside(jail: Jail, from: VirtualPath, to: VirtualPath, overwrite: boolean): Promise<void> {
  if (from === ROOT) throw new FileSystemError("EACCES", from);
  if (to === ROOT) throw new FileSystemError("EEXIST", to);
  await using source = await jail.pinParent(from);
  const type = usableType(await source.disk.lstat(source.at(baseName(from))), from);
  if (from === to) return;
  if (type === "directory" && isWithin(to, from)) throw new FileSystemError("EINVAL", to);
  await using target = await jail.pinParent(to);
  await move(source, from, target, to, { overwrite, type }).catch((error: unknown) => {
    throw refusedTo(error, to);
  });
}

interface Move {
  readonly overwrite: boolean;
  readonly type: string;
}

async function move(source: Pin, from: VirtualPath, target: Pin, to: VirtualPath, how: Move): Promise<void> {
  const { disk } = source;
  const [old, next] = [source.at(baseName(from)), target.at(baseName(to))];
  if (how.type === "directory") return moveAfterLook(disk, old, next, to);
  // Some systems would make the hard link of a link to its target, which may lie outside.
  if (!how.overwrite && how.type === "link") return moveAfterLook(disk, old, next, to);
  if (!how.overwrite) return moveToFreeName(disk, old, next, to);
  const taken = await disk.statIfAny(next);
  if (taken !== undefined && usableType(taken, to) === "directory") throw new FileSystemError("EEXIST", to);
  await disk.rename(old, next, taken);
}

/** A name that was taken between look and move shows as one of these. */
function refusedTo(error: unknown, to: VirtualPath): FileSystemError {
  const taken = ["EEXIST", "ENOTEMPTY", "EISDIR"].includes(systemCode(error));
  return taken ? new FileSystemError("EEXIST", to, { cause: error }) : refusal(error, to);
}
