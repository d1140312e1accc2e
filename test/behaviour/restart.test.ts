/** REST, and SIZE and TYPE with it: markers count the octets that are transferred (RFC 3659 §4 and §5). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, collect, download, offer, upload } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";

const DIGITS = "0123456789";
const LINES = "ab\ncd\n\nx\r\ny";
const LINES_ON_THE_WIRE = "ab\r\ncd\r\n\r\nx\r\r\ny";

async function scene(type: "A" | "I"): Promise<{ served: Served; client: ScriptedClient } & AsyncDisposable> {
  const served = await serve();
  await put(served.fileSystem, "/digits", DIGITS);
  await put(served.fileSystem, "/lines", LINES);
  const client = await served.user();
  await client.expect(`TYPE ${type}`, 200);
  return { served, client, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/** RETR with what is armed. */
async function fetch(client: ScriptedClient, name: string): Promise<string> {
  return (await download(client, `RETR ${name}`)).bytes.toString();
}

describe("order", () => {
  test("REST before or after the data command", async () => {
    await using stage = await scene("I");
    const { client } = stage;
    await client.expect("REST 7", 350);
    assert.equal(await fetch(client, "digits"), "789");
    await using offered = await offer(client, "PASV");
    await client.expect("REST 8", 350);
    const [, socket] = await begin(client, "RETR digits", offered);
    assert.equal((await collect(socket)).toString(), "89");
    await client.expectReply(226);
  });

  test("the last REST counts, and REST 0 is none", async () => {
    await using stage = await scene("I");
    await stage.client.expect("REST 7", 350);
    await stage.client.expect("REST 5", 350);
    assert.equal(await fetch(stage.client, "digits"), "56789");
    await stage.client.expect("REST 7", 350);
    await stage.client.expect("REST 0", 350);
    assert.equal(await fetch(stage.client, "digits"), DIGITS);
  });
});

