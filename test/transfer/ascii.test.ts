/** TYPE A as a stage: the same to the byte, wherever the chunks are cut. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { afterMarker, countNetwork, fromNetwork, locate, toNetwork } from "../../dist/transfer/ascii.js";
import { SLICE } from "../../dist/transfer/line-ends.js";
import type { Stage } from "../../dist/transfer/stage.js";
import { chunksOf } from "../kit/temporary.js";

/** Around a slice, and far beyond. */
const SIZES = [1, 15, 16, 17, 65_535, 65_536, 65_537, 1_048_576];
/** CR and LF in every order; 31 bytes, so that no border of slices meets the same one twice. */
const PATTERN = "\nline\r\n\r\r\n\n\rother\r\n\r\nthe last\n\r";

async function* sourceOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Copies: what comes from the network is changed.
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return chunks;
}

async function text(stage: Stage, chunks: Iterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await all(stage(sourceOf(chunks)))).toString("latin1");
}

function expanded(bytes: Buffer): string {
  return bytes.toString("latin1").replaceAll("\n", "\r\n");
}

function collapsed(bytes: Buffer): string {
  return bytes.toString("latin1").replaceAll("\r\n", "\n");
}

suite("TYPE A", () => {
  for (const size of SIZES)
    test(`chunks of ${size}`, async () => {
      const bytes = Buffer.alloc(size < 100 ? 2000 : 2 * size + 100, PATTERN);
      assert.ok((await text(toNetwork, chunksOf(bytes, size))) === expanded(bytes), "to the network");
      assert.ok((await text(fromNetwork(), chunksOf(bytes, size))) === collapsed(bytes), "from the network");
      assert.equal(await countNetwork(sourceOf(chunksOf(bytes, size))), expanded(bytes).length);
    });

  for (const end of ["\n", "\r", "\r\n", "\r\r", "\n\r"])
    for (const at of [SLICE - 2, SLICE - 1, SLICE])
      test(`${JSON.stringify(end)} at ${at} of one chunk`, async () => {
        const bytes = Buffer.concat([Buffer.alloc(at, "x"), Buffer.from(end), Buffer.alloc(100, "y")]);
        assert.ok((await text(toNetwork, [bytes])) === expanded(bytes), "to the network");
        assert.ok((await text(fromNetwork(), [bytes])) === collapsed(bytes), "from the network");
      });

  test("what comes from the network is the store's: whatever it does to it, the next upload is right", async () => {
    for (const chunk of await all(fromNetwork()(sourceOf([Buffer.from("a\r"), Buffer.from("b\r")])))) chunk.fill(0);
    assert.equal(await text(fromNetwork(), [Buffer.from("a\r"), Buffer.from("b\r")]), "a\rb\r");
  });

  test("any bytes, cut anywhere; what was sent and received again is the same", async () => {
    const byte = fc.oneof(fc.constantFrom(0x0a, 0x0d), fc.nat(255));
    const chunks = fc.array(fc.array(byte, { maxLength: 40 }).map((values) => Buffer.from(values)));
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 50 }), async (some, size) => {
        const bytes = Buffer.concat(some);
        assert.equal(await text(toNetwork, some), expanded(bytes));
        assert.equal(await text(fromNetwork(), some), collapsed(bytes));
        const sent = Buffer.from(expanded(bytes), "latin1");
        assert.equal(await text(fromNetwork(), chunksOf(sent, size)), bytes.toString("latin1"));
      }),
      { numRuns: 500 },
    );
  });

  for (const [chunks, expected] of [
    [["a\r"], "a\r"],
    [["\r"], "\r"],
    [["\r", "\n"], "\n"],
    [["\r", "", "\n"], "\n"],
    [["\r", "\r", "\n"], "\r\n"],
    [["\n\r\n"], "\n\n"],
    [[], ""],
  ] as const)
    test(`from the network: ${JSON.stringify(chunks)}`, async () => {
      const bytes = chunks.map((chunk) => Buffer.from(chunk));
      assert.equal(await text(fromNetwork(), bytes), expected);
    });

  test("an upload may begin between CR and LF", async () => {
    assert.equal(await text(fromNetwork(true), [Buffer.from("\na\r\n")]), "\na\n");
    assert.equal(await text(fromNetwork(true), [Buffer.from("a\r\n")]), "\ra\n");
    assert.equal(await text(fromNetwork(true), []), "\r");
  });

  test("a chunk of many slices goes on in pieces, and is as it was", async () => {
    const bytes = Buffer.alloc(10 * SLICE, "text\n");
    const before = Buffer.from(bytes);
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    const sent = await all(toNetwork(source()));
    assert.equal(sent.length, 10);
    assert.ok(bytes.equals(before));
  });

  test("what comes from the network is changed in its own memory", async () => {
    const chunk = Buffer.from("one\r\ntwo\r\n");
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield chunk;
    };
    const [piece] = await all(fromNetwork()(source()));
    assert.equal(piece?.buffer, chunk.buffer);
    assert.equal(piece.byteOffset, chunk.byteOffset);
    assert.equal(String(piece), "one\ntwo\n");
  });

  test("text of the host's own stream is sent as its bytes; anything else is a mistake of the host", async () => {
    const source = async function* (chunk: unknown): AsyncGenerator<Uint8Array> {
      yield chunk as Uint8Array;
    };
    assert.equal(String(Buffer.concat(await all(toNetwork(source("é\n"))))), "é\r\n");
    await assert.rejects(all(toNetwork(source(["a", "\n"]))), TypeError);
  });
});

suite("markers of TYPE A", () => {
  for (const size of [1, 7, 1000])
    test(`every marker leads to what was not sent yet, in chunks of ${size}`, async () => {
      const bytes = Buffer.from("\n\na\r\nb\rc\n\r\n\r\r\n\nlast");
      const sent = expanded(bytes);
      for (let marker = 0; marker <= sent.length; marker++) {
        const found = await locate(sourceOf(chunksOf(bytes, size)), marker);
        assert.ok(found !== undefined, `marker ${marker}`);
        const rest = bytes.subarray(found.offset + (found.insideLineEnd ? 1 : 0));
        const stages = found.insideLineEnd
          ? (source: AsyncIterable<Uint8Array>) => afterMarker(toNetwork(source))
          : toNetwork;
        assert.equal(await text(stages, [rest]), sent.slice(marker), `marker ${marker}`);
      }
      assert.equal(await locate(sourceOf(chunksOf(bytes, size)), sent.length + 1), undefined);
    });

  test("beyond the first slice of a chunk", async () => {
    const bytes = Buffer.alloc(3 * SLICE, "x".repeat(62) + "\n");
    const sent = expanded(bytes);
    for (const offset of [SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 3 * SLICE]) {
      const marker = expanded(bytes.subarray(0, offset)).length;
      assert.deepEqual(await locate(sourceOf([bytes]), marker), { offset, insideLineEnd: false });
    }
    const inside = sent.indexOf("\n", 2 * SLICE);
    const { offset, insideLineEnd } = (await locate(sourceOf([bytes]), inside)) ?? assert.fail();
    assert.equal(insideLineEnd, true);
    assert.equal(expanded(bytes.subarray(0, offset)).length, inside - 1);
  });
});
