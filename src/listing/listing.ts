/**
 * From a store to the lines of LIST, NLST, MLSD and STAT: the walk through one directory, or through all below it
 * (`-R`), and lines as bytes. Streamed and pulled: memory does not grow with a directory, a slow client holds the
 * store back, and a reader that leaves closes the store's listing. Every command shows the same entries: whether
 * dot files are there is the store's affair, `-a` adds nothing. Knows no commands and no replies.
 */
import { Turn } from "../events/turn.js";
import type { Bound } from "../limits/allowance.js";
import type { Begun, Share } from "../limits/share.js";
import type { FileInfo } from "../storage/file-info.js";
import type { FileSystem } from "../storage/file-system.js";
import { FileSystemError } from "../storage/file-system-error.js";
import { encodeText } from "../wire/text-encoding.js";
import { childOf, type VirtualPath } from "../wire/virtual-path.js";
import { longLine } from "./long-line.js";
import { isListable } from "./names.js";

/**
 * How far one walk goes at the most; an amount of `Infinity` is no bound. Links are never followed, so that it ends also
 * without bounds.
 */
export interface ListingBounds {
  /** Levels of directories below the first one that are entered; 0 none. */
  readonly depth: Bound;
  /** Entries that are shown, of all directories together. */
  readonly entries: Bound;
  /** Milliseconds that are spent on entries, those that are not shown included; not on who reads them. */
  readonly time: Bound;
}

/** What is to be walked, and what of it is shown. */
export interface WalkRequest {
  /** Whether directories that are shown are entered as well. */
  readonly recursive: boolean;
  readonly bounds: ListingBounds;
  /** Names that are shown in the first directory. Default: all. */
  readonly glob?: (name: string) => boolean;
  /** Entries that are shown at any depth. Default: all. */
  readonly filter?: (entry: FileInfo) => boolean;
  /** A directory with at most this many entries is shown in the order of its names' bytes. Default 0: as the store lists it. */
  readonly sortUpTo?: number;
  /** Ends the walk with its reason. */
  readonly signal?: AbortSignal;
  /** What whoever wants the walk may compute in a row. Default: nobody's, so that it gives way only now and then. */
  readonly share?: Share | undefined;
}

/** One directory of a walk. Its entries must be read before the next section is asked for. */
export interface Section {
  readonly directory: VirtualPath;
  /** The way from where the walk began: `""` there, `sub/deeper` below. */
  readonly name: string;
  /** 0 where the walk began. */
  readonly depth: number;
  /** Some at a time, at least one: the first one alone, so that it shows early. To be read once. */
  readonly entries: AsyncIterable<readonly FileInfo[]>;
}

/** The sections in the order of `ls -R`, each directory before those in it. To be read once. */
export interface Walk extends AsyncIterable<Section> {
  /** The bound that has ended it, or that has kept a level back so far. */
  readonly reached: Bound | undefined;
}

/**
 * Walks the directory at `path`. What the store refuses there is thrown by the first section's entries, before any
 * entry; a directory below that is gone or closed meanwhile is an empty section.
 * @throws FileSystemError while it is read
 */
export function walk(fileSystem: FileSystem, path: VirtualPath, request: WalkRequest): Walk {
  return new TreeWalk(fileSystem, path, request);
}

/**
 * The lines of LIST, some at a time; below the first directory in the form of `ls -R`, a blank line and `sub:` before each.
 * Names stand alone also where a pattern with a directory was asked for: a name with `/` in a line of LIST is taken
 * for an attack on the client's own directories.
 * @param prefix what stands before the directories' names, as the client wrote it, with its `/`
 */
export async function* longLines(
  sections: AsyncIterable<Section>,
  now: Date,
  prefix = "",
): AsyncGenerator<readonly string[]> {
  for await (const section of sections) {
    if (section.depth > 0) yield ["", `${prefix}${section.name}:`];
    for await (const entries of section.entries) yield entries.map((entry) => longLine(entry, now));
  }
}

