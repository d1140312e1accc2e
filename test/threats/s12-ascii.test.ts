/** S12.15: TYPE A at every boundary, and lines without an end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LocalFileSystem, MemoryFileSystem } from "../../dist/index.js";
import { begin, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { content, put } from "../kit/store.js";
import { chunksOf } from "../kit/temporary.js";
import { localFolder } from "../robustness/kit-local.js";
import { MemoryPeak } from "../robustness/kit-memory.js";

/** Every meeting of CR, LF and other bytes. */
const TRICKY = Buffer.from("\n\na\r\nb\rc\n\r\n\r\r\n\r\n\nlast\r");

describe("S12.15 TYPE A", () => {
  for (const size of [1, 2, 3, 1000])
    test(`an upload in pieces of ${size}: CRLF becomes LF, every other CR stays`, async () => {
      await using served = await serve();
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      for (const chunk of chunksOf(TRICKY, size)) {
        socket.write(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
      await client.expectReply(226);
      assert.equal((await content(served.fileSystem, "/f")).toString(), TRICKY.toString().replaceAll("\r\n", "\n"));
    });

  test("what was downloaded and uploaded again is the same to the byte; SIZE and the facts count what moved", async () => {
    const bytes: number[] = [];
    await using served = await serve({}, (server) => {
      for (const fact of ["retrieved", "stored"] as const) server.on(fact, (told) => bytes.push(told.bytes));
    });
    const original = Buffer.from(TRICKY.toString().replaceAll("\r\n", "\n").repeat(10_000));
    await put(served.fileSystem, "/f", original);
    const client = await served.user();
    const sent = (await download(client, "RETR f")).bytes;
    await upload(client, "STOR g", chunksOf(sent, 777));
    assert((await content(served.fileSystem, "/g")).equals(original));
    assert.equal((await client.expect("SIZE f", 213)).text, String(sent.length));
    assert.deepEqual(bytes, [sent.length, sent.length]);
  });

  test("a line of 200 MB, up and down: memory is flat", async () => {
    await using folder = await localFolder();
    await assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.root) });
      const client = await served.user();
      const chunk = Buffer.alloc(1_000_000, "x");
      const peak = new MemoryPeak();
      await upload(
        client,
        "STOR f",
        (function* () {
          for (let sent = 0; sent < 200; sent++) yield chunk;
          yield Buffer.from("\r\n");
        })(),
      );
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "RETR f", offered);
      let received = 0;
      for await (const piece of socket) received += (piece as Buffer).length;
      await client.expectReply(226);
      assert.equal(received, 200_000_002);
      const growth = peak.stop();
      assert(growth < 96 * 2 ** 20, `grew by ${growth} bytes`);
    });
  });

  test("a quota counts what is stored, not what is sent", async () => {
    const store = new MemoryFileSystem({ maxBytes: 1000 });
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await upload(client, "STOR f", "\r\n".repeat(1000));
    assert.equal((await content(store, "/f")).length, 1000);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR g", offered);
    socket.end("\r\n");
    await client.expectReply(452, 552);
  });
});
