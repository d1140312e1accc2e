/** What Azure's Blob service makes different, on its emulator: names, blocks, appending, races. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerClient } from "@azure/storage-blob";
import { AzureFileSystem } from "../../dist/adapters/azure/azure-file-system.js";
import { bytesOf, chunksOf } from "../kit/temporary.js";
import { at, begin, bytes, everyOperation, names, put, refused, text } from "../storage/store.js";
import { blobNames, blockIds, type Make, MEBIBYTE, onAzurite, PART } from "./azure-scene.js";

await onAzurite("AzureFileSystem", (scene) => {
  spellings(scene);
  blocks(scene);
  appending(scene);
  races(scene);
});

/** A blob as another tool makes it, of blocks with identifiers of its own. */
async function foreignBlob(container: ContainerClient, name: string, idBytes: number, parts: Buffer[]): Promise<void> {
  const blob = container.getBlockBlobClient(name);
  const ids = parts.map((_, index) => Buffer.from(String(index).padStart(idBytes, "0")).toString("base64"));
  for (const [index, part] of parts.entries()) await blob.stageBlock(ids[index] ?? "", part, part.length);
  await blob.commitBlockList(ids);
}

function spellings(scene: Make): void {
  test("S1.1 no name leads out of the container: not by the file system, not by the store", async () => {
    const [{ files, store, container }, other] = await Promise.all([scene({ prefix: "in" }), scene()]);
    const away = other.container.containerName;
    await put(files, "/present", "x");
    for (const path of [`/../${away}/x`, `/../../${away}/x`, `/a/../../../${away}/x`, `/..\\..\\${away}\\x`])
      for (const run of Object.values(everyOperation(files, path))) {
        const error = await run().then(
          () => undefined,
          (reason: NodeJS.ErrnoException) => reason,
        );
        assert.ok(error !== undefined && ["EINVAL", "ENOSYS"].includes(error.code ?? ""), `${path}: ${error}`);
      }
    for (const key of [`../${away}/x`, `in/../../${away}/x`, `in/./x`, ".", ".."]) {
      const body = Buffer.from("x");
      await refused("EINVAL", store.put(key, body, { exclusive: false }, undefined));
      await refused("EINVAL", store.beginParts(key, { exclusive: false }, undefined));
      await refused("EINVAL", store.head(key, undefined));
      await refused("EINVAL", store.read(key, {}, undefined));
      await refused("EINVAL", store.remove(key));
      const present = await store.head("in/present", undefined);
      assert.ok(present);
      await refused("EINVAL", store.copy(present, key, { exclusive: false }));
    }
    for (const name of [`..%2f..%2f${away}%2fx`, "%2e%2e", `%2e%2e%2f${away}%2fx`, "..;", "....x", "．．"])
      await put(files, `/${name}`, name);
    assert.deepEqual(await blobNames(other.container), []);
    assert.ok(
      (await blobNames(container)).every((name) => /^in\/[^/]+$/.test(name)),
      "one component each",
    );
    assert.equal(await text(files, "/%2e%2e"), "%2e%2e");
    for (const prefix of ["..", `../${away}`, "a/../b", "a//b", "./a"])
      assert.throws(() => new AzureFileSystem({ container, prefix }), TypeError);
  });

  test("S1.18 names that the service would store under another one are refused", async () => {
    const { files, container } = await scene();
    await put(files, "/present", "x");
    await put(files, "/a", "x");
    for (const name of ["b\\c", "present.", "...", "d./x", "tab\t", "del\u007f", "c1\u0081", "non\uffff"])
      for (const [operation, run] of Object.entries(everyOperation(files, `/${name}`)))
        if (operation !== "setTimes" && operation !== "setMode") await refused("EINVAL", run());
    assert.deepEqual(await blobNames(container), ["a", "present"]);
  });

  test("names of every other kind are kept", async () => {
    const { files } = await scene();
    const all = ["a b", "100%25", "a+b", "a#b", "a?b", "é", "e\u0301", "🚢", "'\"", "*", "x".repeat(255), ".h", "-d"];
    for (const name of all) await put(files, `/${name}`, name);
    assert.deepEqual(await names(files), all.toSorted());
    for (const name of all) assert.equal(await text(files, `/${name}`), name);
  });

  test("1,024 bytes of a name and its prefix, and one more", async () => {
    const { files } = await scene({ prefix: "p" });
    const [fits, long] = [`/${"x".repeat(1022)}`, `/${"x".repeat(1023)}`];
    await put(files, fits, "x");
    assert.equal(await text(files, fits), "x");
    await refused("ENAMETOOLONG", put(files, long, "x"));
  });
}