/**
 * The lines of NLST, some at a time: nothing but names that can be sent back (RFC 1123 §4.1.2.7), so no headings with `-R` but
 * `sub/name`. For `NLST dir` clients expect bare names; for `NLST dir/*`, which is how they expand `mget dir/*`,
 * they send back what they read, so there `dir/` is the prefix (see `splitGlob`).
 */
export async function* nameLines(sections: AsyncIterable<Section>, prefix = ""): AsyncGenerator<readonly string[]> {
  for await (const section of sections) {
    const directory = section.depth > 0 ? `${prefix}${section.name}/` : prefix;
    for await (const entries of section.entries) yield entries.map(({ name }) => directory + name);
  }
}

/** The first chunk is small: the client sees that something comes. */
const FIRST_CHUNK = 4096;

/**
 * Lines as CRLF-ended bytes in chunks. Bytes of names that were not UTF-8 are sent as the store has them.
 * @param chunkBytes about how large a chunk becomes; lines beyond ASCII make it larger. Default 32 KiB
 */
export async function* encodeLines(
  lines: AsyncIterable<readonly string[]>,
  chunkBytes = 32 * 1024,
): AsyncGenerator<Uint8Array> {
  let batch: string[] = [];
  let length = 0;
  let enough = Math.min(FIRST_CHUNK, chunkBytes);
  for await (const some of lines) {
    for (const line of some) {
      batch.push(line);
      length += line.length + 2;
      if (length < enough) continue;
      yield encodeBatch(batch);
      batch = [];
      length = 0;
      enough = chunkBytes;
    }
  }
  if (batch.length > 0) yield encodeBatch(batch);
}

/** One name with broken bytes must not make the whole batch slow. */
function encodeBatch(lines: readonly string[]): Uint8Array {
  const text = `${lines.join("\r\n")}\r\n`;
  return text.isWellFormed() ? encodeText(text) : Buffer.concat(lines.map((line) => encodeText(`${line}\r\n`)));
}

type Directory = Omit<Section, "entries">;

/** Entries that go together: between two looks at whether others are to have their turn, and from one step to the next. */
const TOGETHER = 16;

/** A list of directories still to be shown in place of recursion: depth costs no stack. */
class TreeWalk implements Walk {
  readonly #fileSystem: FileSystem;
  readonly #request: WalkRequest;
  /** The next one last. */
  readonly #pending: Directory[];
  #shown = 0;
  #seen = 0;
  readonly #turn = new Turn();
  /** The entries between two turns, as the share of the address knows them. */
  #begun: Begun | undefined;
  /** Milliseconds spent so far, and since when more are, by the process's own clock. */
  #spent = 0;
  #since = performance.now();
  #reached: Bound | undefined;

  constructor(fileSystem: FileSystem, path: VirtualPath, request: WalkRequest) {
    this.#fileSystem = fileSystem;
    this.#request = request;
    this.#pending = [{ directory: path, name: "", depth: 0 }];
  }

