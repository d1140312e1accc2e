/** Paths as keys: a prefix, and the components joined by `/`. A directory's key ends with `/`. */
import { componentsOf, isComponent } from "../../storage/components-of.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import { encodeText, type VirtualPath } from "../../storage/names.js";

/** The keys of one tree of files in a store. */
export class Keys {
  /** Before all keys; empty, or ends with `/`. */
  readonly prefix: string;
  readonly #maxBytes: number;

  /** @throws TypeError where the prefix is no text, or has an empty component, `.` or `..` */
  constructor(prefix: string, maxBytes: number) {
    if (typeof prefix !== "string") throw new TypeError(`prefix must be a string, not ${typeof prefix}`);
    const components = prefix.split("/").filter((component, index, all) => component !== "" || !isEdge(index, all));
    if (!components.every(isComponent) || !prefix.isWellFormed())
      throw new TypeError(`prefix must be names joined by /, not ${JSON.stringify(prefix)}`);
    this.prefix = components.length === 0 ? "" : `${components.join("/")}/`;
    this.#maxBytes = maxBytes;
  }

  /** The key of a file; for the root what is before all keys. @throws FileSystemError `EINVAL`, `ENAMETOOLONG` */
  file(path: VirtualPath): string {
    const key = this.prefix + componentsOf(path).join("/");
    // Bytes that are not UTF-8 have no place in a key.
    if (!key.isWellFormed()) throw new FileSystemError("EINVAL", path);
    if (!this.fits(key)) throw new FileSystemError("ENAMETOOLONG", path);
    return key;
  }

  /**
   * What the keys below a directory begin with, and the key of its marker; one byte longer than a file's, it may be
   * more than `fits`.
   * @throws FileSystemError `EINVAL`, `ENAMETOOLONG`
   */
  directory(path: VirtualPath): string {
    const key = this.file(path);
    return key === this.prefix ? key : `${key}/`;
  }

  /** Whether there can be an object of that key. */
  fits(key: string): boolean {
    return key.length * 3 <= this.#maxBytes || encodeText(key).length <= this.#maxBytes;
  }
}

function isEdge(index: number, all: readonly string[]): boolean {
  return index === 0 || index === all.length - 1;
}
