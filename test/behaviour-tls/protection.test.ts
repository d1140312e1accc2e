/**
 * The commands of protection, HOST and REIN in every state, on servers with certificates: only replies that their
 * clauses list (RFC 2228 §5, RFC 4217, RFC 7151 §3), and what each of them leaves.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DataChannel, TlsOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { begin, collect, download, MODES, offer, upload } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { rawOf, type TlsVersion } from "../kit/security.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { until } from "../kit/temporary.js";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

type Tls = Pick<TlsOptions, "require" | "allowClear">;

/** A server with certificates, whose clients begin in clear unless it is implicit. */
async function protectedServer(tls: Tls, implicitTls = false): Promise<Served> {
  const { server } = await testCertificates();
  return serve({ tls: { ...server, ...tls }, implicitTls });
}

/** A client under TLS whose data connections are as AUTH TLS leaves them. */
async function secured(served: Served, version: TlsVersion): Promise<ScriptedClient> {
  const client = await served.client();
  await client.expect("AUTH TLS", 234);
  await client.secure({ version });
  return client;
}

/** Each line with its reply in clear, in clear after login, under TLS, and under TLS after login. */
const REPLIES: readonly (readonly [line: string, ...codes: readonly [number, number, number, number]])[] = [
  ["AUTH TLS", 234, 234, 503, 503],
  ["auth tls-c", 234, 234, 503, 503],
  ["AUTH SSL", 234, 234, 503, 503],
  ["AUTH TLS-P", 234, 234, 503, 503],
  ["AUTH GSSAPI", 504, 504, 503, 503],
  ["AUTH TLS ", 504, 504, 503, 503],
  ["AUTH", 501, 501, 501, 501],
  ["PBSZ 0", 503, 503, 200, 200],
  ["PBSZ 4294967295", 503, 503, 200, 200],
  ["PBSZ 4294967296", 501, 501, 501, 501],
  ["PBSZ -1", 501, 501, 501, 501],
  ["PBSZ", 501, 501, 501, 501],
  ["PROT P", 503, 503, 200, 200],
  ["prot c", 503, 503, 200, 200],
  ["PROT S", 503, 503, 536, 536],
  ["PROT E", 503, 503, 536, 536],
  ["PROT X", 503, 503, 504, 504],
  ["PROT", 501, 501, 501, 501],
  ["CCC", 530, 533, 530, 534],
  ["ADAT x", 503, 503, 503, 503],
  ["ADAT", 501, 501, 501, 501],
  ["MIC x", 537, 537, 537, 537],
  ["CONF x", 537, 537, 537, 537],
  ["ENC x", 537, 537, 537, 537],
  ["HOST Example.org", 220, 503, 220, 503],
  ["HOST [::1]", 220, 503, 220, 503],
  ["HOST", 501, 501, 501, 501],
  ["HOST a:21", 501, 501, 501, 501],
  ["HOST [::1", 501, 501, 501, 501],
  ["REIN", 220, 220, 502, 502],
];

for (const version of VERSIONS)
  describe(`replies, ${version}`, () => {
    for (const [line, clear, clearUser, tls, tlsUser] of REPLIES)
      test(`${JSON.stringify(line)}: ${clear} in clear, ${clearUser} after login, ${tls} and ${tlsUser} under TLS`, async () => {
        await using served = await protectedServer({ require: "none" });
        for (const [client, code] of [
          [await served.client(), clear],
          [await served.user(), clearUser],
          [await secured(served, version), tls],
          [await (await secured(served, version)).login(), tlsUser],
        ] as const) {
          await client.expect(line, code);
          if (code === 234) await client.secure({ version });
          await client.assertQuiet();
        }
      });

    test("implicit: AUTH 503, PBSZ 200, PROT P and C 200, REIN 502, CCC 534, also where TLS may end", async () => {
      await using served = await protectedServer({ require: "none", allowClear: true }, true);
      await using strict = await protectedServer({ require: "none" }, true);
      for (const { port, mayClear } of [
        { port: served.port, mayClear: true },
        { port: strict.port, mayClear: false },
      ]) {
        await using client = await implicit(port, version);
        await client.login();
        for (const [line, code] of [
          ["AUTH TLS", 503],
          ["PBSZ 0", 200],
          ["PROT C", 200],
          ["PROT P", 200],
          ["REIN", 502],
          ["CCC", mayClear ? 200 : 534],
        ] as const)
          await client.expect(line, code);
      }
    });
  });

