/** The entries of a directory in a store of objects, page by page; the next page is fetched while one is read. */
import { isComponent } from "../../storage/components-of.js";
import type { FileInfo } from "../../storage/file-info.js";
import type { ObjectInfo, ObjectPage, ObjectStore } from "./object-store.js";

/** What one page holds. */
export interface EntryPage {
  readonly entries: Iterable<FileInfo>;
  /** Whether the store showed nothing at all, not even a marker. */
  readonly nothing: boolean;
}

/**
 * The pages of a directory, never more than one ahead of what was asked for; who leaves early ends what is on its way.
 * @param directory its key: empty, or with `/` at the end
 * @param infoOf an object as a file of that name
 */
export async function* listEntries(
  store: ObjectStore,
  directory: string,
  infoOf: (name: string, object: ObjectInfo) => FileInfo,
  signal: AbortSignal | undefined,
): AsyncGenerator<EntryPage> {
  const left = new AbortController();
  const stop = (): void => left.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const fetch = (from: string | undefined): Promise<ObjectPage> => {
    const page = store.list({ prefix: directory, grouped: true, from }, left.signal);
    // It may be that nobody reads on.
    page.catch(() => undefined);
    return page;
  };
  try {
    let last: string | undefined;
    let coming: Promise<ObjectPage> | undefined = fetch(undefined);
    while (coming !== undefined) {
      const { objects, prefixes, next }: ObjectPage = await coming;
      coming = next === undefined ? undefined : fetch(next);
      // A prefix may go on in the next page.
      const fresh: readonly string[] = prefixes[0] === last ? prefixes.slice(1) : prefixes;
      last = prefixes.at(-1) ?? last;
      const entries = entriesOf(objects, fresh, directory, infoOf);
      yield { entries, nothing: objects.length + prefixes.length === 0 };
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    left.abort();
  }
}

/** What FTP cannot carry is not shown: empty names, `.`, `..`, line ends. */
function* entriesOf(
  objects: ObjectPage["objects"],
  prefixes: readonly string[],
  directory: string,
  infoOf: (name: string, object: ObjectInfo) => FileInfo,
): Generator<FileInfo> {
  for (const object of objects) {
    const name = object.key.slice(directory.length);
    if (isComponent(name)) yield infoOf(name, object);
  }
  for (const prefix of prefixes) {
    const name = prefix.slice(directory.length, -1);
    if (isComponent(name)) yield { name, type: "directory", size: 0 };
  }
}
