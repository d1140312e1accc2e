/** What `MemoryFileSystem` adds to the contract: files to begin with, a bound, versions. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { BLOCK, type Content, ContentBuilder, piecesOf } from "../../dist/adapters/memory/content.js";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import { at, begin, bytes, names, put, refused, text } from "../storage/store.js";

suite("MemoryFileSystem: options", () => {
  test("files to begin with, and their directories", async () => {
    const store = new MemoryFileSystem({
      files: { "/pub/docs/a.txt": "é", "/pub/b.bin": Uint8Array.of(0, 255), "c/../d": "relative" },
    });
    assert.deepEqual(await names(store), ["d", "pub"]);
    assert.deepEqual(await names(store, "/pub"), ["b.bin", "docs"]);
    assert.equal(await text(store, "/pub/docs/a.txt"), "é");
    assert.deepEqual([...(await bytes(store, "/pub/b.bin"))], [0, 255]);
    assert.equal(await text(store, "/d"), "relative");
  });

  test("the bytes that were given can be changed afterwards", async () => {
    const given = Buffer.from("content");
    const store = new MemoryFileSystem({ files: { "/a": given } });
    given.fill(0);
    assert.equal(await text(store, "/a"), "content");
  });

  test("mistakes are told at once", () => {
    for (const maxBytes of [-1, 1.5, Number.NaN, 2 ** 53, "1" as unknown as number])
      assert.throws(() => new MemoryFileSystem({ maxBytes }), RangeError);
    assert.throws(() => new MemoryFileSystem({ maxBytes: 2, files: { "/a": "abc" } }), RangeError);
    const impossible: unknown[] = [{ "/a": "", "/a/b": "" }, { "/a/b": "", "/a": "" }, { "/": "" }, { "/a": 7 }];
    for (const files of impossible)
      assert.throws(() => new MemoryFileSystem({ files: files as Record<string, string> }), TypeError);
  });
});

suite("MemoryFileSystem: maxBytes", () => {
  const free = (store: MemoryFileSystem) => store.availableSpace(at("/"));

  test("S12.5 more than there is room for is ENOSPC and leaves what was there", async () => {
    const store = new MemoryFileSystem({ maxBytes: 10 });
    await put(store, "/a", "12345");
    const handle = await begin(store, "/b", "1234");
    await refused("ENOSPC", handle.write([Buffer.from("56")]), "/b");
    await refused("ENOSPC", handle.commit(), "/b");
    assert.deepEqual(await names(store), ["a"]);
    assert.equal(await free(store), 5);
  });

  test("S12.5 what is given back after every way that an upload or a file can end", async () => {
    const store = new MemoryFileSystem({ maxBytes: 100 });
    await put(store, "/a", "x".repeat(10));
    await put(store, "/a", "x".repeat(20));
    assert.equal(await free(store), 80, "replaced");
    await put(store, "/a", "x".repeat(5), { mode: "append" });
    assert.equal(await free(store), 75, "appended");
    await put(store, "/a", "x".repeat(5), { mode: "at", start: 5 });
    assert.equal(await free(store), 90, "resumed");
    await (await begin(store, "/a", "x".repeat(50), { mode: "append" })).abort();
    assert.equal(await free(store), 90, "aborted");
    const late = await begin(store, "/b", "x".repeat(30), { mode: "exclusive" });
    await put(store, "/b", "x");
    assert.equal(await free(store), 59, "two on their way");
    await refused("EEXIST", late.commit());
    assert.equal(await free(store), 89, "refused at commit");
    await store.rename(at("/b"), at("/a"), { overwrite: true });
    assert.equal(await free(store), 99, "replaced by a move");
    const [first, second] = await Promise.all([begin(store, "/a", "xx"), begin(store, "/a", "xxx")]);
    await first.commit();
    await second.commit();
    assert.equal(await free(store), 97, "the last of two");
    const resumed = await begin(store, "/a", "x", { mode: "at", start: 1 });
    await store.remove(at("/a"));
    assert.equal(await free(store), 99, "removed, with an upload on its way");
    await resumed.commit();
    assert.equal(await free(store), 98, "which then made the file again");
    await store.remove(at("/a"));
    assert.equal(await free(store), 100);
  });

  test("without a bound there is no answer to how much is free", async () => {
    const store = new MemoryFileSystem();
    assert.equal(store.supports("availableSpace"), false);
    await refused("ENOSYS", store.availableSpace(at("/")), "/");
    assert.equal(new MemoryFileSystem({ maxBytes: 0 }).supports("availableSpace"), true);
    await refused("ENOENT", new MemoryFileSystem({ maxBytes: 0 }).availableSpace(at("/none")), "/none");
  });
});

suite("MemoryFileSystem: versions", () => {
  test("version changes with the content, unique does not", async () => {
    const store = new MemoryFileSystem();
    const first = await put(store, "/a", "x");
    assert.equal((await store.stat(at("/a"))).version, first.version);
    const second = await put(store, "/a", "x");
    assert.notEqual(second.version, first.version);
    assert.equal(second.unique, first.unique);
  });

  test("contents share what they have in common, for any sizes", () => {
    const size = fc.integer({ min: 0, max: 3 * BLOCK });
    const property = fc.property(size, size, fc.double({ min: 0, max: 1, noNaN: true }), (before, added, share) => {
      const [old, more] = [Buffer.alloc(before, "o"), Buffer.alloc(added, "n")];
      const keep = Math.floor(before * share);
      const first = build(undefined, 0, old);
      const second = build(first, keep, more);
      assert.ok(Buffer.concat([...piecesOf(first, 0, before)]).equals(old));
      const expected = Buffer.concat([old.subarray(0, keep), more]);
      assert.ok(Buffer.concat([...piecesOf(second, 0, second.size)]).equals(expected));
      for (let index = 0; index < Math.floor(keep / BLOCK); index++)
        assert.equal(second.blocks[index], first.blocks[index]);
      for (const block of second.blocks.slice(0, -1)) assert.equal(block.length, BLOCK);
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("a small file takes little memory", () => {
    const content = build(undefined, 0, Buffer.from("small"));
    assert.deepEqual(
      content.blocks.map((block) => block.buffer.byteLength),
      [5],
    );
  });
});

function build(old: Content | undefined, keep: number, added: Uint8Array): Content {
  const builder = new ContentBuilder(old, keep);
  for (let start = 0; start < added.length; start += 100_000) builder.add(added.subarray(start, start + 100_000));
  return builder.finish();
}
