/** What clients may know of where a link leads. */
import { isAbsolute } from "node:path";
import { childOf, parentOf, ROOT, type VirtualPath } from "../../storage/names.js";
import type { Jail } from "./jail.js";
import { type Pin, slashed } from "./pin.js";

/**
 * The target of a link in a pinned directory as a client can use it: an absolute one as a virtual path, a relative
 * one as it stands. Undefined for one that names, or climbs to, a place outside: it would tell of the host.
 */
export function shownTarget(jail: Jail, directory: Pin, target: string): string | undefined {
  if (!jail.followsLinks || /[\0\r\n]/.test(target)) return undefined;
  if (isAbsolute(target)) return jail.virtual(slashed(target));
  let place: VirtualPath = jail.pathOf(directory);
  for (const step of slashed(target).split("/")) {
    if (step === ".." && place === ROOT) return undefined;
    if (step === "..") place = parentOf(place);
    else if (step !== "" && step !== ".") place = childOf(place, step);
  }
  return target;
}
