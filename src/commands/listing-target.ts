/** What a listing command shows: a directory, the entries of one that match a pattern, or one entry (RFC 959 §4.1.3, RFC 3659 §7). */

import { unlessOff } from "../limits/limits.js";
import type { Rights } from "../listing/facts.js";
import { compileGlob, splitGlob } from "../listing/glob.js";
import { type Walk, walk } from "../listing/listing.js";
import type { Dialogue } from "../session/dialogue.js";
import { ListQuestion } from "../session/questions.js";
import type { FileInfo } from "../storage/file-info.js";
import { FileSystemError } from "../storage/file-system-error.js";
import type { Reply } from "../wire/reply.js";
import { ROOT, type VirtualPath, virtualPath } from "../wire/virtual-path.js";

/** What was found at the path of a listing command. */
export interface ListingTarget {
  /** The directory, or the path of the one entry. */
  readonly path: VirtualPath;
  /** The entry at `path`; `undefined` where a pattern made its directory not worth a look. */
  readonly info: FileInfo | undefined;
  /** Names of `path` that are shown. */
  readonly glob?: (name: string) => boolean;
  /** What the client wrote before the pattern. */
  readonly prefix: string;
  /** What the host's filters leave. */
  readonly filter: ((entry: FileInfo) => boolean) | undefined;
}

/** What a client asks a listing of. */
export interface AskedListing {
  readonly verb: string;
  /** As the client wrote it; `""` is the working directory. */
  readonly name: string;
  /** Whether a pattern in the last component is one. */
  readonly patterns: boolean;
  readonly signal: AbortSignal;
}

/** What was found, or why nothing may be shown. */
export type Found = { readonly refusal: Reply } | { readonly refusal?: undefined; readonly target: ListingTarget };

/** Characters of a pattern: no store has longer names. */
const MAX_PATTERN = 255;

/** Asks the host and looks the path up. A name that exists is itself, also with the characters of a pattern. @throws FileSystemError */
export async function findTarget(dialogue: Dialogue, asked: AskedListing): Promise<Found> {
  const { verb, name, patterns } = asked;
  const parts = patterns ? splitGlob(name) : undefined;
  const path = dialogue.resolve(parts === undefined ? name : parts.prefix);
  // Longer than any name it could match, and the work of matching grows with it.
  if (parts !== undefined && parts.pattern.length > MAX_PATTERN) throw new FileSystemError("ENAMETOOLONG", path);
  const question = new ListQuestion(dialogue.session, dialogue.texts.refused, verb, path);
  const refusal = await dialogue.ask("list", question, asked.signal);
  if (refusal !== undefined) return { refusal };
  const filter = question.wanted;
  const literal = parts === undefined ? question.path : virtualPath(parts.pattern, question.path);
  const info = await lookUp(dialogue, literal, asked.signal, parts !== undefined);
  // What a filter hides in a listing is missing when it is named.
  if (info !== undefined && !isPlace(dialogue, literal) && filter?.(info) === false)
    throw new FileSystemError("ENOENT", literal);
  if (info !== undefined || parts === undefined) return { target: { path: literal, info, prefix: "", filter } };
  return { target: { path: question.path, info, glob: compileGlob(parts.pattern), prefix: parts.prefix, filter } };
}

/** The root and the working directory are where the client is, and not entries. */
function isPlace({ state }: Dialogue, path: VirtualPath): boolean {
  return path === ROOT || path === state.directory;
}

async function lookUp(
  dialogue: Dialogue,
  path: VirtualPath,
  signal: AbortSignal,
  mayLack: boolean,
): Promise<FileInfo | undefined> {
  try {
    return await dialogue.fileSystem.stat(path, { signal });
  } catch (error) {
    if (mayLack && error instanceof FileSystemError && ["ENOENT", "EINVAL"].includes(error.code)) return undefined;
    throw error;
  }
}

/** How far and in which order a target is walked. */
export interface WalkChoice {
  /** Ends the walk. */
  readonly signal: AbortSignal;
  readonly recursive?: boolean;
  /** Whether it is for a reply, where the options `listing` are bounds of one directory too. */
  readonly inReply?: boolean;
  /** Directories of at most so many entries are shown in byte order. */
  readonly sortUpTo?: number;
}

/** The entries of a directory target. One directory over a data connection has no bound but those of `limits`: it is streamed. */
export function walkTarget(dialogue: Dialogue, target: ListingTarget, choice: WalkChoice): Walk {
  const { allowance, settings } = dialogue;
  const { maxDepth, maxEntries, maxMilliseconds, statLines } = settings.listing;
  const { recursive = false, inReply = false } = choice;
  const entries = inReply ? statLines : recursive ? maxEntries : Number.POSITIVE_INFINITY;
  const time = inReply || recursive ? unlessOff(maxMilliseconds) : Number.POSITIVE_INFINITY;
  return walk(dialogue.fileSystem, target.path, {
    recursive,
    bounds: {
      depth: allowance.within("listingDepth", maxDepth),
      entries: allowance.within("listingEntries", entries),
      time: allowance.within("listingTime", time),
    },
    ...(target.glob && { glob: target.glob }),
    ...(target.filter && { filter: target.filter }),
    ...(choice.sortUpTo !== undefined && { sortUpTo: choice.sortUpTo }),
    signal: choice.signal,
    share: dialogue.allowance.share,
  });
}

/** What this user may do with entries at or below a path (RFC 3659 §7.5.5). */
export function rightsAt({ fileSystem }: Dialogue, path: VirtualPath): Rights {
  return {
    list: fileSystem.supports("list", path),
    read: fileSystem.supports("openRead", path),
    write: fileSystem.supports("openWrite", path),
    append: fileSystem.supports("append", path),
    remove: fileSystem.supports("remove", path),
    makeDirectory: fileSystem.supports("makeDirectory", path),
    removeDirectory: fileSystem.supports("removeDirectory", path),
    rename: fileSystem.supports("rename", path),
  };
}

/** The lines with the first ones read already: what the store refuses shows before 150. The caller closes `lines`. */
export async function begun(lines: AsyncGenerator<readonly string[]>): Promise<AsyncIterable<readonly string[]>> {
  const first = await lines.next();
  return (async function* () {
    if (first.done) return;
    yield first.value;
    yield* lines;
  })();
}

/** Lines that are there already, in the shape of those that are streamed. */
export async function* given(...lines: readonly string[]): AsyncGenerator<readonly string[]> {
  yield lines;
}
