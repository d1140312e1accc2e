/** What the program prints of its clients, as text and as JSON. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { begin, download, offer, upload } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { holdPort, start } from "./started.js";

const CONTROL = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}|\ufffd/u;

/** The objects printed on standard output. */
function records(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

suite("levels", () => {
  for (const [level, failures, commands] of [
    ["error", 0, 0],
    ["info", 1, 0],
    ["debug", 1, 1],
  ] as const)
    test(`--log-level ${level}: ${failures} line about a failed login, ${commands} about a command`, async () => {
      await using program = await start("--memory", "--log-level", level);
      await using session = await ScriptedClient.connect(program.port);
      await session.expect("USER nobody", 331);
      await session.expect("PASS x", 530);
      await session.expect("NOOP", 200);
      await program.stop();
      assert.equal(program.lines(/failed to log in as nobody/).length, failures, program.output);
      assert.equal(program.lines(/: NOOP: 200 /).length, commands, program.output);
    });

  test("what goes wrong with the server is printed at every level, on standard error", async () => {
    await using held = await holdPort();
    const ports = `${held.port}-${held.port}`;
    await using program = await start("--memory", "--log-level", "error", "--user", "anna:one", "--pasv-ports", ports);
    await using session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await session.expect("EPSV", 425);
    await program.line(/ anna: error: no port to listen on at 127\.0\.0\.1: /);
    assert.match(program.stderr, /no port to listen on/);
  });
});

suite("changes", () => {
  test("what clients do to files is a line each", async () => {
    await using program = await start("--memory", "--user", "anna:one");
    await using session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await upload(session, "STOR /a", "text");
    await session.expect("MKD d", 257);
    await session.expect("RNFR a", 350);
    await session.expect("RNTO d/b c", 250);
    await session.expect("DELE d/b c", 250);
    await session.expect("RMD d", 250);
    await download(session, "LIST");
    await program.stop();
    const said = program.lines(/ anna: /).map((line) => line.replace(/^.* anna: /, "").replace(/ in .*/, ""));
    assert.deepEqual(said.slice(0, -1), [
      "logged in",
      "STOR /a: 4 bytes",
      "made directory /d",
      'renamed /a to "/d/b c"',
      'deleted "/d/b c"',
      "removed directory /d",
    ]);
    assert.match(said.at(-1) ?? "", /^LIST \/: \d+ bytes$/);
  });

  test("a transfer that failed says after how much, and why", async () => {
    await using program = await start("--memory", "--user", "anna:one");
    await using session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
    await session.expect("TYPE I", 200);
    await using offered = await offer(session, "EPSV");
    const [, socket] = await begin(session, "STOR /a", offered);
    socket.write("abc");
    await session.expect("ABOR", 426);
    await session.expectReply(226);
    await program.line(/ anna: STOR \/a failed after [03] bytes in \d+\.\d{3} s \([\d.]+ k?B\/s\): \S/);
  });
});

suite("--json", () => {
  test("every line is one object with a time, a level and an event", async () => {
    await using program = await start("--json", "--memory", "--log-level", "debug");
    const [listening = {}] = records(program.stdout);
    assert.equal(listening.event, "listening");
    assert.equal(listening.url, program.url.href);
    assert.equal(listening.user, "portside");
    assert.equal(listening.password, program.url.password);
    await using session = await ScriptedClient.connect(program.port);
    await session.login("portside", program.url.password);
    await session.expect("TYPE I", 200);
    const { bytes } = await download(session, "RETR /pub/a name with spaces.txt");
    await session.expect("QUIT", 221);
    await program.stop();
    const all = records(program.stdout);
    for (const { time, level } of all) {
      assert.equal(new Date(String(time)).toISOString(), time);
      assert.match(String(level), /^(?:error|info|debug)$/);
    }
    const events = all.map(({ event }) => event);
    for (const event of ["connected", "loggedIn", "reply", "closed", "stopping", "stopped"])
      assert.ok(events.includes(event), event);
    const retrieved = all.find(({ event }) => event === "retrieved") ?? {};
    const { time, milliseconds, bytesPerSecond, ...rest } = retrieved;
    assert.ok(typeof milliseconds === "number" && typeof bytesPerSecond === "number" && time !== undefined);
    const path = "/pub/a name with spaces.txt";
    const who = { session: "1", client: "127.0.0.1", user: "portside" };
    assert.deepEqual(rest, { level: "info", event: "retrieved", ...who, verb: "RETR", path, bytes: bytes.length });
    assert.equal(program.stderr, "");
  });
});

suite("S16", () => {
  const HOSTILE = [
    "a\x1b[2J\x1b]0;owned\x07",
    "a\r#1 127.0.0.1 root: logged in",
    "\u202eresu\u2066",
    "a\u2028b\u0085c\u009b1m",
    'x: logged in"',
    "x".repeat(4000),
  ];

  for (const json of [false, true])
    test(`S16.1 a name can neither end a line nor drive a terminal${json ? " (--json)" : ""}`, async () => {
      await using program = await start("--memory", "--log-level", "debug", ...(json ? ["--json"] : []));
      for (const name of [...HOSTILE, Buffer.from([0x66, 0xff, 0x80])]) {
        await using session = await ScriptedClient.connect(program.port);
        session.send(Buffer.concat([Buffer.from("USER "), Buffer.from(name), Buffer.from("\r\n")]));
        await session.expectReply(331);
        await session.expect("PASS x", 530);
      }
      await program.stop();
      assert.doesNotMatch(program.output, CONTROL);
      const failed = program.lines(json ? /"event":"loginFailed"/ : /^\S+ #\d+ 127\.0\.0\.1: failed to log in as "/);
      assert.equal(failed.length, HOSTILE.length + 1, program.output);
      assert.ok(Math.max(...program.lines(/./).map((line) => line.length)) < 2000, "S16.8 lines are bounded");
      assert.equal(program.lines(/^\S+ #\d+ \S+( root)?: logged in|"event":"loggedIn"/).length, 0);
    });

  for (const json of [false, true])
    test(`S16.2 no password is printed, also not at debug${json ? " (--json)" : ""}`, async () => {
      const flags = ["--log-level", "debug", "--user", "anna:hunter2", ...(json ? ["--json"] : [])];
      await using program = await start("--memory", ...flags);
      await using session = await ScriptedClient.connect(program.port);
      const lines = [
        ["PASS hunter2", 503],
        ["USER hunter2", 331],
        ["PASS hunter2", 530],
        ["PAS hunter2", 530],
        ["pass\thunter2", 530],
        ["hunter2", 530],
        ["ACCT hunter2", 503],
        ["USER anna", 331],
        ["PASS wrong-hunter2", 530],
        ["USER anna", 331],
        ["pAsS hunter2", 230],
        ["ACCT hunter2", 202],
        ["PASSWD hunter2", 500],
        ["PASS hunter2", 503],
      ] as const;
      for (const [line, code] of lines) assert.equal((await session.command(line)).code, code, line);
      await program.stop();
      assert.doesNotMatch(program.output, /hunter2/i);
      assert.ok(program.lines(/503/).length >= 3, "debug lines are there");
      assert.ok(program.lines(/\*\*\*/).length > 0, "the name that is a password is masked");
    });
});
