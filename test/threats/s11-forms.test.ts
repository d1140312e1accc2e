/** What is asked for in listings, and what is in them: patterns, options, names and facts that cost or break something elsewhere. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type FileInfo,
  type FileSystem,
  LocalFileSystem,
  MemoryFileSystem,
  type ReadHandle,
  type VirtualPath,
} from "../../dist/index.js";
import { begin, download, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { BOUNDS, measure } from "./kit-measure.js";
import { VastStore } from "./kit-vast-store.js";

/** Milliseconds that the process, client included, may compute for one answer. */
const ANSWER = 1000;

const PATTERNS: readonly (readonly [what: string, pattern: string])[] = [
  ["steps up and down", `${"*/../".repeat(20)}*`],
  ["steps into nothing", `${"*/".repeat(60)}*`],
  ["braces", "{a,b}".repeat(20)],
  ["braces within each other", `${"{{*},".repeat(20)}*${"}".repeat(20)}`],
  ["stars and question marks", `${"*?".repeat(100)}b`],
  ["stars and letters", `${"*a".repeat(120)}b`],
  ["one star and many letters", `*${"a".repeat(120)}b`],
  ["open brackets", "[".repeat(4000)],
  ["4 KB of stars", "*".repeat(4000)],
  ["4 KB of question marks", "?".repeat(4000)],
  ["4 KB of backslashes", `${"\\".repeat(3999)}*`],
  ["a class of 3.6 KB", `*[${"b-c".repeat(1200)}]`],
  ["many classes", `*${"[b-cx-z]".repeat(400)}`],
  ["many negated classes", `*${"[!x-z]".repeat(200)}b`],
  ["extended patterns of shells", "+(a|aa)*(a)?(b)@(c)!(d)".repeat(50)],
  ["a class that never ends", `*[!${"a-".repeat(2000)}`],
];

describe("S11.1 patterns", () => {
  const NAMES = Array.from({ length: 3000 }, (_, index) => "a".repeat(240) + String(index).padStart(6, "0"));

  async function expectQuick(fileSystem: FileSystem, pattern: string): Promise<void> {
    await using served = await serve({ fileSystem });
    const [other, client] = [await served.user(), await served.user()];
    for (const verb of ["STAT", "LIST", "NLST", "LIST -R"]) {
      const cost = await measure(async () => {
        const bytes = await list(client, `${verb} ${pattern}`);
        assert(bytes < 4_000_000, `${bytes} bytes`);
      });
      assert(cost.total < ANSWER && cost.turn < BOUNDS.turn, `${verb}: ${JSON.stringify(cost)}`);
    }
    await other.assertQuiet();
  }

  /** How many bytes come, over either connection; a refusal is an answer too. */
  async function list(client: ScriptedClient, line: string): Promise<number> {
    if (line.startsWith("STAT")) return (await client.expect(line, 212, 213, 450, 501, 550, 553)).raw.length;
    await using offered = await offer(client, "EPSV");
    client.send(`${line}\r\n`);
    const { code } = await client.expectReply(150, 125, 501, 550, 553);
    if (code > 200) return 0;
    let bytes = 0;
    (await offered.connect()).on("data", (chunk) => (bytes += chunk.length));
    await client.expectReply(226);
    return bytes;
  }

  for (const [what, pattern] of PATTERNS)
    test(`S11.1 ${what}: answered soon, with an end, and others are served meanwhile`, () =>
      assertNoLeaks(async () => {
        const memory = new MemoryFileSystem();
        for (const name of NAMES) await putDirectory(memory, `/${name}`);
        await expectQuick(memory, pattern);
      }));

  test("S11.1 on the disk too", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      for (const name of NAMES.slice(0, 300)) await writeFile(join(folder.path, name), "");
      for (const [, pattern] of PATTERNS) await expectQuick(new LocalFileSystem(folder.path), pattern);
    }));
});

describe("S11.6 owners", () => {
  test("S11.6 are what the store says, and nobody is asked for their names", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      await writeFile(join(folder.path, "file"), "");
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
      const { bytes } = await download(await served.user(), "LIST");
      const [, , owner, group] = bytes.toString().split(/ +/);
      assert.deepEqual([owner, group], [String(process.getuid?.()), String(process.getgid?.())]);
    }));
});

