/** The host that a client names to TLS (SNI), the one that it names by HOST, and the certificate that it gets. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import type { Server, TlsFailedFact, TlsOptions } from "../../dist/index.js";
import { issue, testCertificates } from "../kit/certificates.js";
import type { Served } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { TlsClient } from "./kit-data-tls-client.js";
import { hosted } from "./kit-data-tls-scene.js";

const contexts = new Map<string, SecureContext>();

before(async () => {
  const { ca } = await testCertificates();
  for (const name of ["a.test", "b.test"])
    contexts.set(name, createSecureContext(await issue({ name, hosts: [name] }, ca)));
});

const asked: string[] = [];
const BY_NAME: Partial<TlsOptions> = {
  sni: (name) => {
    asked.push(name);
    return contexts.get(name);
  },
};

async function visit(
  options: { readonly tls?: Partial<TlsOptions>; readonly setup?: (server: Server) => void },
  work: (served: Served, client: TlsClient) => Promise<void>,
): Promise<void> {
  asked.length = 0;
  await hosted(
    { tls: { ...BY_NAME, ...options.tls }, ...(options.setup && { setup: options.setup }) },
    async (served) => {
      await using client = await TlsClient.connect(served.port);
      await work(served, client);
    },
  );
}

/** The name in the certificate that the client was shown. */
function shown(client: TlsClient): string | undefined {
  return client.tls?.getPeerX509Certificate()?.subject.slice(3);
}

/** The name in the certificate of a data connection without a session to go on with. */
async function shownForData(client: TlsClient, options: ConnectionOptions = {}): Promise<string | undefined> {
  const line = await client.data("LIST", { session: undefined, ...options });
  const name = line.tls.getPeerX509Certificate()?.subject.slice(3);
  await line.collect();
  await client.expectReply(226);
  return name;
}

