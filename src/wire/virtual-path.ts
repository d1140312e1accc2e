/**
 * Path names of the client made safe (RFC 3659 §6, TVFS): absolute, normalised, `/`-separated.
 * The one place where `..` has a meaning; file systems never see it. Pure text: knows no store.
 */
import { FtpError } from "../errors.js";
import { encodeText } from "./text-encoding.js";

declare const virtual: unique symbol;

/** An absolute, normalised path: `/` or `/a/b`, without `.`, `..`, empty components, NUL, CR or LF. */
export type VirtualPath = string & { readonly [virtual]: true };

/** The root of every file system. */
export const ROOT = "/" as VirtualPath;

/** Bytes of a whole path. */
export const MAX_PATH_BYTES = 4096;
/** Bytes of one component. */
export const MAX_NAME_BYTES = 255;
/** Components of a path. */
export const MAX_PATH_DEPTH = 128;

/**
 * Resolves a path name against a directory as a client means it; `..` of the root is the root.
 * @param name what the client sent, decoded; relative names start at `base`
 * @param base the working directory. Default: the root
 * @throws FtpError `BAD_PATH` where the name holds NUL, CR or LF, or is too long or too deep
 */
export function virtualPath(name: string, base: VirtualPath = ROOT): VirtualPath {
  if (/[\0\r\n]/.test(name)) throw new FtpError("BAD_PATH", "a path name must not hold NUL, CR or LF");
  const components: string[] = [];
  for (const component of (name.startsWith("/") ? name : `${base}/${name}`).split("/")) {
    if (component === "..") components.pop();
    else if (component !== "" && component !== ".") components.push(component);
  }
  if (components.some(isTooLong)) throw new FtpError("BAD_PATH", "a name in the path is too long");
  const path = `/${components.join("/")}` as VirtualPath;
  if (components.length > MAX_PATH_DEPTH || exceedsBytes(path))
    throw new FtpError("BAD_PATH", "the path name is too long");
  return path;
}

/** The directory that holds `path`; the root holds itself. */
export function parentOf(path: VirtualPath): VirtualPath {
  const slash = path.lastIndexOf("/");
  return (slash <= 0 ? ROOT : path.slice(0, slash)) as VirtualPath;
}

/** The last component; `""` for the root. */
export function baseName(path: VirtualPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Appends one component, as listings name it. The name must not hold `/`. */
export function childOf(directory: VirtualPath, name: string): VirtualPath {
  return (directory === ROOT ? `/${name}` : `${directory}/${name}`) as VirtualPath;
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: VirtualPath, ancestor: VirtualPath): boolean {
  return ancestor === ROOT || path === ancestor || path.startsWith(`${ancestor}/`);
}

/** A code unit is at most three bytes: most paths need not be encoded to be known as short. */
function exceedsBytes(path: string): boolean {
  return path.length * 3 > MAX_PATH_BYTES && encodeText(path).length > MAX_PATH_BYTES;
}

/** A UTF-16 code unit makes at most three bytes. */
function isTooLong(component: string): boolean {
  return component.length * 3 > MAX_NAME_BYTES && encodeText(component).length > MAX_NAME_BYTES;
}
