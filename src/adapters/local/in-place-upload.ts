/**
 * An upload that adds to the end of the file itself, so that the hundred gigabytes before it need not be copied.
 * Readers may see the file grow; an abort cuts it back. A crash midway leaves what had arrived.
 */
import { constants } from "node:fs";
import type { OperationOptions } from "../../storage/file-system.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { Destination } from "./destination.js";
import type { DiskFile } from "./disk-file.js";
import { assertFile } from "./entry.js";
import { CAUTIOUS, isSame } from "./pin.js";
import { Upload, type UploadOptions } from "./upload.js";

/** Where the file grows. */
export interface InPlaceOptions extends OperationOptions {
  /** Where the file must end. */
  readonly offset: number;
  readonly durable: boolean;
}

/** The files that grow now, whichever file system of this process they were opened through. */
const growing = new Set<string>();

/** Begins such an upload. @throws FileSystemError `EBUSY` where the file grows already, or has just changed */
export async function openInPlace(to: Destination, options: InPlaceOptions): Promise<Upload> {
  const file = await to.directory.disk.open(to.directory.at(to.name), constants.O_WRONLY | CAUTIOUS);
  try {
    const key = await claim(file, to, options.offset);
    return new InPlaceUpload({ ...options, to, file }, key);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function claim(file: DiskFile, to: Destination, size: number): Promise<string> {
  const stats = await file.stat();
  assertFile(stats, to.path);
  const key = `${stats.dev}:${stats.ino}`;
  if (growing.has(key)) throw new FileSystemError("EBUSY", to.path, { message: "another upload adds to the file" });
  if (Number(stats.size) !== size) throw new FileSystemError("EBUSY", to.path, { message: "the file has changed" });
  growing.add(key);
  return key;
}

class InPlaceUpload extends Upload {
  readonly #key: string;

  constructor(upload: UploadOptions, key: string) {
    super(upload);
    this.#key = key;
  }

  /** The bytes are there; what remains is to see that clients still find them under the name. */
  protected override async publish(): Promise<void> {
    const { directory, name, path } = this.to;
    const named = await directory.disk.statIfAny(directory.at(name));
    if (named === undefined || !isSame(named, await this.file.stat()))
      throw new FileSystemError("EBUSY", path, { message: "the file was replaced, moved or removed meanwhile" });
  }

  protected override async undo(): Promise<void> {
    await this.file.truncate(this.offset);
  }

  protected override free(): void {
    growing.delete(this.#key);
  }
}
