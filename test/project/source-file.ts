/**
 * The files of `src/`, parsed: what the tests of the floors and of the voice read.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { type ParseResult, parseSync, Visitor } from "oxc-parser";

/** The folder of the project. */
export const PROJECT = join(import.meta.dirname, "../..");

/** One file, parsed. */
export interface SourceFile {
  /** Below `src/`, with `/`: `wire/reply.ts`. */
  readonly path: string;
  readonly text: string;
  readonly program: ParseResult["program"];
  readonly comments: ParseResult["comments"];
  /** What it imports by any means, types included: files as paths below `src/`, modules by their names. */
  readonly imports: readonly string[];
}

/** All files of `src/`. */
export function sourceFiles(): SourceFile[] {
  const folder = join(PROJECT, "src");
  return readdirSync(folder, { encoding: "utf8", recursive: true })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => parse(path, readFileSync(join(folder, path), "utf8")));
}

/** Parses one file. */
export function parse(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message}`);
  const imports = specifiers(program).map((specifier) =>
    specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts") : specifier,
  );
  return { path, text, program, comments, imports };
}

function specifiers(program: ParseResult["program"]): string[] {
  const found: string[] = [];
  new Visitor({
    ImportDeclaration: (node) => found.push(node.source.value),
    ExportAllDeclaration: (node) => found.push(node.source.value),
    ExportNamedDeclaration: (node) => node.source !== null && found.push(node.source.value),
    ImportExpression: (node) => found.push(node.source.type === "Literal" ? String(node.source.value) : "(computed)"),
    TSImportType: (node) => found.push(node.source.value),
    TSExternalModuleReference: (node) => found.push(node.expression.value),
  }).visit(program);
  return found;
}
