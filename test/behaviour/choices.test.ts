/** Where the standards leave a choice or differ from practice: what portside chose, each in one test. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { download, listen, offer, protect, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { content, names, put, putDirectory } from "../kit/store.js";
import { within } from "../kit/temporary.js";

describe("codes", () => {
  test("CDUP answers 250, as its text says (RFC 959 §4.1.1), not 200", async () => {
    await using served = await serve();
    await (await served.user()).expect("CDUP", 250);
  });

  test("ABOR with nothing to abort: 226, and a passive port is closed", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("ABOR", 226);
  });

  test("LIST, NLST and MLSD of what is missing: 550 before 150", async () => {
    await using served = await serve();
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    for (const verb of ["LIST", "NLST", "MLSD"]) await client.expect(`${verb} missing`, 550);
    await client.assertQuiet();
  });

  test("STOR to a name that is a directory: 553", async () => {
    await using served = await serve();
    await putDirectory(served.fileSystem, "/d");
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    await client.expect("STOR d", 553);
  });

  test("MKD of what is there: 550", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("MKD d", 257);
    await client.expect("MKD d", 550);
  });

  test("MLSD of a file: 501 (RFC 3659 §7.2.1)", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    await client.expect("MLSD f", 501);
  });

  test("an unknown verb: 530 before login, 500 after", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("XYZZY", 530);
    await client.login();
    await client.expect("XYZZY", 500);
  });

  test("PORT to a low port: 504 (RFC 2577 §3)", async () => {
    await using served = await serve();
    await (await served.user()).expect("PORT 127,0,0,1,3,255", 504);
  });

  test("OPTS UTF8 ON: 200, also before login", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("OPTS UTF8 ON", 200);
    await client.login();
    await client.expect("opts utf8 on", 200);
    await client.expect("OPTS UTF8 OFF", 501, 504);
  });

  test("SIZE of a directory: 550; MDTM of a directory: 213 or 550", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("SIZE /", 550);
    await client.expect("MDTM /", 213, 550);
  });

  test("unimplemented but legal parameters: 504, never accepted and ignored", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const line of [
      "TYPE E",
      "TYPE E N",
      "TYPE A C",
      "TYPE L 36",
      "MODE B",
      "MODE C",
      "MODE Z",
      "STRU R",
      "STRU P",
    ])
      await client.expect(line, 504);
    for (const line of ["TYPE A N", "TYPE A T", "TYPE L 8", "TYPE I", "MODE S", "STRU F"])
      await client.expect(line, 200);
  });

  test("SMNT is refused or superfluous", async () => {
    await using served = await serve();
    await (await served.user()).expect("SMNT /", 202, 502);
  });

  test("ALLO: 200 or 202, and reserves nothing", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("ALLO 1000", 200, 202);
    await client.expect("ALLO 1000 R 10", 200, 202);
    await upload(client, "STOR f", "short");
    assert.equal((await content(served.fileSystem, "/f")).toString(), "short");
  });
});

describe("files", () => {
  test("MDTM takes a time only as a part of a name: MFMT sets times", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    await put(served.fileSystem, "/20200101120000 f", "");
    const client = await served.user();
    await client.expect("MDTM 20200101120000 f", 213);
    await client.expect("MDTM 20200101120000 missing", 550);
    const { text } = await client.expect("MDTM f", 213);
    assert(!text.startsWith("2020"), text);
  });

  test("~ is a plain character", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("CWD ~", 550);
    await client.expect("MKD ~", 257);
    assert.deepEqual(await names(served.fileSystem), ["~"]);
  });

  test("DELE, SIZE, MDTM, MLST, MLSD and RETR take no wildcards (RFC 3659 §2.2.2)", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "");
    const client = await served.user();
    await using _ = await offer(client, "EPSV");
    for (const verb of ["DELE", "SIZE", "MDTM", "MLST", "MLSD", "RETR"]) await client.expect(`${verb} ?`, 550);
  });
});

describe("data connections", () => {
  test("the second connection to a passive port is closed at once", async () => {
    await using served = await serve();
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    await offered.connect();
    const second = await offered.connect().catch(() => undefined);
    if (second === undefined) return;
    const closed = new Promise((resolve) => second.resume().once("close", resolve));
    await within(closed, "the server closing the second connection", 2000);
  });

  test("227 has the form that every client reads, and 229 that of RFC 2428", async () => {
    await using served = await serve();
    const client = await served.user();
    assert.match(
      (await client.expect("PASV", 227)).raw.toString(),
      /^227 Entering Passive Mode \(127,0,0,1,\d+,\d+\)\.?\r\n$/,
    );
    assert.match((await client.expect("EPSV", 229)).raw.toString(), /^229 [^()]*\(\|\|\|\d+\|\)[^()]*\r\n$/);
  });

  test("150 comes before an active connection is up", async () => {
    await using served = await serve();
    const client = await served.user();
    const listener = await listen("127.0.0.1");
    await client.expect(`EPRT |1|127.0.0.1|${listener.port}|`, 200);
    await client.expect("LIST", 150);
    protect(client, await listener.accept()).resume();
    await client.expectReply(226);
    await listener.close();
  });

  test("nothing connects to the client before a transfer command", async () => {
    await using served = await serve();
    const client = await served.user();
    const listener = await listen("127.0.0.1");
    await client.expect(`EPRT |1|127.0.0.1|${listener.port}|`, 200);
    for (const line of ["NOOP", "PWD", "RETR missing", "NOOP"]) await client.command(line);
    assert.equal(listener.arrivals, 0);
    await listener.close();
  });
});

test("RETR in TYPE A makes CRLF of every LF, also behind a CR: what comes back is the same to the byte", async () => {
  await using served = await serve();
  await put(served.fileSystem, "/f", "a\r\nb\n");
  const client = await served.user();
  const { bytes } = await download(client, "RETR f");
  assert.equal(bytes.toString(), "a\r\r\nb\r\n");
  await upload(client, "STOR g", bytes);
  assert.equal((await content(served.fileSystem, "/g")).toString(), "a\r\nb\n");
});
