/**
 * Runs the compiled tests on every Node version that is supported, or on those given:
 * `npm run test:nodes -- 22 24`. The versions come from npm and are kept out of the project.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const SUPPORTED = ["20", "22", "24", "26"];
const PACKAGE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const TEST_RUN = join(import.meta.dirname, "run.js");

const versions = process.argv.length > 2 ? process.argv.slice(2) : SUPPORTED;
const results = versions.map((version) => ({ version, passed: testOn(version) }));
for (const { version, passed } of results) console.log(`Node ${version}: ${passed ? "passed" : "FAILED"}`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

function testOn(version: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "portside-node-"));
  try {
    const node = installNode(version, folder);
    const path = [dirname(node), process.env.PATH].join(delimiter);
    return succeeds(node, ["--version"]) && succeeds(node, [TEST_RUN], { ...process.env, PATH: path });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installNode(version: string, folder: string): string {
  succeeds("npm", ["install", "--no-save", "--prefix", folder, `${PACKAGE}@${version}`]);
  const program = process.platform === "win32" ? "node.exe" : "node";
  return join(folder, "node_modules", PACKAGE, "bin", program);
}

function succeeds(program: string, args: readonly string[], env = process.env): boolean {
  return spawnSync(program, args, { env, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
}
