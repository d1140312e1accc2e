/** curl as a client of the program: run to its end, its exit code asserted. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { requireProgram, run } from "../kit/programs.js";

/** curl's exit codes. */
const OK = 0;
/** The reply to STOR was no. */
export const UPLOAD_FAILED = 25;
/** The reply to USER or PASS was no. */
export const LOGIN_DENIED = 67;
/** The certificate cannot be verified. */
export const UNTRUSTED = 60;

/** Runs curl and gives what it printed, once its exit code is the one expected; nothing where it is not installed. */
export async function curl(t: TestContext, args: readonly string[], code: number = OK): Promise<string> {
  const program = requireProgram(t, "curl");
  if (program === undefined) return "";
  const finished = await run(program, ["--silent", "--show-error", "--disable", ...args]);
  assert.equal(finished.code, code, `curl ${args.join(" ")}: ${finished.stderr}`);
  return finished.stdout;
}
