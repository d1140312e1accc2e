/** Links that an attacker could find in a served folder: those that lead out, those that go in circles, those that stay. */
import { lstatSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Jail } from "./kit-jail.js";

/** Links that lead out of the served folder or nowhere, by name. */
export function hostileLinks({ base, outside }: Jail): Readonly<Record<string, string>> {
  return {
    out: outside,
    up: "..",
    relative: "../outside",
    "dir/deep": "../../outside",
    "out-file": join(outside, "canary.txt"),
    "relative-file": "../outside/canary.txt",
    dangling: join(outside, "new.txt"),
    chain: "chain-next",
    "chain-next": "out",
    twin: "../root-twin",
    loop: "loop",
    ping: "pong",
    pong: "ping",
    host: "/",
    etc: "/etc",
    passwd: "/etc/passwd",
    self: "/proc/self",
    beyond: join(base, "root-twin", "canary.txt"),
  };
}

/** Links that stay inside. */
export function harmlessLinks({ root }: Jail): Readonly<Record<string, string>> {
  return { in: "dir", "in-file": "inside.txt", "absolute-in": join(root, "dir") };
}

/** Makes the links, also where an attack has removed or replaced one. */
export function plantLinks(jail: Jail, links: Readonly<Record<string, string>>): void {
  for (const [name, target] of Object.entries(links)) {
    const path = join(jail.root, name);
    if (isLinkTo(path, target)) continue;
    rmSync(path, { recursive: true, force: true });
    symlinkSync(target, path);
  }
}

function isLinkTo(path: string, target: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isSymbolicLink() === true && readlinkSync(path) === target;
}