function blocks(scene: Make): void {
  test("64 MiB go up in blocks with random identifiers of one length and come down, whole and in ranges", async () => {
    const { files, container } = await scene({ partSize: 8 * MEBIBYTE });
    const content = bytesOf(64 * MEBIBYTE + 1);
    const handle = await files.openWrite(at("/big"), { mode: "replace" });
    for (const chunk of chunksOf(content, 1_000_003)) await handle.write([chunk]);
    await refused("ENOENT", files.stat(at("/big")));
    assert.equal((await handle.commit()).size, content.length);
    const ids = await blockIds(container, "big");
    assert.equal(ids.length, 9);
    assert.equal(new Set(ids).size, 9);
    assert.deepEqual([...new Set(ids.map((id) => Buffer.from(id, "base64").length))], [48]);
    assert.ok((await bytes(files, "/big")).equals(content));
    for (const [start, end] of [
      [8 * MEBIBYTE - 1, 8 * MEBIBYTE + 1],
      [63 * MEBIBYTE, 2 ** 40],
      [content.length - 1, content.length],
      [content.length, undefined],
    ] as const) {
      const read = await bytes(files, "/big", { start, ...(end !== undefined && { end }) });
      assert.ok(read.equals(content.subarray(start, end)), `${start} to ${end}`);
    }
    await refused("ERANGE", files.openRead(at("/big"), { start: content.length + 1 }));
    await put(files, "/big", content.subarray(0, PART * 2));
    assert.ok(
      (await blockIds(container, "big")).every((id) => !ids.includes(id)),
      "never the same ones",
    );
  });

  test("a range that begins at the end of a blob is ERANGE, whatever the server answers", async () => {
    const { store } = await scene();
    await store.put("a", Buffer.from("0123"), { exclusive: false }, undefined);
    await store.put("none", Buffer.from(""), { exclusive: false }, undefined);
    await refused("ERANGE", store.read("a", { start: 4 }, undefined));
    await refused("ERANGE", store.read("a", { start: 4, end: 6 }, undefined));
    await refused("ERANGE", store.read("none", { start: 1 }, undefined));
    const found = await store.read("a", { start: 3, end: 99 }, undefined);
    assert.equal(found?.info.size, 4);
    found.close();
  });

  test("an aborted upload shows nothing and leaves what stood there", async () => {
    const { files, container } = await scene();
    await put(files, "/old", "old");
    for (const path of ["/new", "/old"]) {
      const handle = await begin(files, path, bytesOf(3 * PART));
      await handle.abort(new Error("the client left"));
    }
    assert.deepEqual(await names(files), ["old"]);
    assert.deepEqual(await blobNames(container), ["old"]);
    await refused("ENOENT", files.stat(at("/new")));
    await refused("ENOENT", files.openRead(at("/new")));
    assert.equal(await text(files, "/old"), "old");
    await put(files, "/new", bytesOf(2 * PART, 2));
    assert.ok((await bytes(files, "/new")).equals(bytesOf(2 * PART, 2)), "leftovers are not in the way");
  });

  test("leftovers of another tool, with identifiers of another length, are not in the way", async () => {
    const { files, container } = await scene();
    const content = bytesOf(2 * PART);
    for (const idBytes of [16, 64]) {
      await container.getBlockBlobClient("a").stageBlock(Buffer.alloc(idBytes, "z").toString("base64"), "zzz", 3);
      await put(files, "/a", content);
      assert.ok((await bytes(files, "/a")).equals(content));
    }
  });

  test("every request of an upload carries its MD5 where that is wanted", async () => {
    const { files, container } = await scene({ contentMd5: true });
    await put(files, "/small", "hello");
    const { contentMD5 } = await container.getBlobClient("small").getProperties();
    assert.equal(Buffer.from(contentMD5 ?? []).toString("hex"), "5d41402abc4b2a76b9719d911017c592");
    const content = bytesOf(2 * PART + 1);
    await put(files, "/big", content);
    assert.ok((await bytes(files, "/big")).equals(content));
  });
}