/** A client that shakes hands at once. */
async function implicit(port: number, version: TlsVersion): Promise<ScriptedClient> {
  const client = await ScriptedClient.open(port);
  await client.secure({ version }, true);
  await client.expectReply(220);
  return client;
}

describe("require", () => {
  for (const [require, login, data, protC] of [
    ["none", 331, 150, 200],
    ["login", 530, 150, 200],
    ["data", 331, 521, 534],
    ["all", 530, 521, 534],
  ] as const)
    test(`${require}: USER in clear ${login}, a listing in clear ${data}, PROT C ${protC}`, async () => {
      await using served = await protectedServer({ require });
      const clear = await served.client();
      await clear.expect("USER test", login);
      await clear.expect("PASS secret", login === 530 ? 530 : 230);
      await clear.expect("ACCT x", login === 530 ? 530 : 202);
      const client = await (await secured(served, "TLSv1.3")).login();
      await using offered = await offer(client, "EPSV");
      for (const line of ["RETR f", "STOR g", "NLST"]) if (data === 521) await client.expect(line, 521);
      if (data === 150) {
        const [, socket] = await begin(client, "LIST", offered);
        assert.equal((await collect(socket)).length, 0);
        await client.expectReply(226);
      }
      await client.expect("PROT P", 200);
      client.privateData = true;
      await download(client, "LIST");
      await client.expect("PROT C", protC);
    });
});

describe("data connections", () => {
  for (const version of VERSIONS)
    for (const mode of MODES)
      test(`${mode}, ${version}: under TLS both ways, with the session of the control connection`, async () => {
        await using served = await protectedServer({});
        const channels: DataChannel[] = [];
        served.server.on("dataChannel", ({ channel }) => void channels.push(channel));
        const client = await served.client();
        await client.negotiate({ version });
        await client.login();
        await upload(client, "STOR f", "content", mode);
        assert.equal((await download(client, "RETR f", mode)).bytes.toString(), "content");
        assert.deepEqual(
          channels.map(({ secure }) => [secure?.protocol, secure?.resumed]),
          [
            [version, true],
            [version, true],
          ],
        );
      });

  for (const version of VERSIONS)
    test(`an upload that ends with FIN and without close_notify: 426 and no file, ${version}`, async () => {
      await using served = await protectedServer({});
      const client = await served.client();
      await client.negotiate({ version });
      await client.login();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      socket.write("half");
      await until(() => served.server.sessions[0]?.transfer?.bytes === 4);
      rawOf(socket).end();
      await client.expectReply(426);
      assert(!(await exists(served.fileSystem, "/f")));
    });

  for (const [mechanism, isPrivate] of [
    ["TLS", false],
    ["TLS-C", false],
    ["SSL", true],
    ["TLS-P", true],
  ] as const)
    test(`AUTH ${mechanism} begins with ${isPrivate ? "private" : "clear"} ones`, async () => {
      await using served = await protectedServer({ require: "none" });
      await put(served.fileSystem, "/f", "content");
      const client = await served.client();
      await client.expect(`AUTH ${mechanism}`, 234);
      await client.secure({ version: "TLSv1.3" }, isPrivate);
      await client.login();
      assert.equal((await download(client, "RETR f")).bytes.toString(), "content");
    });

  test("implicit begins with private ones", async () => {
    await using served = await protectedServer({}, true);
    await using client = await implicit(served.port, "TLSv1.3");
    await client.login();
    await upload(client, "STOR f", "content");
    assert.equal((await content(served.fileSystem, "/f")).toString(), "content");
  });
});

describe("AUTH", () => {
  test("forgets the login and all that was set (RFC 4217 §4)", async () => {
    await using served = await protectedServer({ require: "none" });
    await put(served.fileSystem, "/f", "a\n");
    const client = await served.user();
    for (const [line, code] of [
      ["TYPE I", 200],
      ["MKD d", 257],
      ["CWD d", 250],
      ["EPSV ALL", 200],
      ["EPSV", 229],
      ["AUTH TLS", 234],
    ] as const)
      await client.expect(line, code);
    await client.secure({ version: "TLSv1.3" });
    await client.expect("PWD", 530);
    await client.login();
    assert.match((await client.expect("PWD", 257)).text, /^"\/"/);
    await client.expect("LIST", 425);
    await client.expect("PASV", 227);
    assert.equal((await client.expect("SIZE f", 213)).text, "3");
  });

  test("with something behind it: 421, and nothing of that is done", async () => {
    await using served = await protectedServer({ require: "none" });
    const client = await served.user();
    client.send("AUTH TLS\r\nMKD injected\r\n");
    await client.expectReply(421);
    await client.expectClosed();
    assert(!(await exists(served.fileSystem, "/injected")));
  });
});

