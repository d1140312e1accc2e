/** Runs the whole behaviour suite again in this process, over TLS. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type TlsMode, useTls } from "../kit/security.js";

const FOLDER = join(import.meta.dirname, "..", "behaviour");

/** Declares every test of the suite, with the servers and clients of the kit under TLS. */
export async function behaviourOver(mode: TlsMode): Promise<void> {
  await useTls(mode);
  for (const name of readdirSync(FOLDER).sort())
    if (name.endsWith(".test.js")) await import(pathToFileURL(join(FOLDER, name)).href);
}
