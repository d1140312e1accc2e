/** The entries of one pinned directory, streamed: constant memory, a bounded number of look-ups ahead. */
import { opendir } from "node:fs/promises";
import type { FileInfo } from "../../storage/file-info.js";
import { decodeText } from "../../storage/names.js";
import { type Found, infosOf, typeOf } from "./entry.js";
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

/**
 * The entries of these names; without those that are gone meanwhile, cannot be looked at, or are none that clients can use.
 * Ends when nothing is under way any more: only then may the directory be closed.
 */
async function lookUp(listed: Listed, names: readonly string[]): Promise<readonly FileInfo[]> {
  const { directory } = listed;
  const looks = await directory.disk.lstats(names.map((name) => directory.at(name)));
  const targets = await targetsOf(
    listed,
    names.filter((_name, at) => looks[at]?.stats?.isSymbolicLink()),
  );
  const found: Found[] = [];
  for (const [at, { stats, error }] of looks.entries()) {
    const name = names[at] ?? "";
    const type = stats === undefined ? assertOpen(error) : typeOf(stats);
    if (stats === undefined || type === undefined) continue;
    const link = type === "link" ? targets.get(name) : NO_LINK;
    if (link !== undefined) found.push({ name, type, stats, target: link.target });
  }
  return infosOf(found);
}

/** Where a link leads, as far as clients may know it. */
interface Link {
  readonly target: string | undefined;
}

const NO_LINK: Link = { target: undefined };
const NO_LINKS: ReadonlyMap<string, Link> = new Map();

/** Where links lead; without those that are gone meanwhile. */
async function targetsOf(listed: Listed, names: readonly string[]): Promise<ReadonlyMap<string, Link>> {
  if (names.length === 0) return NO_LINKS;
  const { directory, shownTarget } = listed;
  const read = await Promise.allSettled(names.map(async (name) => directory.disk.readlink(directory.at(name))));
  const targets = new Map<string, Link>();
  for (const [at, result] of read.entries()) {
    if (result.status === "rejected") assertOpen(result.reason);
    else targets.set(names[at] ?? "", { target: shownTarget(decodeText(result.value)) });
  }
  return targets;
}

/** Only `EACCES` counts: it concerns the whole directory, which then must not look empty. @throws it */
function assertOpen(error: unknown): undefined {
  if (systemCode(error) === "EACCES") throw error;
}