describe("back in clear", () => {
  for (const version of VERSIONS) {
    test(`CCC: what follows is in clear, data connections stay private, and nothing can be changed, ${version}`, async () => {
      await using served = await protectedServer({ require: "login", allowClear: true });
      await put(served.fileSystem, "/f", "content");
      const client = await served.client();
      await client.negotiate({ version });
      assert((await client.expect("FEAT", 211)).lines.includes(" CCC"));
      await client.login();
      await client.expect("CCC", 200);
      await client.clear();
      await client.expect("PWD", 257);
      assert.equal(served.server.sessions[0]?.secure, undefined);
      assert.equal((await download(client, "RETR f")).bytes.toString(), "content");
      for (const [line, code] of [
        ["AUTH TLS", 503],
        ["PBSZ 0", 503],
        ["PROT C", 503],
        ["CCC", 533],
      ] as const)
        await client.expect(line, code);
      await client.assertQuiet();
    });

    test(`REIN: everything as at the beginning, AUTH too, ${version}`, async () => {
      await using served = await protectedServer({ allowClear: true });
      const client = await served.client();
      for (let round = 0; round < 2; round++) {
        await client.negotiate({ version });
        await client.login();
        await download(client, "LIST");
        await client.expect("REIN", 220);
        await client.clear();
        await client.expect("PROT P", 503);
        await client.expect("USER test", 530);
      }
    });
  }

  for (const line of ["CCC", "REIN"])
    test(`${line} with something behind it: 421, and nothing of that is done`, async () => {
      await using served = await protectedServer({ require: "login", allowClear: true });
      const client = await (await secured(served, "TLSv1.3")).login();
      client.send(`${line}\r\nMKD injected\r\n`);
      await client.expectReply(421);
      await client.expectClosed();
      assert(!(await exists(served.fileSystem, "/injected")));
    });
});

describe("HOST (RFC 7151)", () => {
  test("one spelling for each host, the last one counts, login is told it, and REIN forgets it", async () => {
    const hosts: (string | undefined)[] = [];
    await using served = await serve({}, (server) => server.on("login", ({ host }) => void hosts.push(host)));
    const client = await served.client();
    const host = () => served.server.sessions[0]?.host;
    for (const [given, told] of [
      ["FTP.Example.Org", "ftp.example.org"],
      ["ftp.example.org.", "ftp.example.org"],
      ["bücher.example", "xn--bcher-kva.example"],
      ["[2001:DB8::1]", "2001:db8::1"],
      ["192.0.2.7", "192.0.2.7"],
    ] as const) {
      await client.expect(`HOST ${given}`, 220);
      assert.equal(host(), told);
    }
    await client.login();
    await client.expect("HOST other.example", 503);
    assert.equal(host(), "192.0.2.7");
    assert.deepEqual(hosts, ["192.0.2.7"]);
    await client.expect("REIN", 220);
    assert.equal(host(), undefined);
  });

  test("a host that is refused: 504, and the one before stays", async () => {
    await using served = await serve({}, (server) =>
      server.on("host", (question) => question.host === "known.example" || question.reject("Nobody of that name")),
    );
    const client = await served.client();
    await client.expect("HOST known.example", 220);
    assert.equal((await client.expect("HOST other.example", 504)).text, "Nobody of that name");
    assert.equal(served.server.sessions[0]?.host, "known.example");
  });

  test("S15.2 another host than TLS was told: 504", async () => {
    await using served = await protectedServer({});
    const client = await served.client();
    await client.expect("AUTH TLS", 234);
    await client.secure({ version: "TLSv1.3", servername: "A.example" });
    await client.expect("HOST b.example", 504);
    await client.expect("HOST a.example", 220);
    assert.equal(served.server.sessions[0]?.host, "a.example");
  });
});
