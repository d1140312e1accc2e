/** Every kind of transfer over every kind of data connection, on IPv4 and IPv6 (RFC 959 §4.1.2 and §5.2, RFC 2428). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, type DataMode, download, eprtCommand, listen, modesOf, offer, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { content, names, put, putDirectory } from "../kit/store.js";
import { bytesOf, chunksOf } from "../kit/temporary.js";

const HOSTS = ["127.0.0.1", "::1"] as const;
const LINE = /^-[rwx-]{9} +\d+ \S+ +\S+ +11 [A-Z][a-z]{2} [ 0-3]\d (\d\d:\d\d| \d{4}) hello\.txt\r\n$/;

for (const host of HOSTS) for (const mode of modesOf(host)) describe(`${mode} on ${host}`, () => suite(host, mode));

function suite(host: string, mode: DataMode): void {
  test("RETR sends the file byte for byte with 150 and 226 (RFC 959 §5.4)", async () => {
    await using served = await serve({ host });
    const bytes = bytesOf(300_000);
    await put(served.fileSystem, "/data.bin", bytes);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    assert((await download(client, "RETR data.bin", mode)).bytes.equals(bytes));
    await client.assertQuiet();
  });

  test("STOR stores the file byte for byte and 226 means that it is there", async () => {
    await using served = await serve({ host });
    const bytes = bytesOf(300_000, 2);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await upload(client, "STOR data.bin", chunksOf(bytes, 10_007), mode);
    assert((await content(served.fileSystem, "/data.bin")).equals(bytes));
    await client.assertQuiet();
  });

  test("an empty file goes both ways", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/empty", "");
    const client = await served.user();
    assert.equal((await download(client, "RETR empty", mode)).bytes.length, 0);
    await upload(client, "STOR nothing", "", mode);
    assert.equal((await content(served.fileSystem, "/nothing")).length, 0);
  });

  test("APPE adds to a file and makes a missing one", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/log", "one ");
    const client = await served.user();
    await upload(client, "APPE log", "two", mode);
    await upload(client, "APPE fresh", "new", mode);
    assert.equal((await content(served.fileSystem, "/log")).toString(), "one two");
    assert.equal((await content(served.fileSystem, "/fresh")).toString(), "new");
  });

  test("STOU names the file in its preliminary reply (RFC 1123 §4.1.2.9)", async () => {
    await using served = await serve({ host });
    const client = await served.user();
    const stored = new Set<string>();
    for (const text of ["first", "second"]) {
      const [preliminary] = (await upload(client, "STOU", text, mode)).replies;
      const name = /^FILE: (\S+)$/.exec(preliminary.text)?.[1];
      assert(name, preliminary.text);
      assert.equal((await content(served.fileSystem, `/${name}`)).toString(), text);
      stored.add(name);
    }
    assert.equal(stored.size, 2, "two files of one name");
    assert.deepEqual(await names(served.fileSystem), [...stored].sort());
  });

  test("REST makes RETR begin at the marker (RFC 3659 §5)", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/digits", "0123456789");
    const client = await served.user();
    await client.expect("TYPE I", 200);
    for (const [marker, rest] of [
      [0, "0123456789"],
      [4, "456789"],
      [10, ""],
    ] as const) {
      await client.expect(`REST ${marker}`, 350);
      assert.equal((await download(client, "RETR digits", mode)).bytes.toString(), rest);
    }
  });

  test("REST makes STOR keep what is before the marker and end with the last byte sent", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/digits", "0123456789");
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await client.expect("REST 4", 350);
    await upload(client, "STOR digits", "xy", mode);
    assert.equal((await content(served.fileSystem, "/digits")).toString(), "0123xy");
  });

  test("TYPE A turns line ends both ways, TYPE I none (RFC 959 §3.1.1.1)", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/lines", "a\nb\n\nc");
    const client = await served.user();
    await client.expect("TYPE A", 200);
    assert.equal((await download(client, "RETR lines", mode)).bytes.toString(), "a\r\nb\r\n\r\nc");
    await upload(client, "STOR text", "x\r\ny\r\n", mode);
    await client.expect("TYPE I", 200);
    await upload(client, "STOR image", "x\r\ny\r\n", mode);
    assert.equal((await content(served.fileSystem, "/text")).toString(), "x\ny\n");
    assert.equal((await content(served.fileSystem, "/image")).toString(), "x\r\ny\r\n");
  });

  test("LIST, NLST and MLSD show the directory", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/hello.txt", "hello world");
    const client = await served.user();
    const listing = async (command: string) => (await download(client, command, mode)).bytes.toString();
    assert.match(await listing("LIST"), LINE);
    assert.equal(await listing("NLST"), "hello.txt\r\n");
    assert.match(await listing("MLSD"), /^[^ ]*type=file;[^ ]*size=11;[^ ]* hello\.txt\r\n$/m);
  });

  test("an empty directory is listed over a data connection without a byte", async () => {
    await using served = await serve({ host });
    await putDirectory(served.fileSystem, "/empty");
    const client = await served.user();
    for (const command of ["LIST empty", "NLST empty"])
      assert.equal((await download(client, command, mode)).bytes.length, 0, command);
  });

  test("an offer serves one transfer: the second one is refused with 425", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/f", "once");
    const client = await served.user();
    await using offered = await offer(client, mode);
    const [, socket] = await begin(client, "RETR f", offered);
    for await (const _ of socket);
    await client.expectReply(226);
    await client.expect("RETR f", 425);
    await client.assertQuiet();
  });

  test("an offer outlives a transfer that was refused before 150", async () => {
    await using served = await serve({ host });
    await put(served.fileSystem, "/f", "kept");
    const client = await served.user();
    await using offered = await offer(client, mode);
    await client.expect("RETR missing", 550);
    const [, socket] = await begin(client, "RETR f", offered);
    assert.equal(String((await socket.toArray())[0]), "kept");
    await client.expectReply(226);
  });

  test("ten transfers in a row, each over a connection of its own", async () => {
    await using served = await serve({ host });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    for (let round = 0; round < 10; round++) {
      const bytes = bytesOf(round * 1000, round + 1);
      await upload(client, `STOR f${round}`, bytes, mode);
      assert((await download(client, `RETR f${round}`, mode)).bytes.equals(bytes));
    }
    await client.assertQuiet();
  });
}

describe("address families that do not fit", () => {
  test("PASV on IPv6 is refused with 425, EPSV works", async () => {
    await using served = await serve({ host: "::1" });
    const client = await served.user();
    await client.expect("PASV", 425);
    await client.expect("EPSV", 229);
  });

  test("PORT on IPv6 is refused and nothing is connected to", async () => {
    await using served = await serve({ host: "::1" });
    const client = await served.user();
    const listener = await listen("127.0.0.1");
    await client.expect(`PORT 127,0,0,1,${listener.port >> 8},${listener.port & 255}`, 500, 501, 504);
    await client.expect("LIST", 425);
    assert.equal(listener.arrivals, 0);
    await listener.close();
  });

  test("EPSV with the other family is refused with 522 naming the family that works (RFC 2428 §3)", async () => {
    for (const [host, other, own] of [
      ["127.0.0.1", 2, 1],
      ["::1", 1, 2],
    ] as const) {
      await using served = await serve({ host });
      const client = await served.user();
      const refusal = await client.expect(`EPSV ${other}`, 522);
      assert.match(refusal.text, new RegExp(`^[^()]*\\(${own}\\)[^()]*$`));
      await client.expect(`EPSV ${own}`, 229);
    }
  });

  test("EPRT with the other family is refused with 522 naming the family that works (RFC 2428 §2)", async () => {
    for (const [host, other, own] of [
      ["127.0.0.1", "::1", 1],
      ["::1", "127.0.0.1", 2],
    ] as const) {
      await using served = await serve({ host });
      const client = await served.user();
      const refusal = await client.expect(eprtCommand(other, 40_000), 522);
      assert.match(refusal.text, new RegExp(`^[^()]*\\(${own}\\)[^()]*$`));
      await client.expect("LIST", 425);
    }
  });
});
