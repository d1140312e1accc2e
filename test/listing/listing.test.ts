import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileGlob } from "../../dist/listing/glob.js";
import type { WalkRequest } from "../../dist/listing/listing.js";
import { encodeLines, longLines, nameLines, walk } from "../../dist/listing/listing.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { encodeText } from "../../dist/wire/text-encoding.js";
import { ROOT, type VirtualPath, virtualPath } from "../../dist/wire/virtual-path.js";
import { until } from "../kit/temporary.js";
import { bound, Careless, Chain, collect, Endless, Failing, lines, Tree, UNBOUNDED } from "./tree.js";

const NOW = new Date("2024-03-15T12:00:00Z");
const FLAT: WalkRequest = { recursive: false, bounds: UNBOUNDED };
const DEEP: WalkRequest = { recursive: true, bounds: UNBOUNDED };

const TREE = { b: 1, ".hidden": 2, sub: { x: 3, deeper: { y: 4 }, empty: {} }, a: 5, link: "sub", other: { z: 6 } };

test("S16.5 a directory is walked in the order of the store, dot files included", async () => {
  const store = new Tree(TREE);
  assert.deepEqual(await lines(nameLines(walk(store, ROOT, FLAT))), ["b", ".hidden", "sub", "a", "link", "other"]);
  assert.deepEqual(store.listed, ["/"]);
});

test("-R goes through each directory before its neighbours, never through links", async () => {
  const store = new Tree(TREE);
  await lines(nameLines(walk(store, ROOT, DEEP)));
  assert.deepEqual(store.listed, ["/", "/sub", "/sub/deeper", "/sub/empty", "/other"]);
});

test("LIST -R has the form of ls -R", async () => {
  const found = await lines(longLines(walk(new Tree(TREE), ROOT, DEEP), NOW));
  assert.deepEqual(
    found.map((line) => line.replace(/^.* {2}1970 /, "")),
    "b|.hidden|sub|a|link -> sub|other||sub:|x|deeper|empty||sub/deeper:|y||sub/empty:||other:|z".split("|"),
  );
  const below = await lines(longLines(walk(new Tree(TREE), virtualPath("/sub"), DEEP), NOW, "./sub/"));
  assert.deepEqual(
    below.filter((line) => line.endsWith(":")),
    ["./sub/deeper:", "./sub/empty:"],
  );
});

test("NLST shows names that can be sent back, and nothing else (RFC 1123 §4.1.2.7)", async () => {
  const sub = virtualPath("/sub");
  assert.deepEqual(await lines(nameLines(walk(new Tree(TREE), sub, FLAT))), ["x", "deeper", "empty"]);
  assert.deepEqual(await lines(nameLines(walk(new Tree(TREE), sub, DEEP), "sub/")), [
    "sub/x",
    "sub/deeper",
    "sub/empty",
    "sub/deeper/y",
  ]);
});

test("a glob chooses in the first directory, and with -R below what it chose", async () => {
  const glob = compileGlob("*[bh]*");
  assert.deepEqual(await lines(nameLines(walk(new Tree(TREE), ROOT, { ...FLAT, glob }), "./")), [
    "./b",
    "./sub",
    "./other",
  ]);
  assert.deepEqual(await lines(nameLines(walk(new Tree(TREE), ROOT, { ...DEEP, glob: compileGlob("sub") }))), [
    "sub",
    "sub/x",
    "sub/deeper",
    "sub/empty",
    "sub/deeper/y",
  ]);
});

test("a filter hides at any depth, and what it hides is not entered", async () => {
  const store = new Tree(TREE);
  const request: WalkRequest = { ...DEEP, filter: (entry) => entry.name !== "deeper" && entry.name !== "x" };
  const names = await lines(nameLines(walk(store, ROOT, request)));
  assert.deepEqual(names, ["b", ".hidden", "sub", "a", "link", "other", "sub/empty", "other/z"]);
  assert.ok(!store.listed.includes("/sub/deeper"));
});

test("a small directory is in the order of its names' bytes, a larger one as the store lists it", async () => {
  const names = ["😀", "\uFFFD", "é", "\uDC80", "z", "a", "B", "-"];
  const store = new Tree(Object.fromEntries(names.map((name) => [name, 1])));
  const order = (sortUpTo: number): Promise<string[]> => lines(nameLines(walk(store, ROOT, { ...FLAT, sortUpTo })));
  assert.deepEqual(await order(names.length), ["-", "B", "a", "z", "\uDC80", "é", "\uFFFD", "😀"]);
  assert.deepEqual(await order(names.length - 1), names);
  assert.deepEqual(await order(0), names);
});