  get reached(): Bound | undefined {
    return this.#reached;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Section> {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      const entries = this.#entriesOf(next);
      try {
        yield { ...next, entries };
      } finally {
        await entries.return(undefined);
      }
    }
  }

  async *#entriesOf(directory: Directory): AsyncGenerator<readonly FileInfo[]> {
    const { time } = this.#request.bounds;
    const below: Directory[] = [];
    try {
      const cut = yield* this.#shownOf(directory, below);
      if (cut !== undefined) return this.#stop(cut);
    } catch (error) {
      if (directory.depth === 0 || !isGone(error)) throw error;
    }
    for (const next of below.toReversed()) this.#pending.push(next);
    // Also where nothing was in it; what is shown to its end is not cut.
    if (this.#isLate() && this.#pending.length > 0) this.#stop(time);
  }

  /** What is shown of a directory, also of what came before a bound or an error. @returns the bound */
  async *#shownOf(
    directory: Directory,
    below: Directory[],
  ): AsyncGenerator<readonly FileInfo[], Bound | undefined, undefined> {
    const { signal } = this.#request;
    let some: FileInfo[] = [];
    let enough = 1;
    let cut: Bound | undefined;
    let broken: { readonly error: unknown } | undefined;
    // Headings are read before: that was the reader's time.
    this.#goOn();
    try {
      for await (const entry of this.#listing(directory.directory)) {
        if (++this.#seen % TOGETHER === 0) await this.#giveWay();
        signal?.throwIfAborted();
        const shown = this.#admits(entry, directory.depth);
        if (shown === false) continue;
        if (shown !== true) {
          cut = shown;
          break;
        }
        if (this.#enters(entry, directory.depth)) below.push(descend(directory, entry.name));
        if (some.push(entry) < enough) continue;
        yield some;
        some = [];
        enough = TOGETHER;
        this.#goOn();
      }
    } catch (error) {
      broken = { error };
    }
    if (some.length > 0 && !signal?.aborted) {
      yield some;
      this.#goOn();
    }
    if (broken !== undefined) throw broken.error;
    return cut;
  }

  /** Whether the entry is shown, or the bound that comes before it. */
  #admits(entry: FileInfo, depth: number): boolean | Bound {
    const { entries, time } = this.#request.bounds;
    const shown = this.#shows(entry, depth);
    if (this.#isLate()) return time;
    return shown && (this.#shown++ < entries.amount || entries);
  }

  #listing(path: VirtualPath): AsyncIterable<FileInfo> {
    const { signal, sortUpTo = 0 } = this.#request;
    const listing = this.#fileSystem.list(path, { signal });
    return sortUpTo > 0 ? sorted(listing, sortUpTo) : listing;
  }

  #shows(entry: FileInfo, depth: number): boolean {
    const { glob, filter } = this.#request;
    if (!isListable(entry.name) || (depth === 0 && glob?.(entry.name) === false)) return false;
    return filter === undefined || filter(entry);
  }

  /** A store that answers from memory never waits: the others would, for the whole listing. */
  async #giveWay(): Promise<void> {
    const { share } = this.#request;
    if (this.#begun !== undefined) share?.end(this.#begun);
    const turn = share?.take();
    if (turn !== undefined) await turn;
    else if (this.#turn.due) await this.#turn.take();
    this.#begun = share?.begin();
  }

  /** From now on the time is the store's again. */
  #goOn(): void {
    if (this.#timed) this.#since = performance.now();
  }

  get #timed(): boolean {
    return this.#request.bounds.time.amount < Number.POSITIVE_INFINITY;
  }

  /** Without a bound the clock is not looked at. */
  #isLate(): boolean {
    if (!this.#timed) return false;
    const now = performance.now();
    this.#spent += now - this.#since;
    this.#since = now;
    return this.#spent > this.#request.bounds.time.amount;
  }

  /** Beyond a bound the whole walk ends. */
  #stop(bound: Bound): void {
    this.#reached = bound;
    this.#pending.length = 0;
  }

  #enters(entry: FileInfo, depth: number): boolean {
    if (!this.#request.recursive || entry.type !== "directory") return false;
    const bound = this.#request.bounds.depth;
    if (depth < bound.amount) return true;
    this.#reached ??= bound;
    return false;
  }
}

function descend(from: Directory, name: string): Directory {
  return {
    directory: childOf(from.directory, name),
    name: from.depth === 0 ? name : `${from.name}/${name}`,
    depth: from.depth + 1,
  };
}

/** Whether the directory is just not there for this user (any more): `ls -R` goes on then. */
function isGone(error: unknown): boolean {
  return error instanceof FileSystemError && ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes(error.code);
}

/** Small directories in the order of their names' bytes; a large one as it comes, lest the first byte wait for the last entry. */
async function* sorted(entries: AsyncIterable<FileInfo>, atMost: number): AsyncGenerator<FileInfo> {
  let held: FileInfo[] | undefined = [];
  for await (const entry of entries) {
    if (held === undefined) yield entry;
    else if (held.push(entry) > atMost) {
      yield* held;
      held = undefined;
    }
  }
  if (held !== undefined) yield* inByteOrder(held);
}

function inByteOrder(entries: readonly FileInfo[]): FileInfo[] {
  const keyed = entries.map((entry) => ({ entry, key: encodeText(entry.name) }));
  return keyed.sort((one, other) => Buffer.compare(one.key, other.key)).map(({ entry }) => entry);
}
