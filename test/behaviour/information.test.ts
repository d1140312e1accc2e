/** What the server tells of itself: FEAT, HELP, STAT, SYST, OPTS, LANG and CLNT (RFC 959 §4.1.3, RFC 2389, RFC 2640). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tlsMode } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";

const LEAKS = /portside|node|v?\d+\.\d+\.\d+|linux|\/(srv|home|tmp|work)\b/i;

describe("FEAT (RFC 2389 §3)", () => {
  test("lists what is there, one feature a line behind one blank", async () => {
    await using served = await serve();
    for (const client of [await served.client(), await served.user()]) {
      const { lines } = await client.expect("FEAT", 211);
      for (const line of lines.slice(1, -1)) assert.match(line, /^ [A-Z0-9-]+( \S.*)?$/);
      for (const feature of ["EPRT", "EPSV", "HOST", "MDTM", "REST STREAM", "SIZE", "TVFS", "UTF8", "CLNT"])
        assert(lines.includes(` ${feature}`), feature);
      assert(
        lines.some((line) => /^ MLST type\*;size\*;modify\*;.*perm\*;/.test(line)),
        lines.join("\n"),
      );
      assert(lines.some((line) => /^ LANG EN\*/i.test(line)));
      for (const feature of ["AUTH TLS", "PBSZ", "PROT"])
        assert.equal(lines.includes(` ${feature}`), tlsMode() !== undefined, feature);
      assert(!lines.some((line) => /CCC|MODE Z/.test(line)), "what is not there is not promised");
    }
  });

  test("MFMT and MFF are in it where the store of the login can set times", async () => {
    await using served = await serve();
    const client = await served.user();
    const { lines } = await client.expect("FEAT", 211);
    assert(lines.includes(" MFMT"));
    assert(
      lines.some((line) => /^ MFF .*Modify;.*UNIX\.mode;/i.test(line)),
      lines.join("\n"),
    );
  });

  test("with an argument: 501", async () => {
    await using served = await serve();
    await (await served.user()).expect("FEAT x", 501);
  });
});

describe("OPTS (RFC 2389 §4)", () => {
  test("unknown commands and options: 501 or 504", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const line of [
      "OPTS",
      "OPTS ",
      "OPTS QUUX",
      "OPTS RETR x",
      "OPTS MLSD type;",
      "OPTS UTF8 perhaps",
      "OPTS __proto__ x",
      "OPTS constructor",
    ])
      await client.expect(line, 500, 501, 502, 504);
    for (const line of ["OPTS UTF8 ON", "opts utf8 on", "OPTS UTF8"]) await client.expect(line, 200);
  });
});

describe("HELP", () => {
  test("lists the commands and explains one; before login only those that need none", async () => {
    await using served = await serve();
    const stranger = await served.client();
    assert.doesNotMatch((await stranger.expect("HELP", 214)).text, /RETR/);
    await stranger.expect("HELP RETR", 502);
    await stranger.expect("HELP USER", 214);
    const client = await served.user();
    const { lines } = await client.expect("HELP", 214);
    for (const verb of ["USER", "RETR", "STOR", "MLSD", "EPSV", "SITE"]) {
      assert.match(lines.join(" "), new RegExp(`\\b${verb}\\b`));
      await client.expect(`HELP ${verb}`, 214);
    }
    await client.expect("HELP XPWD", 214);
    assert.match((await client.expect("help rest", 214)).text, /REST/);
    for (const verb of ["QUUX", "toString", "__proto__", ""]) await client.expect(`HELP ${verb}`, 501, 502, 214);
  });
});

describe("STAT", () => {
  test("211 with who, from where, TYPE, MODE and STRU, and what moves", async () => {
    await using served = await serve();
    const client = await served.user();
    const text = async () => (await client.expect("STAT", 211)).lines.join("\n");
    assert.match(await text(), /test/);
    assert.match(await text(), /127\.0\.0\.1/);
    assert.match(await text(), /TYPE: A; STRU: F; MODE: S/i);
    await client.expect("TYPE I", 200);
    assert.match(await text(), /TYPE: I/i);
  });

  test("S16.3 before login it tells nothing", async () => {
    await using served = await serve();
    await (await served.client()).expect("STAT", 530);
  });
});

describe("LANG (RFC 2640 §4)", () => {
  test("English in any case, default without argument; others 504", async () => {
    await using served = await serve();
    const client = await served.client();
    for (const line of ["LANG", "LANG en", "LANG EN"]) await client.expect(line, 200);
    for (const line of ["LANG tlh", "LANG en-GB-oed-x", "LANG __proto__", "LANG ../en"])
      await client.expect(line, 501, 504);
  });
});

describe("CLNT, SYST, NOOP", () => {
  test("200, 215 UNIX Type: L8, 200", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("CLNT Some client 1.0\t\x1b[31m", 200);
    await client.expect("CLNT", 501);
    assert.equal((await client.expect("SYST", 215)).text, "UNIX Type: L8");
    await client.expect("NOOP", 200);
    await client.expect("NOOP with words", 200, 501);
  });
});

test("S16.3 no reply tells name, version or host paths", async () => {
  await using served = await serve();
  await put(served.fileSystem, "/f", "");
  const client = await served.user();
  for (const line of [
    "SYST",
    "FEAT",
    "HELP",
    "HELP SITE",
    "STAT",
    "SITE HELP",
    "CLNT x",
    "LANG",
    "QUUX",
    "RETR missing",
    "CWD missing",
    "OPTS x",
    "ABOR",
    "REIN",
  ])
    await client.command(line);
  assert.doesNotMatch(client.transcript.toString().replaceAll("127.0.0.1", ""), LEAKS);
});

test("S6.5 replies before login echo nothing that the client sent", async () => {
  await using served = await serve();
  const client = await served.client();
  for (const line of [
    "QUUX<script>",
    "USER <script>",
    "PASS <script>",
    "CLNT <script>",
    "OPTS <script>",
    "HELP <script>",
    "LANG <script>",
    "ACCT <script>",
  ])
    await client.command(line);
  assert(!client.transcript.includes("<script>"));
});

test("S18.4 names of object properties are no commands, options, facts or languages", async () => {
  await using served = await serve();
  const client = await served.user();
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
    await client.expect(name, 500);
    await client.expect(`SITE ${name}`, 500, 502, 504);
    await client.expect(`OPTS ${name}`, 501);
    await client.expect(`LANG ${name}`, 501, 504);
    await client.expect(`HELP ${name}`, 501, 502);
    await client.expect(`MFF ${name}=1; f`, 501, 504);
    assert.equal((await client.expect(`OPTS MLST ${name};`, 200)).text, "MLST OPTS");
  }
});
