/** TLS as the program's flags bring it: where, with what certificate, and for what it is required. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { begin, collect, offer } from "../kit/data.js";
import { requireProgram } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory, within } from "../kit/temporary.js";
import { certificateFolder, fingerprint, shownAt, shownBehindAuth } from "./certificate-folder.js";
import { curl, LOGIN_DENIED, UNTRUSTED } from "./curl.js";
import { start } from "./started.js";

const USER = ["--user", "anna:one"];

/** A client under TLS whose data connections are still in clear. */
async function secured(port: number): Promise<ScriptedClient> {
  const client = await ScriptedClient.open(port);
  await client.expectReply(220);
  await client.expect("AUTH TLS", 234);
  await client.secure({ version: "TLSv1.3" });
  return client;
}

suite("--tls-cert and --tls-key", () => {
  test("explicit TLS, required for everything: curl goes up and down, and cannot in clear", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using certificates = await certificateFolder();
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "a.txt"), "12345");
    await using program = await start(folder.path, ...USER, ...certificates.flags);
    assert.match(program.stdout, /^ *TLS +explicit TLS \(AUTH TLS\), required for logins, files and listings$/m);
    assert.doesNotMatch(program.stdout, /ftps:|Plain FTP|Nobody vouches|Try it/);
    const secure = ["--ssl-reqd", "--cacert", certificates.ca];
    assert.equal(await curl(t, [...secure, program.at("/a.txt", "anna:one")]), "12345");
    await curl(t, [...secure, "-T", certificates.ca, program.at("/b.txt", "anna:one")]);
    assert.equal(await readFile(join(folder.path, "b.txt"), "utf8"), await readFile(certificates.ca, "utf8"));
    await curl(t, [program.at("/a.txt", "anna:one")], LOGIN_DENIED);
    await curl(t, ["--ssl-reqd", program.at("/a.txt", "anna:one")], UNTRUSTED);
    await program.line(/ #1 127\.0\.0\.1 anna: logged in over TLSv1\.3$/);
    await program.line(
      / #4 127\.0\.0\.1: TLS failed on the control connection: "[a-z0-9 ]*alert unknown ca" \(ERR_SSL_TLSV1_ALERT_UNKNOWN_CA\)$/,
    );
  });

  test("--implicit-port: the ftps: URL works, beside explicit TLS at --port", async (t) => {
    if (requireProgram(t, "curl") === undefined) return;
    await using certificates = await certificateFolder();
    await using program = await start("--memory", ...certificates.flags, "--implicit-port", "0");
    assert.match(program.stdout, /^ *TLS +explicit TLS \(AUTH TLS\), .*; ftps: is implicit TLS$/m);
    const trusted = ["--cacert", certificates.ca];
    assert.match(await curl(t, [...trusted, program.implicitUrl.href]), /readme\.txt/);
    assert.match(await curl(t, [...trusted, `${program.implicitUrl.href}readme.txt`]), /^Welcome/);
    assert.match(await curl(t, [...trusted, "--ssl-reqd", program.url.href]), /readme\.txt/);
    const shown = await Promise.all([shownAt(Number(program.implicitUrl.port)), shownBehindAuth(program.port)]);
    for (const { fingerprint256 } of shown) assert.equal(fingerprint256, fingerprint(certificates.pair));
  });

  test("each --host has both ports; --json tells all the URLs", async () => {
    await using certificates = await certificateFolder();
    const hosts = ["--host", "::1", "--host", "127.0.0.1"];
    await using program = await start("--memory", "--json", ...hosts, ...certificates.flags, "--implicit-port", "0");
    const { url, urls, tlsRequire, fingerprint: told, validTo } = JSON.parse(program.stdout);
    const { cert } = certificates.pair;
    assert.deepEqual([url, tlsRequire, told], [urls[0], "all", fingerprint(certificates.pair)]);
    assert.equal(Date.parse(validTo), Date.parse(new X509Certificate(cert).validTo));
    const places = urls.map((text: string) => new URL(text));
    assert.deepEqual(
      places.map(({ protocol, hostname }: URL) => `${protocol}//${hostname}`),
      ["ftp://[::1]", "ftp://127.0.0.1", "ftps://[::1]", "ftps://127.0.0.1"],
    );
    for (const { port, hostname } of places.slice(2))
      assert.ok((await shownAt(Number(port), hostname.replace(/[[\]]/g, ""))).checkHost("localhost"));
  });
});

