/**
 * Places on the disk that stay the same object whatever happens to their names meanwhile. Node has no
 * `openat`; on Linux `/proc/self/fd/N/name` does the same. Elsewhere a pin is a checked path, with the
 * window between check and use that this leaves. Knows nothing of roots.
 */
import { type BigIntStats, constants, type PathLike } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { decodeText, encodeText } from "../../storage/names.js";

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
  /** A path for the operating system that leads to this very object, or to a name in this very directory. */
  at(name?: string): PathLike;
  /** Never throws. */
  close(): Promise<void>;
  /** What it is. */
  stat(): Promise<BigIntStats>;
  /** Opens this very object, which must be known to be a regular file. */
  open(flags: number): Promise<FileHandle>;
}

/** Pins what the path leads to, links followed. Outside the root it has no effect on what is there. */
export type Pinning = (path: string) => Promise<Pin>;

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
export const pinByDescriptor: Pinning = async (path) => {
  for (let tries = 1; ; tries++) {
    const pin = await pinOnce(path);
    // Replaced or removed since it was opened: it has no name any more, and another file may have it.
    if (tries === TRIES || (await pin.stat()).nlink > 0n) return pin;
    await pin.close();
  }
};

async function pinOnce(path: string): Promise<Pin> {
  const handle = await open(hostPath(path), O_PATH);
  try {
    return new DescriptorPin(handle, decodeText(await readlink(`/proc/self/fd/${handle.fd}`, "buffer")));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class DescriptorPin implements Pin {
  readonly real: string;
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, real: string) {
    this.real = real;
    this.#handle = handle;
    this.#path = `/proc/self/fd/${handle.fd}`;
  }

  at(name?: string): PathLike {
    return name === undefined ? this.#path : hostPath(`${this.#path}/${name}`);
  }

  stat(): Promise<BigIntStats> {
    return this.#handle.stat({ bigint: true });
  }

  open(flags: number): Promise<FileHandle> {
    return open(this.#path, flags | NO_BLOCK);
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Anywhere: the real path, looked at before and after opening. */
export const pinByPath: Pinning = async (path) => new PathPin(await realPathOf(path));

class PathPin implements Pin {
  readonly real: string;

  constructor(real: string) {
    this.real = real;
  }

  at(name?: string): PathLike {
    return hostPath(name === undefined ? this.real : `${this.real}/${name}`);
  }

  stat(): Promise<BigIntStats> {
    return lstat(this.at(), { bigint: true });
  }

  async open(flags: number): Promise<FileHandle> {
    const before = await this.stat();
    const handle = await open(this.at(), flags | CAUTIOUS);
    try {
      if (!isSame(before, await handle.stat({ bigint: true })) || (await realPathOf(this.real)) !== this.real)
        throw Object.assign(new Error("the file was exchanged while it was opened"), { code: "EBUSY" });
      return handle;
    } catch (error) {
      await handle.close();
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
