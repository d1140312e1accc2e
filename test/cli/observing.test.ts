/** --access-log and --metrics: what the program writes down and tells over HTTP while it runs and while it ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, stat, symlink } from "node:fs/promises";
import { get, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { begin, download, listen, offer, upload } from "../kit/data.js";
import { run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory, until } from "../kit/temporary.js";
import { parseExposition } from "../observe/exposition.js";
import { crew } from "./crew.js";
import { type Listening, MAIN, start } from "./started.js";

const PROJECT = join(import.meta.dirname, "../..");

/** The address of `/metrics` that the program has printed. */
async function metricsOf(program: Listening): Promise<URL> {
  return new URL((await program.line(/ metrics at http:/)).replace(/^.* metrics at /, ""));
}

async function fetched(url: URL, path: string, method = "GET"): Promise<readonly [status: number, text: string]> {
  const asked = request(new URL(path, url), { method, agent: false }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return [response.statusCode ?? 0, (await response.toArray()).join("")];
}

async function user(program: Listening): Promise<ScriptedClient> {
  const session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
  await session.expect("TYPE I", 200);
  return session;
}

suite("--access-log", () => {
  test("adds lines, and to a new file once the old one was moved and SIGHUP came", async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, "access.log");
    const text = () => readFile(path, "utf8").catch(() => "");
    await using program = await start("--memory", "--user", "anna:one", "--access-log", path);
    await using session = await user(program);
    await upload(session, "STOR /a b", "1234");
    await until(async () => (await text()).includes(" 1 127.0.0.1 4 /a_b b _ i r anna ftp 0 * c\n"));
    assert.equal((await stat(path)).mode & 0o007, 0, "not for everybody");
    await rename(path, `${path}.1`);
    await download(session, "RETR /a b");
    await until(async () => (await readFile(`${path}.1`, "utf8")).includes(" /a_b b _ o "));
    program.signal("SIGHUP");
    await until(() =>
      stat(path).then(
        () => true,
        () => false,
      ),
    );
    await upload(session, "STOR /c", "");
    await until(async () => (await text()).includes(" /c b _ i "));
    assert.equal((await text()).split("\n").length, 2, "nothing of before");
    await session.expect("QUIT", 221);
    await program.stop();
  });

  test("json, to a file that is there already, without the password that was typed as a name", async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, "access.log");
    for (let count = 0; count < 2; count++) {
      const flags = ["--user", "anna:one", "--access-log", path, "--access-log-format", "json"];
      await using program = await start("--memory", ...flags);
      await using session = await ScriptedClient.connect(program.port);
      for (const name of ["one", "eve"]) {
        await session.expect(`USER ${name}`, 331);
        await session.expect("PASS x", 530);
      }
      await session.login("anna", "one");
      await session.expect("QUIT", 221);
      await program.stop();
    }
    const records = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const told = records.map(({ event, user }) => `${event} ${user}`);
    const each = ["loginFailed ***", "loginFailed eve", "loggedIn anna"];
    assert.deepEqual(told, [...each, ...each]);
  });

  test("S16.8 json: who is not let in again and again is two lines, the last of them when the program ends", async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, "access.log");
    const flags = ["--deny=127.0.0.1", "--access-log", path, "--access-log-format=json", "--log-level=error"];
    await using program = await start("--memory", ...flags);
    for (let count = 0; count < 30; count++) {
      await using client = await ScriptedClient.open(program.port);
      await client.expectReply(421);
    }
    await program.stop();
    const records = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      records.map(({ time: _time, ...rest }) => rest),
      [1, 29].map((count) => ({ event: "refused", client: "127.0.0.1", reason: "deny", count })),
    );
  });

  test("a file that cannot be opened is said before the server listens", async () => {
    await using folder = await temporaryDirectory();
    const path = join(folder.path, "missing/access.log");
    const { code, stderr } = await run(process.execPath, [MAIN, "--memory", "--port", "0", "--access-log", path]);
    assert.equal(code, 1);
    assert.match(stderr, /^portside: --access-log: ENOENT: .*access\.log'\n$/);
  });

  const full = { skip: !existsSync("/dev/full") && "there is no /dev/full" };
  test("a file that can no longer be written to is said once, and nobody is sent away for it", full, async () => {
    await using program = await start("--memory", "--user", "anna:one", "--access-log", "/dev/full");
    await using session = await user(program);
    for (const name of ["a", "b", "c"]) await upload(session, `STOR /${name}`, "x");
    await program.line(/ the access log "\/dev\/full": ENOSPC/);
    await session.expect("QUIT", 221);
    await program.stop();
    assert.equal(program.lines(/ENOSPC/).length, 1);
  });
});