suite("--tls-require", () => {
  for (const [level, words, userInClear, dataInClear, protClear] of [
    ["none", "not required", 331, 150, 200],
    ["login", "required for logins", 530, 150, 200],
    ["data", "required for files and listings", 331, 521, 534],
    ["all", "required for logins, files and listings", 530, 521, 534],
  ] as const)
    test(`${level}: USER in clear ${userInClear}, LIST in clear ${dataInClear}`, async () => {
      await using certificates = await certificateFolder();
      await using program = await start("--memory", ...USER, ...certificates.flags, "--tls-require", level);
      assert.match(program.stdout, new RegExp(`^ *TLS +explicit TLS \\(AUTH TLS\\), ${words}$`, "m"));
      await using clear = await ScriptedClient.open(program.port);
      await clear.expectReply(220);
      await clear.expect("USER anna", userInClear);
      await using session = await secured(program.port);
      await session.login("anna", "one");
      await session.expect("PBSZ 0", 200);
      await session.expect("PROT C", protClear);
      await using offered = await offer(session, "EPSV");
      if (dataInClear === 521) return void (await session.expect("LIST", 521));
      const [, socket] = await begin(session, "LIST", offered);
      assert.match(String(await collect(socket)), /readme\.txt/);
      await session.expectReply(226);
    });

  test("an account in clear is told as such", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", ...USER, ...certificates.flags, "--tls-require", "none");
    await using session = await ScriptedClient.open(program.port);
    await session.expectReply(220);
    await session.login("anna", "one");
    await program.line(/ anna: logged in$/);
  });
});

suite("handshakes that fail", () => {
  test("without a code: the words alone", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", "--json", ...certificates.flags, "--implicit-port", "0");
    const socket = net.connect({ port: Number(program.implicitUrl.port), host: "127.0.0.1" });
    await within(once(socket, "connect"), "the connection");
    socket.end();
    const { reason, ...rest } = JSON.parse(await program.line(/"tlsFailed"/));
    assert.match(reason, /^the client left/);
    assert.ok(!("code" in rest));
  });

  test("are a line each, with the connection and the reason", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", "--json", ...USER, ...certificates.flags, "--implicit-port", "0");
    const stranger = net.connect({ port: Number(program.implicitUrl.port), host: "127.0.0.1" });
    stranger.write("GET /hunter2 HTTP/1.1\r\n\r\n");
    const first = JSON.parse(await program.line(/"tlsFailed"/));
    stranger.destroy();
    const { time: _time, ...control } = first;
    const [reason, code] = ["http request", "ERR_SSL_HTTP_REQUEST"];
    const who = { level: "info", event: "tlsFailed", session: "1", client: "127.0.0.1" };
    assert.deepEqual(control, { ...who, channel: "control", reason, code });
    await using session = await secured(program.port);
    await session.login("anna", "one");
    await session.expect("PBSZ 0", 200);
    await session.expect("PROT P", 200);
    await using offered = await offer(session, "EPSV");
    const [, socket] = await begin(session, "LIST", offered);
    socket.write("GET /hunter2 HTTP/1.1\r\n\r\n");
    await session.expectReply(522);
    const { channel, user, ...data } = JSON.parse(await program.line(/"tlsFailed".*"data"/));
    assert.deepEqual([channel, user, data.reason, data.code], ["data", "anna", reason, code]);
    const aborted = JSON.parse(await program.line(/"aborted"/));
    assert.equal(aborted.reason, `TLS handshake: ${reason} (${code})`);
    assert.doesNotMatch(program.output, /hunter2/);
  });

  test("S16.1 the reason is quoted", async () => {
    await using certificates = await certificateFolder();
    await using program = await start("--memory", ...certificates.flags, "--implicit-port", "0");
    const socket = net
      .connect({ port: Number(program.implicitUrl.port), host: "127.0.0.1" })
      .on("error", () => undefined);
    socket.write("USER anna\r\n");
    const line = await program.line(/TLS failed/);
    socket.destroy();
    assert.match(line, / #1 127\.0\.0\.1: TLS failed on the control connection: "[a-z0-9 ]+" \(ERR_SSL_[A-Z0-9_]+\)$/);
  });
});
