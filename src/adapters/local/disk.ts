/** The calls of the operating system for the names of one disk. Knows no paths of clients. */
import * as fs from "node:fs";
import { promisify } from "node:util";
import { isWithin, type VirtualPath } from "../../storage/names.js";
import { DiskFile, LARGE } from "./disk-file.js";
import { systemCode } from "./refusal.js";
import type { Answer, Tempo } from "./tempo.js";

const later = {
  open: promisify(fs.open),
  lstat: promisify(fs.lstat) as (path: fs.PathLike, options: { bigint: true }) => Promise<fs.BigIntStats>,
  readlink: promisify(fs.readlink) as (path: fs.PathLike, encoding: "buffer") => Promise<Buffer>,
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
};

/** What stands somewhere, or why that is not known. */
export type Look =
  | { readonly stats: fs.BigIntStats; readonly error?: undefined }
  | { readonly stats?: undefined; readonly error: unknown };

/** Milliseconds of looks in a row that count as one call, a few on a quick disk. The clock is read after each: a slow one is the last. */
const LOOKS_MS = 0.02;

/** One disk. Every call throws at once, or rejects with, errors of the system. */
export class Disk {
  readonly #tempo: Tempo;
  readonly #ways: Tempo;
  readonly #root: string;

  /**
   * @param ways of calls whose path may lead through other disks
   * @param root the folder below which everything is on this disk, or on one as quick; links resolved
   */
  constructor(tempo: Tempo, ways: Tempo, root: string) {
    this.#tempo = tempo;
    this.#ways = ways;
    this.#root = root;
  }

  /** Whether a place, links resolved, is on this disk. */
  holds(real: string): boolean {
    return isWithin(real as VirtualPath, this.#root as VirtualPath);
  }

  /** Opens a file, whose path must stay on this disk. Close it. */
  open(path: fs.PathLike, flags: number, mode?: number): Promise<DiskFile> {
    return this.#open(this.#tempo, path, flags, mode);
  }

  /** Opens what a path of any kind leads to. Close it. */
  find(path: fs.PathLike, flags: number): Promise<DiskFile> {
    return this.#open(this.#ways, path, flags);
  }

  /** Whether a link stands at a path of any kind. */
  async isLink(path: fs.PathLike): Promise<boolean> {
    try {
      return (await lstat(this.#ways, path)).isSymbolicLink();
    } catch {
      return false;
    }
  }

  /** What stands at a path, links not followed. */
  lstat(path: fs.PathLike): Answer<fs.BigIntStats> {
    return lstat(this.#tempo, path);
  }

  /** What stands at each path, links not followed, or the error of one that cannot be looked at. Nothing is under way any more then. */
  async lstats(paths: readonly fs.PathLike[]): Promise<readonly Look[]> {
    const looks: Look[] = [];
    while (looks.length < paths.length) {
      await this.#tempo.call(
        () => lookNow(paths, looks),
        () => lookLater(paths, looks),
      );
    }
    return looks;
  }

  /** What stands at a path, links not followed; `undefined` where nothing does. */
  async statIfAny(path: fs.PathLike): Promise<fs.BigIntStats | undefined> {
    try {
      return await this.#tempo.call<fs.BigIntStats | undefined>(
        () => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }),
        () => later.lstat(path, { bigint: true }),
      );
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Where a link leads. */
  readlink(path: fs.PathLike): Answer<Buffer> {
    return this.#tempo.call(
      () => fs.readlinkSync(path, "buffer"),
      () => later.readlink(path, "buffer"),
    );
  }

  /**
   * The next names of an open directory; none at its end. Others have their turn meanwhile.
   * @param count at the most, as many as were asked for when it was opened
   */
  async names(directory: fs.Dir, count: number): Promise<readonly Uint8Array[]> {
    const first = await directory.read();
    if (first === null) return [];
    const names = [nameOf(first)];
    const isWhole = (next: fs.Dirent | null): boolean => next === null || names.push(nameOf(next)) >= count;
    await this.#tempo.call(
      () => {
        while (!isWhole(directory.readSync()));
      },
      async () => {
        while (!isWhole(await directory.read()));
      },
    );
    return names;
  }

  /** @param old what stands at the new name */
  rename(from: fs.PathLike, to: fs.PathLike, old?: fs.BigIntStats): Answer<void> {
    if (isLarge(old)) return later.rename(from, to);
    return this.#tempo.call(
      () => fs.renameSync(from, to),
      () => later.rename(from, to),
    );
  }

  /** @param old what stands there; left out where it stays open, and its space is not freed before it is closed */
  unlink(path: fs.PathLike, old?: fs.BigIntStats): Answer<void> {
    if (isLarge(old)) return later.unlink(path);
    return this.#tempo.call(
      () => fs.unlinkSync(path),
      () => later.unlink(path),
    );
  }

  async #open(tempo: Tempo, path: fs.PathLike, flags: number, mode?: number): Promise<DiskFile> {
    const descriptor = tempo.call(
      () => fs.openSync(path, flags, mode),
      () => later.open(path, flags, mode),
    );
    return new DiskFile(this.#tempo, await descriptor);
  }
}

function lstat(tempo: Tempo, path: fs.PathLike): Answer<fs.BigIntStats> {
  return tempo.call(
    () => fs.lstatSync(path, { bigint: true }),
    () => later.lstat(path, { bigint: true }),
  );
}

/** As many of those that are left as there is time for, at least one. */
function lookNow(paths: readonly fs.PathLike[], looks: Look[]): void {
  const end = performance.now() + LOOKS_MS;
  do looks.push(lookAt(paths[looks.length] ?? ""));
  while (looks.length < paths.length && performance.now() < end);
}

function lookAt(path: fs.PathLike): Look {
  try {
    return { stats: fs.lstatSync(path, { bigint: true }) };
  } catch (error) {
    return { error };
  }
}

/** All that are left at once, by the thread pool. */
async function lookLater(paths: readonly fs.PathLike[], looks: Look[]): Promise<void> {
  const look = async (path: fs.PathLike): Promise<Look> => {
    try {
      return { stats: await later.lstat(path, { bigint: true }) };
    } catch (error) {
      return { error };
    }
  };
  looks.push(...(await Promise.all(paths.slice(looks.length).map(look))));
}

/** Of a directory that was opened for bytes. */
function nameOf({ name }: fs.Dirent): Uint8Array {
  return name as unknown as Uint8Array;
}

function isLarge(stats: fs.BigIntStats | undefined): boolean {
  return stats !== undefined && stats.size > LARGE;
}
