/** S12.1, S12.2, S12.19: numbers that clients send, and offsets that files do not have. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FileInfo, MemoryFileSystem, type VirtualPath } from "../../dist/index.js";
import { download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { STORES } from "../robustness/kit-stores.js";

/** What is no number of bytes, whatever a lenient parser makes of it. */
const NO_NUMBERS = [
  "",
  " ",
  "-1",
  "-0",
  "+1",
  "1.5",
  "1e9",
  "0x10",
  " 1",
  "1 ",
  "1 2",
  "1,000",
  "1_000",
  "1n",
  "NaN",
  "Infinity",
  "١٢",
  "１",
  "²",
  String(2 ** 53),
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551615",
  "18446744073709551616",
  "9".repeat(400),
];
const NUMBERS = ["0", "1", "00", "007", String(2 ** 31), String(2 ** 32), String(2 ** 53 - 1)];

/** Without a line end: as long in TYPE A as in TYPE I. */
const CONTENT = Buffer.alloc(1000, "content ");

describe("S12.1 numbers", () => {
  test("REST and ALLO take decimal digits up to 2^53-1 and nothing else", async () => {
    await assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      for (const number of NO_NUMBERS)
        for (const verb of ["REST", "ALLO"]) await client.expect(`${verb} ${number}`, 501);
      for (const number of NUMBERS) {
        await client.expect(`REST ${number}`, 350);
        await client.expect(`ALLO ${number}`, 200);
        await client.expect(`ALLO ${number} R ${number}`, 200);
      }
      for (const bad of ["ALLO 1 R", "ALLO 1 R -1", "ALLO 1 R 1 R 1", "ALLO 1 X 1", `ALLO 1 R ${2 ** 53}`])
        await client.expect(bad, 501);
      await client.assertQuiet();
    });
  });

  test("a bad number leaves nothing behind: the next transfer begins at 0", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", CONTENT);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    for (const number of NO_NUMBERS) {
      await client.expect(`REST ${number}`, 501);
      assert((await download(client, "RETR f")).bytes.equals(CONTENT), `after REST ${number}`);
    }
  });

  test("TYPE L, EPSV, SITE IDLE and the range of XCRC are as strict", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", CONTENT);
    const client = await served.user();
    for (const number of NO_NUMBERS) {
      await client.expect(`TYPE L ${number}`, 501, 504);
      if (number.trim() !== "") await client.expect(`EPSV ${number}`, 501, 522);
      if (number.trim() !== "") await client.expect(`SITE IDLE ${number}`, 501);
      if (number.includes(" ") || number === "") continue;
      // What is no range may be a part of a name: of one that is not there.
      for (const range of [number, `${number} 10`, `0 ${number}`]) await client.expect(`XCRC "f" ${range}`, 501, 550);
    }
    assert.match((await client.expect("STAT", 211)).lines.join("\n"), /TYPE: A/);
  });

  test("RANG, which is not there, is refused and moves nothing", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", CONTENT);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    for (const range of ["0 10", "-1 5", "5 -1", "10 5"]) await client.expect(`RANG ${range}`, 500, 501, 502);
    assert((await download(client, "RETR f")).bytes.equals(CONTENT));
  });
});

for (const [name, make] of Object.entries(STORES))
  describe(`S12.2 markers beyond the end, on ${name}`, () => {
    const BEYOND = [1001, 2 ** 31, 2 ** 32, 2 ** 32 + 1000, 2 ** 53 - 1];

    async function withFile(
      run: (client: ScriptedClient, read: () => Promise<Buffer>) => Promise<void>,
    ): Promise<void> {
      await using made = await make();
      await put(made.fileSystem, "/f", CONTENT);
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: made.fileSystem });
        const client = await served.user();
        await client.expect("TYPE I", 200);
        await run(client, () => content(made.fileSystem, "/f"));
        await client.assertQuiet();
      });
      assert.equal(await exists(made.fileSystem, "/new"), false);
    }

    for (const command of ["RETR f", "STOR f", "APPE f", "STOR new"])
      test(`${command} is refused before anything moves, in TYPE I and A`, () =>
        withFile(async (client, read) => {
          for (const type of ["I", "A"])
            for (const marker of BEYOND) {
              await client.expect(`TYPE ${type}`, 200);
              await client.expect(`REST ${marker}`, 350);
              await using _ = await offer(client, "EPSV");
              await client.expect(command, 550, 551, 553, 554);
              assert((await read()).equals(CONTENT));
            }
        }));

    test("at the very end: RETR sends nothing, STOR adds", () =>
      withFile(async (client, read) => {
        await client.expect("REST 1000", 350);
        assert.equal((await download(client, "RETR f")).bytes.length, 0);
        await client.expect("REST 1000", 350);
        await upload(client, "STOR f", "tail");
        assert.equal((await read()).subarray(1000).toString(), "tail");
      }));

    test("midway: STOR keeps what is before and ends where the client ends", () =>
      withFile(async (client, read) => {
        await client.expect("REST 400", 350);
        await upload(client, "STOR f", "tail");
        assert((await read()).equals(Buffer.concat([CONTENT.subarray(0, 400), Buffer.from("tail")])));
      }));
  });

/** A store that knows of a file as large as a number can be. */
class HugeStore extends MemoryFileSystem {
  override async stat(path: VirtualPath): Promise<FileInfo> {
    const info = await super.stat(path);
    return info.type === "file" ? { ...info, size: Number.MAX_SAFE_INTEGER } : info;
  }

  override async *list(path: VirtualPath): AsyncGenerator<FileInfo> {
    for await (const entry of super.list(path)) yield { ...entry, size: Number.MAX_SAFE_INTEGER };
  }
}

test("S12.19 a size of 2^53-1 is written out in digits everywhere, and sums do not break", async () => {
  await using served = await serve({ fileSystem: new HugeStore({ files: { "/f": "" } }) });
  const client = await served.user();
  await client.expect("TYPE I", 200);
  const digits = String(2 ** 53 - 1);
  assert.equal((await client.expect("SIZE f", 213)).text, digits);
  for (const verb of ["MLST f", "STAT f"]) assert((await client.expect(verb, 250, 213)).raw.includes(digits), verb);
  for (const verb of ["LIST", "MLSD", "LIST f"]) assert((await download(client, verb)).bytes.includes(digits), verb);
  await client.expect("TYPE A", 200);
  await client.expect("SIZE f", 550);
});