test("a directory that is too large to be sorted is streamed all the same", async () => {
  const store = new Endless();
  const [first] = await take(nameLines(walk(store, ROOT, { ...FLAT, sortUpTo: 10 })), 1);
  assert.deepEqual(first, ["file-0"]);
  assert.equal(store.pulled, 11);
});

test("S2.3 S19.2 a store's mistake in a name reaches neither LIST nor NLST, and is not entered", async () => {
  const bad = ["", ".", "..", "a/b", "../x", "a\0b", "a\rb", "a\nb", "x\r\n226 done"];
  const store = new Careless(["good", ...bad, "fine"]);
  assert.deepEqual(await lines(nameLines(walk(store, ROOT, DEEP))), ["good", "fine"]);
  assert.deepEqual(store.listed, ["/", "/good", "/fine"]);
  const found = await lines(longLines(walk(store, ROOT, FLAT), NOW));
  assert.deepEqual(
    found.map((line) => line.split(" ").at(-1)),
    ["good", "fine"],
  );
});

test("S11.2 a chain of 50,000 directories with a loop in each is walked without recursion", async () => {
  let sections = 0;
  for await (const section of walk(new Chain(50_000), ROOT, DEEP)) {
    assert.equal(section.depth, sections++);
    for await (const some of section.entries) for (const { name } of some) assert.ok(name === "d" || name === "loop");
  }
  assert.equal(sections, 50_001);
});

test("S11.2 depth is bounded, and the walk tells", async () => {
  for (const [most, depth, cut] of [
    [0, 3, true],
    [2, 3, true],
    [3, 3, false],
    [4, 3, false],
  ] as const) {
    const bounds = { ...UNBOUNDED, depth: bound("listingDepth", most) };
    const found = walk(new Chain(depth), ROOT, { ...DEEP, bounds });
    const sections = await depths(found);
    assert.equal(sections.length, Math.min(most, depth) + 1);
    assert.equal(found.reached, cut ? bounds.depth : undefined, `${most} of ${depth}`);
  }
});

test("S11.2 entries are bounded over all directories, and the walk tells", async () => {
  const all = [
    "b",
    ".hidden",
    "sub",
    "a",
    "link",
    "other",
    "sub/x",
    "sub/deeper",
    "sub/empty",
    "sub/deeper/y",
    "other/z",
  ];
  for (let most = 0; most <= all.length + 1; most++) {
    const bounds = { ...UNBOUNDED, entries: bound("listingEntries", most) };
    const found = walk(new Tree(TREE), ROOT, { ...DEEP, bounds });
    assert.deepEqual(await lines(nameLines(found)), all.slice(0, most));
    assert.equal(found.reached, most < all.length ? bounds.entries : undefined, `${most}`);
  }
});

test("S11.3 a bound, and a reader that leaves, close the store's listing", async () => {
  const bounded = new Endless();
  const bounds = { ...UNBOUNDED, entries: bound("listingEntries", 100) };
  await lines(longLines(walk(bounded, ROOT, { ...FLAT, bounds }), NOW));
  assert.deepEqual([bounded.pulled, bounded.closed], [101, true]);
  const left = new Endless();
  await take(encodeLines(longLines(walk(left, ROOT, FLAT), NOW)), 1);
  assert.equal(left.closed, true);
});

test("S11.3 the first bytes come after some sixty entries", async () => {
  const store = new Endless();
  const chunks = encodeLines(longLines(walk(store, ROOT, FLAT), NOW));
  const first = await chunks.next();
  assert.ok(store.pulled < 100, `${store.pulled} entries were pulled`);
  assert.ok(first.value && first.value.length >= 4096);
  const pulled = store.pulled;
  await chunks.next();
  assert.ok(store.pulled - pulled > 300);
  await chunks.return(undefined);
  assert.equal(store.closed, true);
});

test("S11.3 a reader that skips a section's entries leaves no listing open", async () => {
  const store = new Endless();
  for await (const section of walk(store, ROOT, FLAT)) {
    await section.entries[Symbol.asyncIterator]().next();
  }
  assert.equal(store.closed, true);
});

/** Directories without entries, each of which takes 30 ms. */
class Slow extends Tree {
  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    yield* super.list(path);
    if (path !== ROOT) await pass(30);
  }
}

