/** The program at work: what it serves, to whom, and how its flags change that. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parseEpsv, parsePasv, upload } from "../kit/data.js";
import { requireProgram, run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, temporaryDirectory } from "../kit/temporary.js";
import { curl, LOGIN_DENIED, UPLOAD_FAILED } from "./curl.js";
import { freePort, MAIN, start } from "./started.js";

async function client(port: number, name: string, password: string): Promise<ScriptedClient> {
  return (await ScriptedClient.connect(port)).login(name, password);
}

suite("portside --memory", () => {
  test("prints a URL, a user and a password; the URL works as it is", async (t) => {
    await using program = await start("--memory");
    const { hostname, username, password, href } = program.url;
    assert.equal(hostname, "127.0.0.1", "nobody else can connect");
    assert.ok(program.lines(/^ *User +portside$/).length === 1 && username === "portside", program.stdout);
    assert.match(program.stdout, new RegExp(`^ *Password +${password}$`, "m"));
    assert.ok(program.stdout.split("\n").length < 20, "one screen");
    if (requireProgram(t, "curl") === undefined) return;
    assert.match(await curl(t, [href]), /readme\.txt/);
    assert.match(await curl(t, [`${href}readme.txt`]), /^Welcome/);
    assert.equal(await curl(t, [`${href}pub/Gr%C3%BC%C3%9Fe.txt`]), "Names are UTF-8.\n");
    await curl(t, [program.at("/", "portside:wrong")], LOGIN_DENIED);
    await program.stop();
  });

  test("takes uploads", async () => {
    await using program = await start("--memory");
    await using session = await client(program.port, "portside", program.url.password);
    await session.expect("TYPE I", 200);
    await upload(session, "STOR /incoming/new.bin", bytesOf(1000));
    await session.expect("SIZE /incoming/new.bin", 213);
  });

  test("never has the same password twice", async () => {
    await using one = await start("--memory");
    await using two = await start("--memory");
    assert.notEqual(one.url.password, two.url.password);
  });
});

suite("portside [folder]", () => {
  test("serves a folder both ways and tells bytes, time and rate", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "down.txt"), "12345");
    await using program = await start(folder.path, "--user", "anna:a:b");
    const from = join(folder.path, "down.txt");
    assert.equal(await curl(t, [program.at("/down.txt", "anna:a%3Ab")]), "12345");
    await curl(t, ["-T", from, program.at("/made%20up.txt", "anna:a%3Ab")]);
    assert.equal(await readFile(join(folder.path, "made up.txt"), "utf8"), "12345");
    await program.line(/^\d\d:\d\d:\d\d #1 127\.0\.0\.1 anna: logged in$/);
    await program.line(/ #1 127\.0\.0\.1 anna: RETR \/down\.txt: 5 bytes in \d+\.\d{3} s \([\d.]+ k?B\/s\)$/);
    await program.line(/ #2 127\.0\.0\.1 anna: STOR "\/made up\.txt": 5 bytes in \d+\.\d{3} s \([\d.]+ k?B\/s\)$/);
    assert.doesNotMatch(program.output, /a:b/);
  });

  test("serves the current folder where none is given", async () => {
    await using program = await start();
    assert.ok(program.stdout.includes(process.cwd()), program.stdout);
  });

  test("several users; a failed login is a line", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using program = await start("--memory", "--user", "anna:one", "--user", "bob:two");
    assert.match(program.stdout, /anna, password as given\n.*bob, password as given/);
    for (const login of ["anna:one", "bob:two"]) assert.match(await curl(t, [program.at("/", login)]), /readme/);
    for (const login of ["anna:two", "bob:one", "portside:two", "anonymous:x"])
      await curl(t, [program.at("/", login)], LOGIN_DENIED);
    await program.line(/127\.0\.0\.1: failed to log in as anna$/);
    await program.line(/127\.0\.0\.1: failed to log in as portside$/);
  });

  test("--read-only lets nobody change anything", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "a.txt"), "a");
    await using program = await start(folder.path, "--read-only", "--user", "anna:one");
    assert.equal(await curl(t, [program.at("/a.txt", "anna:one")]), "a");
    await curl(t, ["-T", join(folder.path, "a.txt"), program.at("/b.txt", "anna:one")], UPLOAD_FAILED);
    await using session = await client(program.port, "anna", "one");
    await session.expect("DELE a.txt", 550);
    await session.expect("MKD d", 550);
    assert.equal(existsSync(join(folder.path, "b.txt")), false);
    assert.equal(existsSync(join(folder.path, "d")), false);
    assert.equal(existsSync(join(folder.path, "a.txt")), true);
  });

  test("--anonymous reads only, beside users who may write", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "a.txt"), "a");
    await using program = await start(folder.path, "--anonymous", "--user", "anna:one");
    const file = join(folder.path, "a.txt");
    assert.equal(await curl(t, [program.at("/a.txt")]), "a");
    assert.equal(await curl(t, [program.at("/a.txt", "ftp:anything")]), "a");
    await curl(t, ["-T", file, program.at("/b.txt")], UPLOAD_FAILED);
    assert.equal(existsSync(join(folder.path, "b.txt")), false);
    await curl(t, ["-T", file, program.at("/c.txt", "anna:one")]);
    assert.equal(existsSync(join(folder.path, "c.txt")), true);
  });

  test("nobody is anonymous without --anonymous, and no user is made up with it", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using closed = await start("--memory");
    await curl(t, [closed.at("/")], LOGIN_DENIED);
    await using open = await start("--memory", "--anonymous");
    assert.match(await curl(t, [open.at("/")]), /readme/);
    assert.doesNotMatch(open.stdout, /portside:|Password/);
  });
});

suite("connections", () => {
  test("--pasv-ports is where passive connections go", async () => {
    const port = await freePort();
    await using program = await start("--memory", "--user", "anna:one", "--pasv-ports", `${port}-${port}`);
    await using session = await client(program.port, "anna", "one");
    assert.equal(parseEpsv(await session.expect("EPSV", 229)), port);
    assert.equal(parsePasv(await session.expect("PASV", 227)).port, port);
  });

  test("--pasv-advertise is what clients are told instead", async () => {
    const port = await freePort();
    const flags = ["--pasv-ports", `${port}-${port}`, "--pasv-advertise", "50000-50000"];
    await using program = await start("--memory", "--user", "anna:one", ...flags);
    await using session = await client(program.port, "anna", "one");
    assert.equal(parseEpsv(await session.expect("EPSV", 229)), 50_000);
    assert.equal(parsePasv(await session.expect("PASV", 227)).port, 50_000);
  });

  test("--pasv-address is by the client's network", async () => {
    const flags = ["--pasv-address", "192.0.2.7", "--pasv-address", "127.0.0.0/8=localhost"];
    await using program = await start("--memory", "--user", "anna:one", ...flags);
    await using session = await client(program.port, "anna", "one");
    assert.equal(parsePasv(await session.expect("PASV", 227)).host, "127.0.0.1");
  });

  test("--pasv-address is what PASV tells", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--pasv-address", "192.0.2.7");
    await using session = await client(program.port, "anna", "one");
    assert.equal(parsePasv(await session.expect("PASV", 227)).host, "192.0.2.7");
  });

  test("--idle-timeout sends idle clients away", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--idle-timeout", "1");
    await using session = await client(program.port, "anna", "one");
    const since = performance.now();
    await session.expectReply(421);
    assert.ok(performance.now() - since > 500, "not before its time");
    await session.expectClosed();
  });

  test("--host may be given several times, and only there it listens", async () => {
    await using program = await start("--memory", "--host", "::1", "--host", "localhost", "--user", "anna:one");
    const urls = program.lines(/ftp:\/\//).map((line) => new URL(/ftp:\S+/.exec(line)?.[0] ?? ""));
    assert.equal(urls.length, 2);
    assert.equal(urls[0]?.hostname, "[::1]");
    for (const { hostname, port } of urls) {
      await using session = await ScriptedClient.connect(Number(port), hostname.replace(/[[\]]/g, ""));
      await session.login("anna", "one");
    }
    await assert.rejects(ScriptedClient.connect(Number(urls[0]?.port), "127.0.0.1"), /ECONNREFUSED/);
  });

  test("--host 0.0.0.0 prints addresses that can be reached, and a warning", async () => {
    await using program = await start("--memory", "--host", "0.0.0.0");
    const hosts = program.lines(/ftp:\/\//).map((line) => new URL(/ftp:\S+/.exec(line)?.[0] ?? "").hostname);
    assert.ok(hosts.includes("127.0.0.1") && !hosts.includes("0.0.0.0"), hosts.join());
    assert.match(program.stdout, /can read passwords/);
    await using alone = await start("--memory");
    assert.doesNotMatch(alone.stdout, /can read passwords/);
  });
});

suite("output", () => {
  test("goes on serving where nobody reads its lines any more", async () => {
    await using program = await start("--memory", "--user", "anna:one");
    await program.hangUp();
    for (let round = 0; round < 3; round++) {
      await using session = await client(program.port, "anna", "one");
      await session.expect("QUIT", 221);
    }
    await program.stop();
  });
});

suite("what cannot start", () => {
  const portside = (...args: string[]) => run(process.execPath, [MAIN, ...args]);

  test("a port in use: says so, exit code 1", async () => {
    await using program = await start("--memory");
    const { code, stdout, stderr } = await portside("--memory", "--port", String(program.port));
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(stderr, `portside: port ${program.port} at 127.0.0.1 is in use; choose another with --port\n`);
  });

  test("with --json the reason is JSON", async () => {
    const { code, stderr } = await portside("--json", "/no/such/folder");
    assert.equal(code, 1);
    const { event, level, message } = JSON.parse(stderr);
    assert.deepEqual(
      { event, level, message },
      { event: "error", level: "error", message: 'the folder "/no/such/folder" does not exist' },
    );
  });

  for (const [title, args, code, message] of [
    ["a missing folder", ["/no/such/folder"], 1, /^portside: the folder "\/no\/such\/folder" does not exist\n$/],
    ["a file", [MAIN], 1, /^portside: ".*main\.js" is not a folder\n$/],
    [
      "a host that is elsewhere",
      ["--memory", "--host", "192.0.2.1"],
      1,
      /^portside: 192\.0\.2\.1 is not an address of this machine; choose another with --host\n$/,
    ],
    [
      "an unknown flag",
      ["--usr=anna:hunter2"],
      2,
      /^portside: Unknown option '--usr'\. Allowed: --host, .*\nSee portside --help\n$/,
    ],
    ["a bad value", ["--port", "70000"], 2, /^portside: --port must be .*, not "70000"\nSee portside --help\n$/],
    [
      "a user without password",
      ["--user", "hunter2"],
      2,
      /^portside: --user must be name:password, [^\n]*\nSee portside --help\n$/,
    ],
  ] as const)
    test(`${title}: says so, exit code ${code}`, async () => {
      const finished = await portside("--port", "0", ...args);
      assert.deepEqual([finished.code, finished.stdout], [code, ""]);
      assert.match(finished.stderr, message);
      assert.doesNotMatch(finished.stderr, /hunter2/);
    });

  test("--help and --version print and stop", async () => {
    const [help, version] = await Promise.all([portside("--help"), portside("--version")]);
    assert.deepEqual([help.code, help.stderr, version.code, version.stderr], [0, "", 0, ""]);
    assert.match(help.stdout, /^Usage: portside \[folder\] \[flags\]\n/);
    const manifest = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8"));
    assert.equal(version.stdout, `${manifest.version}\n`);
  });

  test("the program can be run as a command", async () => {
    assert.match(await readFile(MAIN, "utf8"), /^#!\/usr\/bin\/env node\n/);
  });
});