for (const version of VERSIONS) {
  const client = only(version);

  describe(`S15.1 ${version}: HOST and SNI`, () => {
    test("S15.1 the name to TLS is the host; another one by HOST: 504; the same: 220", () =>
      visit({}, async ({ server }, own) => {
        await own.secure({ ...client, servername: "A.test" });
        assert.equal(shown(own), "a.test");
        const [session] = server.sessions;
        assert.equal(session?.host, "a.test");
        assert.equal(session?.secure?.servername, "a.test");
        for (const name of ["b.test", "a.test.b.test", "test", "[::1]", "127.0.0.1"]) {
          await own.expect(`HOST ${name}`, 504);
          assert.equal(session?.host, "a.test");
        }
        for (const name of ["a.test", "A.TEST", "a.test."]) await own.expect(`HOST ${name}`, 220);
        await own.enter();
        assert.equal(session?.host, "a.test");
      }));

    test("S15.1 login.host is what TLS was told, whatever HOST said before", async () => {
      const logins: (string | undefined)[] = [];
      const setup = (server: Server) => server.on("login", ({ host }) => void logins.push(host));
      await visit({ setup: (server) => void setup(server) }, async ({ server }, own) => {
        await own.expect("HOST b.test", 220);
        await own.secure({ ...client, servername: "a.test" });
        assert.equal(shown(own), "a.test");
        assert.equal(server.sessions[0]?.host, "a.test");
        await own.expect("HOST b.test", 504);
        await own.enter();
        assert.deepEqual(logins, ["a.test"]);
      });
    });

    test("S15.1 HOST before AUTH chooses the certificate for a client that names none", () =>
      visit({}, async ({ server }, own) => {
        await own.expect("HOST B.test.", 220);
        await own.secure(client);
        assert.equal(shown(own), "b.test");
        assert.equal(server.sessions[0]?.host, "b.test");
        await own.enter();
        assert.equal(await shownForData(own), "b.test");
        assert.deepEqual(new Set(asked), new Set(["b.test"]));
      }));

    test("S15.1 HOST that was refused chooses none", () =>
      visit({ setup: (server) => void server.on("host", (question) => question.reject()) }, async ({ server }, own) => {
        await own.expect("HOST b.test", 504);
        await own.secure(client);
        assert.equal(shown(own), "localhost");
        assert.equal(server.sessions[0]?.host, undefined);
        assert.deepEqual(asked, []);
      }));

    test("S15.1 HOST behind AUTH changes the host and no certificate", () =>
      visit({}, async ({ server }, own) => {
        await own.secure(client);
        await own.expect("HOST b.test", 220);
        assert.equal(server.sessions[0]?.host, "b.test");
        await own.enter();
        assert.equal(await shownForData(own), "localhost");
        assert.deepEqual(asked, []);
      }));

    test("S15.1 a name that nobody has a certificate for gets the default one", () =>
      visit({}, async ({ server }, own) => {
        await own.secure({ ...client, servername: "c.test" });
        assert.equal(shown(own), "localhost");
        assert.equal(server.sessions[0]?.host, "c.test");
        await own.expect("HOST a.test", 504);
      }));

    test("S15.1 data connections show the certificate of the control connection, whatever they name", () =>
      visit({}, async (_served, own) => {
        await own.secure({ ...client, servername: "a.test" });
        await own.enter();
        assert.equal(await shownForData(own, { servername: "a.test" }), "a.test");
        assert.equal(await shownForData(own, { servername: "b.test" }), "a.test");
        assert.deepEqual(new Set(asked), new Set(["a.test"]));
      }));

    for (const servername of [
      "../x",
      "..",
      "a/b",
      "a\\b",
      "a b",
      "a.test:21",
      "a.test.",
      "\u001b[31m",
      "*",
      "a..b",
      "-",
      "x".repeat(254),
      "%2e%2e",
      "<script>",
    ])
      test(`S15.1 ${JSON.stringify(servername.slice(0, 20))} to TLS is no host for anybody`, async () => {
        const told: (string | undefined)[] = [];
        const setup = (server: Server) =>
          void server.on("login", ({ host, session }) => void told.push(host, session.host));
        await visit({ setup }, async (_served, own) => {
          // Either the handshake is refused, or the host has one of the spellings that HOST would give it.
          await own.secure({ ...client, servername }).then(
            () => own.enter(),
            () => undefined,
          );
          for (const name of [...told, ...asked])
            assert.match(name ?? "none", /^(?!.*\.\.)[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/);
        });
      });
  });

  describe(`S15.1 ${version}: the choice of a certificate fails`, () => {
    const FAILURES: readonly (readonly [name: string, sni: TlsOptions["sni"]])[] = [
      ["throws", () => assert.fail("no database")],
      ["rejects", () => Promise.reject(new Error("no database"))],
      ["never answers", () => new Promise<undefined>(() => undefined)],
    ];
    for (const [name, sni] of FAILURES)
      for (const way of ["SNI", "HOST"] as const)
        test(`S15.1 tls.sni ${name} (${way}): the client is refused, the server lives`, async () => {
          const facts: TlsFailedFact[] = [];
          const setup = (server: Server) => void server.on("tlsFailed", (fact) => facts.push(fact));
          await visit({ tls: { sni, handshakeTimeout: 300 }, setup }, async (served, own) => {
            if (way === "HOST") await own.expect("HOST a.test", 220);
            await assert.rejects(own.secure({ ...client, ...(way === "SNI" && { servername: "a.test" }) }));
            await until(() => facts.length === 1);
            assert.equal(facts[0]?.channel, "control");
            assert.equal(facts[0]?.error.code, "TLS_FAILED");
            assert(facts[0]?.error.cause instanceof Error);
            await until(() => served.server.sessions.length === 0);
            await using next = await TlsClient.connect(served.port);
            await next.secure(client);
            assert.equal(shown(next), "localhost");
          });
        });
  });

  for (const way of ["SNI", "HOST"] as const)
    test(`S15.1 ${version}: tls.sni gives what is no context (${way}): refused, told, and the server lives`, async () => {
      const facts: unknown[] = [];
      const setup = (server: Server) =>
        void server.on("tlsFailed", (fact) => facts.push(fact)).on("error", (fact) => facts.push(fact));
      await visit({ tls: { sni: () => ({}) as never }, setup }, async (served, own) => {
        if (way === "HOST") await own.expect("HOST a.test", 220);
        await assert.rejects(own.secure({ ...client, ...(way === "SNI" && { servername: "a.test" }) }));
        await until(() => facts.length === 1 && served.server.sessions.length === 0);
        await using next = await TlsClient.connect(served.port);
        await next.secure(client);
      });
    });

  test(`S15.1 ${version}: a host of its own and one session: the session of host a opens nothing of host b`, () =>
    visit({ tls: { requireSessionReuse: true } }, async ({ port, fileSystem }, own) => {
      await put(fileSystem, "/file", "content");
      await own.secure({ ...client, servername: "a.test" });
      await own.enter();
      await using other = await TlsClient.connect(port);
      await other.secure({ ...client, servername: "b.test" });
      await other.enter();
      const line = own.line(await own.open("RETR file"), { session: other.session, servername: "b.test" });
      await own.expectReply(522);
      assert.equal((await line.collect()).length, 0);
      assert.equal((await own.download("RETR file")).toString(), "content");
      assert.equal((await other.download("RETR file")).toString(), "content");
    }));
}
