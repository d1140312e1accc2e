/** Checksums: known answers, whatever the pieces, and that nobody waits for a long one; what wrappers make of them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryFileSystem } from "../../dist/adapters/memory-file-system.js";
import { cached } from "../../dist/storage/cached.js";
import { type Checksum, type ChecksumAlgorithm, digestOf } from "../../dist/storage/checksum.js";
import type { ChecksumOptions, FileSystem, ReadHandle, ReadOptions } from "../../dist/storage/file-system.js";
import { FileSystemError } from "../../dist/storage/file-system-error.js";
import { FileSystemWrapper } from "../../dist/storage/file-system-wrapper.js";
import { mounted } from "../../dist/storage/mounted.js";
import type { VirtualPath } from "../../dist/storage/names.js";
import { quota } from "../../dist/storage/quota.js";
import { readOnly } from "../../dist/storage/read-only.js";
import { type Permission, restricted } from "../../dist/storage/restricted.js";
import { rooted } from "../../dist/storage/rooted.js";
import { bytesOf } from "../kit/temporary.js";
import { at, refused } from "./store.js";

async function* piecesOf(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.length; from += size) yield content.subarray(from, from + size);
}

async function digest(text: string, algorithm: ChecksumAlgorithm): Promise<string> {
  return (await digestOf(piecesOf(Buffer.from(text), 1), algorithm)).digest;
}

/** Answers of RFC 1321 §A.5, FIPS 180-2 appendices A to C, and of every table of CRCs. */
const KNOWN: readonly (readonly [ChecksumAlgorithm, text: string, digest: string])[] = [
  ["crc32", "", "00000000"],
  ["crc32", "123456789", "cbf43926"],
  ["md5", "", "d41d8cd98f00b204e9800998ecf8427e"],
  ["md5", "abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ["sha1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "sha512",
    "abc",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  ],
];

/** How often others had a turn while something went on. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  await work.finally(() => (going = false));
  return turns;
}

suite("digestOf", () => {
  for (const [algorithm, text, expected] of KNOWN)
    test(`${algorithm} of ${JSON.stringify(text)}`, async () => assert.equal(await digest(text, algorithm), expected));

  test("is the same whatever the pieces, and tells how many bytes there were", async () => {
    const content = bytesOf(70_003);
    for (const algorithm of ["crc32", "md5", "sha1", "sha256", "sha512"] as const) {
      const whole = await digestOf(piecesOf(content, content.length), algorithm);
      assert.equal(whole.bytes, content.length);
      for (const size of [3, 70, 65_536]) assert.deepEqual(await digestOf(piecesOf(content, size), algorithm), whole);
    }
  });

  test("others have turns meanwhile, though the pieces come without a pause", async () => {
    async function* long(): AsyncGenerator<Uint8Array> {
      const piece = bytesOf(1024 ** 2);
      for (let count = 0; count < 64; count++) yield piece;
    }
    assert.ok((await turnsDuring(digestOf(long(), "crc32"))) >= 8);
    assert.ok((await turnsDuring(digestOf(piecesOf(bytesOf(100_000), 1), "md5"))) >= 8);
  });

  test("what reading throws is thrown, and the body is left", async () => {
    const broken = new Error("midway");
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("x");
      throw broken;
    }
    await assert.rejects(digestOf(body(), "md5"), broken);
  });
});

/** Counts the handles that are open. */
class Watched extends FileSystemWrapper {
  open = 0;

  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    const { info, body, close } = await super.openRead(path, options);
    this.open++;
    const closed = async (): Promise<void> => {
      this.open--;
      await close();
    };
    return { info, body, close: closed, [Symbol.asyncDispose]: closed };
  }
}

/** Tells checksums by itself. */
class Knowing extends FileSystemWrapper {
  override async checksum(path: VirtualPath, { start = 0 }: ChecksumOptions): Promise<Checksum> {
    await this.inner.stat(path);
    return { digest: "known", start, end: 99 };
  }
}

/** Hands out every byte turned round. */
class Inverted extends FileSystemWrapper {
  override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
    const handle = await super.openRead(path, options);
    const close = (): Promise<void> => handle.close();
    return { info: handle.info, body: inverted(handle.body), close, [Symbol.asyncDispose]: close };
  }
}

