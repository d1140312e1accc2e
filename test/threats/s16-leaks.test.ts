/** S16.1 to S16.3, S16.5, S16.7, S16.8: what is told to hosts, logs and clients beyond what they need. */
import assert from "node:assert/strict";
import { open, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { defineCommand, LocalFileSystem, MemoryFileSystem, reply, rooted, virtualPath } from "../../dist/index.js";
import { start } from "../cli/started.js";
import { begin, collect, download, offer, upload } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { Attacker, Jail } from "./kit-jail.js";

const CONTROL = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}|\ufffd/u;

describe("S16.1 S16.8 names of files in the program's log", () => {
  const NAMES = [
    "\u202egpj.exe",
    "a\u2028root: logged in",
    "\u2066b\u2069",
    "c\u0085d",
    "\ufeffe",
    "\u009b31mred",
    "x".repeat(250),
  ];

  for (const json of [false, true])
    test(`neither end a line, nor turn it, nor drive a terminal${json ? " (--json)" : ""}`, async () => {
      await using program = await start(
        "--memory",
        "--user",
        "anna:one",
        "--log-level",
        "debug",
        ...(json ? ["--json"] : []),
      );
      await using client = await (await ScriptedClient.connect(program.port)).login("anna", "one");
      for (const name of NAMES) {
        await new Attacker(client).move(`STOR ${name}`, "x");
        for (const line of [
          `MKD d${name}`,
          `RNFR d${name}`,
          `RNTO e${name}`,
          `RMD e${name}`,
          `DELE ${name}`,
          `SITE ${name}`,
          name,
        ])
          await client.command(line);
      }
      await client.expect(`CWD ${"y/".repeat(2000)}`, 501, 550, 553);
      await client.expect("QUIT", 221);
      await program.stop();
      assert.doesNotMatch(program.output, CONTROL);
      const lines = program.lines(/./);
      const ours = lines.slice(lines.findIndex((line) => line.includes(json ? '"loggedIn"' : "logged in")));
      assert(ours.length > NAMES.length * 7, program.output);
      assert(Math.max(...lines.map((line) => line.length)) < 3000, "a line is too long");
      for (const line of ours)
        assert.match(line, json ? /^\{"time":".*\}$/ : /^\d\d:\d\d:\d\d (#1 127\.0\.0\.1|stop)/, line);
    });

  test("S16.8 what a client cannot do costs no line of the ordinary log", async () => {
    await using program = await start("--memory", "--user", "anna:one");
    await using client = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await program.line(/logged in/);
    const before = program.output.length;
    client.send(`${"QUUX ".padEnd(4000, "x")}\r\n`.repeat(90));
    for (let count = 0; count < 90; count++) await client.expectReply(500);
    for (const line of ["RETR missing", "DELE missing", "CWD missing", "PASS x", "SITE EXEC x"])
      await client.command(line);
    await client.expect("QUIT", 221);
    await program.stop();
    assert(program.output.length - before < 2000, program.output.slice(before, before + 3000));
  });
});

describe("S16.2 passwords", () => {
  test("are in no question but login, in no fact and in nothing that can be printed of a session", async () => {
    const told: string[] = [];
    const asked: (readonly [string, string | undefined])[] = [];
    const keep = (what: unknown) => void told.push(inspect(what, { depth: 8, showHidden: true, getters: true }));
    const pswd = defineCommand<string>({
      verb: "PSWD",
      source: "this test",
      summary: "change the password",
      argument: { syntax: "<SP> old <SP> new", parse: (text) => (text === undefined ? undefined : { value: text }) },
      replies: [200],
      secret: true,
      run: () => reply(200, "Changed"),
    });
    await using served = await serve({ allowRelogin: true, maxLoginAttempts: 0, siteCommands: [pswd] }, (server) => {
      server.on("command", ({ verb, argument }) => void asked.push([verb, argument]));
      server.on("site", keep);
      for (const event of ["session", "loggedIn", "loginFailed", "reply", "error", "listed", "closed"] as const)
        server.on(event, keep);
      server.on("login", (login) => {
        if (login.username === "account" && login.accountInfo === undefined) login.requireAccount();
        if (login.username === "broken") throw new Error("the directory of users is gone");
      });
    });
    const client = await served.client();
    for (const line of [
      "PASS hunter2",
      "USER nobody",
      "PASS hunter2",
      "USER broken",
      "PASS hunter2",
      "USER account",
      "PASS hunter2",
      "ACCT hunter2",
      "PAS hunter2",
      "pass\thunter2",
      " PASS hunter2",
      "PASSWORD hunter2",
      "hunter2",
    ])
      await client.command(line);
    const user = await served.user();
    for (const line of ["SITE PSWD hunter2 hunter2", "site pswd hunter2 hunter2", "PASS hunter2", "ACCT hunter2"])
      await user.command(line);
    keep([...served.server.sessions]);
    keep(served.server);
    await user.expect("QUIT", 221);
    assert(asked.some(([verb]) => verb === "PASS") && asked.some(([verb]) => verb === "SITE"));
    assert(told.length > 20);
    assert.doesNotMatch(told.join("\n"), /hunter2/i);
    assert.doesNotMatch(JSON.stringify(asked), /hunter2/i);
  });
});

test("S16.3 the program tells strangers no name, version, system or host", async () => {
  await using program = await start("--memory", "--user", "anna:one");
  await using client = await ScriptedClient.connect(program.port);
  for (const line of [
    "SYST",
    "FEAT",
    "HELP",
    "HELP SITE",
    "HELP USER",
    "STAT",
    "STAT /",
    "CSID",
    "CLNT x",
    "SITE HELP",
    "LANG",
    "OPTS UTF8 ON",
    "NOOP",
    "PWD",
    "USER x",
    "PASS x",
  ])
    await client.command(line);
  const said = client.transcript.toString().replaceAll("127.0.0.1", "");
  assert.match(said, /^220 /);
  assert(!said.includes(hostname()), said);
  assert.doesNotMatch(said, /portside|node|v?\d+\.\d+\.\d+|linux|debian|darwin|windows/i);
  await client.expect("STAT", 530);
});

describe("S16.5 facts of entries", () => {
  test("nothing is told of what lies above the root: no parent, and .. is the root itself", async () => {
    const store = new MemoryFileSystem();
    await putDirectory(store, "/home");
    await put(store, "/above", "secret");
    await put(store, "/home/mine", "x");
    await using served = await serve({ fileSystem: rooted(store, "/home") });
    const client = await served.user();
    await client.expect("OPTS MLST type;size;modify;create;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;", 200);
    const root = (await client.expect("MLST /", 250)).lines[1];
    for (const name of ["..", "../..", "/..", "./../."])
      assert.equal((await client.expect(`MLST ${name}`, 250)).lines[1], root);
    for (const line of ["MLSD", "MLSD ..", "LIST -a", "LIST ..", "NLST -a ..", "NLST ../.."]) {
      const said = (await download(client, line)).bytes.toString();
      assert.match(said, /mine/, line);
      assert.doesNotMatch(said, /above|home|pdir|\.\./, line);
    }
  });

  test("an upload that is on its way is seen and named by nobody", async () => {
    await using jail = await Jail.open();
    const [giver, thief] = [await jail.attacker(), await jail.attacker()];
    await using offered = await offer(giver.client, "EPSV");
    const [, socket] = await begin(giver.client, "STOR new.txt", offered);
    socket.write("half");
    for (const line of ["LIST", "LIST -la", "NLST -a", "MLSD", "NLST .p*", "LIST .*"]) {
      const { codes, bytes } = await thief.move(line);
      assert.equal(codes.at(-1), 226, line);
      assert.doesNotMatch(bytes.toString(), /\.part|new\.txt/, line);
    }
    for (const line of ["SIZE new.txt", "MDTM new.txt", "MLST new.txt", "STAT new.txt", "DELE new.txt", "RNFR new.txt"])
      assert.deepEqual((await thief.say(line)).codes, [550], line);
    assert.deepEqual((await thief.move("RETR new.txt")).codes, [550]);
    socket.end();
    await giver.client.expectReply(226);
    await thief.client.expect("SIZE new.txt", 550, 213);
    assert.equal((await thief.move("RETR new.txt")).bytes.toString(), "half");
    await jail.assertIntact();
  });

  test("a dot file that is shown is shown by every command", async () => {
    await using jail = await Jail.open();
    await writeFile(join(jail.root, ".profile"), "x");
    const attacker = await jail.attacker();
    for (const line of ["LIST", "LIST -a", "NLST", "MLSD", "NLST .p*", "LIST .profile"])
      assert.match((await attacker.move(line)).bytes.toString(), /\.profile/, line);
    assert.equal((await attacker.move("RETR .profile")).bytes.toString(), "x");
    await attacker.client.expect("TYPE I", 200);
    for (const [line, code] of [
      ["SIZE .profile", 213],
      ["MDTM .profile", 213],
      ["MLST .profile", 250],
      ["STAT .profile", 213],
    ] as const)
      assert.deepEqual((await attacker.say(line)).codes, [code], line);
  });

  test("unique is no inode number, and the same for the same file only", async () => {
    await using jail = await Jail.open();
    const { client } = await jail.attacker();
    await client.expect("OPTS MLST unique;", 200);
    const unique = async (name: string) =>
      /unique=([^;]+);/.exec((await client.expect(`MLST ${name}`, 250)).lines[1] ?? "")?.[1] ?? "";
    const [own, inside] = [await unique("own.txt"), await unique("inside.txt")];
    assert.notEqual(own, inside);
    assert.equal(await unique("dir/../own.txt"), own);
    const file = await open(join(jail.root, "own.txt"));
    const { ino, dev } = await file.stat();
    await file.close();
    for (const number of [ino, dev])
      for (const radix of [10, 16, 36]) if (number > 999) assert(!own.includes(number.toString(radix)), own);
  });
});

describe("S16.7 memory", () => {
  const SECRET = "portside-memory-canary-";

  /** Fills what Node hands out for buffers with something that must not come back. */
  function soil(): void {
    for (let round = 0; round < 200; round++) Buffer.allocUnsafeSlow(65_536).fill(SECRET);
    for (let round = 0; round < 200; round++) Buffer.allocUnsafe(4000).fill(SECRET);
  }

  test("RETR of files with holes, and of sizes around every chunk, sends what is in them", async () => {
    await using folder = await temporaryDirectory();
    await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
    const client = await served.user();
    for (const size of [0, 1, 4095, 8193, 65_535, 65_537, 262_145, 1_048_577]) {
      await writeFile(join(folder.path, "sparse"), "");
      await truncate(join(folder.path, "sparse"), size);
      for (const type of ["I", "A"]) {
        await client.expect(`TYPE ${type}`, 200);
        soil();
        const { bytes } = await download(client, "RETR sparse");
        assert(bytes.equals(Buffer.alloc(size)), `${size} bytes in TYPE ${type}`);
      }
    }
  });

  test("an upload that ends anywhere is stored without a byte more", async () => {
    await using folder = await temporaryDirectory();
    await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
    const client = await served.user();
    for (const [type, size] of [1, 4095, 65_537, 300_001].flatMap(
      (size) =>
        [
          ["I", size],
          ["A", size],
        ] as const,
    )) {
      await client.expect(`TYPE ${type}`, 200);
      soil();
      await upload(client, "STOR up", Buffer.alloc(size, 0x2e));
      await client.expect("TYPE I", 200);
      assert((await download(client, "RETR up")).bytes.equals(Buffer.alloc(size, 0x2e)), `${size} in TYPE ${type}`);
    }
    assert.equal((await served.fileSystem.stat(virtualPath("/up"))).size, 300_001);
  });

  test("replies and listings hold nothing of it", async () => {
    await using served = await serve();
    await put(served.fileSystem, "/f", "x");
    const attacker = new Attacker(await served.user());
    for (let round = 0; round < 20; round++) {
      soil();
      for (const line of ["STAT", "STAT /", "MLST f", "FEAT", "HELP", "PWD", "QUUX"]) await attacker.say(line);
      for (const line of ["LIST", "NLST", "MLSD"]) await attacker.move(line);
    }
    assert(attacker.seen.length > 1000 && !attacker.seen.includes("memory-canary"));
    await using offered = await offer(attacker.client, "EPSV");
    const [, socket] = await begin(attacker.client, "RETR f", offered);
    assert.equal((await collect(socket)).toString(), "x");
  });
});