describe("S11.7 options of ls", () => {
  const LETTERS = "aAbBcCdDfFgGhHiIkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ1234567890@%#?!.,:;=+_~^|&$'\"`\\<>(){}[]*";
  test("S11.7 each letter, alone and with others, lists the directory", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      await put(served.fileSystem, "/file", "x");
      const client = await served.user();
      const options = [...LETTERS, ...[...LETTERS].map((letter) => `l${letter}C`), LETTERS, LETTERS.repeat(80)];
      for (const option of options) {
        for (const verb of ["LIST", "NLST"]) {
          const { bytes } = await download(client, `${verb} -${option}`);
          assert.match(bytes.toString(), /^[^\r\n]*file\r\n$/, `${verb} -${option.slice(0, 20)}`);
        }
        await client.expect(`STAT -${option}`, 212, 213, 450, 501, 550, 553);
      }
      await client.assertQuiet();
    }));

  test("S11.7 a long path for MLSD and MLST", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      let path = "";
      for (let depth = 0; depth < 15; depth++) {
        path += `/${"\u{1f389}".repeat(63)}`;
        await client.expect(`MKD ${path}`, 257);
      }
      await client.expect(`MLST ${path}`, 250);
      assert.match((await download(client, `MLSD ${path}`)).bytes.toString(), /^type=cdir;[^\r\n]* \.\r\n$/);
      assert((await download(client, "NLST -R")).bytes.length > 15 * 252);
      await client.assertQuiet();
    }));
});

/** A store whose entries are as hostile as the names of its users. */
class HostileStore extends VastStore {
  static readonly ENTRIES: readonly FileInfo[] = [
    { name: "owner", type: "file", size: 1, owner: "a b;c\r\n226 done", group: "x".repeat(5000) },
    { name: "unique", type: "file", size: 1, unique: "a;b c\r\n226 done" },
    { name: "endless", type: "file", size: 1, unique: "\u{1f389}".repeat(5000), owner: "" },
    { name: "link", type: "link", size: 1, target: "x\r\n-rw-r--r-- 1 a b 0 Jan 01 1970 forged" },
    { name: "time", type: "file", size: 1, modified: new Date(Number.NaN), created: new Date(8.64e15) },
    { name: "old", type: "file", size: 1, modified: new Date(-8.64e15) },
    { name: "mode", type: "file", size: 1, mode: 0o7777777, links: Number.MAX_SAFE_INTEGER },
    { name: "..", type: "directory", size: 0 },
    { name: ".", type: "directory", size: 0 },
    { name: "", type: "directory", size: 0 },
    { name: "a/b", type: "file", size: 1 },
    { name: "../../etc/passwd", type: "file", size: 1 },
    { name: "a\r\nb", type: "file", size: 1 },
    { name: "a\0b", type: "file", size: 1 },
    { name: "a; type=dir; b", type: "file", size: 1 },
    { name: "\u{1f389}".repeat(63), type: "file", size: Number.MAX_SAFE_INTEGER },
  ];
  static readonly SHOWN = HostileStore.ENTRIES.map(({ name }) => name).filter(
    (name) => !/[/\0\r\n]|^\.{0,2}$/.test(name),
  );

  override async *list(): AsyncGenerator<FileInfo> {
    yield* HostileStore.ENTRIES;
  }

  override async stat(path: VirtualPath): Promise<FileInfo> {
    if (path === "/") return { name: "", type: "directory", size: 0 };
    return HostileStore.ENTRIES.find(({ name }) => `/${name}` === path) ?? (await super.stat(path));
  }

  override async openRead(path: VirtualPath): Promise<ReadHandle> {
    return super.openRead(path);
  }
}

describe("S11.10 entries of a hostile store", () => {
  test("S11.10 never break a line, never lead elsewhere, and their lines have an end", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: new HostileStore({ entries: 0 }) });
      const client = await served.user();
      await client.expect("OPTS MLST type;size;modify;create;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;", 200);
      for (const [line, form] of [
        ["LIST", /^[-dl][-rwx]{9} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d [ \d:]{5} (.+)$/],
        ["LIST -R", /^[-dl][-rwx]{9} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d [ \d:]{5} (.+)$/],
        ["NLST", /^(.+)$/],
        ["MLSD", /^(?:[A-Za-z.]+=[^;\s]*;)+ (.+)$/],
      ] as const) {
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, line, offered);
        const text = (await socket.toArray()).join("");
        await client.expectReply(226);
        const lines = text.split("\r\n").slice(0, -1);
        assert.doesNotMatch(lines.join(""), /[\r\n\0]/, line);
        for (const one of lines) assert(Buffer.byteLength(one) < 1200, `${line}: ${one.length}`);
        const shown = lines.map((one) => form.exec(one)?.[1] ?? one).filter((name) => name !== ".");
        assert.deepEqual(shown.sort(), [...HostileStore.SHOWN].sort(), line);
      }
      const stated = (await client.expect("STAT /", 212)).lines.slice(1, -1);
      const row = /^ ?[-dl][-rwx]{9} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d [ \d:]{5} (.+)$/;
      assert.deepEqual(stated.map((one) => row.exec(one)?.[1] ?? one).sort(), [...HostileStore.SHOWN].sort(), "STAT");
      for (const name of HostileStore.SHOWN) await client.expect(`MLST ${name}`, 250);
      await client.assertQuiet();
    }));
});
