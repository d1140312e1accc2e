/** Begins an upload in the way that its mode and what stands there ask for. */
import type { WriteHandle, WriteOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import { type Destination, destinationOf } from "./destination.js";
import { openInPlace } from "./in-place-upload.js";
import type { Jail } from "./jail.js";
import { openReplacing } from "./replacing-upload.js";

/** @param durable whether commits wait for the disk itself */
export async function openUpload(
  jail: Jail,
  path: VirtualPath,
  options: WriteOptions,
  durable: boolean,
): Promise<WriteHandle> {
  const to = await destinationOf(jail, path, options.mode === "exclusive");
  try {
    return await begin(to, options, durable);
  } catch (error) {
    await to.directory.close();
    throw error;
  }
}

function begin(to: Destination, options: WriteOptions, durable: boolean): Promise<WriteHandle> {
  const { mode, signal, umask } = options;
  const size = Number(to.old?.size ?? 0n);
  const start = mode === "at" ? options.start : mode === "append" ? size : 0;
  if (!(start >= 0 && start <= size)) throw new FileSystemError("ERANGE", to.path);
  const common = { durable, signal };
  const adds = mode === "append" || mode === "at";
  if (adds && to.old !== undefined && start === size) return openInPlace(to, { ...common, offset: size });
  const taken = mode === "exclusive" ? "EEXIST" : mode === "append" ? "EBUSY" : undefined;
  return openReplacing(to, { ...common, keep: start, taken, umask });
}
