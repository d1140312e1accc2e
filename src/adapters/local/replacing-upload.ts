/** An upload that is written beside its destination and moved there at the end. */
import { type BigIntStats, constants } from "node:fs";
import type { CreationOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { copyPrefix } from "./copy-prefix.js";
import type { Destination } from "./destination.js";
import type { DiskFile } from "./disk-file.js";
import { moveToFreeName } from "./move.js";
import { temporaryName } from "./name-rules.js";
import { CAUTIOUS } from "./pin.js";
import { systemCode } from "./refusal.js";
import { Upload, type UploadOptions } from "./upload.js";

/** How the new file relates to the old one. */
export interface ReplacingOptions extends CreationOptions {
  /** How many bytes of the old file are kept. */
  readonly keep: number;
  /** What a name that is taken at `commit()` means; undefined where it is replaced. */
  readonly taken: "EEXIST" | "EBUSY" | undefined;
  readonly durable: boolean;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | CAUTIOUS;

/**
 * Begins such an upload. The new file has the mode of the old one, and its owner where this process may give files
 * away; without an old one, what the process's umask leaves of 0666.
 */
export async function openReplacing(to: Destination, options: ReplacingOptions): Promise<Upload> {
  // Renaming asks only for rights on the directory: a file that must not be written must not be replaced either.
  if (to.old !== undefined)
    await (await to.directory.disk.open(to.directory.at(to.name), constants.O_WRONLY | CAUTIOUS)).close();
  const temporary = temporaryName();
  // Until it has the mode of the old file, nobody else may open the new one.
  const file = await to.directory.disk.open(to.directory.at(temporary), CREATE, to.old === undefined ? 0o666 : 0o600);
  const upload = new ReplacingUpload({ ...options, to, file, offset: options.keep }, temporary, options);
  try {
    if (to.old !== undefined) await resemble(file, to.old);
    else if (options.umask !== undefined) await file.chmod(0o666 & ~options.umask);
    if (options.keep > 0) await copyPrefix(to, file, options.keep, options.signal);
    return upload;
  } catch (error) {
    await upload.abort();
    throw error;
  }
}

class ReplacingUpload extends Upload {
  readonly #temporary: string;
  readonly #replacing: ReplacingOptions;

  constructor(upload: UploadOptions, temporary: string, replacing: ReplacingOptions) {
    super(upload);
    this.#temporary = temporary;
    this.#replacing = replacing;
  }

  protected override async publish(): Promise<void> {
    const { directory, name, path } = this.to;
    const from = directory.at(this.#temporary);
    const { taken, durable } = this.#replacing;
    if (taken === undefined) await directory.disk.rename(from, directory.at(name), this.to.old);
    else {
      await moveToFreeName(directory.disk, from, directory.at(name), path).catch((cause: unknown) => {
        throw isTaken(cause) ? new FileSystemError(taken, path, { cause }) : cause;
      });
    }
    if (durable) await this.#syncDirectory();
  }

  protected override async undo(): Promise<void> {
    const { directory } = this.to;
    await directory.disk.unlink(directory.at(this.#temporary));
  }

  /** The new name is durable only when the directory is. Windows has no such thing, and needs none. */
  async #syncDirectory(): Promise<void> {
    if (process.platform === "win32") return;
    const { directory } = this.to;
    await using opened = await directory.disk.open(directory.at(), constants.O_RDONLY);
    await opened.sync();
  }
}

async function resemble(file: DiskFile, { mode, uid, gid }: BigIntStats): Promise<void> {
  await file.chmod(Number(mode & 0o777n));
  try {
    await file.chown(Number(uid), Number(gid));
  } catch {
    // Most processes may give files to nobody.
  }
}

function isTaken(error: unknown): boolean {
  return systemCode(error) === "EEXIST";
}
