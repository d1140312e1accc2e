/** Which store is where, and which directories are there only because they lead to one. */
import { componentsOf } from "../components-of.js";
import { FileSystem } from "../file-system.js";
import { baseName, parentOf, ROOT, type VirtualPath, virtualPath } from "../names.js";
import { Mount } from "./mount.js";

/** No names. */
const NONE: ReadonlySet<string> = new Set();

/** Mount points and the directories above them; the root is always one of these. */
export class MountTable {
  readonly #mounts = new Map<VirtualPath, Mount>();
  /** The fixed entries of each directory that leads to mount points. */
  readonly #names = new Map<VirtualPath, Set<string>>([[ROOT, new Set()]]);

  /** @throws TypeError where a path is none in full, or no FileSystem stands at it */
  constructor(stores: Readonly<Record<string, FileSystem | undefined>>) {
    const given = Object.entries(stores).filter(([, store]) => store !== undefined);
    const kinds = [...new Set(given.map(([, store]) => store))];
    for (const [text, store] of given) {
      const point = mountPoint(text);
      if (!(store instanceof FileSystem)) throw new TypeError(`mounted: what is at ${text} must be a FileSystem`);
      this.#mounts.set(point, new Mount(store, point, kinds.length > 1 ? `${kinds.indexOf(store)}.` : ""));
      this.#leadTo(point);
    }
  }

  /** Every store, once for each place. */
  get mounts(): Iterable<Mount> {
    return this.#mounts.values();
  }

  /** The store that a path leads to: of several the one with the longest mount point. */
  mountOf(path: VirtualPath): Mount | undefined {
    for (let point = path; ; point = parentOf(point)) {
      const mount = this.#mounts.get(point);
      if (mount !== undefined || point === ROOT) return mount;
    }
  }

  isMountPoint(path: VirtualPath): boolean {
    return this.#mounts.has(path);
  }

  /** Whether the path is the root, a mount point or on the way to one. */
  isFixed(path: VirtualPath): boolean {
    return this.#mounts.has(path) || this.#names.has(path);
  }

  /** The names in a directory that stand there whatever the stores hold. */
  namesIn(path: VirtualPath): ReadonlySet<string> {
    return this.#names.get(path) ?? NONE;
  }

  #leadTo(path: VirtualPath): void {
    if (path === ROOT) return;
    const parent = parentOf(path);
    const names = this.#names.get(parent) ?? new Set();
    this.#names.set(parent, names.add(baseName(path)));
    this.#leadTo(parent);
  }
}

function mountPoint(text: string): VirtualPath {
  try {
    const path = virtualPath(text);
    componentsOf(path);
    if (path === text) return path;
  } catch (cause) {
    throw new TypeError(`mounted: ${JSON.stringify(text)} cannot be a path`, { cause });
  }
  throw new TypeError(`mounted: ${JSON.stringify(text)} must be an absolute path without "//", "." and ".."`);
}
