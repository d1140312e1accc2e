/** Where an upload goes: a name in a pinned directory, and what stands there. */
import type { BigIntStats } from "node:fs";
import { FileSystemError } from "../../storage/file-system-error.js";
import { baseName, ROOT, type VirtualPath } from "../../storage/names.js";
import { assertFile } from "./entry.js";
import type { Jail } from "./jail.js";
import type { Pin } from "./pin.js";

/** A name in a directory, ready for an upload. */
export interface Destination {
  /** As the client named it; a link may lead elsewhere. */
  readonly path: VirtualPath;
  /** Owned by whoever holds the destination. */
  readonly directory: Pin;
  /** In `directory`. */
  readonly name: string;
  /** The regular file that stands there. */
  readonly old: BigIntStats | undefined;
}

/**
 * Finds the destination; an existing link inside the root leads on to its target, as it does for reading.
 * @param free whether nothing may stand there
 * @param about the path that errors name. Default: the same
 * @throws FileSystemError `EISDIR`; `EEXIST` where it must be free; `EACCES` for a link that leads nowhere or out,
 * and for what is no regular file
 */
export async function destinationOf(
  jail: Jail,
  path: VirtualPath,
  free: boolean,
  about: VirtualPath = path,
): Promise<Destination> {
  if (path === ROOT) throw new FileSystemError("EISDIR", about);
  const directory = await jail.pinParent(path);
  try {
    const name = baseName(path);
    const old = await directory.disk.statIfAny(directory.at(name));
    if (old !== undefined && free) throw new FileSystemError("EEXIST", path);
    if (!old?.isSymbolicLink()) {
      if (old !== undefined) assertFile(old, about);
      return { path: about, directory, name, old };
    }
    const target = await targetOf(jail, path);
    await directory.close();
    return await destinationOf(jail, target, free, about);
  } catch (error) {
    await directory.close();
    throw error;
  }
}

async function targetOf(jail: Jail, path: VirtualPath): Promise<VirtualPath> {
  try {
    await using target = await jail.pin(path);
    return jail.pathOf(target);
  } catch (cause) {
    throw new FileSystemError("EACCES", path, { cause, message: "a link that must not be written through" });
  }
}
