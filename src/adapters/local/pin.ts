/**
 * Places on the disk that stay the same object whatever happens to their names meanwhile. Node has no
 * `openat`; on Linux `/proc/self/fd/N/name` does the same. Elsewhere a pin is a checked path, with the
 * window between check and use that this leaves. Knows nothing of roots.
 */
import { type BigIntStats, constants, type PathLike } from "node:fs";
import { realpath } from "node:fs/promises";
import { decodeText, encodeText } from "../../storage/names.js";
import type { Disk } from "./disk.js";
import type { DiskFile } from "./disk-file.js";
import type { Answer } from "./tempo.js";

/** Linux: names an object without opening it: no device wakes, no FIFO blocks, no permission to read is needed. */
const O_PATH = 0x20_0000;
/** Windows lacks these two. */
const NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;
const NO_BLOCK = (constants.O_NONBLOCK as number | undefined) ?? 0;

/** For opening by name: links are refused, FIFOs do not hold a thread of the pool. */
export const CAUTIOUS = NO_FOLLOW | NO_BLOCK;

/** One place on the disk. Close it. */
export interface Pin extends AsyncDisposable {
  /** Where it lies, links resolved, `/`-separated, as text. */
  readonly real: string;
  readonly disk: Disk;
  /** A path for the operating system that leads to this very object, or to a name in this very directory. */
  at(name?: string): PathLike;
  /** Never throws. */
  close(): Promise<void>;
  /** What it is, as it was found when it was pinned or later. */
  look(): Answer<BigIntStats>;
  /** What it is now. */
  stat(): Answer<BigIntStats>;
  /** Opens this very object, which must be known to be a regular file. */
  open(flags: number): Promise<DiskFile>;
}

/** Pins what the path leads to, links followed. Outside the root it has no effect on what is there. */
export type Pinning = (disk: Disk, path: string) => Promise<Pin>;

/** A path for the operating system: text where it is UTF-8, else the very bytes. */
export function hostPath(text: string): PathLike {
  return text.isWellFormed() ? text : Buffer.from(encodeText(text));
}

/** Where the path leads, links resolved, `/`-separated. */
export async function realPathOf(path: string): Promise<string> {
  return slashed(decodeText(await realpath(hostPath(path), "buffer")));
}

/** A path of the host, `/`-separated. */
export function slashed(path: string): string {
  return process.platform === "win32" ? path.replaceAll("\\", "/") : path;
}

/** How often a file may be replaced while it is looked up before it counts as gone. */
const TRIES = 5;

/** Linux: no window between check and use. */
export const pinByDescriptor: Pinning = async (disk, path) => {
  for (let tries = 1; ; tries++) {
    const pin = await pinOnce(disk, path);
    // Replaced or removed since it was opened: it has no name any more, and another file may have it.
    if (pin.named || tries === TRIES) return pin;
    await pin.close();
  }
};

async function pinOnce(disk: Disk, path: string): Promise<DescriptorPin> {
  const file = await disk.find(hostPath(path), O_PATH);
  try {
    const real = decodeText(await disk.readlink(file.path));
    // What lies elsewhere is not even asked: it may never answer.
    const found = disk.holds(real) ? await file.stat() : undefined;
    return new DescriptorPin(disk, file, real, found);
  } catch (error) {
    await file.close();
    throw error;
  }
}

class DescriptorPin implements Pin {
  readonly disk: Disk;
  readonly real: string;
  /** As it was when it was pinned. */
  readonly #found: BigIntStats | undefined;
  readonly #file: DiskFile;
  readonly #path: string;

  constructor(disk: Disk, file: DiskFile, real: string, found: BigIntStats | undefined) {
    this.disk = disk;
    this.real = real;
    this.#found = found;
    this.#file = file;
    this.#path = file.path;
  }

  /** Whether it had a name when it was pinned; of what lies elsewhere that is not known. */
  get named(): boolean {
    return this.#found === undefined || this.#found.nlink > 0n;
  }

  at(name?: string): PathLike {
    return name === undefined ? this.#path : hostPath(`${this.#path}/${name}`);
  }

  look(): Answer<BigIntStats> {
    return this.#found ?? this.stat();
  }

  stat(): Answer<BigIntStats> {
    return this.#file.stat();
  }

  open(flags: number): Promise<DiskFile> {
    return this.disk.open(this.#path, flags | NO_BLOCK);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Anywhere: the real path, looked at before and after opening. */
export const pinByPath: Pinning = async (disk, path) => new PathPin(disk, await realPathOf(path));

class PathPin implements Pin {
  readonly disk: Disk;
  readonly real: string;

  constructor(disk: Disk, real: string) {
    this.disk = disk;
    this.real = real;
  }

  at(name?: string): PathLike {
    return hostPath(name === undefined ? this.real : `${this.real}/${name}`);
  }

  look(): Answer<BigIntStats> {
    return this.stat();
  }

  stat(): Answer<BigIntStats> {
    return this.disk.lstat(this.at());
  }

  async open(flags: number): Promise<DiskFile> {
    const before = await this.stat();
    const file = await this.disk.open(this.at(), flags | CAUTIOUS);
    try {
      if (!isSame(before, await file.stat()) || (await realPathOf(this.real)) !== this.real)
        throw Object.assign(new Error("the file was exchanged while it was opened"), { code: "EBUSY" });
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Whether both are one object. */
export function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
