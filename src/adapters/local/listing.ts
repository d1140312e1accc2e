/** The entries of one pinned directory, streamed: constant memory, a bounded number of look-ups ahead. */
import { lstat, opendir, readlink } from "node:fs/promises";
import type { FileInfo } from "../../storage/file-info.js";
import { decodeText } from "../../storage/names.js";
import { infoOf, typeOf } from "./entry.js";
import type { Pin } from "./pin.js";
import { systemCode } from "./refusal.js";

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

/** The entries, in the order of the disk. Closes neither more nor less than what it opens. */
export async function* entriesOf(listed: Listed): AsyncGenerator<FileInfo> {
  const ahead: Promise<FileInfo | undefined>[] = [];
  try {
    for await (const name of namesOf(listed)) {
      ahead.push(settledLater(entryOf(listed, name)));
      if (ahead.length < AHEAD) continue;
      const info = await ahead.shift();
      if (info !== undefined) yield info;
    }
    for (const entry of ahead) {
      const info = await entry;
      if (info !== undefined) yield info;
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

async function* namesOf({ directory, lists, signal }: Listed): AsyncGenerator<string> {
  // Node takes "buffer" here, its types do not say so; names need not be UTF-8.
  const names = await opendir(directory.at(), { encoding: "buffer" as BufferEncoding, bufferSize: NAMES });
  for await (const entry of names) {
    signal?.throwIfAborted();
    const name = decodeText(entry.name as unknown as Uint8Array);
    if (lists(name)) yield name;
  }
}

/**
 * One entry; undefined where it is gone meanwhile, cannot be looked at, or is none that clients can use. Only
 * `EACCES` counts: it concerns the whole directory, which then must not look empty.
 */
async function entryOf({ directory, shownTarget }: Listed, name: string): Promise<FileInfo | undefined> {
  try {
    const path = directory.at(name);
    const stats = await lstat(path, { bigint: true });
    const type = typeOf(stats);
    if (type === undefined) return undefined;
    if (type !== "link") return infoOf(name, type, stats);
    return infoOf(name, type, stats, shownTarget(decodeText(await readlink(path, "buffer"))));
  } catch (error) {
    if (systemCode(error) === "EACCES") throw error;
    return undefined;
  }
}

/** The same promise, known to Node as one whose rejection will be looked at. */
function settledLater<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
