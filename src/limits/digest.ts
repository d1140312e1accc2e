/** Names as parts of the keys of an `AdmissionStore`: as short for every name, and not to be read there. */
import { createHash } from "node:crypto";

/** Characters of which no two names have the same. */
const UNIQUE = 22;

/** What stands for a name. @param length characters of six bits each, 1 to 43. Default 22: no two names have the same */
export function digest(name: string, length: number = UNIQUE): string {
  return createHash("sha256").update(name).digest("base64url").slice(0, length);
}
