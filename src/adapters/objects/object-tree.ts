/** What is where in a store of objects: files, and directories with and without a marker. */
import { FileSystemError } from "../../storage/file-system-error.js";
import { parentOf, ROOT, type VirtualPath } from "../../storage/names.js";
import type { Keys } from "./keys.js";
import type { ObjectInfo, ObjectPage, ObjectStore } from "./object-store.js";

/** The type of markers. */
const DIRECTORY_TYPE = "application/x-directory";

/** A directory that is there. */
export interface FoundDirectory {
  /** Of its marker. */
  readonly modified: Date | undefined;
}

/** What is looked at before something is changed. */
export class ObjectTree {
  readonly store: ObjectStore;
  readonly keys: Keys;
  readonly #keepEmptyDirectories: boolean;

  constructor(store: ObjectStore, keys: Keys, keepEmptyDirectories: boolean) {
    this.store = store;
    this.keys = keys;
    this.#keepEmptyDirectories = keepEmptyDirectories;
  }

  /** The object of a file; `undefined` where there is none. @param checksums whether they are wanted */
  async file(path: VirtualPath, signal?: AbortSignal, checksums?: boolean): Promise<ObjectInfo | undefined> {
    return path === ROOT ? undefined : await this.store.head(this.keys.file(path), signal, checksums);
  }

  /** A directory; `undefined` where there is none. The root is always there. */
  async directory(path: VirtualPath, signal?: AbortSignal): Promise<FoundDirectory | undefined> {
    if (path === ROOT) return { modified: undefined };
    const marker = this.keys.directory(path);
    if (!this.keys.fits(marker)) return undefined;
    const { objects, prefixes } = await this.first(marker, 1, signal);
    if (objects.length === 0 && prefixes.length === 0) return undefined;
    return { modified: objects.find(({ key }) => key === marker)?.modified };
  }

  /** The first keys and prefixes below a directory, its marker among them. Fewer are there only where there are no more. */
  async first(marker: string, limit: number, signal?: AbortSignal): Promise<Omit<ObjectPage, "next">> {
    const [objects, prefixes]: [ObjectInfo[], string[]] = [[], []];
    for (let from: string | undefined; ; ) {
      const page = await this.store.list({ prefix: marker, grouped: true, from, limit }, signal);
      objects.push(...page.objects);
      prefixes.push(...page.prefixes);
      from = page.next;
      // Some stores send pages with nothing on them.
      if (from === undefined || objects.length + prefixes.length >= limit) return { objects, prefixes };
    }
  }

  /** The code for something of the other kind, or for nothing at all. */
  async missingOr<Code extends "EISDIR" | "ENOTDIR">(
    other: Code,
    path: VirtualPath,
    signal?: AbortSignal,
  ): Promise<Code | "ENOENT"> {
    const found = other === "ENOTDIR" ? await this.file(path, signal) : await this.directory(path, signal);
    return found === undefined ? "ENOENT" : other;
  }

  /** Something can be made only in a directory that is there. @throws FileSystemError `ENOENT`, `ENOTDIR` about it */
  async requireParent(path: VirtualPath, signal?: AbortSignal): Promise<void> {
    const parent = parentOf(path);
    if ((await this.directory(parent, signal)) !== undefined) return;
    throw new FileSystemError(await this.missingOr("ENOTDIR", parent, signal), path);
  }

  /** Before the last entry of a directory goes: it would go too. */
  async keepParent(path: VirtualPath, signal?: AbortSignal): Promise<void> {
    const parent = parentOf(path);
    if (!this.#keepEmptyDirectories || parent === ROOT) return;
    const marker = this.keys.directory(parent);
    const { objects, prefixes } = await this.first(marker, 2, signal);
    if (objects.length + prefixes.length < 2 && objects[0]?.key !== marker) await this.mark(marker, false, signal);
  }

  /** Writes the marker of a directory. @param exclusive whether one that is there already is `EEXIST` */
  async mark(
    marker: string,
    exclusive: boolean,
    signal?: AbortSignal,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const request = { exclusive, contentType: DIRECTORY_TYPE, metadata };
    await this.store.put(marker, new Uint8Array(0), request, signal);
  }
}
