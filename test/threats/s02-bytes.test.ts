/** Bytes in names that change the meaning of what stands around them: NUL, CR, LF, quotes, blanks, and names that look like replies. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem, type LoginQuestion } from "../../dist/index.js";
import { download } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { content, names, put, putDirectory } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { ATTACKS, Attacker, Jail, snapshot } from "./kit-jail.js";

describe("S2.1 S2.2 NUL", () => {
  const WITH_NUL = [
    "\0",
    "\0inside.txt",
    "ins\0ide.txt",
    "inside.txt\0",
    "inside.txt\0.jpg",
    "dir\0/../own.txt",
    "/\0/x",
    "new\0",
  ];

  test("S2.1 in a path is refused by every command and cuts nothing off", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const before = await snapshot(jail.root);
      const attacker = await jail.attacker();
      for (const attack of ATTACKS) {
        for (const path of WITH_NUL) {
          const { codes } = await attack.run(attacker, path);
          assert((codes.at(-1) ?? 0) >= 500, `${attack.name} ${JSON.stringify(path)}: ${codes.join(" ")}`);
        }
      }
      assert.deepEqual(await snapshot(jail.root), before);
      await jail.assertIntact();
    }));

  test("S2.1 in a user name or password is refused, and the host never hears of it", () =>
    assertNoLeaks(async () => {
      const heard: string[] = [];
      const hear = ({ username, password }: LoginQuestion): unknown => heard.push(username, password);
      await using served = await serve({}, (server) => server.on("login", hear));
      const client = await served.client();
      for (const line of ["USER test\0", "USER test\0]]evil", "USER \0test", "USER te\0st"])
        await client.expect(line, 501);
      await client.expect("PASS secret", 503);
      await client.expect("USER test", 331);
      await client.expect("PASS secret\0", 501);
      await client.expect("PASS secret\0more", 501, 503);
      await client.expect("PWD", 530);
      assert.deepEqual(heard, []);
      for (const line of ["ACCT x\0", "CLNT x\0", "OPTS UTF8\0 ON", "SITE CHMOD\0 777 x", "HELP \0", "TYPE I\0"])
        await client.expect(line, 501, 530);
      await client.login();
    }));

  test("S2.2 within a verb makes it another verb", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      await put(served.fileSystem, "/f", "");
      const client = await served.user();
      for (const line of ["\0NOOP", "NO\0OP", "NOOP\0", "DELE\0 f", "DELE\0f", "\0DELE f"])
        await client.expect(line, 500, 501);
      await client.assertQuiet();
      assert.deepEqual(await names(served.fileSystem), ["f"]);
    }));
});

/** What breaks lines somewhere: as the bytes of a name on the wire. CR goes as CR NUL (RFC 2640 §2.1). */
const BREAKS: readonly (readonly [string, string])[] = [
  ["CR NUL", "a\r\0b"],
  ["CR alone", "a\rb"],
  ["CR NUL at the end", "a\r\0"],
  ["VT", "a\vb"],
  ["FF", "a\fb"],
  ["ESC", "a\x1b[2Jb"],
  ["BEL", "a\x07"],
  ["DEL", "a\x7f"],
  ["U+0085", "a\u0085b"],
  ["U+009B", "a\u009b2J"],
  ["U+2028", "a\u2028b"],
  ["U+2029", "a\u2029b"],
];

describe("S2.3 line ends and control characters", () => {
  for (const [what, name] of BREAKS)
    test(`S2.3 ${what} makes no name`, () =>
      assertNoLeaks(async () => {
        await using jail = await Jail.open();
        const before = await snapshot(jail.root);
        const attacker = await jail.attacker();
        for (const verb of ["MKD", "XMKD"])
          assert((await attacker.say(`${verb} ${name}`)).codes.every((code) => code >= 500));
        for (const verb of ["STOR", "APPE", "STOU"]) {
          const { codes } = await attacker.move(`${verb} ${name}`, "evil");
          assert(
            codes.every((code) => code >= 500),
            `${verb}: ${codes.join(" ")}`,
          );
        }
        assert((await attacker.rename("own.txt", name)).codes.slice(1).every((code) => code >= 500));
        await attacker.client.assertQuiet();
        assert.deepEqual(await snapshot(jail.root), before);
      }));

  test("S2.3 LF in a name ends the command: the rest is a line of its own, as it is for everybody", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      client.send("MKD a\nb\r\n");
      await client.expectReply(257);
      await client.expectReply(500);
      assert.deepEqual(await names(served.fileSystem), ["a"]);
    }));

  test("S2.3 names with line ends that are on the disk already are in no listing and cannot be named", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      const evil = ["a\nb", "a\rb", "a\r\n226 done\r\nb", "\n", "-rw-r--r-- 1 x\r\n-rw-r--r-- 2 y", "good"];
      for (const name of evil) await writeFile(join(folder.path, name), "");
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
      const client = await served.user();
      assert.equal((await download(client, "NLST")).bytes.toString(), "good\r\n");
      assert.match((await download(client, "LIST")).bytes.toString(), /^[^\r\n]* good\r\n$/);
      assert.match((await download(client, "MLSD")).bytes.toString(), /^[^\r\n]* \.\r\n[^\r\n]* good\r\n$/);
      assert.equal((await client.expect("STAT /", 212)).lines.length, 3);
      for (const verb of ["SIZE", "DELE", "RETR", "MLST", "CWD"])
        await client.expect(`${verb} a\r\0b`, 425, 501, 550, 553);
    }));

  test("S2.3 other control characters that are on the disk never reach the control connection", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const evil = BREAKS.map(([, name]) => name).filter((name) => !/[\r\n]/.test(name));
      for (const name of evil) await putDirectory(served.fileSystem, `/${name}`);
      const client = await served.user();
      for (const name of evil) {
        await client.expect(`CWD /${name}`, 250);
        for (const line of ["PWD", `MLST /${name}`, "STAT /", `MFMT 20200101000000 /${name}`])
          await client.expect(line, 212, 213, 250, 257);
        await client.expect(`RMD /${name}`, 250);
      }
      assert.doesNotMatch(client.transcript.toString().replaceAll("\r\n", ""), /[\0-\x1f\x7f-\x9f\u2028\u2029]/);
    }));
});