async function* inverted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield chunk.map((byte) => ~byte);
}

function sample(): MemoryFileSystem {
  return new MemoryFileSystem({ files: { "/home/f": "abc" } });
}

const MD5 = { algorithm: "md5" } as const;

suite("FileSystem.checksum", () => {
  test("closes what it has opened, whatever comes", async () => {
    const store = new Watched(sample());
    assert.deepEqual(await store.checksum(at("/home/f"), MD5), { digest: KNOWN[3]![2], start: 0, end: 3 });
    class Breaking extends Watched {
      override async openRead(path: VirtualPath, options?: ReadOptions): Promise<ReadHandle> {
        const handle = await super.openRead(path, options);
        async function* body(): AsyncGenerator<Uint8Array> {
          yield Buffer.from("x");
          throw new FileSystemError("EBUSY", path);
        }
        return { ...handle, body: body(), [Symbol.asyncDispose]: () => handle.close() };
      }
    }
    const breaking = new Breaking(sample());
    await refused("EBUSY", breaking.checksum(at("/home/f"), MD5), "/home/f");
    assert.deepEqual([store.open, breaking.open], [0, 0]);
  });

  /** Each of them round a store, seen from the directory that holds the file. */
  const WRAPPERS: Readonly<Record<string, (store: FileSystem) => FileSystem>> = {
    rooted: (store) => rooted(store, "/home"),
    mounted: (store) => rooted(mounted({ "/at": store, "/": sample() }), "/at/home"),
    readOnly: (store) => rooted(readOnly(store), "/home"),
    restricted: (store) => rooted(restricted(store, ["read"]), "/home"),
    quota: (store) => rooted(quota(store, { bytes: 100 }), "/home"),
    cached: (store) => rooted(cached(store, { milliseconds: 1000, entries: 10 }), "/home"),
  };
  for (const [name, wrap] of Object.entries(WRAPPERS))
    test(`${name}: what the store knows is not read, and what is changed on its way is summed as it is handed out`, async () => {
      const known = await wrap(new Knowing(sample())).checksum(at("/f"), { ...MD5, start: 1 });
      assert.deepEqual(known, { digest: "known", start: 1, end: 99 });
      const changed = Buffer.from("abc").map((byte) => ~byte);
      const { digest } = await digestOf(piecesOf(changed, 1), "md5");
      assert.deepEqual(await wrap(new Inverted(sample())).checksum(at("/f"), MD5), { digest, start: 0, end: 3 });
      assert.notEqual((await new Inverted(wrap(new Knowing(sample()))).checksum(at("/f"), MD5)).digest, "known");
    });

  test("rooted and mounted name paths in errors as clients know them", async () => {
    class Refusing extends FileSystemWrapper {
      override checksum(path: VirtualPath): Promise<Checksum> {
        return Promise.reject(new FileSystemError("EBUSY", path));
      }
    }
    const below = rooted(new Refusing(sample()), "/home");
    const above = mounted({ "/in/a": new Refusing(sample()) });
    for (const [store, path, inner] of [
      [below, "/f", "/home/f"],
      [above, "/in/a/home/f", "/home/f"],
    ] as const) {
      const error = await refused("EBUSY", store.checksum(at(path), MD5), path);
      assert.equal((error.cause as FileSystemError).path, inner);
      assert.doesNotMatch(error.message.replace(path, ""), /home/);
    }
    await refused("EISDIR", above.checksum(at("/in"), MD5), "/in");
    await refused("EISDIR", above.checksum(at("/in/a"), MD5), "/in/a");
    await refused("ENOENT", above.checksum(at("/none"), MD5), "/none");
    await refused("EINVAL", below.checksum(at("/../f"), MD5), "/../f");
  });

  test("restricted: it needs read, and nothing else", async () => {
    const every: readonly Permission[] = ["list", "write", "append", "remove", "rename", "setTimes", "setMode"];
    const knowing = new Knowing(sample());
    await refused("EACCES", restricted(knowing, every).checksum(at("/home/f"), MD5), "/home/f");
    assert.equal((await restricted(knowing, ["read"]).checksum(at("/home/f"), MD5)).digest, "known");
  });
});
