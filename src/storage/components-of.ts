/** The check that every store makes of the paths it is given, whoever gives them. */
import { FileSystemError } from "./file-system-error.js";
import { decodeText, encodeText, ROOT, type VirtualPath } from "./names.js";

/**
 * The components of a path, none for the root.
 * @throws FileSystemError `EINVAL` where the path is not as `virtualPath` makes it: relative, not normalised,
 * with NUL, CR or LF, or with surrogates that stand for no byte sequence or for the bytes of another name
 */
export function componentsOf(path: VirtualPath): readonly string[] {
  if (path === ROOT) return [];
  const [before, ...components] = path.split("/");
  if (before !== "" || components.length === 0 || !components.every(isComponent))
    throw new FileSystemError("EINVAL", path);
  return components;
}

/** Whether FTP can carry the name and one spelling alone leads to it. */
export function isComponent(name: string): boolean {
  if (name === "" || name === "." || name === ".." || /[\0\r\n/]/.test(name)) return false;
  return name.isWellFormed() || decodeText(encodeText(name)) === name;
}