suite("--metrics", () => {
  test("numbers for Prometheus, and 200 for health, on the loopback", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--metrics", "0");
    const url = await metricsOf(program);
    assert.equal(url.hostname, "127.0.0.1");
    await using session = await user(program);
    await upload(session, "STOR /a", "1234");
    const [status, text] = await fetched(url, "/metrics");
    assert.equal(status, 200);
    const uploaded = parseExposition(text).get("portside_transfer_bytes_total")?.samples;
    assert.equal(uploaded?.get('portside_transfer_bytes_total{direction="upload"}'), 4);
    assert.deepEqual(await fetched(url, "/health"), [200, "listening\n"]);
    assert.deepEqual(await fetched(url, "/health?x", "HEAD"), [200, ""]);
    assert.equal((await fetched(url, "/"))[0], 404);
    assert.equal((await fetched(url, "/metrics", "POST"))[0], 405);
    await session.expect("QUIT", 221);
    await program.stop();
  });

  test("[::1]: an address in brackets", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--metrics", "[::1]:0");
    const url = await metricsOf(program);
    assert.equal(url.hostname, "[::1]");
    assert.deepEqual(await fetched(url, "/health"), [200, "listening\n"]);
  });

  test("503 for health while transfers get their time, and numbers all the same; then the program ends", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--metrics", "0");
    const url = await metricsOf(program);
    // Somebody who keeps the connection must not keep the program.
    const idle = connect(Number(url.port), url.hostname);
    await once(idle, "connect");
    await using session = await user(program);
    await using offered = await offer(session, "EPSV");
    const [, socket] = await begin(session, "STOR /upload", offered);
    socket.write("12");
    program.signal("SIGTERM");
    await program.line(/ stopping: 1 running transfer/);
    assert.deepEqual(await fetched(url, "/health"), [503, "not listening\n"]);
    const [, text] = await fetched(url, "/metrics");
    assert.match(text, /^portside_transfers_running\{direction="upload"\} 1$/m);
    socket.end("34");
    await session.expectReply(226);
    await session.expectReply(421);
    session.end();
    assert.equal(await program.ended(), 0);
    idle.destroy();
    await assert.rejects(once(get(new URL("/health", url), { agent: false }), "response"), /ECONNREFUSED/);
  });

  test("with --workers too, 503 for health from the signal on, while their transfers get their time", async () => {
    await using served = await crew(2, "--metrics", "0");
    const url = await metricsOf(served.program);
    await using session = await user(served.program);
    await using offered = await offer(session, "EPSV");
    const [, socket] = await begin(session, "STOR /upload", offered);
    assert.deepEqual(await fetched(url, "/health"), [200, "listening\n"]);
    served.program.signal("SIGTERM");
    await served.program.line(/ stopping: /);
    assert.deepEqual(await fetched(url, "/health"), [503, "not listening\n"]);
    const [, text] = await fetched(url, "/metrics");
    assert.match(text, /^portside_transfers_running\{direction="upload"\} 1$/m);
    socket.end("1234");
    await session.expectReply(226);
    assert.equal(await served.program.ended(), 0);
  });

  test("a port that is in use is said before the server listens", async () => {
    const taken = await listen("127.0.0.1");
    const flags = ["--memory", "--port", "0", "--metrics", String(taken.port)];
    const { code, stderr } = await run(process.execPath, [MAIN, ...flags]);
    await taken.close();
    assert.equal(code, 1);
    assert.match(stderr, /^portside: --metrics: listen EADDRINUSE: [^\n]+\n$/);
  });

  test("without prom-client it says what to install; without the flag nothing is asked for", async () => {
    await using folder = await temporaryDirectory();
    const modules = join(folder.path, "node_modules");
    await cp(join(PROJECT, "dist"), join(folder.path, "dist"), { recursive: true });
    await cp(join(PROJECT, "package.json"), join(folder.path, "package.json"));
    await mkdir(modules);
    for (const name of ["eventemitter3", "tslib"])
      await symlink(join(PROJECT, "node_modules", name), join(modules, name));
    const main = join(folder.path, "dist/cli/main.js");
    const { code, stderr } = await run(process.execPath, [main, "--memory", "--port", "0", "--metrics", "0"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^portside: --metrics needs the package prom-client; install it .*: npm install prom-client\n$/,
    );
    const { code: version } = await run(process.execPath, [main, "--version"]);
    assert.equal(version, 0);
  });
});
