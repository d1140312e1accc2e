/** Names that are spelt in another way than a rule expects, that are too long, or that no text can hold. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem, MemoryFileSystem, type Server } from "../../dist/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { run } from "../kit/programs.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { ATTACKS, Attacker, Jail } from "./kit-jail.js";

/** Runs the work on the disk and in memory. */
function onBothStores(title: string, work: (attacker: Attacker) => Promise<void>): void {
  for (const kind of ["disk", "memory"])
    test(`${title} (${kind})`, () =>
      assertNoLeaks(async () => {
        await using folder = await temporaryDirectory();
        const fileSystem = kind === "disk" ? new LocalFileSystem(folder.path) : new MemoryFileSystem();
        await using served = await serve({ fileSystem });
        await work(new Attacker(await served.user()));
      }));
}

describe("S1.9 the case of names", () => {
  onBothStores("S1.9 tells two of them apart for every command", async (attacker) => {
    const { client } = attacker;
    await client.expect("TYPE I", 200);
    await client.expect("MKD secret", 257);
    assert.equal((await attacker.move("STOR secret/a.txt", "small")).codes.at(-1), 226);
    for (const line of ["CWD SECRET", "SIZE Secret/a.txt", "SIZE secret/A.TXT", "DELE secret/A.txt", "RMD SECRET"])
      await client.expect(line, 550);
    await client.expect("MKD SECRET", 257);
    assert.equal((await attacker.move("STOR secret/A.TXT", "LARGE")).codes.at(-1), 226);
    assert.equal((await attacker.move("RETR secret/a.txt")).bytes.toString(), "small");
    assert.equal((await attacker.move("NLST SECRET")).bytes.length, 0);
  });
});

/** Ways to write `/a.key`. */
const SPELLINGS = [
  "a.key",
  "./a.key",
  "//a.key",
  "/./a.key",
  "x/../a.key",
  "dir/../a.key",
  "../a.key",
  "a.key/",
  "a.key/.",
  "a.key//",
  "dir/../../a.key",
  "a.key/../a.key",
] as const;

describe("S1.11 a rule of the host", () => {
  /** What a host writes that does not want `*.key` to be used. */
  function denyKeys(heard: Set<string>): (server: Server) => void {
    const decide = (question: { readonly path: string; reject(): void }): void => {
      heard.add(question.path);
      if (question.path.endsWith(".key")) question.reject();
    };
    return (server) => {
      for (const event of ["retr", "stor", "dele", "mkd", "rmd", "list"] as const) server.on(event, decide);
      server.on(
        "rename",
        (question) => [question.from, question.to].some((path) => path.endsWith(".key")) && question.reject(),
      );
    };
  }

  test("S1.11 hears one spelling of each path, whatever the client writes", () =>
    assertNoLeaks(async () => {
      const heard = new Set<string>();
      await using served = await serve({}, denyKeys(heard));
      await put(served.fileSystem, "/a.key", "the key");
      await put(served.fileSystem, "/other", "other");
      const attacker = new Attacker(await served.user());
      for (const spelling of SPELLINGS) {
        for (const verb of ["RETR", "LIST", "NLST", "MLSD"])
          assert.deepEqual((await attacker.move(`${verb} ${spelling}`)).codes, [550], `${verb} ${spelling}`);
        for (const verb of ["STOR", "APPE"])
          assert.deepEqual((await attacker.move(`${verb} ${spelling}`, "evil")).codes, [553], `${verb} ${spelling}`);
        for (const verb of ["DELE", "MKD", "RMD", "STAT", "MLST"])
          await attacker.client.expect(`${verb} ${spelling}`, 550);
        for (const [from, to] of [
          [spelling, "/stolen"],
          ["/other", spelling],
        ] as const)
          assert(
            (await attacker.rename(from, to)).codes.every((code) => code === 350 || code >= 500),
            spelling,
          );
      }
      assert.deepEqual([...heard], ["/a.key"]);
      assert(!attacker.seen.includes("the key"));
    }));

  test("S1.11 S1.18 a name that only looks the same is another name", () =>
    assertNoLeaks(async () => {
      await using served = await serve({}, denyKeys(new Set()));
      await put(served.fileSystem, "/a.key", "the key");
      const attacker = new Attacker(await served.user());
      for (const other of ["A.KEY", "a.key ", "a.key.", "a.\u212aey", "a.ke\u200dy", "a\u2024key"])
        assert.deepEqual((await attacker.move(`RETR ${other}`)).codes, [550], other);
      assert(!attacker.seen.includes("the key"));
    }));

  test("S1.11 hidden dot files are missing in every spelling, for every command", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open({ storage: { dotFiles: "hide" } });
      await writeFile(join(jail.root, ".key"), jail.secret);
      await mkdir(join(jail.root, ".dir"));
      await writeFile(join(jail.root, ".dir", "key"), jail.secret);
      const attacker = await jail.attacker();
      const spellings = [".key", "./.key", "//.key", "dir/../.key", ".key/", ".key/.", ".dir", ".dir/key", ".dir/."];
      for (const attack of ATTACKS) {
        for (const path of spellings) {
          const { codes } = await attack.run(attacker, path);
          assert((codes.at(-1) ?? 0) >= 500, `${attack.name} ${path}: ${codes.join(" ")}`);
        }
      }
      for (const line of ["LIST -a", "LIST -la /", "LIST -R", "NLST -a", "NLST .*", "LIST .k*", "LIST [.]key", "MLSD"])
        assert.doesNotMatch((await attacker.move(line)).bytes.toString(), /\.key|\.dir/, line);
      await attacker.client.expect("STAT .*", 212);
      assert.equal(await readFile(join(jail.root, ".key"), "utf8"), jail.secret);
      await jail.assertIntact();
    }));
});

