/**
 * A program for a private mount namespace: serves a folder into which another file system is mounted, and tries to
 * rename across. Prints what came of it as JSON; the test that starts it judges.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Jail } from "./kit-jail.js";

/** What the program prints. */
export interface AcrossMounts {
  /** Codes of RNFR and RNTO: onto a free name, onto a link that leads out, of a directory, and back. */
  readonly codes: readonly (readonly number[])[];
  /** Whether the sources are still whole and nothing has come out or gone out. */
  readonly intact: boolean;
}

async function run(overwriteOnRename: boolean): Promise<AcrossMounts> {
  await using jail = await Jail.open({ server: { overwriteOnRename } });
  const other = join(jail.root, "other");
  mkdirSync(other);
  execFileSync("mount", ["-t", "tmpfs", "none", other]);
  try {
    symlinkSync(join(jail.outside, "canary.txt"), join(other, "link"));
    symlinkSync(jail.outside, join(other, "folder"));
    const attacker = await jail.attacker();
    const codes: (readonly number[])[] = [];
    for (const [from, to] of [
      ["/own.txt", "/other/own.txt"],
      ["/own.txt", "/other/link"],
      ["/own.txt", "/other/folder/own.txt"],
      ["/dir", "/other/dir"],
      ["/other/link", "/own.txt"],
    ] as const)
      codes.push((await attacker.rename(from, to)).codes);
    await jail.assertIntact();
    const whole = readFileSync(join(jail.root, "own.txt"), "utf8") === "own\n" && !existsSync(join(other, "own.txt"));
    return { codes, intact: whole && existsSync(join(jail.root, "dir", "inner.txt")) };
  } finally {
    execFileSync("umount", [other]);
  }
}

console.log(JSON.stringify([await run(false), await run(true)]));
