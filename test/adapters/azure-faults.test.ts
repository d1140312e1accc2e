/** The Azure adapter and a service that throttles, stalls, drops connections and loses answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import type { AzureFileSystemOptions } from "../../dist/adapters/azure/azure-file-system.js";
import { ACCOUNT, type Azurite, KEY } from "../kit/azurite.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { bytesOf, within } from "../kit/temporary.js";
import { at, begin, bytes, entries, names, put, refused, text } from "../storage/store.js";
import { type Decide, type Fault, openProxy } from "./azure-proxy.js";
import { blobNames, blockIds, MEBIBYTE, onAzurite, PART, type Scene, sceneIn } from "./azure-scene.js";

/** A container twice: as it is, and behind a proxy. */
interface FaultyScene extends AsyncDisposable {
  readonly direct: Scene;
  readonly files: Scene["files"];
  readonly store: Scene["store"];
  decide(decide: Decide): void;
}

const THROTTLED = { status: 503, code: "ServerBusy" } as const;

await onAzurite("AzureFileSystem: faults", (_make, service) => {
  const scene = (options?: Partial<AzureFileSystemOptions>) => faulty(service, options);
  throttled(scene);
  dropped(scene);
  stalled(scene);
  copying(scene);
});

type MakeFaulty = (options?: Partial<AzureFileSystemOptions>) => Promise<FaultyScene>;

