/** The certificate that the program makes itself, and what it says where it cannot. */
import assert from "node:assert/strict";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { requireProgram, run } from "../kit/programs.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { shownAt, shownBehindAuth } from "./certificate-folder.js";
import { curl } from "./curl.js";
import { MAIN, start } from "./started.js";

const PROJECT = join(dirname(MAIN), "../..");
const DAY = 24 * 60 * 60 * 1000;

suite("--tls-self-signed", () => {
  test("prints the SHA-256 that both ports show", async () => {
    await using program = await start("--memory", "--tls-self-signed", "--implicit-port", "0");
    const [, printed] = /^ *SHA-256 +([0-9A-F:]{95})$/m.exec(program.stdout) ?? [];
    assert.ok(printed, program.stdout);
    assert.match(
      program.stdout,
      /^Nobody vouches for the certificate: compare its SHA-256 with what the client shows\.$/m,
    );
    assert.equal((await shownAt(Number(program.implicitUrl.port))).fingerprint256, printed);
    assert.equal((await shownBehindAuth(program.port)).fingerprint256, printed);
  });

  test("where no URL holds a password, curl is to ask for it", async () => {
    await using program = await start("--memory", "--user", "anna:one", "--tls-self-signed");
    await program.line(/^Try it: curl --ssl-reqd --insecure --user NAME URL$/);
  });

  test("--json tells it too; each run has its own", async () => {
    const tell = async () => {
      await using program = await start("--memory", "--json", "--tls-self-signed", "--implicit-port", "0");
      const { fingerprint } = JSON.parse(program.stdout);
      assert.equal((await shownAt(Number(program.implicitUrl.port))).fingerprint256, fingerprint);
      return fingerprint as string;
    };
    assert.notEqual(await tell(), await tell());
  });

  test("is for the hosts that are listened at and for this machine", async () => {
    const hosts = ["127.0.0.2", "127.0.0.1"].flatMap((host) => ["--host", host]);
    await using program = await start("--memory", ...hosts, "--tls-self-signed", "--implicit-port", "0");
    const certificate = await shownAt(Number(program.implicitUrl.port), "127.0.0.2");
    for (const address of ["127.0.0.1", "127.0.0.2", "::1"]) assert.ok(certificate.checkIP(address), address);
    assert.ok(certificate.checkHost("localhost"));
    assert.equal(certificate.checkIP("127.0.0.3"), undefined);
    assert.equal(certificate.subjectAltName?.match(/127\.0\.0\.1/g)?.length, 1, "each once");
    assert.equal(certificate.publicKey.asymmetricKeyType, "ec");
    const [from, to] = [certificate.validFrom, certificate.validTo].map(Date.parse) as [number, number];
    assert.ok(from < Date.now() && to > Date.now() + 800 * DAY && to - from <= 825 * DAY);
  });

  test("--host 0.0.0.0: is for the addresses that are printed", async () => {
    await using program = await start("--memory", "--host", "0.0.0.0", "--tls-self-signed");
    const certificate = await shownBehindAuth(program.port);
    const printed = program.lines(/ftp:\/\//).map((line) => new URL(/ftp:\S+/.exec(line)?.[0] ?? "").hostname);
    assert.ok(printed.length > 0);
    for (const address of printed) assert.ok(certificate.checkIP(address), address);
    assert.equal(certificate.checkIP("0.0.0.0"), undefined);
  });

  test("curl trusts it once it is told to", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using folder = await temporaryDirectory();
    await using program = await start("--memory", "--tls-self-signed", "--implicit-port", "0");
    // As the first screen says.
    assert.match(program.stdout, /^Try it: curl --ssl-reqd --insecure URL$/m);
    for (const { href } of [program.url, program.implicitUrl])
      assert.match(await curl(t, ["--ssl-reqd", "--insecure", href]), /readme\.txt/);
    const trusted = join(folder.path, "trusted.pem");
    await writeFile(trusted, (await shownBehindAuth(program.port)).toString());
    assert.match(await curl(t, ["--cacert", trusted, program.implicitUrl.href]), /readme\.txt/);
    const byName = program.url.href.replace("127.0.0.1", "localhost");
    assert.match(await curl(t, ["--cacert", trusted, "--ssl-reqd", byName]), /readme\.txt/);
  });

  test("without the package it says what to install, exit code 1; all the rest works", async () => {
    await using folder = await temporaryDirectory();
    await cp(join(PROJECT, "dist"), join(folder.path, "dist"), { recursive: true });
    await cp(join(PROJECT, "package.json"), join(folder.path, "package.json"));
    await mkdir(join(folder.path, "node_modules"));
    for (const name of ["eventemitter3", "tslib"])
      await symlink(join(PROJECT, "node_modules", name), join(folder.path, "node_modules", name), "junction");
    const main = join(folder.path, "dist/cli/main.js");
    const { code, stdout, stderr } = await run(process.execPath, [main, "--memory", "--tls-self-signed"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      "portside: --tls-self-signed needs the package selfsigned; install it beside portside: npm install selfsigned@5\n",
    );
    assert.equal((await run(process.execPath, [main, "--version"])).code, 0);
  });
});
