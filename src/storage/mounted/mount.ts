/** One store at its place in a larger tree: takes the paths of that tree, and tells of itself in them. */
import type { FileInfo } from "../file-info.js";
import type { FileSystem } from "../file-system.js";
import { ROOT, type VirtualPath } from "../names.js";
import { TranslatedFileSystem } from "../translated-file-system.js";

/** A store below its mount point. Every path that it is given lies there. */
export class Mount extends TranslatedFileSystem {
  readonly #point: VirtualPath;
  readonly #mark: string;

  /** @param mark goes before the `unique` facts of the store, which another store may use too; `""` where there is none */
  constructor(inner: FileSystem, point: VirtualPath, mark: string) {
    super(inner);
    this.#point = point;
    this.#mark = mark;
  }

  protected override inward(path: VirtualPath): VirtualPath {
    return (this.#point === ROOT ? path : path.slice(this.#point.length) || ROOT) as VirtualPath;
  }

  protected override outward(path: string): string {
    if (this.#point === ROOT) return path;
    return path.startsWith("/") && path !== ROOT ? `${this.#point}${path}` : this.#point;
  }

  protected override shown(info: FileInfo): FileInfo {
    const shown = super.shown(info);
    return shown.unique === undefined ? shown : { ...shown, unique: `${this.#mark}${shown.unique}` };
  }
}
