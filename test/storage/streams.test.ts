/** Node streams as handles: back-pressure, errors at every moment, closing too early. No stream ends the process. */
import assert from "node:assert/strict";
import { PassThrough, Readable, Writable } from "node:stream";
import { suite, test } from "node:test";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { readHandleFrom } from "../../dist/storage/read-handle-from.js";
import { writeHandleFrom } from "../../dist/storage/write-handle-from.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { within } from "../kit/temporary.js";

const INFO: FileInfo = { name: "a", type: "file", size: 6 };
const BROKEN = new Error("the driver is broken");

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A writable that keeps what it gets, and says when it was taken. */
function sink(options: ConstructorParameters<typeof Writable>[0] = {}): { writable: Writable; taken: () => string } {
  const chunks: Uint8Array[] = [];
  const writable = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
    ...options,
  });
  return { writable, taken: () => Buffer.concat(chunks).toString() };
}

suite("readHandleFrom", () => {
  test("bytes and text come in order; info is what was given", async () => {
    const handle = readHandleFrom(INFO, Readable.from([Buffer.from("ab"), "é"]));
    assert.equal(handle.info, INFO);
    assert.equal(await collect(handle.body), "abé");
    await handle.close();
    await handle.close();
  });

  test("the stream is read no faster than it is asked", async () => {
    let made = 0;
    const readable = new Readable({
      highWaterMark: 10,
      read() {
        made += 5;
        this.push("12345");
      },
    });
    await using handle = readHandleFrom(INFO, readable);
    for await (const chunk of handle.body) {
      assert.equal(chunk.length % 5, 0);
      break;
    }
    assert.ok(made <= 40, `${made} bytes`);
    assert.equal(readable.destroyed, true, "leaving early frees it");
  });

  test("S17.4 an error before anybody reads, midway, and a stream that closes too early", async () => {
    await assertNoLeaks(async () => {
      const early = new Readable({ read: () => undefined });
      const first = readHandleFrom(INFO, early);
      early.destroy(BROKEN);
      await new Promise(setImmediate);
      await assert.rejects(collect(first.body), BROKEN);

      const midway = new PassThrough();
      const second = readHandleFrom(INFO, midway);
      midway.write("abc");
      const read = collect(second.body);
      setImmediate(() => midway.destroy(BROKEN));
      await assert.rejects(read, BROKEN);

      const closed = new PassThrough();
      const third = readHandleFrom(INFO, closed);
      closed.write("abc");
      setImmediate(() => closed.destroy());
      await assert.rejects(within(collect(third.body), "the end"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
      closed.emit("error", BROKEN);
    });
  });

  test("close() before reading destroys the stream", async () => {
    const readable = new PassThrough();
    {
      await using _handle = readHandleFrom(INFO, readable);
    }
    assert.equal(readable.destroyed, true);
  });
});

suite("writeHandleFrom", () => {
  test("commit is called after the stream has finished, once, and tells what became", async () => {
    const { writable, taken } = sink();
    const calls: string[] = [];
    const handle = writeHandleFrom(writable, {
      commit: () => {
        calls.push(`commit ${taken()} ${writable.writableFinished}`);
        return INFO;
      },
      abort: () => calls.push("abort"),
      offset: 7,
    });
    assert.equal(handle.offset, 7);
    await handle.write([Buffer.from("ab"), Buffer.from("cd")]);
    await handle.write([]);
    await handle.write([Buffer.from("ef")]);
    assert.equal(await handle.commit(), INFO);
    await assert.rejects(handle.commit(), { code: "EINVAL" });
    await handle.abort();
    assert.deepEqual(calls, ["commit abcdef true"]);
    assert.equal(writeHandleFrom(sink().writable, { commit: () => INFO }).offset, 0);
  });

  test("a batch reaches writev whole", async () => {
    const batches: number[] = [];
    const { writable } = sink({
      writev(chunks, done) {
        batches.push(chunks.length);
        done();
      },
    });
    await using handle = writeHandleFrom(writable, { commit: () => INFO });
    await handle.write([Buffer.from("a"), Buffer.from("b"), Buffer.from("c")]);
    await handle.commit();
    assert.deepEqual(batches, [3]);
  });

  test("S12.7 S18.8 writes wait while the stream is full", async () => {
    const waiting: (() => void)[] = [];
    const writable = new Writable({ highWaterMark: 4, write: (_chunk, _encoding, done) => void waiting.push(done) });
    await using handle = writeHandleFrom(writable, { commit: () => INFO });
    await handle.write([Buffer.from("abc")]);
    let settled = false;
    const full = handle.write([Buffer.from("defg")]).then(() => (settled = true));
    await new Promise(setImmediate);
    assert.equal(settled, false);
    waiting.shift()?.();
    await new Promise(setImmediate);
    assert.equal(settled, false);
    waiting.shift()?.();
    await within(full, "the write");
  });

  test("S17.4 a broken stream fails the write that waits, every later one, and commit; abort is called once", async () => {
    await assertNoLeaks(async () => {
      const aborted: unknown[] = [];
      const writable = new Writable({
        highWaterMark: 1,
        write: (_chunk, _encoding, done) => setImmediate(done, BROKEN),
      });
      const handle = writeHandleFrom(writable, {
        commit: () => assert.fail(),
        abort: (reason) => aborted.push(reason),
      });
      await assert.rejects(handle.write([Buffer.from("abc")]), BROKEN);
      await assert.rejects(handle.write([Buffer.from("abc")]));
      await assert.rejects(handle.commit());
      await handle.abort();
      assert.equal(aborted.length, 1);
      writable.emit("error", BROKEN);
    });
  });

  test("S17.4 a stream that fails behind a write that did not wait, or only at its end, fails commit", async () => {
    await assertNoLeaks(async () => {
      const late = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, BROKEN) });
      const first = writeHandleFrom(late, { commit: () => assert.fail() });
      await first.write([Buffer.from("abc")]);
      await assert.rejects(first.commit(), BROKEN);
      const last = writeHandleFrom(sink({ final: (done) => done(BROKEN) }).writable, { commit: () => assert.fail() });
      await last.write([Buffer.from("abc")]);
      await assert.rejects(last.commit(), BROKEN);
    });
  });

  test("a stream that closes too early fails the write that waits, and commit", async () => {
    const writable = new Writable({ highWaterMark: 1, write: () => undefined });
    const handle = writeHandleFrom(writable, { commit: () => assert.fail() });
    const waiting = handle.write([Buffer.from("abc")]);
    setImmediate(() => writable.destroy());
    await assert.rejects(within(waiting, "the write"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
    await assert.rejects(within(handle.commit(), "the commit"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
  });

  test("abort destroys the stream, frees a write that hangs, passes the reason and never throws", async () => {
    const reasons: unknown[] = [];
    const { writable } = sink({ highWaterMark: 1, write: () => undefined });
    const handle = writeHandleFrom(writable, {
      commit: () => assert.fail(),
      abort: (reason) => {
        reasons.push(reason);
        throw new Error("cleaning up failed");
      },
    });
    const hanging = assert.rejects(handle.write([Buffer.from("abc")]), { code: "ERR_STREAM_PREMATURE_CLOSE" });
    await handle.abort(BROKEN);
    await handle.abort();
    await within(hanging, "the write");
    assert.equal(writable.destroyed, true);
    assert.deepEqual(reasons, [BROKEN]);
    await assert.rejects(handle.commit());
  });

  test("a commit that is refused is passed on, after abort", async () => {
    const calls: string[] = [];
    const handle = writeHandleFrom(sink().writable, {
      commit: () => Promise.reject(BROKEN),
      abort: () => calls.push("abort"),
    });
    await assert.rejects(handle.commit(), BROKEN);
    assert.deepEqual(calls, ["abort"]);
  });

  test("a handle that is disposed without commit is aborted", async () => {
    const calls: string[] = [];
    {
      await using _handle = writeHandleFrom(sink().writable, { commit: () => INFO, abort: () => calls.push("abort") });
    }
    assert.deepEqual(calls, ["abort"]);
  });

  test("a duplex whose other side nobody reads", async () => {
    const through = new PassThrough();
    const handle = writeHandleFrom(through, { commit: () => INFO });
    await handle.write([Buffer.from("abc")]);
    assert.equal(await within(handle.commit(), "the commit"), INFO);
  });
});
