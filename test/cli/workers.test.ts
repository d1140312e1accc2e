/** `--workers N`: processes that serve side by side, and share bounds, bans, numbers and the access log. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { partOfPorts } from "../../dist/index.js";
import { begin, collect, offer, pour } from "../kit/data.js";
import { requireProgram, run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, temporaryDirectory, until } from "../kit/temporary.js";
import { parseExposition } from "../observe/exposition.js";
import { BYTES, beginUpload, crew, HALF, lives, unlessLinux, user } from "./crew.js";
import { curl } from "./curl.js";
import { holdPort, MAIN, start } from "./started.js";

async function asked(url: URL, path: string): Promise<readonly [status: number, text: string]> {
  const sent = request(new URL(path, url), { agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return [response.statusCode ?? 0, (await response.toArray()).join("")];
}

suite("--workers: serving", () => {
  test("curl and lftp come to all of them, and find one folder", async (t) => {
    await using served = await crew(3);
    const { program, folder } = served;
    const source = join(folder.path, "source");
    await mkdir(source);
    const names = Array.from({ length: 12 }, (_, index) => `file${index}`);
    for (const [index, name] of names.entries()) await writeFile(join(source, name), bytesOf(50_000, index));
    await Promise.all(names.map((name) => curl(t, ["-T", join(source, name), program.at(`/${name}`, "anna:one")])));
    for (const [index, name] of names.entries())
      assert.deepEqual(await readFile(join(folder.path, name)), bytesOf(50_000, index));
    for (const worker of [1, 2, 3])
      assert.ok(program.lines(new RegExp(`\\[${worker}\\] .*STOR`)).length >= 3, program.output);
    const lftp = requireProgram(t, "lftp");
    if (lftp === undefined) return;
    const into = join(folder.path, "mirror");
    const script = `set net:max-retries 1; mirror -P 4 source ${into}; exit`;
    const { code, stderr } = await run(lftp, ["-u", "anna,one", "-e", script, `ftp://127.0.0.1:${program.port}`]);
    assert.equal(code, 0, stderr);
    assert.deepEqual((await readdir(into)).sort(), names.toSorted());
  });

  test("each has passive ports of its own, also the one that comes after one that died", unlessLinux, async () => {
    const range = [26_100, 26_129] as const;
    await using served = await crew(3, "--pasv-ports", range.join("-"));
    const portOf = async (): Promise<number> => {
      const session = await user(served);
      const { text } = await session.expect("EPSV", 229).then(({ lines }) => ({ text: lines.join() }));
      await session[Symbol.asyncDispose]();
      return Number(/\|\|\|(\d+)\|/.exec(text)?.[1]);
    };
    const partsSeen = async (): Promise<Set<number>> => {
      const ports = [];
      for (let count = 0; count < 9; count++) ports.push(await portOf());
      return new Set(ports.map((port) => [0, 1, 2].findIndex((index) => isIn(port, partOfPorts(range, index, 3)))));
    };
    assert.deepEqual(await partsSeen(), new Set([0, 1, 2]));
    const [first = 0] = await served.workers();
    process.kill(first, "SIGKILL");
    await served.program.line(/ worker \d listens again$/);
    assert.deepEqual(await partsSeen(), new Set([0, 1, 2]));
  });

  test("the password and the certificate that are made up are the same everywhere", async () => {
    await using folder = await temporaryDirectory();
    const flags = ["--workers", "2", "--tls-self-signed", "--implicit-port", "0", "--tls-require", "none", "--json"];
    await using program = await start(folder.path, ...flags);
    const { user: name, password } = JSON.parse(program.stdout.split("\n")[0] ?? "");
    const fingerprints = new Set<string>();
    for (let count = 0; count < 4; count++) {
      await using session = await ScriptedClient.connect(program.port);
      await session.login(name, password);
      const socket = connectTls({ port: Number(program.implicitUrl.port), rejectUnauthorized: false });
      await once(socket, "secureConnect");
      fingerprints.add(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    }
    assert.equal(fingerprints.size, 1);
    await program.line(/"worker":1/);
    await program.line(/"worker":2/);
  });

  test("what cannot start is said once, and nobody is left", unlessLinux, async () => {
    await using folder = await temporaryDirectory();
    await using taken = await holdPort();
    const { code, stdout, stderr } = await run(process.execPath, [
      MAIN,
      folder.path,
      "--workers",
      "3",
      "--port",
      String(taken.port),
    ]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.equal(stderr, `portside: port ${taken.port} at 127.0.0.1 is in use; choose another with --port\n`);
  });
});

function isIn(port: number, [first, last]: readonly [number, number]): boolean {
  return first <= port && port <= last;
}

suite("--workers: bounds and bans", () => {
  test("address.sessions: as many as one process would let in, also of those that come at once", async () => {
    await using served = await crew(3, "--limit", "address.sessions=4");
    const clients = await Promise.all(Array.from({ length: 15 }, () => ScriptedClient.connect(served.program.port)));
    const codes = clients.map(({ greeting }) => greeting.code);
    assert.equal(codes.filter((code) => code === 220).length, 4, String(codes));
    assert.equal(codes.filter((code) => code === 421).length, 11, String(codes));
    const inside = clients.filter(({ greeting }) => greeting.code === 220);
    await inside[0]?.expect("QUIT", 221);
    await inside[0]?.expectClosed();
    await until(async () => {
      const next = await ScriptedClient.connect(served.program.port);
      clients.push(next);
      return next.greeting.code === 220;
    });
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  test("address.transfers: one at a time, whoever serves it", async () => {
    await using served = await crew(2, "--limit", "address.transfers=1");
    await writeFile(join(served.folder.path, "large"), bytesOf(8_000_000));
    await using first = await user(served);
    await using second = await user(served);
    await using offered = await offer(first, "EPSV");
    const [, socket] = await begin(first, "RETR large", offered);
    await using other = await offer(second, "EPSV");
    await second.expect("LIST", 450);
    await other[Symbol.asyncDispose]();
    assert.equal((await collect(socket)).length, 8_000_000);
    await first.expectReply(226);
    const workers = served.program.lines(/logged in$/).map((line) => /\[(\d)\]/.exec(line)?.[1]);
    assert.deepEqual(new Set(workers), new Set(["1", "2"]), "the two sessions were with different workers");
  });

  test("failed logins with several of them are a ban with all of them", async () => {
    await using served = await crew(3, "--limit", "bans.after=3", "--limit", "loginDelay=0");
    for (const last of [false, false, true]) {
      await using client = await ScriptedClient.connect(served.program.port);
      await client.expect("USER anna", 331);
      await client.expect("PASS wrong", last ? 421 : 530);
    }
    for (let count = 0; count < 6; count++) {
      await using client = await ScriptedClient.connect(served.program.port);
      assert.equal(client.greeting.code, 421);
    }
    assert.equal(new Set(served.program.lines(/not let in/).map((line) => /\[\d\]/.exec(line)?.[0])).size, 3);
  });
});

suite("--workers: numbers and lines", () => {
  test("--metrics: the sum of all, and healthy as long as one listens", unlessLinux, async () => {
    await using served = await crew(3, "--metrics", "0");
    const url = new URL((await served.program.line(/ metrics at http:/)).replace(/^.* metrics at /, ""));
    const sessions = [await user(served), await user(served), await user(served)];
    const now = async () =>
      parseExposition((await asked(url, "/metrics"))[1])
        .get("portside_sessions")
        ?.samples.get("portside_sessions");
    assert.equal(await now(), 3);
    assert.deepEqual(await asked(url, "/health"), [200, "listening\n"]);
    const [victim = 0] = await served.workers();
    process.kill(victim, "SIGKILL");
    await served.program.line(/ listens again$/);
    assert.equal(await now(), 2, "the one of the dead worker is gone");
    const others = served.pids.filter((pid) => pid !== victim);
    for (const pid of [...others, ...(await served.workers())]) if (lives(pid)) process.kill(pid, "SIGKILL");
    await until(async () => (await asked(url, "/health"))[0] === 503);
    for (const session of sessions) await session[Symbol.asyncDispose]();
  });

  test("--access-log: one file for all, opened anew on SIGHUP", async () => {
    await using log = await temporaryDirectory();
    const path = join(log.path, "access.log");
    await using served = await crew(2, "--access-log", path);
    const store = async (name: string): Promise<void> => {
      await using upload = await beginUpload(served, name);
      await pour(upload.socket, BYTES.subarray(HALF));
      await upload.session.expectReply(226);
    };
    const lines = async () => (await readFile(path, "utf8").catch(() => "")).split("\n").filter(Boolean);
    for (const name of ["a", "b", "c", "d"]) await store(name);
    await until(async () => (await lines()).length === 4);
    await rename(path, `${path}.1`);
    served.program.signal("SIGHUP");
    await until(() => stat(path).catch(() => false));
    await until(async () => {
      await store("e");
      return (await readFile(`${path}.1`, "utf8")).length > 0 && (await lines()).length >= 2;
    });
  });
});