async function faulty(service: Azurite, options?: Partial<AzureFileSystemOptions>): Promise<FaultyScene> {
  const container = await service.container();
  const proxy = await openProxy(new URL(service.endpoint).origin);
  const client = new ContainerClient(
    `${proxy.url}/${ACCOUNT}/${container.containerName}`,
    new StorageSharedKeyCredential(ACCOUNT, KEY),
    { retryOptions: { maxTries: 3, retryDelayInMs: 1, maxRetryDelayInMs: 1 }, keepAliveOptions: { enable: false } },
  );
  const { files, store } = sceneIn(client, options);
  return {
    direct: sceneIn(container),
    files,
    store,
    decide: (decide) => {
      proxy.decide = decide;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** Reads to the end. @param chunks take what comes */
async function readAll(body: AsyncIterable<Uint8Array>, chunks: Uint8Array[] = []): Promise<void> {
  for await (const chunk of body) chunks.push(chunk);
}

/** The fault for the first requests that match, so many times. */
function first(count: number, method: string, query: RegExp, fault: Fault): Decide {
  let left = count;
  return ({ method: asked, url = "" }) => (asked === method && query.test(url) && left-- > 0 ? fault : undefined);
}

function throttled(scene: MakeFaulty): void {
  test("throttled now and then: the SDK asks again", async () => {
    await using faulty = await scene();
    let requests = 0;
    faulty.decide(() => (requests++ % 3 === 0 ? THROTTLED : undefined));
    const content = bytesOf(3 * PART);
    await put(faulty.files, "/a", content);
    await faulty.files.rename(at("/a"), at("/b"));
    assert.ok((await bytes(faulty.files, "/b")).equals(content));
    assert.deepEqual(await names(faulty.files), ["b"]);
  });

  test("throttled for good: EBUSY with the cause, from every operation; nothing has changed", async () => {
    await using faulty = await scene();
    const { files, direct } = faulty;
    await put(files, "/a", "old");
    const handle = await begin(files, "/a", bytesOf(2 * PART));
    const small = await begin(files, "/a", "new");
    faulty.decide(() => THROTTLED);
    for (const run of [
      () => files.stat(at("/a")),
      () => entries(files),
      () => files.openRead(at("/a")),
      () => files.openWrite(at("/a"), { mode: "replace" }),
      () => handle.commit(),
      () => small.commit(),
      () => files.remove(at("/a")),
      () => files.makeDirectory(at("/d")),
      () => files.removeDirectory(at("/d")),
      () => files.rename(at("/a"), at("/b")),
    ]) {
      const error = await refused("EBUSY", run());
      assert.equal((error.cause as { statusCode?: number }).statusCode, 503);
    }
    assert.deepEqual(await blobNames(direct.container), ["a"]);
    assert.equal(await text(direct.files, "/a"), "old");
  });

  for (const [what, query] of [
    ["the list of blocks", /comp=blocklist/],
    ["a block", /comp=block&/],
    ["the last word", /comp=blocklist$/],
  ] as const)
    test(`an upload that fails at ${what} leaves what stood there`, async () => {
      await using faulty = await scene();
      await put(faulty.files, "/a", "old");
      faulty.decide(first(Number.POSITIVE_INFINITY, "PUT", query, { status: 500, code: "InternalError" }));
      await refused("EIO", put(faulty.files, "/a", bytesOf(3 * PART)));
      assert.equal(await text(faulty.direct.files, "/a"), "old");
      assert.deepEqual(await blobNames(faulty.direct.container), ["a"]);
    });
}

function dropped(scene: MakeFaulty): void {
  for (const bound of [1, 100_000, MEBIBYTE])
    test(`a download whose connection ends after ${bound} bytes goes on`, async () => {
      await using faulty = await scene();
      const content = bytesOf(4 * MEBIBYTE);
      await put(faulty.files, "/a", content);
      faulty.decide(first(1, "GET", /\/a/, { drop: bound }));
      assert.ok((await bytes(faulty.files, "/a")).equals(content));
    });

  test("a download whose connection ends goes on with no other version", async () => {
    await using faulty = await scene();
    await put(faulty.files, "/a", bytesOf(4 * MEBIBYTE));
    faulty.decide(first(1, "GET", /\/a/, { drop: MEBIBYTE }));
    await using handle = await faulty.files.openRead(at("/a"));
    await put(faulty.direct.files, "/a", bytesOf(4 * MEBIBYTE, 9));
    await refused("EBUSY", readAll(handle.body));
  });

  test("a download that brings nothing more fails, and never looks whole", async () => {
    await using faulty = await scene();
    const content = bytesOf(4 * MEBIBYTE);
    await put(faulty.files, "/a", content);
    let downloads = 0;
    faulty.decide(({ method }) => (method === "GET" ? { drop: downloads++ === 0 ? 300_000 : 0 } : undefined));
    await using handle = await faulty.files.openRead(at("/a"));
    const chunks: Uint8Array[] = [];
    const error = await refused("EIO", readAll(handle.body, chunks));
    assert.ok(error.cause instanceof Error);
    const got = Buffer.concat(chunks);
    assert.ok(got.length <= 300_000 && got.equals(content.subarray(0, got.length)));
    faulty.decide(() => undefined);
    assert.ok((await bytes(faulty.files, "/a", { start: got.length })).equals(content.subarray(got.length)), "REST");
  });

  test("a connection that ends under a block is made again", async () => {
    await using faulty = await scene();
    const content = bytesOf(3 * PART);
    faulty.decide(first(2, "PUT", /comp=block&/, { drop: "request" }));
    await put(faulty.files, "/a", content);
    assert.ok((await bytes(faulty.files, "/a")).equals(content));
  });

  test("a commit whose answer was lost has happened, once, whatever its conditions", async () => {
    for (const mode of ["replace", "exclusive", "append"] as const) {
      await using faulty = await scene();
      const content = bytesOf(2 * PART);
      if (mode === "append") await put(faulty.files, "/a", content);
      const handle = await begin(faulty.files, "/a", content, { mode });
      faulty.decide(first(1, "PUT", /comp=blocklist/, { drop: "answer" }));
      const { version, size } = await handle.commit();
      const expected = mode === "append" ? Buffer.concat([content, content]) : content;
      assert.equal(size, expected.length);
      assert.equal((await faulty.direct.files.stat(at("/a"))).version, version);
      assert.ok((await bytes(faulty.direct.files, "/a")).equals(expected), mode);
    }
  });

  test("a file in one request whose answer was lost is written once, whatever its conditions", async () => {
    await using faulty = await scene();
    for (const content of ["content", ""])
      for (const mode of ["exclusive", "append", "replace"] as const) {
        const name = `/${content.length}`;
        faulty.decide(first(1, "PUT", /\/\d$/, { drop: "answer" }));
        const { version, size } = await put(faulty.files, name, content, { mode });
        const { version: found } = await faulty.direct.files.stat(at(name));
        assert.equal(version, found);
        assert.equal(await text(faulty.direct.files, name), mode === "append" ? content + content : content);
        assert.equal(size, content.length * (mode === "append" ? 2 : 1));
      }
  });

  test("a file in one request that is sent again and meets another one is no success", async () => {
    await using faulty = await scene();
    const handle = await begin(faulty.files, "/a", "ours", { mode: "exclusive" });
    await put(faulty.direct.files, "/a", "theirs");
    let tries = 0;
    faulty.decide(({ method }) => (method === "PUT" && tries++ === 0 ? THROTTLED : undefined));
    await refused("EEXIST", handle.commit());
    assert.equal(tries, 2);
    assert.equal(await text(faulty.direct.files, "/a"), "theirs");
  });

  test("bytes that change on their way are refused where MD5 is wanted", async () => {
    await using faulty = await scene({ contentMd5: true });
    await put(faulty.files, "/a", "old");
    for (const content of [Buffer.from("small"), bytesOf(2 * PART)]) {
      faulty.decide(({ method, url = "" }) =>
        method === "PUT" && !/comp=blocklist/.test(url) ? { corrupt: true } : undefined,
      );
      await assert.rejects(put(faulty.files, "/a", content));
      assert.equal(await text(faulty.direct.files, "/a"), "old");
    }
  });

  test("nothing is left: sockets, timers, failures that nobody caught", async () => {
    await using faulty = await scene();
    await put(faulty.files, "/a", bytesOf(2 * PART));
    await assertNoLeaks(async () => {
      faulty.decide(first(3, "GET", /\/a/, { drop: MEBIBYTE }));
      await using handle = await faulty.files.openRead(at("/a"));
      for await (const _chunk of handle.body) break;
      const unread = await faulty.files.openRead(at("/a"));
      await unread.close();
      faulty.decide(() => ({ drop: "request" }));
      await refused("EIO", put(faulty.files, "/b", bytesOf(3 * PART)));
      await refused("EIO", entries(faulty.files));
    });
  });
}

function stalled(scene: MakeFaulty): void {
  test("a request that is not answered ends after its own time", async () => {
    await using faulty = await scene({ requestTimeout: 200 });
    await put(faulty.files, "/a", "x");
    faulty.decide(() => ({ stall: true }));
    const error = await within(refused("EIO", faulty.files.stat(at("/a"))), "stat", 2000);
    assert.match(String(error.cause), /not answered in 200 ms/);
    await within(refused("EIO", entries(faulty.files)), "list", 2000);
    await within(refused("EIO", put(faulty.files, "/a", "y")), "put", 2000);
    assert.equal(await text(faulty.direct.files, "/a"), "x");
  });

  test("a signal ends what stalls: a look, a listing, a download before and amid its bytes", async () => {
    await using faulty = await scene();
    const { files } = faulty;
    await put(files, "/a", bytesOf(4 * MEBIBYTE));
    const stalls = async (fault: Fault, run: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
      const controller = new AbortController();
      const reason = new Error("ABOR");
      faulty.decide(() => {
        setImmediate(() => controller.abort(reason));
        return fault;
      });
      await within(assert.rejects(run(controller.signal), reason), String(run), 2000);
    };
    const all = { stall: true } as const;
    await stalls(all, (signal) => files.stat(at("/a"), { signal }));
    await stalls(all, async (signal) => {
      for await (const entry of files.list(at("/"), { signal })) assert.fail(entry.name);
    });
    await stalls(all, (signal) => files.openRead(at("/a"), { signal }));
    const controller = new AbortController();
    faulty.decide(() => ({ stall: MEBIBYTE }));
    await using handle = await files.openRead(at("/a"), { signal: controller.signal });
    let got = 0;
    const reading = async () => {
      for await (const chunk of handle.body) {
        got += chunk.length;
        if (got >= MEBIBYTE) setImmediate(() => controller.abort(new Error("ABOR")));
      }
    };
    await within(assert.rejects(reading(), /ABOR/), "a download that stalls", 2000);
  });

  test("an upload whose blocks stall is aborted soon, and nothing is seen of it", async () => {
    await using faulty = await scene();
    faulty.decide(({ url = "" }) => (/comp=block&/.test(url) ? { stall: true } : undefined));
    const controller = new AbortController();
    const handle = await faulty.files.openWrite(at("/a"), { mode: "replace", signal: controller.signal });
    const writing = handle.write([bytesOf(5 * PART)]);
    controller.abort(new Error("ABOR"));
    await within(assert.rejects(writing, /ABOR/), "write", 2000);
    await within(handle.abort(), "abort", 2000);
    assert.deepEqual(await blobNames(faulty.direct.container), []);
    assert.deepEqual(await blockIds(faulty.direct.container, "a").catch(() => []), []);
  });
}

function copying(scene: MakeFaulty): void {
  const isCopy: Decide = ({ headers }) =>
    headers["x-ms-copy-source"] === undefined ? undefined : { headers: { "x-ms-copy-status": "pending" } };

  test("a copy that takes its time is waited for", async () => {
    await using faulty = await scene();
    await put(faulty.files, "/a", "x");
    let looks = 0;
    faulty.decide((request) => {
      if (request.method !== "HEAD" || !/\/b/.test(request.url ?? "")) return isCopy(request);
      looks++;
      return looks === 3 ? { headers: { "x-ms-copy-status": "pending" } } : undefined;
    });
    await faulty.files.rename(at("/a"), at("/b"));
    assert.ok(looks >= 3, `${looks} looks`);
    assert.deepEqual(await blobNames(faulty.direct.container), ["b"]);
  });

  for (const status of ["failed", "aborted", "pending"])
    test(`a copy that is ${status} for good fails; the old file stays, nothing else is left`, async () => {
      await using faulty = await scene({ requestTimeout: 1000 });
      await put(faulty.files, "/a", "x");
      faulty.decide((request) => {
        if (request.method !== "HEAD" || !/\/b/.test(request.url ?? "")) return isCopy(request);
        return { headers: { "x-ms-copy-status": status } };
      });
      await refused(status === "pending" ? "EBUSY" : "EIO", faulty.files.rename(at("/a"), at("/b")));
      assert.equal(await text(faulty.direct.files, "/a"), "x");
      if (status !== "pending") assert.deepEqual(await blobNames(faulty.direct.container), ["a"]);
    });
}
