/**
 * Other programs as clients: found on the path, run with a deadline, never through a shell.
 * Knows nothing of FTP.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";

/** Milliseconds for a whole program: on a busy machine some need ten seconds for 500 files. */
const PROGRAM_DEADLINE = 60_000;

/** The Debian package of programs whose package is named otherwise. */
const PACKAGES: Readonly<Record<string, string>> = {
  ncftpget: "ncftp",
  ncftpput: "ncftp",
  ncftpls: "ncftp",
};

/** The full path of a program, or `undefined` where it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/**
 * The full path of a program that a test cannot do without. Where it is missing the test is skipped,
 * but fails under `CI=true`: a suite that skips everything proves nothing.
 */
export function requireProgram(t: TestContext, name: string): string | undefined {
  const path = findProgram(name);
  if (path !== undefined) return path;
  const reason = `${name} is not installed: apt-get install ${PACKAGES[name] ?? name}`;
  assert.notEqual(process.env.CI, "true", reason);
  t.skip(reason);
  return undefined;
}

/** How a program is run. */
export interface RunOptions {
  /** Written to its standard input, which is then closed. Default: nothing. */
  readonly input?: string | Uint8Array;
  /** Added to the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds before it is killed. Default 10,000. */
  readonly timeout?: number;
}

/** What became of a program. */
export interface Finished {
  /** `null` where it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether the deadline killed it. */
  readonly timedOut: boolean;
}

/** Runs a program to its end, or kills it at the deadline; rejects only where it cannot be started. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on("data", (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.stderr.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, options.timeout ?? PROGRAM_DEADLINE);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const [stdout, stderr] = [output.stdout, output.stderr].map((chunks) => Buffer.concat(chunks).toString());
      resolve({ code, stdout: stdout ?? "", stderr: stderr ?? "", timedOut });
    });
  }).finally(() => clearTimeout(timer)) as Promise<Finished>;
}
