/** curl under TLS: `--ssl-reqd` and `ftps:`, certificates of its own, and the way back into clear. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { describe, type TestContext } from "node:test";
import { assertNames } from "../clients/expectations.js";
import { way } from "../clients/scene.js";
import { issue, testCertificates } from "../kit/certificates.js";
import { run } from "../kit/programs.js";
import { BROUGHT, type TlsClient } from "./tls-client.js";
import { assertChannels, assertVisited, expectTls, playedTls, prepare } from "./tls-expectations.js";
import { PROTOCOLS, type TlsScene } from "./tls-scene.js";

const WAYS: Readonly<Record<string, readonly string[]>> = {
  PASV: ["--disable-epsv"],
  EPSV: [],
  PORT: ["--disable-eprt", "--ftp-port", "-"],
  EPRT: ["--ftp-port", "-"],
};

/** Everything that one transfer needs; `--disable`, which must come first, is not among it. */
function transfer(tls: TlsScene, path: string, ...args: readonly string[]): readonly string[] {
  const own = ["--silent", "--show-error", "--ssl-reqd", "--cacert", tls.ca, "--user", "test:secret"];
  const scheme = tls.style === "implicit" ? "ftps" : "ftp";
  return [...own, ...(WAYS[tls.scene.way.mode] ?? []), ...args, tls.url(scheme, path)];
}

/** Transfers in one run, which share one session, until one fails. */
async function curl(tls: TlsScene, ...transfers: readonly (readonly string[])[]): Promise<void> {
  const args = transfers.flatMap((each, index) => (index === 0 ? each : ["--next", ...each]));
  await tls.run("curl", ["--disable", "--fail-early", ...args]);
}

/** A visit whose transfers all have some options more. */
async function visit(tls: TlsScene, ...more: readonly string[]): Promise<readonly string[]> {
  const listing = transfer(tls, "", ...more, "--list-only", "--output", "names");
  const download = transfer(tls, "down", ...more, "--output", "down");
  const uploads = BROUGHT.map((name) => transfer(tls, name, ...more, "--upload-file", "up"));
  await curl(tls, listing, download, ...uploads);
  return (await readFile(tls.scene.local("names"), "utf8")).split(/\r?\n/).filter((line) => line !== "");
}

const client: TlsClient = {
  name: "curl",
  programs: ["curl"],
  styles: ["explicit", "implicit"],
  ways: [way("EPSV"), way("PASV"), way("EPSV", "::1")],
  visit,
  resumeDownload: (tls) => curl(tls, transfer(tls, "down", "--continue-at", "-", "--output", "down")),
  resumeUpload: (tls) => curl(tls, transfer(tls, "part", "--continue-at", "-", "--upload-file", "up")),
};

expectTls(client);

/** curl 7.87 and 7.88 forget TLS on data connections that they accept, and wait for ever. */
async function knowsActiveTls(t: TestContext): Promise<boolean> {
  const { stdout } = await run("curl", ["--version"]);
  const forgets = /^curl 7\.8[78]\./.test(stdout);
  if (forgets) t.skip(`no TLS in active mode: ${stdout.split(" ", 2).join(" ")}`);
  return !forgets;
}

describe("curl under TLS in active mode", () => {
  for (const by of [way("EPRT"), way("PORT"), way("EPRT", "::1")])
    playedTls({ ...client, isReady: knowsActiveTls }, `by ${by.mode} on ${by.host}`, by, async (tls) => {
      await prepare(tls);
      assert.deepEqual(await visit(tls), ["down"]);
      await assertVisited(tls, client);
      tls.scene.assertWay();
      assertChannels(tls, "TLSv1.3", "unsure");
    });
});

