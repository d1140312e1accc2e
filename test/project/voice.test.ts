/**
 * The voice of the house, as far as a program can hear it: sizes, names, comments. What the linter
 * checks (the longest file and function, `any`, forgotten notes) is not repeated here.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Visitor } from "oxc-parser";
import { parse, type SourceFile, sourceFiles } from "./source-file.js";

const VAGUE = /^(?:.*-)?(?:utils?|helpers?|managers?|common|misc)(?:-.*)?\.ts$/;

/** Whether nothing but a `#!` line stands before the first comment. */
function beginsWithComment({ comments, program, text }: SourceFile): boolean {
  const start = program.hashbang?.end ?? 0;
  return comments.some((comment) => text.slice(start, comment.start).trim() === "");
}

/** The exported declarations that have no doc comment right before them. */
function undocumented({ path, text, program, comments }: SourceFile): string[] {
  const documented = (position: number): boolean =>
    comments.some(
      ({ type, value, end }) =>
        type === "Block" && value.startsWith("*") && end <= position && text.slice(end, position).trim() === "",
    );
  return program.body
    .filter((node) => node.type === "ExportNamedDeclaration" && node.declaration !== null && !documented(node.start))
    .map((node) => `${path}: ${firstLine(text.slice(node.start))}`);
}

/** The lines that each function takes, methods and functions in blocks included. */
function functionSizes({ program, text }: SourceFile): number[] {
  const sizes: number[] = [];
  const measure = (node: { body: { type: string } | null; start: number; end: number }): void => {
    if (node.body?.type === "BlockStatement") sizes.push(linesIn(text.slice(node.start, node.end)));
  };
  new Visitor({
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(program);
  return sizes;
}

/** Members that are hidden by a keyword, which the compiled program does not know, and not by `#`. */
function hiddenByKeyword({ path, text, program }: SourceFile): string[] {
  const found: string[] = [];
  const check = (node: { accessibility?: string | null; start: number }): void => {
    if (node.accessibility === "private") found.push(`${path}: ${firstLine(text.slice(node.start))}`);
  };
  new Visitor({ PropertyDefinition: check, MethodDefinition: check, TSParameterProperty: check }).visit(program);
  return found;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function linesIn(text: string): number {
  return text.trimEnd().split("\n").length;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? 0;
}

const files = sourceFiles();

suite("voice", () => {
  test("what is wrong is heard", () => {
    const wrong = parse("x.ts", "export class A {\n  private a = 1;\n  b() {\n  }\n}\n// late\n");
    assert.equal(beginsWithComment(wrong), false);
    assert.deepEqual(undocumented(wrong), ["x.ts: export class A {"]);
    assert.deepEqual(hiddenByKeyword(wrong), ["x.ts: private a = 1;"]);
    assert.deepEqual(functionSizes(wrong), [2]);
    assert.match("path-utils.ts", VAGUE);
    assert.equal(median([9, 1, 2]), 2);
  });

  test("what is right is let pass", () => {
    const right = parse("x.ts", "#!/usr/bin/env node\n/** What for. */\n\n/** A. */\nexport class A {\n  #a = 1;\n}\n");
    assert.equal(beginsWithComment(right), true);
    assert.deepEqual(undocumented(right), []);
    assert.deepEqual(hiddenByKeyword(right), []);
  });

  test("every file begins with what it is for", () => {
    assert.ok(files.length > 20, "src/ has been read");
    const silent = files.filter((file) => !beginsWithComment(file));
    assert.deepEqual(
      silent.map(({ path }) => path),
      [],
    );
  });

  test("every export has a doc comment", () => assert.deepEqual(files.flatMap(undocumented), []));

  test("private members are #private", () => assert.deepEqual(files.flatMap(hiddenByKeyword), []));

  test("no file has a name that says nothing", () => {
    const vague = files.map(({ path }) => path).filter((path) => VAGUE.test(path.replace(/^.*\//, "")));
    assert.deepEqual(vague, []);
  });

  test("files have 100 lines in the median at the most, functions 8", () => {
    const fileSize = median(files.map(({ text }) => linesIn(text)));
    const functionSize = median(files.flatMap(functionSizes));
    assert.ok(fileSize <= 100, `files: ${fileSize}`);
    assert.ok(functionSize <= 8, `functions: ${functionSize}`);
  });
});
