/** S18.4 to S18.6, S18.15, S18.16: names that mean something to JavaScript, hostile text, and the process of the host. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { GUESSING, start } from "../cli/started.js";
import { download, upload } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { content, names, put } from "../kit/store.js";
import { linesOf, temporaryDirectory } from "../kit/temporary.js";
import { BOUNDS, measure } from "./kit-measure.js";

const PROPERTIES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "toLocaleString",
  "isPrototypeOf",
  "__defineGetter__",
  "then",
  "length",
  "size",
  "has",
];

describe("S18.4 names of properties", () => {
  const DIALOGUE = [
    "%",
    "HELP %",
    "SITE %",
    "SITE HELP %",
    "OPTS %",
    "OPTS UTF8 %",
    "OPTS MLST %;",
    "OPTS HASH %",
    "LANG %",
    "TYPE %",
    "TYPE A %",
    "MODE %",
  ];
  const ARGUMENTS = [
    "STRU %",
    "REST %",
    "ALLO %",
    "EPSV %",
    "EPRT |%|127.0.0.1|40000|",
    "PORT %",
    "MFF %=1; f",
    "SITE CHMOD % f",
    "SITE IDLE %",
    "AUTH %",
    "PROT %",
  ];

  test("are no verbs, options, types, facts or subcommands, in any case, before login and after", async () => {
    await using served = await serve();
    const [stranger, user] = [await served.client(), await served.user()];
    for (const name of PROPERTIES.flatMap((property) => [property, property.toUpperCase(), property.toLowerCase()])) {
      for (const line of [...DIALOGUE, ...ARGUMENTS]) {
        // SIZE is a verb, and SITE HELP takes no argument.
        if (/^size$/i.test(name) && /^(%|HELP %|OPTS MLST %;)$/.test(line)) continue;
        const expected =
          line === "OPTS MLST %;" ? [200] : line === "SITE HELP %" ? [214, 501] : [500, 501, 502, 504, 522];
        await user.expect(line.replace("%", name), ...expected);
        const { code } = await stranger.command(line.replace("%", name));
        assert([...expected, 530].includes(code), `${line} ${name} before login: ${code}`);
      }
      assert.doesNotMatch(user.transcript.subarray(-200).toString(), /function|native code|\[object|undefined/);
    }
    assert.deepEqual(Object.keys(Object.prototype), []);
  });

  test("are users like any other: unknown ones", async () => {
    await using program = await start("--memory", "--user", "anna:one", ...GUESSING);
    for (const name of [...PROPERTIES, "anna.__proto__", "ANNA"])
      for (const password of ["", "undefined", "[object Object]", "one", "function Object() { [native code] }"].slice(
        0,
        3,
      )) {
        await using client = await ScriptedClient.connect(program.port);
        await client.expect(`USER ${name}`, 331);
        await client.expect(`PASS ${password}`, 530);
      }
    await using client = await ScriptedClient.connect(program.port);
    await client.login("anna", "one");
  });

  test("a user may have such a name, and then only this one", async () => {
    await using program = await start("--memory", "--user", "__proto__:one", "--user", "constructor:two");
    for (const [name, password, code] of [
      ["__proto__", "one", 230],
      ["__proto__", "two", 530],
      ["constructor", "two", 230],
      ["toString", "one", 530],
    ] as const) {
      await using client = await ScriptedClient.connect(program.port);
      await client.expect(`USER ${name}`, 331);
      await client.expect(`PASS ${password}`, code);
    }
  });

  for (const kind of ["memory", "disk"] as const)
    test(`are files and directories like any other, on ${kind}`, async () => {
      await using folder = await temporaryDirectory();
      await using served = await serve(kind === "disk" ? { fileSystem: new LocalFileSystem(folder.path) } : {});
      const client = await served.user();
      await client.expect("TYPE I", 200);
      for (const name of PROPERTIES) {
        for (const line of [
          `SIZE ${name}`,
          `CWD ${name}`,
          `DELE ${name}`,
          `MLST ${name}`,
          `RMD ${name}`,
          `RNFR ${name}`,
        ])
          await client.expect(line, 550);
        await client.expect(`MKD ${name}`, 257);
        await upload(client, `STOR ${name}/${name}`, name);
        assert.equal((await content(served.fileSystem, `/${name}/${name}`)).toString(), name);
      }
      assert.deepEqual(await names(served.fileSystem), [...PROPERTIES].sort());
      const listed = (await download(client, "NLST")).bytes.toString().trimEnd().split("\r\n");
      assert.deepEqual(listed.sort(), [...PROPERTIES].sort());
    });
});

describe("S18.5 eight kilobytes of anything", () => {
  const FILLERS = [
    "a",
    ",",
    ";",
    " ",
    "/",
    "../",
    "./",
    "|",
    "*",
    "?",
    "[",
    "[a-",
    "]",
    "!",
    "\\",
    "=",
    "a=;",
    "1",
    "1,",
    "1 ",
    ".",
    "-",
    "-a ",
    "(",
    '"',
    "%",
    "é",
    "\t",
  ];
  const HOSTS = ["HOST ", "HOST a.", "HOST [", "HOST xn--", "AUTH ", "USER ", "PASS "];
  const BEFORE = [
    "",
    "USER ",
    "CLNT ",
    "OPTS ",
    "OPTS MLST ",
    "OPTS HASH ",
    "LANG ",
    "HELP ",
    "SITE ",
    "PORT ",
    "PORT 1,",
    "EPRT ",
    "EPRT |1|",
    "EPSV ",
    "TYPE ",
    "REST ",
    "ALLO ",
  ];
  const PATHS = [
    "CWD ",
    "SIZE ",
    "MDTM ",
    "MLST ",
    "STAT ",
    "STAT -",
    "STAT x",
    "MKD x/",
    "RNFR ",
    "RNTO ",
    "DELE ",
    "MFMT ",
    "MFMT 2020",
    "MFF ",
    "MFF a=",
    "SITE CHMOD ",
    "SITE UTIME ",
    "SITE UTIME a 202001010000 ",
    "HASH ",
    "XCRC ",
    'XCRC "a',
    'XCRC "a" ',
  ];

  for (const [what, prefixes] of [
    ["words", BEFORE],
    ["paths", PATHS],
    ["hosts and names, by a stranger", HOSTS],
  ] as const)
    test(`each line with ${what} is answered once, and no turn is long`, async () => {
      await using served = await serve({ maxLoginAttempts: 0, maxUnknownCommands: 0 });
      for (let index = 0; index < 200; index++) await put(served.fileSystem, `/${"a".repeat(200)}${index}`, "");
      const client = await (prefixes === HOSTS ? served.client() : served.user());
      const { turn } = await measure(async () => {
        for (const prefix of prefixes)
          for (const filler of FILLERS) {
            const line = `${prefix}${filler.repeat(8000)}`.slice(0, 7900);
            // "é" must not be cut between its bytes: as many characters as bytes at the most.
            const { code } = await client.command(Buffer.byteLength(line) > 8000 ? line.slice(0, 3900) : line);
            assert(code >= 200 && code < 560, `${prefix}${filler}…: ${code}`);
          }
      });
      await client.assertQuiet();
      assert(turn < BOUNDS.turn, `a turn of ${turn} ms`);
    });

  test("patterns that make naive matchers run for ever", async () => {
    await using served = await serve();
    for (let index = 0; index < 500; index++) await put(served.fileSystem, `/${"a".repeat(240)}${index}`, "");
    const client = await served.user();
    const { turn } = await measure(async () => {
      for (const pattern of [
        "*a".repeat(120),
        "a*".repeat(120),
        `${"*".repeat(250)}b`,
        "[a-z]*".repeat(40),
        "?*".repeat(120),
        `${"*a".repeat(100)}b`,
        "[!b]".repeat(60),
        "[".repeat(250),
      ]) {
        await client.expect(`STAT ${pattern}`, 212, 213, 450, 501, 550);
        await download(client, `NLST ${pattern}`).catch(() => undefined);
        await client.expect("ABOR", 226);
      }
    });
    await client.assertQuiet();
    assert(turn < BOUNDS.turn, `a turn of ${turn} ms`);
  });
});

test("S18.6 counting, converting and listing a lot leaves others their turn", async () => {
  await using served = await serve();
  await put(served.fileSystem, "/text", linesOf(16 * 2 ** 20));
  for (let index = 0; index < 5000; index++) await put(served.fileSystem, `/entry ${index}`, "");
  const [busy, other, witness] = [await served.user(), await served.user(), await served.user()];
  const { turn } = await measure(async () => {
    let working = true;
    const work = Promise.all([
      (async () => {
        await busy.expect("TYPE A", 200);
        for (let round = 0; round < 3; round++) await busy.expect("SIZE text", 213);
        await download(busy, "RETR text");
      })(),
      (async () => {
        for (const line of ["NLST", "MLSD", "LIST -R", "NLST *9*"]) await download(other, line);
        await other.expect("STAT *1*", 212);
      })(),
    ]).finally(() => {
      working = false;
    });
    while (working) await witness.expect("NOOP", 200);
    await work;
  });
  assert(turn < BOUNDS.turn, `a turn of ${turn} ms`);
});

describe("S18.15 the process belongs to the host", () => {
  test("the library neither ends it nor changes its directory, mask, signals or streams", () => {
    const dist = join(import.meta.dirname, "../../dist");
    const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
      (path) => path.endsWith(".js") && !path.startsWith("cli"),
    );
    assert(files.length > 50);
    for (const path of files) {
      const code = readFileSync(join(dist, path), "utf8").replace(/\/\*\*.*?\*\//gs, "");
      assert.doesNotMatch(
        code,
        /process\.(exit|exitCode|abort|kill|chdir|umask|set[eug]|on|once|addListener|env|stdout|stderr|emitWarning)\b|\bconsole\.|(?<!\.)\beval\(|new Function\(|child_process/,
        path,
      );
    }
  });
});

describe("S18.16 zone and language of the host", () => {
  /** What a client reads of one file, and of verbs in small letters, whose `i` Turkish has two of. */
  async function read(env: Readonly<Record<string, string>>, root: string): Promise<string> {
    const before = { ...process.env };
    Object.assign(process.env, env);
    const starting = start(root, "--user", "anna:one");
    process.env = before;
    await using program = await starting;
    await using client = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await client.expect("type i", 200);
    let said = "";
    for (const line of ["list", "mlsd"]) said += (await download(client, line)).bytes.toString();
    for (const line of [
      "site idle",
      "size file",
      "mdtm file",
      "stat file",
      "opts mlst size;modify;unix.mode;",
      "mlst file",
      "help site",
      "sıte idle",
      "lİst",
      "feat",
    ])
      said += (await client.command(line)).raw.toString();
    await client.expect("quit", 221);
    return said;
  }

  test("change nothing that a client reads", async () => {
    await using folder = await temporaryDirectory();
    await put(new LocalFileSystem(folder.path), "/file", "x");
    const time = new Date(Date.now() - 86_400_000 * 10);
    await utimes(join(folder.path, "file"), time, time);
    const utc = await read({ TZ: "UTC", LANG: "C", LC_ALL: "C" }, folder.path);
    assert.match(utc, /seconds/);
    assert.match(utc, /500 /);
    for (const [zone, language] of [
      ["Asia/Kolkata", "tr_TR.UTF-8"],
      ["America/New_York", "ja_JP.UTF-8"],
      ["Pacific/Apia", "az_AZ.UTF-8"],
    ] as const)
      assert.equal(await read({ TZ: zone, LANG: language, LC_ALL: language }, folder.path), utc, zone);
  });
});
