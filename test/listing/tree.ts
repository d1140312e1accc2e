/** Stores for the tests of listings: real subclasses that only list, and what they saw. */

import type { Bound } from "../../dist/limits/allowance.js";
import type { ListingBounds } from "../../dist/listing/listing.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import type { ReadHandle } from "../../dist/storage/file-system.js";
import { FileSystem } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import type { VirtualPath } from "../../dist/wire/virtual-path.js";

/** A bound of a walk. */
export function bound(limit: Bound["limit"], amount: number): Bound {
  return { limit, scope: "session", amount };
}

/** No bound at all. */
export const UNBOUNDED: ListingBounds = {
  depth: bound("listingDepth", Number.POSITIVE_INFINITY),
  entries: bound("listingEntries", Number.POSITIVE_INFINITY),
  time: bound("listingTime", Number.POSITIVE_INFINITY),
};

/** A directory as a table of its entries: a table is a directory, a number the size of a file, a text a link. */
export interface Entries {
  readonly [name: string]: Entries | number | string;
}

abstract class ListOnly extends FileSystem {
  /** Paths that were listed, in order. */
  readonly listed: string[] = [];

  override stat(path: VirtualPath): Promise<FileInfo> {
    return Promise.reject(new FileSystemError("ENOSYS", path));
  }

  override openRead(path: VirtualPath): Promise<ReadHandle> {
    return Promise.reject(new FileSystemError("ENOSYS", path));
  }
}

/** A tree that is given as a table. */
export class Tree extends ListOnly {
  readonly #root: Entries;

  constructor(root: Entries) {
    super();
    this.#root = root;
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    this.listed.push(path);
    let at: Entries | number | string | undefined = this.#root;
    for (const part of path.split("/").filter(Boolean)) at = typeof at === "object" ? at[part] : undefined;
    if (typeof at !== "object") throw new FileSystemError(at === undefined ? "ENOENT" : "ENOTDIR", path);
    for (const [name, entry] of Object.entries(at)) yield entryOf(name, entry);
  }
}

/** Directories in one another, `depth` of them, beside a link to the root in each. */
export class Chain extends ListOnly {
  readonly #depth: number;
  #lists = 0;

  constructor(depth: number) {
    super();
    this.#depth = depth;
  }

  override async *list(): AsyncGenerator<FileInfo> {
    yield { name: "loop", type: "link", size: 1, target: "/" };
    if (this.#lists++ < this.#depth) yield { name: "d", type: "directory", size: 0 };
  }
}

/** One directory that never ends. */
export class Endless extends ListOnly {
  /** Entries that were pulled. */
  pulled = 0;
  /** Whether the listing was closed. */
  closed = false;

  override async *list(): AsyncGenerator<FileInfo> {
    try {
      for (;;) yield { name: `file-${this.pulled++}`, type: "file", size: 1 };
    } finally {
      this.closed = true;
    }
  }
}

/** A store with a mistake: it lists names that no listing may show. */
export class Careless extends ListOnly {
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    super();
    this.#names = names;
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    this.listed.push(path);
    if (path === "/") for (const name of this.#names) yield { name, type: "directory", size: 0 };
  }
}

/** A store whose directories fail as told: the error stands behind the entries. */
export class Failing extends ListOnly {
  readonly #errors: ReadonlyMap<string, Error>;

  constructor(errors: Readonly<Record<string, Error>>) {
    super();
    this.#errors = new Map(Object.entries(errors));
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    if (path === "/") for (const name of ["a", "b", "c"]) yield { name, type: "directory", size: 0 };
    else yield { name: "inside", type: "file", size: 1 };
    const error = this.#errors.get(path);
    if (error !== undefined) throw error;
  }
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Lines that come some at a time, one by one. */
export async function lines(some: AsyncIterable<readonly string[]>): Promise<string[]> {
  return (await collect(some)).flat();
}

function entryOf(name: string, entry: Entries | number | string): FileInfo {
  if (typeof entry === "number") return { name, type: "file", size: entry };
  if (typeof entry === "string") return { name, type: "link", size: entry.length, target: entry };
  return { name, type: "directory", size: 0 };
}
