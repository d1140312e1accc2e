/**
 * Compiles src/transfer/line-ends.wat and writes src/transfer/line-ends-wasm.ts, or says what it should hold.
 * Run by `npm run wasm`; a test fails when the two differ.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import wabt from "wabt";

const FOLDER = join(import.meta.dirname, "../../src/transfer");
const SOURCE = join(FOLDER, "line-ends.wat");

export const COMPILED = join(FOLDER, "line-ends-wasm.ts");

/** The file as it should be. */
export async function compiledLineEnds(): Promise<string> {
  const { parseWat } = await wabt();
  const source = parseWat(SOURCE, readFileSync(SOURCE, "utf8"), { simd: true });
  source.validate();
  const code = Buffer.from(source.toBinary({}).buffer).toString("base64");
  return [
    "/** Generated from line-ends.wat by `npm run wasm`; a test fails when they differ. */",
    "",
    "/** The program that line-ends.wat describes, in base64. */",
    "export const LINE_ENDS_WASM =",
    `  "${code}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(COMPILED, await compiledLineEnds());