describe("S2.4 names that look like replies", () => {
  const NAMES = ["226 done", "250-", "500 ", '" . ', "211 End", "221 Goodbye", "150-x", " 226 x", '257 ""', "421"];

  test("S2.4 never begin a line of the control connection", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      for (const name of NAMES) {
        // The parser of the client throws at the first line that some client would misread.
        await client.expect(`MKD ${name}`, 257);
        for (const line of [
          `CWD /${name}`,
          "PWD",
          "CWD /",
          `MLST ${name}`,
          `STAT ${name}`,
          "STAT /",
          `MFMT 20200101000000 ${name}`,
        ])
          await client.expect(line, 212, 213, 250, 257);
        await client.expect(`RNFR ${name}`, 350);
        await client.expect("RNTO x", 250);
        await client.expect("RMD x", 250);
        for (const line of [
          `${name} x`,
          `SITE ${name}`,
          `OPTS ${name}`,
          `HELP ${name}`,
          `LANG ${name}`,
          `TYPE ${name}`,
        ])
          await client.expect(line, 500, 501, 502, 504);
      }
      await client.assertQuiet();
      assert.doesNotMatch(client.transcript.toString(), /^(226|221|421)/m);
    }));

  test("S2.4 as the name of a user or a file", () =>
    assertNoLeaks(async () => {
      await using served = await serve({}, (server) =>
        server.on("login", (login) => login.accept({ fileSystem: served.fileSystem })),
      );
      const client = await served.client();
      await client.login("226 done", "x");
      await client.expect("STAT", 211);
      await put(served.fileSystem, "/226 done", "");
      const { replies } = await download(client, "RETR 226 done");
      assert.match(replies[0].raw.toString(), /^1[25][05] [^\r\n]*\r\n$/);
    }));
});

describe("S2.8 quotes", () => {
  for (const name of [
    'a"b',
    '"',
    '""',
    '"""',
    'a" is created',
    '" . ',
    "'",
    "a'b",
    "\\",
    'a\\"b',
    "`",
    "%s%n",
    "%00",
    "${x}",
    "{{7*7}}",
  ])
    test(`S2.8 PWD gives ${name} back as it is`, () =>
      assertNoLeaks(async () => {
        await using served = await serve();
        const client = await served.user();
        const made = await client.expect(`MKD ${name}`, 257);
        await client.expect(`CWD ${name}`, 250);
        const shown = await client.expect("PWD", 257);
        for (const { text } of [made, shown]) assert.equal(quoted(text), `/${name}`);
        await client.expect("CWD /", 250);
        await client.expect(`CWD ${quoted(shown.text)}`, 250);
        assert.deepEqual(await names(served.fileSystem), [name]);
      }));

  /** The path of a 257 (RFC 959 Appendix II). */
  function quoted(text: string): string | undefined {
    return /^"((?:[^"]|"")*)"(?!")/.exec(text)?.[1]?.replaceAll('""', '"');
  }
});

describe("S2.9 blanks", () => {
  test("S2.9 at either end belong to the name, in every command and listing", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      const fileSystem = new LocalFileSystem(folder.path);
      await using served = await serve({ fileSystem });
      const attacker = new Attacker(await served.user());
      await attacker.client.expect("TYPE I", 200);
      const spelt = [" x", "x ", "  x  ", "x.", " ", "  ", "\u00a0x", "x\u3000", ". ", ".. "];
      for (const name of spelt) assert.equal((await attacker.move(`STOR ${name}`, name)).codes.at(-1), 226, name);
      await put(fileSystem, "/x", "x");
      assert.deepEqual(await names(fileSystem), [...spelt, "x"].sort());
      for (const name of spelt) {
        assert.equal((await attacker.move(`RETR ${name}`)).bytes.toString(), name);
        assert.equal((await content(fileSystem, `/${name}`)).toString(), name);
      }
      const listed = (await attacker.move("NLST")).bytes.toString().split("\r\n").slice(0, -1);
      assert.deepEqual(listed.sort(), [...spelt, "x"].sort());
      for (const name of spelt) await attacker.client.expect(`DELE ${name}`, 250);
      assert.deepEqual(await names(fileSystem), ["x"]);
    }));
});
