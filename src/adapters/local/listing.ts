/** The entries of one pinned directory, streamed: constant memory, a bounded number of look-ups ahead. */
import type { BigIntStats } from "node:fs";
import { opendir } from "node:fs/promises";
import { types } from "node:util";
import type { FileInfo } from "../../storage/file-info.js";
import { decodeText } from "../../storage/names.js";
import { infoOf, typeOf } from "./entry.js";
import type { Pin } from "./pin.js";
import { systemCode } from "./refusal.js";
import type { Answer } from "./tempo.js";

/** Look-ups under way at once: enough to keep the thread pool busy, too few to lock others out of it. */
const AHEAD = 32;
/** Names that the operating system is asked for at once. */
const NAMES = 256;

/** What is listed, and how much of it clients see. */
export interface Listed {
  readonly directory: Pin;
  /** Whether clients see a name. */
  readonly lists: (name: string) => boolean;
  /** What clients may know of where a link leads. */
  readonly shownTarget: (target: string) => string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The entries, some at a time, in the order of the disk. Closes neither more nor less than what it opens. */
export async function* entriesOf(listed: Listed): AsyncGenerator<readonly FileInfo[]> {
  const { directory, lists, signal } = listed;
  // Node takes "buffer" here, its types do not say so; names need not be UTF-8.
  const open = await opendir(directory.at(), { encoding: "buffer" as BufferEncoding, bufferSize: NAMES });
  try {
    for (;;) {
      const some = await directory.disk.names(open, NAMES);
      if (some.length === 0) return;
      const names = some.map(decodeText).filter(lists);
      for (let from = 0; from < names.length; from += AHEAD) {
        signal?.throwIfAborted();
        yield await lookUp(listed, names.slice(from, from + AHEAD));
      }
    }
  } finally {
    await open.close();
  }
}

/** Ends when nothing is under way any more: only then may the directory be closed. */
async function lookUp(listed: Listed, names: readonly string[]): Promise<readonly FileInfo[]> {
  const looks = names.map((name) => entryOf(listed, name));
  if (looks.some(types.isPromise)) await Promise.allSettled(looks.map(async (look) => look));
  const found: FileInfo[] = [];
  for (const look of looks) {
    const info = types.isPromise(look) ? await look : look;
    if (info !== undefined) found.push(info);
  }
  return found;
}

/**
 * One entry; undefined where it is gone meanwhile, cannot be looked at, or is none that clients can use. Only
 * `EACCES` counts: it concerns the whole directory, which then must not look empty. Never throws at once.
 */
function entryOf(listed: Listed, name: string): Answer<FileInfo | undefined> {
  try {
    const stats = listed.directory.disk.lstat(listed.directory.at(name));
    if (types.isPromise(stats)) return stats.then((known) => shownEntry(listed, name, known)).catch(unlessClosed);
    return stats.isSymbolicLink() ? shownEntry(listed, name, stats).catch(unlessClosed) : plainEntry(name, stats);
  } catch (error) {
    return unlessClosed(error);
  }
}

function plainEntry(name: string, stats: BigIntStats): FileInfo | undefined {
  const type = typeOf(stats);
  return type === undefined ? undefined : infoOf(name, type, stats);
}

async function shownEntry(listed: Listed, name: string, stats: BigIntStats): Promise<FileInfo | undefined> {
  if (!stats.isSymbolicLink()) return plainEntry(name, stats);
  const { directory, shownTarget } = listed;
  const target = decodeText(await directory.disk.readlink(directory.at(name)));
  return infoOf(name, "link", stats, shownTarget(target));
}

/** Rejects with what concerns the whole directory. */
async function unlessClosed(error: unknown): Promise<undefined> {
  if (systemCode(error) === "EACCES") throw error;
}