describe("curl's own under TLS", () => {
  for (const [version, protocol] of [
    ["1.2", "TLSv1.2"],
    ["1.3", "TLSv1.3"],
  ] as const)
    playedTls(client, `--tls-max ${version} is what both connections get`, way("EPSV"), async (tls) => {
      await prepare(tls);
      await visit(tls, "--tls-max", version);
      await assertVisited(tls, client);
      assertChannels(tls, protocol, "unsure");
    });

  for (const mode of ["active", "passive"])
    for (const protocol of PROTOCOLS)
      playedTls(
        client,
        `--ftp-ssl-ccc-mode ${mode} goes on in clear, and data stay private (${protocol})`,
        way("EPSV"),
        async (tls) => {
          await prepare(tls);
          await visit(tls, "--ftp-ssl-ccc", "--ftp-ssl-ccc-mode", mode);
          await assertVisited(tls, client);
          assertChannels(tls, protocol, "unsure");
          const clear = new Set(tls.clear);
          for (const verb of ["EPSV", "NLST", "RETR", "STOR", "QUIT"]) assert(clear.has(verb), `${verb} in clear`);
          for (const verb of ["USER", "PASS", "PBSZ", "PROT", "CCC"]) assert(!clear.has(verb), `${verb} under TLS`);
        },
        { protocol, tls: { allowClear: true, require: "data" } },
      );

  playedTls(
    client,
    "one transfer a session works where sessions must be resumed (TLSv1.3)",
    way("EPSV"),
    async (tls) => {
      await prepare(tls);
      await curl(tls, transfer(tls, "down", "--output", "down"));
      for (const name of BROUGHT) await curl(tls, transfer(tls, name, "--upload-file", "up"));
      await assertVisited(tls, client);
      assertChannels(tls, "TLSv1.3", "always");
    },
    { protocol: "TLSv1.3", tls: { requireSessionReuse: true } },
  );

  playedTls(client, "without TLS it gets no further than its name", way("EPSV"), async (tls) => {
    const { scene } = tls;
    // 67: the login was refused.
    await tls.run("curl", ["--disable", "--silent", "--user", "test:secret", scene.url("down")], { status: 67 });
    assert.equal(scene.replies.find(({ verb }) => verb === "USER")?.code, 530);
    assert.deepEqual(tls.logins, []);
  });
});

const { ca } = await testCertificates();

describe("curl with a certificate of its own", () => {
  for (const protocol of PROTOCOLS) {
    const options = { protocol, tls: { requestCert: true, ca: ca.cert } };

    playedTls(
      client,
      `${protocol}: is logged in by it, and shows it on data connections`,
      way("EPSV"),
      async (tls) => {
        const { scene } = tls;
        await prepare(tls);
        const own = await issue({ name: "test" }, ca);
        await writeFile(scene.local("cert.pem"), own.cert);
        await writeFile(scene.local("key.pem"), own.key);
        scene.served.server.on("certificate", (question) => {
          if (question.username === "test" && question.certificate.subject === "CN=test")
            question.accept({ fileSystem: scene.store });
        });
        await visit(tls, "--cert", "cert.pem", "--key", "key.pem");
        await assertVisited(tls, client);
        assert.deepEqual(
          scene.replies.filter(({ verb }) => verb === "USER").map(({ code }) => code),
          [232],
        );
        assert(!scene.replies.some(({ verb }) => verb === "PASS"), "a password was sent");
        assertChannels(tls, protocol, "unsure");
        const { fingerprint256 } = new X509Certificate(own.cert);
        for (const secure of [...tls.logins, ...tls.channels.map((channel) => channel.secure)]) {
          assert.equal(secure?.certificate?.fingerprint256, fingerprint256);
          assert.equal(secure.authorized, true);
        }
      },
      options,
    );

    playedTls(
      client,
      `${protocol}: without it gets nothing`,
      way("EPSV"),
      async (tls) => {
        await prepare(tls);
        await assert.rejects(visit(tls));
        assert.deepEqual(tls.logins, []);
        assert(tls.failures.some(({ channel }) => channel === "control"));
        await assertNames(tls.scene, "/", ["down"]);
      },
      options,
    );
  }
});