describe("S1.12 names that the server keeps for itself", () => {
  test("S1.12 uploads on their way can be neither seen nor named", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const names = [".portside-0123456789abcdef01234567.part", ".PORTSIDE-0123.PART"];
      for (const name of names) await writeFile(join(jail.root, name), jail.secret);
      const attacker = await jail.attacker();
      for (const attack of ATTACKS.filter(({ name }) => name !== "STOU")) {
        for (const name of names) {
          const { codes } = await attack.run(attacker, name);
          assert((codes.at(-1) ?? 0) >= 500, `${attack.name} ${name}: ${codes.join(" ")}`);
        }
      }
      for (const line of ["LIST -a", "NLST .*", "MLSD"])
        assert.doesNotMatch((await attacker.move(line)).bytes.toString(), /portside/i, line);
      for (const name of names) assert.equal(await readFile(join(jail.root, name), "utf8"), jail.secret);
      await jail.assertIntact();
    }));
});

describe("S1.13 names that are devices on Windows", () => {
  const NAMES =
    "CON PRN AUX NUL COM1 LPT9 CON.txt CONIN$ C:x C:/x x:stream x::$DATA \\\\.\\x \\\\?\\C:\\ a. PROGRA~1".split(" ");
  onBothStores("S1.13 are missing like any other, answered at once, and make nothing but a name", async (attacker) => {
    await attacker.client.expect("TYPE I", 200);
    for (const name of NAMES) {
      await attacker.client.expect(`SIZE ${name}`, 550);
      assert.deepEqual((await attacker.move(`RETR ${name}`)).codes, [550], name);
      const stored = (await attacker.move(`STOR ${name}`, "text")).codes.at(-1) ?? 0;
      if (stored === 226) assert.equal((await attacker.move(`RETR ${name}`)).bytes.toString(), "text", name);
      else assert(stored >= 550, `${name}: ${stored}`);
    }
  });
});