describe("bounds", () => {
  for (const argument of [
    "",
    " ",
    "-1",
    "+1",
    "1.5",
    "1e9",
    "0x10",
    " 1",
    "1 ",
    "1 2",
    "NaN",
    "Infinity",
    "٣",
    "9007199254740993",
    "18446744073709551616",
    "9".repeat(400),
  ])
    test(`S12.1 REST ${JSON.stringify(argument.slice(0, 24))}: 501, and nothing is armed`, async () => {
      await using stage = await scene("I");
      await stage.client.expect(`REST ${argument}`, 501);
      assert.equal(await fetch(stage.client, "digits"), DIGITS);
    });

  test("S12.2 RETR beyond the end is refused before 150, at the end it is empty", async () => {
    await using stage = await scene("I");
    const { client } = stage;
    await using _ = await offer(client, "EPSV");
    for (const marker of [11, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      await client.expect(`REST ${marker}`, 350);
      await client.expect("RETR digits", 551, 554);
    }
    await client.expect("REST 10", 350);
    assert.equal(await fetch(client, "digits"), "");
  });

  test("S12.2 STOR beyond the end is refused and the file stands", async () => {
    await using stage = await scene("I");
    const { client, served } = stage;
    for (const name of ["digits", "missing"]) {
      await using offered = await offer(client, "EPSV");
      await client.expect("REST 11", 350);
      client.send(`STOR ${name}\r\n`);
      let { code } = await client.reply();
      if (code === 150) {
        (await offered.connect()).on("error", () => undefined).end();
        code = (await client.reply()).code;
      }
      assert([550, 551, 554].includes(code), `${name}: ${code}`);
    }
    assert.equal((await content(served.fileSystem, "/digits")).toString(), DIGITS);
    await client.assertQuiet();
  });
});

describe("uploads", () => {
  for (const verb of ["STOR", "APPE"])
    test(`REST n, ${verb}: the bytes before n stay, the file ends with the last byte sent`, async () => {
      await using stage = await scene("I");
      for (const [marker, sent, whole] of [
        [10, "ab", `${DIGITS}ab`],
        [3, "xyz", "012xyz"],
        [0, "new", verb === "APPE" ? "012xyznew" : "new"],
      ] as const) {
        await stage.client.expect(`REST ${marker}`, 350);
        await upload(stage.client, `${verb} digits`, sent);
        assert.equal((await content(stage.served.fileSystem, "/digits")).toString(), whole);
      }
    });

  test("REST before STOU does nothing or is refused, and never touches another file", async () => {
    await using stage = await scene("I");
    const { client } = stage;
    await using offered = await offer(client, "EPSV");
    await client.expect("REST 5", 350);
    client.send("STOU\r\n");
    const first = await client.reply();
    if (first.code === 150) {
      (await offered.connect()).end("abc");
      await client.expectReply(226);
      const name = /^FILE: (\S+)$/.exec(first.text)?.[1];
      assert.equal((await content(stage.served.fileSystem, `/${name}`)).toString(), "abc");
    } else assert([503, 504, 551, 554].includes(first.code), String(first.code));
    assert.equal((await content(stage.served.fileSystem, "/digits")).toString(), DIGITS);
  });

  test("a resumed upload in two halves is the whole", async () => {
    await using stage = await scene("I");
    const bytes = bytesOf(200_000);
    await upload(stage.client, "STOR big", bytes.subarray(0, 77_777));
    await stage.client.expect("REST 77777", 350);
    await upload(stage.client, "STOR big", bytes.subarray(77_777));
    assert((await content(stage.served.fileSystem, "/big")).equals(bytes));
  });
});

describe("TYPE A", () => {
  test("SIZE counts the octets that RETR sends in the type that is set (RFC 3659 §4)", async () => {
    await using stage = await scene("A");
    const { client } = stage;
    assert.equal((await client.expect("SIZE lines", 213)).text, String(LINES_ON_THE_WIRE.length));
    assert.equal(await fetch(client, "lines"), LINES_ON_THE_WIRE);
    await client.expect("TYPE I", 200);
    assert.equal((await client.expect("SIZE lines", 213)).text, String(LINES.length));
    assert.equal(await fetch(client, "lines"), LINES);
  });

  test("every marker continues exactly where the octets before it ended", async () => {
    await using stage = await scene("A");
    for (let marker = 0; marker <= LINES_ON_THE_WIRE.length; marker++) {
      await stage.client.expect(`REST ${marker}`, 350);
      assert.equal(await fetch(stage.client, "lines"), LINES_ON_THE_WIRE.slice(marker), `from ${marker}`);
    }
    await using _ = await offer(stage.client, "EPSV");
    await stage.client.expect(`REST ${LINES_ON_THE_WIRE.length + 1}`, 350);
    await stage.client.expect("RETR lines", 550, 551, 554);
  });

  test("an upload that was cut anywhere and resumed is the whole", async () => {
    await using stage = await scene("A");
    for (let cut = 1; cut < LINES_ON_THE_WIRE.length; cut++) {
      const { client, served } = stage;
      await put(served.fileSystem, "/copy", LINES);
      await client.expect(`REST ${cut}`, 350);
      await upload(client, "STOR copy", LINES_ON_THE_WIRE.slice(cut));
      assert.equal((await content(served.fileSystem, "/copy")).toString(), LINES, `cut at ${cut}`);
    }
  });

  test("download and upload give the same file back, in any chunks (RFC 959 §3.1.1.1)", async () => {
    await using stage = await scene("A");
    const { client, served } = stage;
    const text = Buffer.from("\r\n\n\r\r\n\r\n\rx\n\r");
    await put(served.fileSystem, "/odd", text);
    const { bytes } = await download(client, "RETR odd");
    for (const size of [1, 2, 3, 100]) {
      await upload(client, "STOR back", pieces(bytes, size));
      assert.deepEqual(await content(served.fileSystem, "/back"), text, `chunks of ${size}`);
    }
  });

  test("asciiScanLimit: larger files have no SIZE and no REST in TYPE A, both 550; TYPE I has both", async () => {
    await using served = await serve({ asciiScanLimit: 1000 });
    await put(served.fileSystem, "/small", "x\n".repeat(500));
    await put(served.fileSystem, "/large", "x\n".repeat(501));
    const client = await served.user();
    await client.expect("TYPE A", 200);
    assert.equal((await client.expect("SIZE small", 213)).text, "1500");
    await client.expect("SIZE large", 550);
    await using _ = await offer(client, "EPSV");
    await client.expect("REST 1001", 350);
    await client.expect("RETR large", 550, 551, 554);
    await client.expect("TYPE I", 200);
    assert.equal((await client.expect("SIZE large", 213)).text, "1002");
    await client.expect("REST 1000", 350);
    assert.equal((await download(client, "RETR large")).bytes.toString(), "x\n");
  });
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
    await new Promise(setImmediate);
  }
}
