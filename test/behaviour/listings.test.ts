/** What LIST, NLST, MLSD, MLST and STAT show, and of what (RFC 959 §4.1.3, RFC 1123 §4.1.2.7, RFC 3659 §7). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FileSystemError, virtualPath } from "../../dist/index.js";
import { download, offer } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { WatchedStore } from "../kit/watched-store.js";

const NAMES = ["-dash", ".dot", "a b", "sub", "x.txt", "y.txt", "ä"];

interface Scene extends AsyncDisposable {
  readonly served: Served;
  readonly client: ScriptedClient;
  /** The lines that a listing command sends. */
  list(command: string): Promise<string[]>;
  /** The names in the lines of LIST. */
  longNames(command: string): Promise<string[]>;
}

async function scene(options: ServeOptions = {}): Promise<Scene> {
  const served = await serve(options);
  const { fileSystem } = served;
  for (const name of NAMES)
    await (name === "sub" ? putDirectory(fileSystem, "/sub") : put(fileSystem, `/${name}`, "12345"));
  await put(fileSystem, "/sub/inner", "1");
  await putDirectory(fileSystem, "/sub/deep");
  await put(fileSystem, "/sub/deep/f", "22");
  const client = await served.user();
  const list = async (command: string): Promise<string[]> => {
    const text = (await download(client, command)).bytes.toString();
    assert(text === "" || text.endsWith("\r\n"), "a line without its end");
    return text === "" ? [] : text.slice(0, -2).split("\r\n");
  };
  const longNames = async (command: string) =>
    (await list(command)).map((line) => /^(?:\S+ +){8}(.*)$/.exec(line)?.[1] ?? line);
  return { served, client, list, longNames, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

describe("LIST and NLST", () => {
  test("LIST: one ls -l line for each entry, without a total", async () => {
    await using stage = await scene();
    const lines = await stage.list("LIST");
    assert.equal(lines.length, NAMES.length);
    for (const line of lines)
      assert.match(line, /^[-d]([r-][w-][x-]){3} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d ( \d{4}|\d\d:\d\d) ./);
    assert(lines.find((line) => line.endsWith(" sub"))?.startsWith("d"));
  });

  test("NLST: the names, sorted by their bytes, and each can be sent back", async () => {
    await using stage = await scene();
    const names = await stage.list("NLST");
    assert.deepEqual(
      names,
      NAMES.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const name of names.filter((name) => name !== "sub")) await stage.client.expect(`SIZE ${name}`, 213);
  });

  for (const verb of ["LIST", "NLST"])
    test(`${verb} of a directory, of a file, of a pattern`, async () => {
      await using stage = await scene();
      const shown = verb === "LIST" ? stage.longNames : stage.list;
      assert.deepEqual((await shown(`${verb} sub`)).sort(), ["deep", "inner"]);
      assert.deepEqual((await shown(`${verb} /sub/`)).sort(), ["deep", "inner"]);
      assert.deepEqual(await shown(`${verb} x.txt`), ["x.txt"]);
      assert.deepEqual((await shown(`${verb} *.txt`)).sort(), ["x.txt", "y.txt"]);
      assert.deepEqual(await shown(`${verb} [xz].t?t`), ["x.txt"]);
      assert.deepEqual(await shown(`${verb} a b`), ["a b"]);
      assert.deepEqual(await shown(`${verb} ${verb === "LIST" ? "-la" : "-a"} a b`), ["a b"]);
      assert.deepEqual(await shown(`${verb} *.none`), []);
    });

  test("NLST with a pattern in another directory gives names that can be sent back (RFC 1123 §4.1.2.7)", async () => {
    await using stage = await scene();
    for (const command of ["NLST sub/i*", "NLST sub/inner"]) assert.deepEqual(await stage.list(command), ["sub/inner"]);
    await stage.client.expect("SIZE sub/inner", 213);
  });

  test("a pattern is not for the directories before it, and dots are matched by dots", async () => {
    await using stage = await scene();
    await using _ = await offer(stage.client, "EPSV");
    await stage.client.expect("NLST s*/inner", 550);
    assert(!(await stage.list("NLST *")).includes(".dot"));
    assert.deepEqual(await stage.list("NLST .*"), [".dot"]);
  });

  test("S2.11 options: -a, -l and -la change no names, unknown ones mean nothing, -- ends them", async () => {
    await using stage = await scene();
    const all = (await stage.longNames("LIST")).sort();
    for (const options of ["-a", "-l", "-la", "-al", "-A", "-la -t", "--help", "-Z9"])
      assert.deepEqual((await stage.longNames(`LIST ${options}`)).sort(), all, options);
    assert.equal((await stage.list("NLST -l"))[0]?.split(/ +/).length, 9, "NLST -l is in long form");
    assert.deepEqual((await stage.longNames("LIST -a sub")).sort(), ["deep", "inner"]);
    assert.deepEqual(await stage.list("NLST -- -dash"), ["-dash"]);
    assert.deepEqual(await stage.list("NLST ./-dash"), ["./-dash"]);
  });

  test("S11.2 -R goes below; listing.maxDepth and maxEntries bound it", async () => {
    await using stage = await scene();
    assert.deepEqual((await stage.list("NLST -R sub")).sort(), ["deep", "deep/f", "inner"]);
    const lines = await stage.list("LIST -R");
    assert(lines.includes("sub:") && lines.includes("sub/deep:"), lines.join("\n"));
    await using shallow = await scene({ listing: { maxDepth: 1 } });
    assert(!(await shallow.list("NLST -R")).includes("sub/deep/f"));
    await using short = await scene({ listing: { maxEntries: 3 } });
    assert.equal((await short.list("NLST -R")).length, 3);
    assert.equal((await short.list("NLST")).length, NAMES.length, "a single directory has no bound");
  });

  test("what the store refuses midway ends with 451", async () => {
    const store = new WatchedStore({
      before: ({ moment, index }) => {
        if (moment === "entry" && index === 3) throw new FileSystemError("EIO", virtualPath("/"));
      },
    });
    await using stage = await scene({ fileSystem: store });
    await download(stage.client, "LIST", "EPSV", { final: 451 });
    assert.equal(store.open, 0);
  });
});

describe("MLSD and MLST", () => {
  const facts = (line: string): Map<string, string> =>
    new Map(
      line
        .slice(0, line.indexOf(" "))
        .split(";")
        .filter(Boolean)
        .map((fact) => [fact.split("=")[0]?.toLowerCase() ?? "", fact.slice(fact.indexOf("=") + 1)]),
    );
  const named = (lines: readonly string[], name: string) =>
    lines.find((line) => line.slice(line.indexOf(" ") + 1) === name) ?? "";

  test("MLSD: facts and a name in each line, cdir for the directory itself, never pdir of the root", async () => {
    await using stage = await scene();
    const lines = await stage.list("MLSD");
    for (const line of lines) assert.match(line, /^([A-Za-z.]+=[^;\s]*;)+ ./);
    assert.equal(facts(named(lines, "x.txt")).get("type"), "file");
    assert.equal(facts(named(lines, "x.txt")).get("size"), "5");
    assert.match(facts(named(lines, "x.txt")).get("modify") ?? "", /^\d{14}(\.\d+)?$/);
    assert.equal(facts(named(lines, "sub")).get("type"), "dir");
    const others = lines.filter((line) => ["cdir", "pdir"].includes(facts(line).get("type") ?? ""));
    assert(others.every((line) => facts(line).get("type") === "cdir") && others.length <= 1, "S16.5");
    assert.deepEqual(
      lines
        .map((line) => line.slice(line.indexOf(" ") + 1))
        .filter((name) => name !== "." && name !== "/")
        .sort(),
      NAMES.toSorted(),
    );
  });

  test("perm tells what this user may do (RFC 3659 §7.5.5)", async () => {
    await using stage = await scene();
    const all = await stage.list("MLSD");
    const sorted = (line: string) => [...(facts(line).get("perm") ?? "")].sort().join("");
    assert.equal(sorted(named(all, "x.txt")), "adfrw");
    assert.equal(sorted(named(all, "sub")), "cdeflmp");
    await using limited = await scene();
    limited.served.server.removeAllListeners("login");
    limited.served.server.on("login", (login) =>
      login.accept({ fileSystem: limited.served.fileSystem, permissions: ["list", "read"] }),
    );
    const client = await limited.served.user();
    const lines = (await download(client, "MLSD")).bytes.toString().split("\r\n");
    assert.equal(sorted(named(lines, "x.txt")), "r");
    assert.equal(sorted(named(lines, "sub")), "el");
  });

  test("MLST: one line, one blank before the facts, the absolute path behind them", async () => {
    await using stage = await scene();
    for (const [argument, path] of [
      ["x.txt", "/x.txt"],
      ["sub", "/sub"],
      ["", "/"],
      ["sub/../a b", "/a b"],
    ] as const) {
      const { lines } = await stage.client.expect(argument === "" ? "MLST" : `MLST ${argument}`, 250);
      assert.equal(lines.length, 3);
      assert.match(lines[1] ?? "", /^ ([A-Za-z.]+=[^;\s]*;)+ \//);
      assert.equal(lines[1]?.slice(lines[1].indexOf("; ") + 2), path);
    }
    await stage.client.expect("MLST missing", 550);
  });

  test("OPTS MLST chooses the facts, moves the stars in FEAT, and none leaves names alone (RFC 3659 §7.9)", async () => {
    await using stage = await scene();
    const { client } = stage;
    const stars = async () => /MLST (.*)/.exec((await client.expect("FEAT", 211)).lines.join("\n"))?.[1];
    assert.equal((await client.expect("OPTS MLST Size;TYPE;unknown;", 200)).text, "MLST OPTS type;size;");
    assert.match((await stars()) ?? "", /^type\*;size\*;modify;/);
    assert.deepEqual([...facts(named(await stage.list("MLSD"), "x.txt")).keys()], ["type", "size"]);
    assert.equal((await client.expect("OPTS MLST", 200)).text, "MLST OPTS");
    assert(!((await stars()) ?? "").includes("*"));
    assert.deepEqual((await stage.list("MLSD")).sort(), NAMES.map((name) => ` ${name}`).sort());
    assert.equal((await client.expect("MLST x.txt", 250)).lines[1], "  /x.txt");
    await client.expect("OPTS MLST size;;type", 501);
    await client.expect("OPTS MLST a=b;", 501);
    assert(!((await stars()) ?? "").includes("*"), "a refused OPTS changes nothing");
  });

  test("unique: equal for the same object, different for others", async () => {
    await using stage = await scene();
    await stage.client.expect("OPTS MLST unique;", 200);
    const lines = await stage.list("MLSD");
    const values = lines.map((line) => facts(line).get("unique"));
    assert.equal(new Set(values).size, lines.length);
    assert.equal(
      facts(named(await stage.list("MLSD /"), "sub")).get("unique"),
      facts(named(lines, "sub")).get("unique"),
    );
  });

  test("TYPE changes nothing in MLSD", async () => {
    await using stage = await scene();
    const ascii = await stage.list("MLSD");
    await stage.client.expect("TYPE I", 200);
    assert.deepEqual(await stage.list("MLSD"), ascii);
  });
});

describe("STAT with a path", () => {
  test("212 for a directory, 213 for a file, over the control connection, no line like a reply", async () => {
    await using stage = await scene();
    const { client } = stage;
    const directory = await client.expect("STAT /", 212);
    assert.equal(directory.lines.length, NAMES.length + 2);
    assert.equal((await client.expect("STAT x.txt", 213)).lines.length, 3);
    assert.equal((await client.expect("STAT *.txt", 212)).lines.length, 4);
    await client.expect("STAT missing", 450, 550);
  });

  test("S11.5 listing.statLines bounds it and says so", async () => {
    await using stage = await scene({ listing: { statLines: 3 } });
    const { lines } = await stage.client.expect("STAT /", 212);
    assert.equal(lines.length, 5);
    const whole = await stage.client.expect("STAT sub", 212);
    assert.notEqual(lines.at(-1), whole.lines.at(-1));
  });
});

describe("names that break lines", () => {
  const ODD = ["a\rb", "a\nb", "a\r\nb", "x\r\n226 done", "/", "..", ".", "", "a/b", "nul\0"];

  test("S2.3 S19.2 a store that returns them: none is listed, the others are", async () => {
    const store = new WatchedStore();
    await put(store.inner, "/good", "");
    const real = store.list.bind(store);
    store.list = async function* (path, options) {
      for (const name of ODD) yield { name, type: "file", size: 1 };
      yield* real(path, options);
    };
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    assert.equal((await download(client, "NLST")).bytes.toString(), "good\r\n");
    assert.match((await download(client, "LIST")).bytes.toString(), /^[^\r\n]* good\r\n$/);
    const mlsd = (await download(client, "MLSD")).bytes.toString().trimEnd().split("\r\n");
    assert.equal(mlsd.filter((line) => !line.startsWith("type=cdir")).length, 1, mlsd.join("\n"));
    assert.equal((await client.expect("STAT /", 212)).lines.length, 3);
  });
});

test("a thousand entries are all listed, once each", async () => {
  await using served = await serve();
  const names = Array.from({ length: 1000 }, (_, index) => `file-${String(index).padStart(4, "0")}`);
  for (const name of names) await put(served.fileSystem, `/${name}`, "");
  const client = await served.user();
  assert.equal((await download(client, "NLST")).bytes.toString(), names.map((name) => `${name}\r\n`).join(""));
  assert.equal((await download(client, "LIST")).bytes.toString().split("\r\n").length, 1001);
});