describe("S1.17 length and depth", () => {
  onBothStores("S1.17 a path without end is refused at once", async (attacker) => {
    const long = "x".repeat(255);
    const paths = [
      "x".repeat(256),
      "x".repeat(4096),
      `/${"x".repeat(8000)}`,
      "a/".repeat(4000),
      `${long}/`.repeat(30),
      "../".repeat(2700),
      "\u{1f389}".repeat(64),
      "a/../".repeat(1600),
    ];
    for (const path of paths) {
      for (const verb of ["CWD", "SIZE", "MLST", "DELE", "RMD", "RNFR"]) {
        const [code] = (await attacker.say(`${verb} ${path}`)).codes;
        // A way that leads back to the root may be long.
        assert((code ?? 0) >= 500 || (path.endsWith("../") && code === 250), `${verb}: ${code}`);
      }
      await attacker.move(`RETR ${path}`);
    }
    await attacker.client.assertQuiet();
  });

  onBothStores(
    "S1.17 directories within directories come to an end, and can be listed and removed",
    async (attacker) => {
      const { client } = attacker;
      let depth = 0;
      for (let made = true; made && depth < 5000; depth += made ? 1 : 0) {
        made = (await client.command("MKD d")).code === 257 && (await client.command("CWD d")).code === 250;
      }
      assert(depth > 10 && depth < 1000, `${depth} levels`);
      assert((await attacker.move("LIST -R /")).bytes.length < 200_000);
      await client.expect("STAT /", 212);
      for (; depth > 0; depth--) {
        await client.expect("CDUP", 250);
        await client.command("RMD d/d");
      }
      await client.expect("RMD /d", 250);
    },
  );

  test("S1.17 a path that the host's own path makes too long is refused", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      let root = folder.path;
      while (root.length < 3000) root = join(root, "x".repeat(200));
      await mkdir(root, { recursive: true });
      await using served = await serve({ fileSystem: new LocalFileSystem(root) });
      const attacker = new Attacker(await served.user());
      const name = "y".repeat(200);
      for (const line of [
        `SIZE ${`${name}/`.repeat(10)}`,
        `MKD ${`${name}/`.repeat(8)}`,
        `MLST ${`${name}/`.repeat(19)}`,
      ])
        assert.equal((await attacker.say(line)).codes[0], 550, line);
      for (let depth = 0, made = true; made && depth < 50; depth++) {
        made = (await attacker.say(`MKD ${name}`)).codes[0] === 257;
        await attacker.say(`CWD ${name}`);
      }
      assert((await attacker.move("STOR file", "text")).codes.length > 0);
      assert((await attacker.move("LIST -R /")).codes.length > 0);
      assert(!attacker.seen.includes(folder.path));
      await attacker.client.assertQuiet();
      // Node cannot remove what lies as deep as this.
      await run("rm", ["-rf", folder.path]);
    }));
});

describe("S1.18 names that no two encodings agree about", () => {
  const bytes = (...parts: (string | readonly number[] | Uint8Array)[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
  /** As they go over the wire. */
  const NAMES: readonly Buffer[] = [
    bytes("\u00e9"),
    bytes("e\u0301"),
    bytes("\ufffd"),
    bytes([0xe9]),
    bytes([0xc3]),
    bytes([0xa9]),
    bytes([0xc0, 0xae, 0xc0, 0xae]),
    bytes([0xe0, 0x80, 0xae]),
    bytes([0xed, 0xa0, 0x80]),
    bytes([0xed, 0xb2, 0x80]),
    bytes([0xf4, 0x90, 0x80, 0x80]),
    bytes([0xfe]),
    bytes([0xff, 0xff]),
    bytes([0x80], "\u{1f389}", [0x80]),
  ];

  onBothStores("S1.18 stay apart, and come back byte for byte, or are refused", async (attacker) => {
    const stored: Buffer[] = [];
    for (const name of NAMES) {
      const { codes } = await attacker.move(bytes("STOR ", name), name.toString("hex"));
      assert(codes.at(-1) === 226 || (codes.at(-1) ?? 0) >= 550, codes.join(" "));
      if (codes.at(-1) === 226) stored.push(name);
    }
    for (const name of stored)
      assert.equal((await attacker.move(bytes("RETR ", name))).bytes.toString(), name.toString("hex"));
    const listed = (await attacker.move("NLST")).bytes.toString("latin1").split("\r\n").slice(0, -1);
    const wanted = stored.map((name) => name.toString("latin1").replaceAll("\xff\xff", "\xff"));
    assert.deepEqual(listed.sort(), wanted.sort());
  });

  test("S1.18 overlong dots and slashes lead nowhere", () =>
    assertNoLeaks(async () => {
      await using jail = await Jail.open();
      const attacker = await jail.attacker();
      for (const dots of [
        [0xc0, 0xae],
        [0xe0, 0x80, 0xae],
        [0xf0, 0x80, 0x80, 0xae],
      ])
        for (const slash of [[0x2f], [0xc0, 0xaf], [0xe0, 0x80, 0xaf]]) {
          const path = bytes(dots, dots, slash, "outside", slash, "canary.txt");
          for (const verb of ["SIZE ", "DELE ", "CWD ", "RMD "])
            assert.equal((await attacker.say(bytes(verb, path))).codes[0], 550, verb);
          await attacker.move(bytes("RETR ", path));
          await attacker.move(bytes("STOR ", path), "evil");
        }
      assert((await readdir(jail.outside)).length > 0);
      await jail.assertIntact();
    }));
});
