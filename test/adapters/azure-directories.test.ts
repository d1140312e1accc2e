/** What Azure's Blob service makes different, on its emulator: directories, copies, attributes, ways to reach it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerSASPermissions, StorageSharedKeyCredential } from "@azure/storage-blob";
import { AzureFileSystem, type AzureFileSystemOptions } from "../../dist/adapters/azure/azure-file-system.js";
import { ACCOUNT, type Azurite, KEY } from "../kit/azurite.js";
import { bytesOf } from "../kit/temporary.js";
import { at, bytes, entries, everyOperation, put, refused, text } from "../storage/store.js";
import { blobNames, type Make, onAzurite, PART } from "./azure-scene.js";

await onAzurite("AzureFileSystem: directories and attributes", (scene, service) => {
  directories(scene);
  copies(scene);
  attributes(scene);
  reaching(service);
});

function directories(scene: Make): void {
  test("a directory is a blob with hdi_isfolder=true; those of other tools are directories too", async () => {
    const { files, container } = await scene({ prefix: "p/q" });
    await files.makeDirectory(at("/made"));
    assert.deepEqual(await blobNames(container), ["p/q/made"]);
    const { metadata, contentLength } = await container.getBlobClient("p/q/made").getProperties();
    assert.deepEqual([metadata, contentLength], [{ hdi_isfolder: "true" }, 0]);
    await container.getBlockBlobClient("p/q/theirs").upload("", 0, { metadata: { Hdi_isfolder: "TRUE" } });
    await container.getBlockBlobClient("p/q/slash/").upload("", 0);
    await container.getBlockBlobClient("p/q/implicit/x").upload("x", 1);
    const found = [...(await entries(files)).values()].map(({ name, type }) => [name, type]);
    const all = ["implicit", "made", "slash", "theirs"];
    assert.deepEqual(
      found,
      all.map((name) => [name, "directory"]),
    );
    for (const name of all) {
      assert.equal((await files.stat(at(`/${name}`))).type, "directory");
      await refused("EEXIST", files.makeDirectory(at(`/${name}`)));
      await refused("EISDIR", files.openWrite(at(`/${name}`), { mode: "replace" }));
      await refused("EISDIR", files.openRead(at(`/${name}`)));
      await refused("EISDIR", files.remove(at(`/${name}`)));
    }
    await files.remove(at("/implicit/x"));
    for (const name of all) await files.removeDirectory(at(`/${name}`));
    assert.deepEqual(await blobNames(container), []);
  });

  test("a directory that is there by itself and by what it holds is listed once, on whatever page", async () => {
    const { store, container } = await scene();
    const all = ["d", "d!", "d-", "d/x", "d-/y", "d.a", "e", "e/z"];
    for (const name of all) {
      const metadata = /^(?:d|d!|d-|e)$/.test(name) ? { hdi_isfolder: "true" } : undefined;
      await container.getBlockBlobClient(name).upload("", 0, { ...(metadata && { metadata }) });
    }
    for (const limit of [1, 2, 3, 100]) {
      const found: string[] = [];
      for (let from: string | undefined, first = true; first || from !== undefined; first = false) {
        const page = await store.list({ prefix: "", grouped: true, from, limit }, undefined);
        found.push(...page.objects.map(({ key }) => key), ...page.prefixes);
        from = page.next;
      }
      assert.deepEqual(found.toSorted(), ["d!/", "d-/", "d.a", "d/", "e/"].toSorted(), `${limit} a page`);
    }
    const { objects } = await store.list({ prefix: "", grouped: false }, undefined);
    const flat = ["d!/", "d-/", "d-/y", "d.a", "d/", "d/x", "e/", "e/z"];
    assert.deepEqual(objects.map(({ key }) => key).toSorted(), flat.toSorted());
  });

  test("a file never becomes a directory, also not in a race", async () => {
    const { store } = await scene();
    await store.put("a", Buffer.from("file"), { exclusive: false }, undefined);
    await refused("EEXIST", store.put("a/", Buffer.from(""), { exclusive: false }, undefined));
    await store.remove("a/");
    assert.equal((await store.head("a", undefined))?.size, 4);
    await store.put("d/", Buffer.from(""), { exclusive: false }, undefined);
    await store.put("d/", Buffer.from(""), { exclusive: false, metadata: { "two-words": "x" } }, undefined);
    assert.deepEqual((await store.head("d/", undefined))?.metadata, { "two-words": "x" });
    assert.equal(await store.head("d", undefined), undefined);
    await refused("EEXIST", store.put("d/", Buffer.from(""), { exclusive: true }, undefined));
  });

  test("a directory is renamed with markers and all", async () => {
    const { files, container } = await scene({ maxRename: 10 });
    await files.makeDirectory(at("/d"));
    await files.makeDirectory(at("/d/e"));
    await put(files, "/d/e/f", "x");
    await files.rename(at("/d"), at("/moved"));
    assert.deepEqual(await blobNames(container), ["moved", "moved/e", "moved/e/f"]);
    assert.equal(await text(files, "/moved/e/f"), "x");
    await refused("ENOENT", files.stat(at("/d")));
  });

  test("2,500 entries come page by page", async () => {
    const { files, container } = await scene();
    for (let start = 0; start < 2500; start += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => container.getBlockBlobClient(`d/${start + index}`).upload("", 0)),
      );
    assert.equal((await entries(files, "/d")).size, 2500);
  });
}

function copies(scene: Make): void {
  test("RNTO keeps bytes, metadata and type", async () => {
    const { files, container } = await scene();
    const content = bytesOf(2 * PART);
    await put(files, "/a", content);
    const blob = container.getBlobClient("a");
    await blob.setMetadata({ owner: "you", two_words: "x" });
    await blob.setHTTPHeaders({ blobContentType: "image/png" });
    await files.rename(at("/a"), at("/b"));
    const { metadata, contentType } = await container.getBlobClient("b").getProperties();
    assert.deepEqual([metadata, contentType], [{ owner: "you", two_words: "x" }, "image/png"]);
    assert.ok((await bytes(files, "/b")).equals(content));
    assert.deepEqual(await blobNames(container), ["b"]);
  });

  test("names of every kind can be the source of a copy", async () => {
    const { files } = await scene();
    for (const name of ["a b", "100%25", "a+b", "a#b?c", "é🚢", "'"]) {
      await put(files, `/${name}`, name);
      await files.rename(at(`/${name}`), at(`/${name}2`));
      assert.equal(await text(files, `/${name}2`), name);
    }
  });
}

function attributes(scene: Make): void {
  test("type and times: setting a time leaves the rest", async () => {
    const { files, container } = await scene({ keepTimes: true, contentType: "text/plain" });
    await put(files, "/a", "x");
    await put(files, "/big", bytesOf(2 * PART));
    await container.getBlobClient("a").setMetadata({ two_words: "x" });
    const modified = new Date("2001-02-03T04:05:06.000Z");
    await files.setTimes(at("/a"), { modified });
    assert.deepEqual((await files.stat(at("/a"))).modified, modified);
    const { metadata, contentType } = await container.getBlobClient("a").getProperties();
    assert.deepEqual(metadata, { two_words: "x", mtime: String(modified.getTime() / 1000) });
    assert.equal(contentType, "text/plain");
    assert.equal((await container.getBlobClient("big").getProperties()).contentType, "text/plain");
    assert.equal(await text(files, "/a"), "x");
  });

  test("version is the same for one version, wherever it is told, and another one after a change", async () => {
    const { files } = await scene();
    const { version } = await put(files, "/a", "x");
    assert.match(version ?? "", /^".+"$/);
    assert.equal((await files.stat(at("/a"))).version, version);
    assert.equal((await entries(files)).get("a")?.version, version);
    await using handle = await files.openRead(at("/a"));
    assert.equal(handle.info.version, version);
    assert.notEqual((await put(files, "/a", "y")).version, version);
  });

  test("new blobs have the tier that is asked for, also when they are copied", async () => {
    const { files, container } = await scene({ accessTier: "Cool" });
    await put(files, "/a", "x");
    await put(files, "/big", bytesOf(2 * PART));
    await files.rename(at("/a"), at("/b"));
    for (const name of ["b", "big"])
      assert.equal((await container.getBlobClient(name).getProperties()).accessTier, "Cool", name);
  });
}

function reaching(service: Azurite): void {
  test("by connection string, by key, by signature, by credential, by client", async () => {
    const client = await service.container();
    const { containerName: container } = client;
    const { endpoint } = service;
    const sas = new URL(
      await client.generateSasUrl({
        permissions: ContainerSASPermissions.parse("racwdl"),
        expiresOn: new Date(Date.now() + 3_600_000),
      }),
    ).search;
    const connectionString = `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${endpoint};`;
    const ways: readonly AzureFileSystemOptions[] = [
      { container, connectionString },
      { container, account: ACCOUNT, key: KEY, endpoint },
      { container, endpoint: `${endpoint}/`, sas },
      { container, endpoint, sas: sas.slice(1) },
      { container, endpoint, credential: new StorageSharedKeyCredential(ACCOUNT, KEY) },
      { container: client },
    ];
    for (const [index, way] of ways.entries()) {
      const files = new AzureFileSystem(way);
      await put(files, `/${index}`, "x");
      await files.rename(at(`/${index}`), at(`/${index}b`));
      assert.equal(await text(files, `/${index}b`), "x");
    }
  });

  test("a wrong key is EACCES, a container that is not there a fault; both say why", async () => {
    const { containerName: container } = await service.container();
    const { endpoint } = service;
    const key = Buffer.from("wrong").toString("base64");
    const stranger = new AzureFileSystem({ container, account: ACCOUNT, key, endpoint });
    const nowhere = new AzureFileSystem({ container: "none-such", account: ACCOUNT, key: KEY, endpoint });
    for (const [files, code] of [
      [stranger, "EACCES"],
      [nowhere, "EIO"],
    ] as const) {
      for (const name of ["stat", "list", "openRead", "append", "remove", "makeDirectory"]) {
        const error = await refused(code, everyOperation(files, "/a")[name]?.() ?? Promise.resolve());
        assert.ok((error.cause as { statusCode?: number }).statusCode);
      }
    }
  });
}
