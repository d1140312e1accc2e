/** Checksums: those of the bytes that a download would give, whoever computed them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Checksum, ChecksumAlgorithm } from "../../storage/checksum.js";
import type { FileSystem, ReadOptions } from "../../storage/file-system.js";
import { bytesOf, MEBIBYTE } from "../sample.js";
import { asRefusal, at, put, refused } from "../store-words.js";
import type { Row } from "./row.js";

const ALGORITHMS: readonly ChecksumAlgorithm[] = ["crc32", "md5", "sha1", "sha256", "sha512"];

/** Its CRC-32 is 0000c85c: the zeros in front count. */
const ZEROS = "zero 101927";

/** What must be told of some bytes that begin at `start`. */
function sumOf(content: Uint8Array, algorithm: ChecksumAlgorithm, start = 0): Checksum {
  const crc = (): string => crc32(content).toString(16).padStart(8, "0");
  const digest = algorithm === "crc32" ? crc() : createHash(algorithm).update(content).digest("hex");
  return { digest, start, end: start + content.length };
}

function asked(store: FileSystem, path: string, algorithm: ChecksumAlgorithm, range?: ReadOptions): Promise<Checksum> {
  return store.checksum(at(path), { algorithm, ...range });
}

/** Asserts what a store tells of a file, by each algorithm. */
async function assertSums(store: FileSystem, path: string, content: Uint8Array): Promise<void> {
  for (const algorithm of ALGORITHMS)
    assert.deepEqual(await asked(store, path, algorithm), sumOf(content, algorithm), `${algorithm} of ${path}`);
}

/** The rows. */
export const checksums: readonly Row[] = [
  {
    title: "checksums by each algorithm, in lower-case hexadecimal of full length",
    async run({ store }) {
      for (const content of ["", "a", ZEROS, "0123456789"]) {
        await put(store, "/a", content);
        await assertSums(store, "/a", Buffer.from(content));
      }
    },
  },
  {
    title: "checksums of sizes round the borders of parts and buffers",
    async run({ store, can }) {
      const content = bytesOf(2 * Math.max(...can.borders) + 1);
      for (const size of can.borders.flatMap((border) => [border - 1, border, border + 1])) {
        const part = content.subarray(0, size);
        await put(store, "/a", part);
        assert.deepEqual(await asked(store, "/a", "md5"), sumOf(part, "md5"), `${size} bytes`);
      }
      // What stores tell of files in parts may be a checksum of checksums.
      await put(store, "/b", content);
      await assertSums(store, "/b", content);
    },
  },
  {
    title: "the checksum of a range counts its bytes, and says which they were",
    async run({ store, can }) {
      const border = Math.max(...can.borders);
      const content = bytesOf(2 * border + 3);
      const { length } = content;
      await put(store, "/a", content);
      const starts = [0, 1, border - 1, border, length - 1, length];
      const ranges = starts.flatMap((start) => [
        [start, start],
        [start, start + 2],
        [start, undefined],
      ]);
      for (const [start, end] of [...ranges, [undefined, border + 1], [undefined, length - 1], [3, length + 99]])
        assert.deepEqual(
          await asked(store, "/a", "crc32", { start, end }),
          sumOf(content.subarray(start, end), "crc32", start),
          `from ${start} to ${end}`,
        );
    },
  },
  {
    title: "the checksum of a range that begins beyond the end is ERANGE",
    async run({ store }) {
      await put(store, "/a", "0123456789");
      await put(store, "/empty", "");
      for (const start of [11, 2 ** 53, -1, Number.NaN, Infinity])
        await refused("ERANGE", asked(store, "/a", "md5", { start }), "/a");
      await refused("ERANGE", asked(store, "/a", "md5", { start: 11, end: 11 }), "/a");
      await refused("ERANGE", asked(store, "/empty", "md5", { start: 1 }), "/empty");
      assert.deepEqual(await asked(store, "/empty", "md5", { start: 0 }), sumOf(Buffer.of(), "md5"));
    },
  },
  {
    title: "a directory has no checksum, nor has what is missing",
    needs: ["makeDirectory"],
    async run({ store }) {
      await store.makeDirectory(at("/d"));
      for (const algorithm of ALGORITHMS) {
        await refused("EISDIR", asked(store, "/d", algorithm), "/d");
        await refused("EISDIR", asked(store, "/", algorithm), "/");
        for (const path of ["/none", "/d/none", "/no/such"])
          await refused("ENOENT", asked(store, path, algorithm), path);
      }
    },
  },
  {
    title: "the checksum of a file that was replaced, added to or resumed is the new one",
    async run({ store, has }) {
      await put(store, "/a", "old");
      await assertSums(store, "/a", Buffer.from("old"));
      await put(store, "/a", "new");
      await assertSums(store, "/a", Buffer.from("new"));
      if (has("append")) {
        await put(store, "/a", "er", { mode: "append" });
        await assertSums(store, "/a", Buffer.from("newer"));
      }
      if (has("at")) {
        await put(store, "/a", "ws", { mode: "at", start: 2 });
        await assertSums(store, "/a", Buffer.from("news"));
      }
    },
  },
  {
    title: "a checksum goes with a move, and with what is moved over",
    needs: ["rename"],
    async run({ store }) {
      await put(store, "/a", "content");
      await put(store, "/b", "other");
      await assertSums(store, "/a", Buffer.from("content"));
      await assertSums(store, "/b", Buffer.from("other"));
      await store.rename(at("/a"), at("/b"), { overwrite: true });
      await assertSums(store, "/b", Buffer.from("content"));
      await refused("ENOENT", asked(store, "/a", "md5"), "/a");
    },
  },
  {
    title: "an upload on its way does not count in a checksum",
    async run({ store, can, has }) {
      await put(store, "/a", "old");
      for (const mode of ["replace", ...(has("append") ? (["append"] as const) : [])] as const) {
        await using handle = await store.openWrite(at("/a"), { mode });
        await handle.write([bytesOf(Math.max(...can.borders) + 1)]);
        if (mode === "replace") await assertSums(store, "/a", Buffer.from("old"));
        await handle.abort();
        await assertSums(store, "/a", Buffer.from("old"));
      }
    },
  },
  {
    title: "the checksum of a file that is replaced meanwhile is that of one version",
    async run({ store, can }) {
      const contents = [bytesOf(2 * MEBIBYTE, 1), bytesOf(2 * MEBIBYTE, 2)] as const;
      const whole = contents.map((content) => sumOf(content, "md5").digest);
      await put(store, "/a", contents[0]);
      for (let round = 1; round <= 4; round++) {
        const upload = { over: false };
        const replaced = put(store, "/a", contents[round % 2 === 0 ? 0 : 1]).finally(() => (upload.over = true));
        const looked = async (): Promise<void> => {
          do {
            const { digest } = await asked(store, "/a", "md5").catch((error: unknown) => {
              if (can.snapshotReads) throw error;
              asRefusal(["EBUSY", "ENOENT"], error);
              return { digest: whole[0] };
            });
            assert.ok(whole.includes(digest ?? ""), `round ${round}: ${digest}`);
            await new Promise((resolve) => setImmediate(resolve));
          } while (!upload.over);
        };
        await Promise.all([replaced, looked(), looked()]);
      }
    },
  },
];
