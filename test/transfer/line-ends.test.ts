/** Line ends in memory: WebAssembly and JavaScript alike, and what stands for WebAssembly where there is none. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { type LineEnds, lineEnds, lineEndsBy, SLICE, vectorProgram } from "../../dist/transfer/line-ends.js";
import { plainProgram } from "../../dist/transfer/line-ends-plain.js";
import { run } from "../kit/programs.js";
import { COMPILED, compiledLineEnds } from "./line-ends-wasm.js";

const CHILD = join(import.meta.dirname, "line-ends-child.js");
/** What the child is to say behind whether it is by WebAssembly. */
const TRANSLATED = [3, "one\r\r\ntwo\r\n\rthree\r\n", "one\ntwo\n\rthree\n"];

/** Every meeting of CR, LF and other bytes, those next to them and the greatest included. */
const TRICKY = "\n\na\r\nb\rc\n\r\n\r\r\n\r\n\n\t\v\f\x0e\0\x8a\x8d\xff\r";
/** At and around the borders of blocks of SIMD, and of slices. */
const LENGTHS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000, SLICE - 1, SLICE];

/** A text of that many bytes that repeats a pattern. */
function filled(length: number, pattern: string): Buffer {
  return Buffer.alloc(length, Buffer.from(pattern, "latin1"));
}

const exactly = (length: number): Uint8Array => Buffer.alloc(length);

function assertExpands(ways: LineEnds, bytes: Buffer): void {
  const before = Buffer.from(bytes);
  const expanded = Buffer.from(ways.expand(bytes, exactly));
  assert.ok(expanded.equals(Buffer.from(before.toString("latin1").replaceAll("\n", "\r\n"), "latin1")), "expanded");
  assert.ok(bytes.equals(before), "what was given is as it was");
}

function assertCollapses(ways: LineEnds, bytes: Buffer): void {
  // The bytes before and behind are somebody else's.
  const memory = Buffer.concat([Buffer.from("\n"), bytes, Buffer.from("\n")]);
  const length = ways.collapse(memory.subarray(1, -1));
  const expected = Buffer.from(bytes.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
  assert.ok(memory.subarray(1, 1 + length).equals(expected), "collapsed");
  assert.equal(memory[0], 0x0a);
  assert.equal(memory.at(-1), 0x0a);
}

function assertCounts(ways: LineEnds, bytes: Buffer): void {
  assert.equal(ways.count(bytes), bytes.filter((byte) => byte === 0x0a).length);
}

function assertAll(ways: LineEnds, bytes: Buffer): void {
  assertExpands(ways, bytes);
  assertCounts(ways, bytes);
  assertCollapses(ways, bytes);
}

test("the program is made once", () => assert.equal(lineEnds(), lineEnds()));

for (const [name, program] of [
  ["WebAssembly", vectorProgram() ?? assert.fail("no WebAssembly")],
  ["JavaScript", plainProgram()],
] as const)
  suite(`line ends by ${name}`, () => {
    const ways = lineEndsBy(program);

    for (const length of LENGTHS)
      test(`${length} bytes of every kind`, () => {
        for (const pattern of [
          "a",
          "\n",
          "\r",
          "\r\n",
          "\n\r",
          TRICKY,
          "a line of 26 characters\r\n",
          "0123456789abcde\n",
        ])
          assertAll(ways, filled(length, pattern));
      });

    test("one line end at every place of three blocks", () => {
      for (const end of ["\n", "\r", "\r\n"])
        for (let at = 0; at + end.length <= 48; at++)
          assertAll(ways, Buffer.from("x".repeat(at) + end + "y".repeat(48 - at - end.length)));
    });

    test("what an earlier piece has left behind the end is not seen", () => {
      assertAll(ways, filled(SLICE, "\n"));
      for (let length = 0; length < 40; length++) assertAll(ways, filled(length, "\r"));
      for (let length = 0; length < 40; length++) assertAll(ways, filled(length, "x"));
    });

    test("any bytes", () => {
      const byte = fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x61), fc.nat(255));
      const bytes = fc.array(byte, { maxLength: 200, size: "max" }).map((values) => Buffer.from(values));
      fc.assert(
        fc.property(bytes, (some) => assertAll(ways, some)),
        { numRuns: 2000 },
      );
    });

    test("a piece without LF is given back, nothing is allocated", () => {
      const piece = filled(1000, "a\r");
      assert.equal(
        ways.expand(piece, () => assert.fail("allocated")),
        piece,
      );
    });

    test("the room that is asked for is what is needed", () => {
      const asked: number[] = [];
      ways.expand(Buffer.from("a\nb\n"), (length) => {
        asked.push(length);
        return Buffer.alloc(length);
      });
      assert.deepEqual(asked, [6]);
    });
  });

test("a process with few addresses, which are not enough for WebAssembly on some versions of Node", {
  skip: process.platform !== "linux",
}, async () => {
  const { code, stdout, stderr } = await run("sh", [
    "-c",
    `ulimit -v 4000000 && exec "$0" "$1"`,
    process.execPath,
    CHILD,
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout).slice(1), TRANSLATED);
});

for (const { title, flags, byWebAssembly, skip = false } of [
  { title: "a process as it is", flags: [], byWebAssembly: true },
  { title: "node --jitless has no WebAssembly", flags: ["--jitless"], byWebAssembly: false },
  {
    title: "a processor without SSE 4.1 has no SIMD",
    flags: ["--no-enable-sse4-1"],
    byWebAssembly: false,
    skip: process.arch !== "x64",
  },
])
  test(title, { skip }, async () => {
    const { code, stdout, stderr } = await run(process.execPath, [...flags, CHILD]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), [byWebAssembly, ...TRANSLATED]);
  });

test("line-ends-wasm.ts is what line-ends.wat says: run npm run wasm", async () => {
  assert.equal(readFileSync(COMPILED, "utf8"), await compiledLineEnds());
});
