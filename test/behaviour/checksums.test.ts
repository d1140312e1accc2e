/** HASH, OPTS HASH, MD5 and the X commands (draft-bryan-ftpext-hash-02, draft-twine-ftpmd5-00, practice). */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { MemoryFileSystem, readOnly, restricted } from "../../dist/index.js";
import { download } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { underImplicitTls } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";

const TEXT = "one\ntwo\r\nthree\n";

function hex(algorithm: string, bytes: string | Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

function crc(bytes: string | Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

/** What stands behind the code of a final reply of one line. */
async function told(client: ScriptedClient, line: string, code: number): Promise<string> {
  return (await client.expect(line, code)).text;
}

async function scene() {
  const served = await serve();
  await put(served.fileSystem, "/f", TEXT);
  await put(served.fileSystem, "/nothing", "");
  await put(served.fileSystem, '/a "b" 7', TEXT);
  await putDirectory(served.fileSystem, "/d");
  const client = await served.user();
  return { served, client, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

describe("HASH", () => {
  test("§3: algorithm, range, digest in lower case, and the name as it was sent", async () => {
    await using stage = await scene();
    assert.equal(await told(stage.client, "HASH f", 213), `SHA-256 0-14 ${hex("sha256", TEXT)} f`);
    assert.equal(await told(stage.client, "HASH d/../f", 213), `SHA-256 0-14 ${hex("sha256", TEXT)} d/../f`);
    assert.equal(await told(stage.client, "HASH nothing", 213), `SHA-256 0-0 ${hex("sha256", "")} nothing`);
  });

  test("§3: of what TYPE I would send, also where TYPE is A", async () => {
    await using stage = await scene();
    await stage.client.expect("TYPE A", 200);
    assert.match(await told(stage.client, "HASH f", 213), new RegExp(hex("sha256", TEXT)));
  });

  test("§3.1 §3.2: OPTS HASH chooses, FEAT tells what is chosen, names in any case", async () => {
    await using stage = await scene();
    const { client } = stage;
    const ways = { "SHA-512": "sha512", "SHA-1": "sha1", "SHA-256": "sha256", MD5: "md5" };
    for (const [name, algorithm] of Object.entries(ways)) {
      assert.equal(await told(client, `OPTS HASH ${name.toLowerCase()}`, 200), name);
      assert.equal(await told(client, "OPTS HASH", 200), name);
      assert.equal(await told(client, "HASH f", 213), `${name} 0-14 ${hex(algorithm, TEXT)} f`);
      const line = (await client.expect("FEAT", 211)).lines.find((feature) => feature.startsWith(" HASH "));
      assert.deepEqual(
        line?.slice(6).split(";").sort(),
        ["CRC32", "MD5", "SHA-1", "SHA-256", "SHA-512"].map((known) => (known === name ? `${known}*` : known)),
      );
    }
    await client.expect("OPTS HASH crc32", 200);
    assert.equal(await told(client, "HASH f", 213), `CRC32 0-14 ${crc(TEXT)} f`);
  });

  test("§3.2: an unknown algorithm changes nothing", async () => {
    await using stage = await scene();
    for (const name of ["CRC-37", "SHA", "toString", "__proto__", "sha256", "SHA-256 "])
      await stage.client.expect(`OPTS HASH ${name}`, 501);
    assert.equal(await told(stage.client, "OPTS HASH", 200), "SHA-256");
  });

  test("§3.2: REIN forgets what was chosen", { skip: underImplicitTls("REIN is refused") }, async () => {
    await using served = await serve({ mayReinitialize: true });
    const client = await served.user();
    await client.expect("OPTS HASH MD5", 200);
    await client.reinitialize();
    await client.login();
    assert.equal(await told(client, "OPTS HASH", 200), "SHA-256");
  });

  test("§3.5: directories 553, what is missing 550, no name 501", async () => {
    await using stage = await scene();
    for (const [line, code] of [
      ["HASH d", 553],
      ["HASH /", 553],
      ["HASH none", 550],
      ["HASH", 501],
      ["HASH ", 501],
    ] as const)
      await stage.client.expect(line, code);
  });

  test("leaves no restart marker armed", async () => {
    await using stage = await scene();
    await stage.client.expect("TYPE I", 200);
    await stage.client.expect("REST 4", 350);
    assert.equal(await told(stage.client, "HASH f", 213), `SHA-256 0-14 ${hex("sha256", TEXT)} f`);
    assert.equal((await download(stage.client, "RETR f")).bytes.toString(), TEXT);
  });
});

describe("MD5 and the X commands", () => {
  const commands = {
    XCRC: crc,
    XMD5: "md5",
    XSHA: "sha1",
    XSHA1: "sha1",
    XSHA256: "sha256",
    XSHA512: "sha512",
  } as const;
  for (const [verb, algorithm] of Object.entries(commands)) {
    const sum = (bytes: string): string =>
      (typeof algorithm === "function" ? algorithm(bytes) : hex(algorithm, bytes)).toUpperCase();
    test(`${verb}: the digits in upper case, of all or of some bytes`, async () => {
      await using stage = await scene();
      const { client } = stage;
      assert.equal(await told(client, `${verb} f`, 250), sum(TEXT));
      assert.equal(await told(client, `${verb} "f"`, 250), sum(TEXT));
      assert.equal(await told(client, `${verb} "f" 4`, 250), sum(TEXT.slice(4)));
      assert.equal(await told(client, `${verb} "f" 4 9`, 250), sum(TEXT.slice(4, 9)));
      assert.equal(await told(client, `${verb} "f" 4 4`, 250), sum(""));
      assert.equal(await told(client, `${verb} "f" 15`, 250), sum(""));
      assert.equal(await told(client, `${verb} nothing`, 250), sum(""));
    });
  }

  test("a name in quotes holds doubled ones, and one without takes all of the line", async () => {
    await using stage = await scene();
    const sum = hex("md5", TEXT).toUpperCase();
    assert.equal(await told(stage.client, 'XMD5 a "b" 7', 250), sum);
    assert.equal(await told(stage.client, 'XMD5 "a ""b"" 7"', 250), sum);
    await stage.client.expect("XMD5 f 4", 550);
  });

  test("ranges that are none 501, beyond the end 554", async () => {
    await using stage = await scene();
    const wrong = ["9 4", "x", "4 x", "-1", "1 2 3", "99999999999999999", "4 99999999999999999"];
    // With a tail that is no range the quotes are part of a name, and nothing is called that.
    for (const range of wrong) await stage.client.expect(`XCRC "f" ${range}`, 501, 550);
    await stage.client.expect('XCRC "f" 9 4', 501);
    await stage.client.expect('XCRC "f" 16', 554);
    await stage.client.expect('XCRC ""', 550);
  });

  test("MD5 is 251, with the name", async () => {
    await using stage = await scene();
    assert.equal(await told(stage.client, "MD5 f", 251), `f ${hex("md5", TEXT).toUpperCase()}`);
    await stage.client.expect("MD5 d", 553);
  });
});

describe("what the host says", () => {
  test("is asked as for RETR, and may refuse, send elsewhere, or give other bytes", async () => {
    const asked: string[] = [];
    await using served = await serve({}, (server) =>
      server.on("retr", (question) => {
        asked.push(`${question.verb} ${question.path} ${question.type} ${question.offset}`);
        if (question.path === "/secret") question.reject();
        if (question.path === "/alias") question.accept({ path: "/f" });
        if (question.path === "/own") question.accept({ body: bodyOf("own", " bytes") });
        if (question.path === "/loud") question.transform(upperCased);
      }),
    );
    for (const path of ["/f", "/secret", "/loud"]) await put(served.fileSystem, path, TEXT);
    const client = await served.user();
    await client.expect("HASH secret", 550);
    await client.expect("XMD5 secret", 550);
    assert.equal(await told(client, "HASH alias", 213), `SHA-256 0-14 ${hex("sha256", TEXT)} alias`);
    assert.equal(await told(client, "HASH own", 213), `SHA-256 0-8 ${hex("sha256", "own bytes")} own`);
    assert.equal(await told(client, "HASH loud", 213), `SHA-256 0-14 ${hex("sha256", TEXT.toUpperCase())} loud`);
    await client.expect('XMD5 "loud" 4', 504);
    assert.deepEqual(asked.slice(0, 3), ["HASH /secret I 0", "XMD5 /secret I 0", "HASH /alias I 0"]);
  });

  test("who may not read is told no checksum, and FEAT has none", async () => {
    const store = new MemoryFileSystem({ files: { "/f": TEXT } });
    await using served = await serve({ fileSystem: restricted(store, ["list", "write"]) });
    const client = await served.user();
    await client.expect("HASH f", 550, 553);
    assert.doesNotMatch((await client.expect("FEAT", 211)).lines.join("\n"), /HASH|XMD5| MD5/);
  });

  test("a store that cannot be changed has checksums", async () => {
    await using served = await serve({ fileSystem: readOnly(new MemoryFileSystem({ files: { "/f": TEXT } })) });
    const client = await served.user();
    await client.expect("HASH f", 213);
  });
});

describe("bounds (S11.9, S12.16)", () => {
  const LARGE = bytesOf(3_000_000);

  test("checksumScanLimit: 556 for more bytes, of a file, of a part of it, and of the host's", async () => {
    await using served = await serve({ checksumScanLimit: 1000 }, (server) =>
      server.on("retr", (question) => {
        if (question.path === "/changed") question.transform(upperCased);
      }),
    );
    for (const path of ["/large", "/changed"]) await put(served.fileSystem, path, LARGE);
    const client = await served.user();
    await client.expect("HASH large", 556);
    await client.expect("HASH changed", 556);
    await client.expect('XCRC "large" 0 1001', 556);
    assert.equal(await told(client, 'XCRC "large" 0 1000', 250), crc(LARGE.subarray(0, 1000)).toUpperCase());
  });

  test("maxChecksums 0: no such commands, and none in FEAT", async () => {
    await using served = await serve({ maxChecksums: 0 });
    await put(served.fileSystem, "/f", TEXT);
    const client = await served.user();
    for (const verb of ["HASH", "MD5", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512"])
      await client.expect(`${verb} f`, 502);
    assert.doesNotMatch((await client.expect("FEAT", 211)).lines.join("\n"), /HASH|MD5|XCRC|XSHA/);
  });

  test("maxChecksums: more at once are 450, and may come again when one has ended, also by ABOR", async () => {
    const store = new Held({ files: { "/f": TEXT } });
    await using served = await serve({ fileSystem: store, maxChecksums: 1 });
    const [first, second] = [await served.user(), await served.user()];
    first.send("HASH f\r\n");
    await store.reached;
    await second.expect("HASH f", 450);
    await first.expect("NOOP", 200);
    await first.expect("ABOR", 426);
    await first.expectReply(226);
    store.release();
    assert.match(await told(second, "HASH f", 213), new RegExp(hex("sha256", TEXT)));
  });

  test("commands behind one wait for it", async () => {
    const store = new Held({ files: { "/f": TEXT } });
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    client.send("HASH f\r\n");
    client.send("PWD\r\n");
    await store.reached;
    store.release();
    await client.expectReply(213);
    await client.expectReply(257);
  });
});

/** A store whose files do not begin until they are let. */
class Held extends MemoryFileSystem {
  readonly #events = new EventEmitter();
  readonly #released = once(this.#events, "released");
  readonly reached = once(this.#events, "reached");

  release(): void {
    this.#events.emit("released");
  }

  override async openRead(...args: Parameters<MemoryFileSystem["openRead"]>) {
    this.#events.emit("reached");
    const signal = args[1]?.signal;
    assert(signal);
    await Promise.race([this.#released, once(signal, "abort")]);
    signal.throwIfAborted();
    return super.openRead(...args);
  }
}

async function* bodyOf(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function* upperCased(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Buffer.from(Buffer.from(chunk).toString("latin1").toUpperCase(), "latin1");
}
