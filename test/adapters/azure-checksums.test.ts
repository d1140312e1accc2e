/** Checksums of blobs: told where the service has taken them itself, taken of the bytes where anybody may have said them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { ACCOUNT, type Azurite, KEY } from "../kit/azurite.js";
import { bytesOf, until } from "../kit/temporary.js";
import { at, put } from "../storage/store.js";
import { openProxy } from "./azure-proxy.js";
import { onAzurite, PART, type Scene, sceneIn } from "./azure-scene.js";

const WRONG = Buffer.alloc(16, 1);

/** A container whose downloads are counted. */
interface CountedScene extends Scene, AsyncDisposable {
  /** The MD5 that is told, which has to be that of the bytes. @returns how many downloads it took */
  told(path: string): Promise<number>;
}

async function counted(service: Azurite): Promise<CountedScene> {
  const { containerName } = await service.container();
  const proxy = await openProxy(new URL(service.endpoint).origin);
  const url = `${proxy.url}/${ACCOUNT}/${containerName}`;
  const scene = sceneIn(new ContainerClient(url, new StorageSharedKeyCredential(ACCOUNT, KEY)));
  let downloads = 0;
  proxy.decide = ({ method, url: asked = "" }) => void (method === "GET" && !/comp=/.test(asked) && downloads++);
  return {
    ...scene,
    told: async (path) => {
      downloads = 0;
      const { digest, start, end } = await scene.files.checksum(at(path), { algorithm: "md5" });
      const took = downloads;
      const content = await scene.container.getBlobClient(path.slice(1)).downloadToBuffer();
      assert.equal(digest, createHash("md5").update(content).digest("hex"), path);
      assert.deepEqual([start, end], [0, content.length]);
      return took;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

await onAzurite("AzureFileSystem: checksums", (_make, service) => {
  test("MD5 of what came in one request is told without a download, at first and when it is replaced", async () => {
    await using scene = await counted(service);
    for (const content of ["", "one", bytesOf(PART)]) {
      await scene.files.remove(at("/a")).catch(() => undefined);
      await put(scene.files, "/a", content);
      assert.equal(await scene.told("/a"), 0);
    }
    await put(scene.files, "/a", "other");
    await scene.told("/a");
  });

  test("what came in blocks is read, also where it took the place of one request, or was added to", async () => {
    await using scene = await counted(service);
    await put(scene.files, "/a", "small");
    await put(scene.files, "/a", bytesOf(PART + 1));
    assert.equal(await scene.told("/a"), 1);
    await put(scene.files, "/a", "more", { mode: "append" });
    assert.equal(await scene.told("/a"), 1);
    await put(scene.files, "/small", "sm");
    await put(scene.files, "/small", "all", { mode: "append" });
    await scene.told("/small");
  });

  test("what a client said with a list of blocks is not believed", async () => {
    await using scene = await counted(service);
    const blob = scene.container.getBlockBlobClient("a");
    const id = Buffer.alloc(48, 7).toString("base64");
    await blob.stageBlock(id, "x", 1);
    await blob.commitBlockList([id], { blobHTTPHeaders: { blobContentMD5: WRONG } });
    assert.equal(await scene.told("/a"), 1);
  });

  test("what a client said later is not believed", async () => {
    await using scene = await counted(service);
    const blob = scene.container.getBlockBlobClient("a");
    await blob.upload("x", 1);
    await until(async () => {
      await blob.setHTTPHeaders({ blobContentMD5: WRONG });
      const { createdOn, lastModified } = await blob.getProperties();
      return createdOn?.getTime() !== lastModified?.getTime();
    });
    assert.equal(await scene.told("/a"), 1);
  });

  test("what was said of an append blob, and what came with a copy, is not believed", async () => {
    await using scene = await counted(service);
    const log = scene.container.getAppendBlobClient("log");
    await log.create({ blobHTTPHeaders: { blobContentMD5: WRONG } });
    await log.appendBlock("x", 1);
    assert.equal(await scene.told("/log"), 1);
    const source = scene.container.getBlockBlobClient("a");
    await source.upload("x", 1);
    await source.setHTTPHeaders({ blobContentMD5: WRONG });
    await scene.files.rename(at("/a"), at("/b"));
    assert.equal(await scene.told("/b"), 1);
  });

  test("by other algorithms and of a part it is read", async () => {
    await using scene = await counted(service);
    await put(scene.files, "/a", "abc");
    const { digest } = await scene.files.checksum(at("/a"), { algorithm: "sha1" });
    assert.equal(digest, createHash("sha1").update("abc").digest("hex"));
    const part = await scene.files.checksum(at("/a"), { algorithm: "md5", start: 1 });
    assert.deepEqual(part, { digest: createHash("md5").update("bc").digest("hex"), start: 1, end: 3 });
  });
});
