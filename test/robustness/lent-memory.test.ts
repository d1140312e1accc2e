/** Memory that is used again never shows one client's bytes to another, whatever stores and clients do. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import {
  cached,
  type FileSystem,
  FileSystemWrapper,
  LocalFileSystem,
  MemoryFileSystem,
  mounted,
  type ReadHandle,
  type ReadOptions,
  rooted,
  type VirtualPath,
  virtualPath,
  type WriteHandle,
  type WriteOptions,
} from "../../dist/index.js";
import { begin, collect, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { temporaryDirectory } from "../kit/temporary.js";

const MEBIBYTE = 1024 * 1024;

/** Says something else of how many bytes it has put into the reader's memory. */
class Boasts extends FileSystemWrapper {
  readonly #says: number;

  constructor(inner: FileSystem, says: number) {
    super(inner);
    this.#says = says;
  }

  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    const handle = await super.openRead(path, options);
    const pieces = handle.body[Symbol.asyncIterator]();
    const read = async (memory: Uint8Array): Promise<number> => {
      const { done, value } = await pieces.next();
      if (done === true) return 0;
      memory.set(value);
      return this.#says;
    };
    const close = (): Promise<void> => handle.close();
    return {
      info: handle.info,
      body: { [Symbol.asyncIterator]: () => pieces, read },
      close,
      [Symbol.asyncDispose]: close,
    };
  }
}

/** Keeps the chunks that it is given until the commit, as it may; what it makes of the store's handle says nothing of that. */
class Keeps extends FileSystemWrapper {
  override async openWrite(path: VirtualPath, options: WriteOptions): Promise<WriteHandle> {
    const handle = await super.openWrite(path, options);
    const kept: Uint8Array[] = [];
    return {
      ...handle,
      write: (chunks) => Promise.resolve(void kept.push(...chunks)),
      commit: async () => {
        await handle.write(kept);
        return handle.commit();
      },
      abort: () => handle.abort(),
      [Symbol.asyncDispose]: () => handle.abort(),
    };
  }
}

describe("memory that is used again", () => {
  for (const type of ["I", "A"])
    for (const says of [-1, 1.5, 1001, 600_000, Number.NaN])
      test(`a store that says it has read ${says} bytes fails the download in TYPE ${type}, and sends nothing`, () =>
        assertNoLeaks(async () => {
          const inner = new MemoryFileSystem({ files: { "/f": "A".repeat(1000) } });
          await using served = await serve({ fileSystem: new Boasts(inner, says) }, (server) =>
            server.on("error", () => undefined),
          );
          const client = await served.user();
          await client.expect(`TYPE ${type}`, 200);
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, "RETR f", offered);
          const sent = collect(socket).catch(() => Buffer.alloc(0));
          await client.expectReply(451);
          assert.equal((await sent).length, 0);
        }));

  test("a wrapper that keeps chunks, and a copy of another handle, gets chunks that stay", () =>
    assertNoLeaks(async () => {
      await using directory = await temporaryDirectory();
      const local = new LocalFileSystem(directory.path);
      const inner = rooted(cached(mounted({ "/": local }), { milliseconds: 1000, entries: 100 }), virtualPath("/"));
      await using served = await serve({ fileSystem: new Keeps(inner) });
      const client = await served.user();
      await client.expect("TYPE I", 200);
      const content = randomBytes(5 * MEBIBYTE);
      await upload(client, "STOR f", content);
      assert.ok((await download(client, "RETR f")).bytes.equals(content));
    }));

  test("many at once, up and down, get their own bytes and no others", () =>
    assertNoLeaks(async () => {
      await using directory = await temporaryDirectory();
      await using served = await serve({ fileSystem: new LocalFileSystem(directory.path) });
      const work = async (number: number): Promise<void> => {
        const client = await served.user();
        await client.expect(`TYPE ${number % 2 === 0 ? "I" : "A"}`, 200);
        // No line ends: the same in both types.
        const content = Buffer.alloc(MEBIBYTE + number * 1000, 65 + number);
        for (let round = 0; round < 3; round++) {
          await upload(client, `STOR ${number}`, content);
          assert.ok(
            (await download(client, `RETR ${number}`)).bytes.equals(content),
            `client ${number}, round ${round}`,
          );
        }
      };
      await Promise.all(Array.from({ length: 16 }, (_, number) => work(number)));
    }));

  test("an upload to a disk that is refused midway: the client sends on, is not reset, and reads why", () =>
    assertNoLeaks(async () => {
      await using directory = await temporaryDirectory();
      const limits = { session: { uploadSize: 1_000_000 } };
      await using served = await serve({ fileSystem: new LocalFileSystem(directory.path), limits });
      for (const type of ["I", "A"]) {
        const client = await served.user();
        await client.expect(`TYPE ${type}`, 200);
        await using offered = await offer(client, "PASV");
        const [, socket] = await begin(client, "STOR f", offered);
        const finished = once(socket.resume().end(Buffer.alloc(40 * MEBIBYTE, 65)), "finish");
        await Promise.all([client.expectReply(552), finished]);
        assert.equal(socket.errored, null);
      }
    }));
});