function pass(milliseconds: number): Promise<void> {
  const begun = performance.now();
  return until(() => performance.now() - begun > milliseconds, 5000, "time passes");
}

test("S11.2 the time of the store counts in empty directories, and not when all is shown", async () => {
  const bounds = { ...UNBOUNDED, time: bound("listingTime", 20) };
  const store = new Slow({ a: {}, b: {}, c: {} });
  const cut = walk(store, ROOT, { recursive: true, bounds });
  assert.deepEqual(await lines(nameLines(cut)), ["a", "b", "c"]);
  assert.deepEqual([store.listed, cut.reached], [["/", "/a"], bounds.time]);
  const whole = walk(new Slow({ a: {} }), virtualPath("/a"), { recursive: true, bounds });
  assert.deepEqual([await lines(nameLines(whole)), whole.reached], [[], undefined]);
});

test("S11.2 the time of who reads the headings does not count", async () => {
  const bounds = { ...UNBOUNDED, time: bound("listingTime", 200) };
  const sections = walk(new Tree({ a: { b: 1 } }), ROOT, { recursive: true, bounds });
  const names: string[] = [];
  for await (const section of sections) {
    await pass(210);
    for await (const some of section.entries) names.push(...some.map(({ name }) => name));
  }
  assert.deepEqual([names, sections.reached], [["a", "b"], undefined]);
});

test("S11.3 the signal ends a walk with its reason", async () => {
  const store = new Endless();
  const controller = new AbortController();
  const reason = new Error("ABOR");
  const names = nameLines(walk(store, ROOT, { ...FLAT, signal: controller.signal }));
  await names.next();
  controller.abort(reason);
  await assert.rejects(names.next(), reason);
  assert.equal(store.closed, true);
});

test("what the store refuses at first is thrown; a directory that is gone below is empty", async () => {
  const missing = nameLines(walk(new Tree({}), virtualPath("/x"), FLAT));
  await assert.rejects(missing.next(), { code: "ENOENT", path: "/x" });
  for (const code of ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"] as const) {
    const store = new Failing({ "/b": new FileSystemError(code, "/b") });
    assert.deepEqual(
      await lines(nameLines(walk(store, ROOT, DEEP))),
      ["a", "b", "c", "a/inside", "b/inside", "c/inside"],
      code,
    );
    const root = new Failing({ "/": new FileSystemError(code, "/") });
    await assert.rejects(lines(nameLines(walk(root, ROOT, DEEP))), { code });
  }
});

test("what breaks below ends the walk", async () => {
  for (const error of [new FileSystemError("EIO", "/b"), new Error("the driver broke")]) {
    const names = lines(nameLines(walk(new Failing({ "/b": error }), ROOT, DEEP)));
    await assert.rejects(names, error);
  }
});

test("lines become CRLF-ended chunks, byte for byte, whatever their size (RFC 3659 §2.2)", async () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", "é", "\uDC80", "\uDCFF", "😀") }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(line)), fc.integer({ min: 1, max: 64 }), async (some, chunkBytes) => {
      const chunks = await collect(encodeLines(from(some), chunkBytes));
      assert.deepEqual(Buffer.concat(chunks), Buffer.concat(some.flat().map((text) => encodeText(`${text}\r\n`))));
      assert.ok(chunks.every((chunk) => Buffer.from(chunk).subarray(-2).equals(Buffer.from("\r\n"))));
      for (const chunk of chunks.slice(0, -1)) assert.ok(chunk.length >= chunkBytes);
    }),
  );
});

test("no lines make no chunk, an empty line makes CRLF", async () => {
  assert.deepEqual(await collect(encodeLines(from([]))), []);
  assert.deepEqual(Buffer.concat(await collect(encodeLines(from([[""]])))), Buffer.from("\r\n"));
});

test("chunks are about 32 KiB after the first", async () => {
  const chunks = await collect(encodeLines(from([Array.from({ length: 5_000 }, () => "x".repeat(48))])));
  const [first, ...rest] = chunks.map((chunk) => chunk.length);
  assert.deepEqual([first, ...rest.slice(0, -1)], [4_100, ...rest.slice(0, -1).map(() => 32_800)]);
  assert.ok(rest.length >= 7);
});

async function take<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = [];
  for await (const item of items) if (taken.push(item) === count) break;
  return taken;
}

async function depths(sections: ReturnType<typeof walk>): Promise<number[]> {
  const found: number[] = [];
  for await (const section of sections) {
    found.push(section.depth);
    await collect(section.entries);
  }
  return found;
}

async function* from<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}
