/** Files beyond 2^32 bytes: sparse on the disk, so that they cost nothing; every offset is exact. */
import assert from "node:assert/strict";
import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";
import { FaultStore } from "./kit-fault-store.js";
import { type LocalFolder, localFolder } from "./kit-local.js";

const BEYOND = 2 ** 32;
const TAIL = bytesOf(100_000, 9);
const SIZE = BEYOND + 1_000_000;

/** Zeros, then the tail; takes no room on the disk. */
async function sparseFile({ root }: LocalFolder, name = "huge"): Promise<string> {
  const path = join(root, name);
  await writeFile(path, "");
  await using file = await open(path, "r+");
  await file.write(TAIL, 0, TAIL.length, SIZE - TAIL.length);
  return path;
}

/** The last bytes of a file. */
async function tailOf(path: string, length: number): Promise<Buffer> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  return (await file.read(Buffer.alloc(length), 0, length, size - length)).buffer;
}

/** Runs a test with the file, a server and a client, and looks for what is left. */
async function withHuge(
  run: (client: ScriptedClient, path: string, store: FaultStore) => Promise<void>,
): Promise<void> {
  await using folder = await localFolder();
  const path = await sparseFile(folder);
  const store = new FaultStore(new LocalFileSystem(folder.root));
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await run(client, path, store);
    await client.assertQuiet();
    await until(() => store.open === 0, undefined, "the store's handles are closed");
  });
  assert.deepEqual(await folder.names(), ["huge"]);
}

test("SIZE, MLST and LIST show a size beyond 2^32", () =>
  withHuge(async (client) => {
    assert.equal((await client.expect("SIZE huge", 213)).text, String(SIZE));
    assert.match((await client.expect("MLST huge", 250)).lines[1] ?? "", new RegExp(`;size=${SIZE};`));
    assert.match((await download(client, "LIST huge")).bytes.toString(), new RegExp(` ${SIZE} `));
  }));

for (const mode of ["EPSV", "PORT"] as const)
  test(`RETR with REST beyond 2^32 sends exactly the tail, over ${mode}`, () =>
    withHuge(async (client) => {
      for (const [back, expected] of [
        [TAIL.length, TAIL],
        [1, TAIL.subarray(-1)],
        [0, Buffer.alloc(0)],
        [TAIL.length + 5, Buffer.concat([Buffer.alloc(5), TAIL])],
      ] as const) {
        await client.expect(`REST ${SIZE - back}`, 350);
        assert((await download(client, "RETR huge", mode)).bytes.equals(expected), `${back} bytes before the end`);
      }
      // An offset that was cut to 32 bits would be a good one here.
      await client.expect(`REST ${SIZE + 1}`, 350);
      await using _ = await offer(client, mode);
      await client.expect("RETR huge", 551, 554);
    }));

test("RETR across 2^32 is exact", () =>
  withHuge(async (client) => {
    await client.expect(`REST ${BEYOND - 300_000}`, 350);
    const { bytes } = await download(client, "RETR huge");
    assert.equal(bytes.length, 1_300_000);
    assert(bytes.subarray(0, -TAIL.length).every((byte) => byte === 0));
    assert(bytes.subarray(-TAIL.length).equals(TAIL));
  }));

test("APPE adds to the end", () =>
  withHuge(async (client, path) => {
    await upload(client, "APPE huge", "the end");
    assert.equal((await stat(path)).size, SIZE + 7);
    assert.equal((await tailOf(path, 10)).subarray(3).toString(), "the end");
    assert((await tailOf(path, TAIL.length + 7)).subarray(0, -7).equals(TAIL));
  }));

test("STOR with REST at the very end resumes, also after a transfer that broke off", () =>
  withHuge(async (client, path) => {
    await client.expect(`REST ${SIZE}`, 350);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR huge", offered);
    socket.write(bytesOf(100_000));
    reset(socket);
    await client.expectReply(426);
    assert.equal((await stat(path)).size, SIZE, "cut back");
    await client.expect(`REST ${SIZE}`, 350);
    await upload(client, "STOR huge", "resumed");
    assert.equal((await stat(path)).size, SIZE + 7);
    assert.equal((await tailOf(path, 7)).toString(), "resumed");
  }));

test("S12.3 STOR with REST midway copies what it keeps, and stops doing so at ABOR and when the client leaves", () =>
  withHuge(async (client, path, store) => {
    for (const leave of ["ABOR", "reset"]) {
      await client.expect(`REST ${BEYOND + 1}`, 350);
      await using _ = await offer(client, "EPSV");
      let begun = false;
      store.plan = (operation) => {
        begun ||= operation === "openWrite";
        return undefined;
      };
      client.send("STOR huge\r\n");
      await until(() => begun, undefined, "the store is asked");
      if (leave === "reset") break;
      const since = performance.now();
      await client.expect("ABOR", 226, 426);
      await client.expectReply(226);
      assert(performance.now() - since < 2000, "ABOR waits for the copy");
      assert.equal((await stat(path)).size, SIZE);
    }
    await client.assertQuiet();
  }));

test("RETR of the whole file begins at once and ends when the client leaves", () =>
  withHuge(async (client) => {
    await using offered = await offer(client, "EPSV");
    const [preliminary, socket] = await begin(client, "RETR huge", offered);
    assert.match(preliminary.text, new RegExp(`\\(${SIZE} bytes\\)`));
    for (let read = 0; read < 50_000_000; ) {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) await new Promise((resolve) => socket.once("readable", resolve));
      else read += chunk.length;
    }
    socket.destroy();
    await client.expectReply(426);
    await assert.rejects(collect(socket));
  }));
