/** Which names of a disk exist for clients. Knows no disk. */
import { randomBytes } from "node:crypto";
import { componentsOf, isComponent } from "../../storage/components-of.js";
import { FileSystemError } from "../../storage/file-system-error.js";
import type { VirtualPath } from "../../storage/names.js";
import { isWindowsName } from "./windows-name.js";

/** Uploads on their way. Without regard to case, because some disks have none. */
const TEMPORARY = /^\.portside-[0-9a-f]+\.part$/i;

/** A name for an upload on its way: new, and hidden by every `NameRules`. */
export function temporaryName(): string {
  return `.portside-${randomBytes(12).toString("hex")}.part`;
}

/**
 * Names that clients see and use. Hidden ones are missing, whatever is done with them: reading, listing and
 * writing give one answer, so that nobody can feel for them.
 */
export class NameRules {
  readonly #hideDotFiles: boolean;
  readonly #windows: boolean;

  constructor(hideDotFiles: boolean, windows: boolean) {
    this.#hideDotFiles = hideDotFiles;
    this.#windows = windows;
  }

  /** @throws FileSystemError `EINVAL` for a name that the disk cannot keep, `ENOENT` for a hidden one */
  check(path: VirtualPath): void {
    const components = componentsOf(path);
    if (this.#windows && !components.every(isWindowsName)) throw new FileSystemError("EINVAL", path);
    if (components.some((name) => this.#hides(name))) throw new FileSystemError("ENOENT", path);
  }

  /** Whether a name that the disk holds is listed: visible, and one that FTP can carry and `check` takes. */
  lists(name: string): boolean {
    return isComponent(name) && !this.#hides(name) && (!this.#windows || isWindowsName(name));
  }

  /** Whether a place on the disk is visible, also when a link leads there. */
  shows(path: string): boolean {
    return !path.split("/").some((name) => this.#hides(name));
  }

  #hides(name: string): boolean {
    return TEMPORARY.test(name) || (this.#hideDotFiles && name.startsWith("."));
  }
}