function appending(scene: Make): void {
  test("APPE keeps the blocks that are there and sends the new bytes only", async () => {
    const { files, container } = await scene({ maxReread: 0 });
    const content = bytesOf(3 * PART + 7);
    await put(files, "/log", content);
    const ids = await blockIds(container, "log");
    await put(files, "/log", "more", { mode: "append" });
    await put(files, "/log", "!", { mode: "append" });
    const grown = await blockIds(container, "log");
    assert.deepEqual(grown.slice(0, ids.length), ids);
    assert.equal(grown.length, ids.length + 2);
    assert.ok((await bytes(files, "/log")).equals(Buffer.concat([content, Buffer.from("more!")])));
  });

  test("REST n and STOR keep whole blocks below n and read the rest of one through", async () => {
    const { files, container } = await scene();
    const content = bytesOf(3 * PART);
    for (const [start, kept] of [
      [2 * PART - 1, 1],
      [2 * PART, 2],
      [2 * PART + 1, 2],
    ] as const) {
      await put(files, "/a", content);
      const ids = await blockIds(container, "a");
      await put(files, "/a", "end", { mode: "at", start });
      assert.deepEqual((await blockIds(container, "a")).slice(0, kept), ids.slice(0, kept));
      assert.ok((await bytes(files, "/a")).equals(Buffer.concat([content.subarray(0, start), Buffer.from("end")])));
    }
  });

  test("blocks of other tools are kept too, with identifiers of their length", async () => {
    const { files, container } = await scene({ maxReread: 0 });
    const parts = [bytesOf(PART, 1), bytesOf(PART, 2)];
    for (const idBytes of [8, 36, 64]) {
      const name = `of${idBytes}`;
      await foreignBlob(container, name, idBytes, parts);
      await put(files, `/${name}`, "more", { mode: "append" });
      const lengths = (await blockIds(container, name)).map((id) => Buffer.from(id, "base64").length);
      assert.deepEqual(lengths, [idBytes, idBytes, idBytes]);
      assert.ok((await bytes(files, `/${name}`)).equals(Buffer.concat([...parts, Buffer.from("more")])));
    }
  });

  test("what has no blocks is read through up to maxReread, and refused beyond", async () => {
    const { files, container } = await scene({ maxReread: 2 * PART });
    for (const [name, size] of [
      ["fits", 2 * PART],
      ["large", 2 * PART + 1],
    ] as const)
      await container.getBlockBlobClient(name).upload(bytesOf(size), size);
    await put(files, "/fits", "more", { mode: "append" });
    assert.ok((await bytes(files, "/fits")).equals(Buffer.concat([bytesOf(2 * PART), Buffer.from("more")])));
    await refused("ENOSYS", files.openWrite(at("/large"), { mode: "append" }));
    assert.equal((await files.stat(at("/large"))).size, 2 * PART + 1);
  });

  test("many small blocks at the end become one", async () => {
    const { files, container } = await scene({ maxReread: 0 });
    const parts = [bytesOf(PART), ...Array.from({ length: 999 }, (_, index) => bytesOf(10, index + 1))];
    await foreignBlob(container, "log", 48, parts);
    await put(files, "/log", "more", { mode: "append" });
    assert.equal((await blockIds(container, "log")).length, 2);
    assert.ok((await bytes(files, "/log")).equals(Buffer.concat([...parts, Buffer.from("more")])));
  });

  test("an append blob can be read and removed, and is not added to", async () => {
    const { files, container } = await scene();
    const blob = container.getAppendBlobClient("log");
    await blob.create();
    for (let index = 0; index < 3; index++) await blob.appendBlock(bytesOf(2 * MEBIBYTE), 2 * MEBIBYTE);
    await refused("ENOSYS", put(files, "/log", "more", { mode: "append" }));
    assert.equal((await bytes(files, "/log")).length, 6 * MEBIBYTE);
    await files.remove(at("/log"));
    assert.deepEqual(await names(files), []);
  });
}

function races(scene: Make): void {
  test("S12.13 two uploads in blocks to one name: one is whole, the other EBUSY", async () => {
    const { files } = await scene();
    const [first, second] = [bytesOf(2 * PART, 1), bytesOf(2 * PART, 2)];
    const [one, two] = await Promise.all([begin(files, "/a", first), begin(files, "/a", second)]);
    await two.commit();
    const error = await refused("EBUSY", one.commit());
    assert.equal((error.cause as { code?: string }).code, "InvalidBlockList");
    assert.ok((await bytes(files, "/a")).equals(second));
    assert.deepEqual(await names(files), ["a"]);
  });

  test("an append to a large file that has changed meanwhile is EBUSY and changes nothing", async () => {
    const { files } = await scene();
    const [old, other] = [bytesOf(2 * PART, 1), bytesOf(2 * PART, 2)];
    await put(files, "/log", old);
    const handle = await begin(files, "/log", "more", { mode: "append" });
    await put(files, "/log", other);
    await refused("EBUSY", handle.commit());
    assert.ok((await bytes(files, "/log")).equals(other));
    const late = await begin(files, "/log", "more", { mode: "append" });
    await files.remove(at("/log"));
    await refused("EBUSY", late.commit());
    assert.deepEqual(await names(files), []);
  });

  test("STOU in blocks meets a name that was taken meanwhile", async () => {
    const { files } = await scene();
    const handle = await begin(files, "/a", bytesOf(2 * PART), { mode: "exclusive" });
    await put(files, "/a", "theirs");
    await refused("EEXIST", handle.commit());
    assert.equal(await text(files, "/a"), "theirs");
  });

  test("the store's own conditions: made once, and once only", async () => {
    const { store } = await scene();
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        store.put("a", Buffer.from(String(index)), { exclusive: true }, undefined),
      ),
    );
    assert.equal(all.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of all)
      if (result.status === "rejected") assert.equal((result.reason as NodeJS.ErrnoException).code, "EEXIST");
    const upload = await store.beginParts("a", { exclusive: true }, undefined);
    await upload.part(0, Buffer.from("x"), new AbortController().signal);
    await refused("EEXIST", upload.complete());
    const old = await store.head("a", undefined);
    assert.ok(old);
    await store.put("a", Buffer.from("changed"), { exclusive: false }, undefined);
    await refused("EBUSY", store.copy(old, "b", { exclusive: false }));
    await refused("EBUSY", store.setMetadata(old, { x: "y" }));
    await refused("EBUSY", store.read("a", { version: old.version }, undefined));
    const parts = await store.beginParts("a", { exclusive: false }, undefined);
    await refused("EBUSY", parts.keep(1, old.version));
  });
}
