/** S12.5, S12.12: a store with a bound is never fuller than that, and a unique name is not sought for ever. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FileSystem, FileSystemError, MemoryFileSystem, quota } from "../../dist/index.js";
import { begin, offer, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { content, names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { FaultStore, rejecting } from "../robustness/kit-fault-store.js";
import { type MadeStore, STORES } from "../robustness/kit-stores.js";

const MIB = 2 ** 20;

/** Stores that may hold one mebibyte, by who counts it. */
const BOUNDED: Readonly<Record<string, () => Promise<MadeStore>>> = {
  "maxBytes of a MemoryFileSystem": async () => ({
    fileSystem: new MemoryFileSystem({ maxBytes: MIB }),
    [Symbol.asyncDispose]: async () => undefined,
  }),
  "quota() over memory": () => withQuota(STORES.memory),
  "quota() over a disk": () => withQuota(STORES.disk),
};

async function withQuota(make: () => Promise<MadeStore>): Promise<MadeStore> {
  const made = await make();
  return {
    fileSystem: quota(made.fileSystem, { bytes: MIB }),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

/** What the files have together. */
async function total(store: FileSystem): Promise<number> {
  let bytes = 0;
  for (const name of await names(store)) bytes += (await content(store, `/${name}`)).length;
  return bytes;
}

type Work = (served: Served, store: FileSystem, client: ScriptedClient) => Promise<void>;

/** A server over such a store, which must never hold more, and of which nothing may be left. */
async function withOneMegabyte(make: () => Promise<MadeStore>, run: Work, options: ServeOptions = {}) {
  await using made = await make();
  const store = made.fileSystem;
  await assertNoLeaks(async () => {
    await using served = await serve({ ...options, fileSystem: store });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await run(served, store, client);
    await client.assertQuiet();
  });
  assert((await total(store)) <= MIB);
}

/** An upload that must not fit. */
async function assertRefused(client: ScriptedClient, command: string, bytes: number): Promise<void> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, command, offered);
  socket.on("error", () => undefined).end(bytesOf(bytes));
  await client.expectReply(452, 552);
}

