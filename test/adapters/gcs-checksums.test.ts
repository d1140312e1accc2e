/** Checksums in Google Cloud Storage: told where the store knows them, taken of the bytes where not, and never old ones. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { crc32 } from "node:zlib";
import { joinedCrc32c } from "../../dist/adapters/gcs/gcs-crc32c.js";
import { checksumsOf } from "../kit/gcs-fake-objects.js";
import { type GcsScene, gcsScene } from "../kit/gcs-scene.js";
import { bytesOf } from "../kit/temporary.js";
import { at, bytes, put } from "../storage/store.js";

const PART = 5 * 1024 ** 2;

function md5(content: Uint8Array): string {
  return createHash("md5").update(content).digest("hex");
}

/** The MD5 that is told, which has to be that of the bytes, and how many downloads it took. */
async function told({ store, fake, bucket }: GcsScene, path: string): Promise<number> {
  const before = fake.count("media");
  const { digest, start, end } = await store.checksum(at(path), { algorithm: "md5" });
  const body = bucket.objects.get(path.slice(1))?.body ?? assert.fail();
  assert.deepEqual([digest, start, end], [md5(body), 0, body.length]);
  return fake.count("media") - before;
}

suite("GCS: checksums", () => {
  test("MD5 is told without a download, whatever the size, and after it was replaced", async () => {
    await using scene = await gcsScene({ partSize: PART });
    for (const size of [0, 7, 2 * PART + 3]) {
      await put(scene.store, "/a", bytesOf(size, size));
      assert.equal(await told(scene, "/a"), 0, String(size));
    }
    await scene.store.rename(at("/a"), at("/b"));
    assert.equal(await told(scene, "/b"), 0);
  });

  test("of what was joined there is none: it is read", async () => {
    await using scene = await gcsScene({ partSize: PART });
    await put(scene.store, "/a", bytesOf(PART + 1));
    await put(scene.store, "/a", "more", { mode: "append" });
    assert.equal(scene.fake.count("compose"), 1);
    assert.equal(await told(scene, "/a"), 1);
    await put(scene.store, "/a", "new");
    assert.equal(await told(scene, "/a"), 0);
    await put(scene.store, "/a", "er", { mode: "append" });
    assert.equal(await told(scene, "/a"), 0, "one that passed through here was sent anew");
  });

  test("of a part of it, and by other algorithms, it is read: CRC32C is not CRC-32", async () => {
    await using scene = await gcsScene();
    await put(scene.store, "/a", "123456789");
    const content = await bytes(scene.store, "/a");
    const before = scene.fake.count("media");
    const part = await scene.store.checksum(at("/a"), { algorithm: "md5", start: 2, end: 4 });
    assert.deepEqual(part, { digest: md5(content.subarray(2, 4)), start: 2, end: 4 });
    const { digest } = await scene.store.checksum(at("/a"), { algorithm: "crc32" });
    assert.equal(digest, crc32(content).toString(16).padStart(8, "0"));
    assert.equal(scene.fake.count("media") - before, 2);
  });

  test("the sum of two pieces is that of both together", () => {
    const sum = (content: Buffer): string => checksumsOf(content).crc32c;
    for (const [one, two] of [
      [0, 0],
      [5, 0],
      [0, 5],
      [1, 1],
      [1000, 300_001],
    ] as const) {
      const [first, second] = [bytesOf(one, 1), bytesOf(two, 2)];
      assert.equal(joinedCrc32c(sum(first), sum(second), two), sum(Buffer.concat([first, second])), `${one}, ${two}`);
    }
  });
});
