/**
 * Runs the compiled tests: every `*.test.js`, or those whose path contains one of the words given.
 * Arguments that begin with `--` go to Node, e.g. `npm test -- wire --test-reporter=tap`.
 * Knows nothing of what the tests test.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const FOLDER = import.meta.dirname;
/** Milliseconds for one file on Node 20, for one test on later ones: more than the slowest real client needs. */
const TEST_TIMEOUT = 300_000;
/** Milliseconds for the whole run, because later Node versions wait for ever for a file that leaves a handle open. */
const RUN_TIMEOUT = 1_800_000;
/** Test files at a time. They wait for sockets more than they compute, but some of them count memory and time. */
const CONCURRENCY = Math.min(4, Math.max(2, availableParallelism()));

const args = process.argv.slice(2);
const words = args.filter((arg) => !arg.startsWith("--"));
const files = readdirSync(FOLDER, { encoding: "utf8", recursive: true })
  .filter((path) => path.endsWith(".test.js"))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .sort();

if (files.length === 0) {
  console.error(`No test file matches: ${words.join(" ")}`);
  process.exit(1);
}

const child = spawn(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT}`,
    ...args.filter((arg) => arg.startsWith("--")),
    ...files.map((path) => join(FOLDER, path)),
  ],
  { stdio: ["ignore", "inherit", "inherit"], timeout: RUN_TIMEOUT },
);
child.on("exit", (code, signal) => {
  if (signal !== null) console.error(`The test run was ended by ${signal}`);
  process.exitCode = code ?? 1;
});