for (const [name, make] of Object.entries(BOUNDED))
  describe(`S12.5 1 MiB is the bound: ${name}`, () => {
    test("S12.5 STOR of 2 MiB ends in flight and gives all back", () =>
      withOneMegabyte(make, async (_served, store, client) => {
        for (let round = 0; round < 3; round++) await assertRefused(client, "STOR f", 2 * MIB);
        assert.deepEqual(await names(store), []);
        await upload(client, "STOR f", bytesOf(MIB));
        assert.equal(await total(store), MIB);
      }));

    test("S12.5 APPE, REST with STOR and STOU count what is there", () =>
      withOneMegabyte(make, async (_served, store, client) => {
        await upload(client, "STOR f", bytesOf(600_000));
        await assertRefused(client, "APPE f", 600_000);
        await client.expect("REST 600000", 350);
        await assertRefused(client, "STOR f", 600_000);
        await client.expect("REST 300000", 350);
        await assertRefused(client, "STOR f", 900_000);
        for (let round = 0; round < 4; round++) await upload(client, "STOU", bytesOf(100_000));
        await assertRefused(client, "STOU", 100_000);
        assert((await content(store, "/f")).equals(bytesOf(600_000)), "what was there has changed");
        await client.expect("DELE f", 250);
        await upload(client, "STOR g", bytesOf(600_000));
      }));

    test("S12.5 ALLO says so before", () =>
      withOneMegabyte(make, async (_served, _store, client) => {
        await client.expect(`ALLO ${2 * MIB}`, 552);
        await client.expect(`ALLO ${MIB}`, 200);
      }));

    test("S12.5 uploads of several sessions at once never have more together", () =>
      withOneMegabyte(make, async (served, store) => {
        const clients = await Promise.all(Array.from({ length: 6 }, () => served.user()));
        const finals = await Promise.all(
          clients.map(async (client, index) => {
            await client.expect("TYPE I", 200);
            await using offered = await offer(client, "EPSV");
            const [, socket] = await begin(client, `STOR f${index}`, offered);
            socket.on("error", () => undefined).end(bytesOf(400_000));
            return (await client.expectReply(226, 452, 552)).code;
          }),
        );
        const fits = finals.filter((code) => code === 226).length;
        assert.equal((await names(store)).length, fits);
        assert(fits <= 2, `${fits} uploads of 400,000 bytes fitted into 1 MiB`);
      }));

    test("S12.5 an upload that breaks off gives back what it had", () =>
      withOneMegabyte(make, async (_served, _store, client) => {
        for (let round = 0; round < 5; round++) {
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, "STOR f", offered);
          socket.write(bytesOf(900_000), () => reset(socket));
          await client.expectReply(426);
        }
        await upload(client, "STOR f", bytesOf(MIB));
      }));

    test("S12.5 what is renamed over gives back what it had, and nothing comes of renaming to and fro", () =>
      withOneMegabyte(
        make,
        async (_served, store, client) => {
          for (const file of ["a", "b"]) await upload(client, `STOR ${file}`, bytesOf(500_000));
          for (let round = 0; round < 5; round++) {
            await client.expect("RNFR a", 350);
            await client.expect("RNTO b", 250);
            await assertRefused(client, "STOR c", 600_000);
            await upload(client, "STOR a", bytesOf(500_000));
          }
          assert.equal(await total(store), 1_000_000);
        },
        { overwriteOnRename: true },
      ));

    test("S12.5 what is kept of an upload that broke off counts", () =>
      withOneMegabyte(
        make,
        async (served, store, client) => {
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, "STOR f", offered);
          socket.write(bytesOf(900_000));
          await until(() => served.server.sessions[0]?.transfer?.bytes === 900_000);
          reset(socket);
          await client.expectReply(426);
          assert.equal(await total(store), 900_000);
          await assertRefused(client, "STOR g", 200_000);
          await client.expect("DELE f", 250);
          await upload(client, "STOR g", bytesOf(MIB));
        },
        { partialUploads: "keep" },
      ));
  });

test("S12.5 a bound below zero is a mistake, and no bound is none (CVE-2021-40524)", async () => {
  for (const bytes of [-1, Number.NaN, 0.5, Number.NEGATIVE_INFINITY])
    assert.throws(() => quota(new MemoryFileSystem(), { bytes }), RangeError);
  const store = quota(new MemoryFileSystem(), { bytes: 0 });
  await put(store, "/empty", "");
  await assert.rejects(put(store, "/f", "x"), { code: "EDQUOT" });
});

test("S12.12 STOU gives up after a few names that are taken", async () => {
  let tries = 0;
  const store = new FaultStore(new MemoryFileSystem(), (operation, path) => {
    if (operation !== "openWrite") return undefined;
    tries++;
    return rejecting(new FileSystemError("EEXIST", path));
  });
  await using served = await serve({ fileSystem: store });
  const client = await served.user();
  for (const command of ["STOU", "STOU name"]) {
    await using _ = await offer(client, "EPSV");
    await client.expect(command, 450, 553);
  }
  assert(tries >= 2 && tries <= 40, `${tries} tries`);
});

test("S12.12 200 STOU, of several sessions at once, give 200 names", async () => {
  await using served = await serve();
  const uploads = async () => {
    const client = await served.user();
    const made: string[] = [];
    for (let round = 0; round < 50; round++) {
      const { replies } = await upload(client, "STOU same", "content");
      made.push(/^FILE: (\S+)$/.exec(replies[0].text)?.[1] ?? "");
    }
    return made;
  };
  const made = (await Promise.all([uploads(), uploads(), uploads(), uploads()])).flat();
  assert.equal(new Set(made).size, 200);
  assert.deepEqual(await names(served.fileSystem), made.sort());
});
