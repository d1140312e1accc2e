/** S6.1, S6.2: which protocol and which host a client of TLS asks for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls, { createSecureContext, type SecureContext } from "node:tls";
import { issue, testCertificates } from "../kit/certificates.js";
import { until } from "../kit/temporary.js";
import { type ClientTls, TlsClient } from "./kit-tls.js";
import { besiege, CONTENT, type WatchedServer, withClient } from "./kit-tls-server.js";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const FOREIGN: readonly (readonly string[])[] = [
  ["http/1.1"],
  ["h2", "http/1.1"],
  ["http/1.0"],
  ["smtp"],
  ["imap"],
  ["FTP"],
  ["ftp "],
  ["ftps"],
  ["xftp", "ft"],
  ["x".repeat(255)],
  Array.from({ length: 100 }, (_, index) => `protocol ${index}`),
];

/** What ALPN agreed on, at the client and at the server. */
async function alpnOf(client: TlsClient, served: WatchedServer): Promise<string | undefined> {
  const { alpnProtocol } = client.secured ?? {};
  await client.assertQuiet();
  const agreed = served.server.sessions[0]?.secure?.alpn;
  assert.equal(alpnProtocol === false ? undefined : alpnProtocol, agreed);
  return agreed;
}

for (const maxVersion of VERSIONS)
  for (const kind of ["explicit", "implicit"] as const)
    describe(`S6.1 ALPN, ${maxVersion}, ${kind}`, () => {
      const implicitTls = kind === "implicit";

      /** A client before its handshake. */
      async function ready(port: number): Promise<TlsClient> {
        if (implicitTls) return TlsClient.open(port);
        const client = await TlsClient.greeted(port);
        await client.expect("AUTH TLS", 234);
        return client;
      }

      test("S6.1 a client of other protocols gets a fatal alert that says so, and no reply", () =>
        besiege({}, { implicitTls }, async (served) => {
          for (const ALPNProtocols of [...FOREIGN, ["ftp-data"]])
            await withClient(ready(served.port), async (client) => {
              const before = client.codes.length;
              const failure = await client.tryToProtect({ maxVersion, ALPNProtocols: [...ALPNProtocols] });
              assert.match(String((failure as NodeJS.ErrnoException).code), /ALERT_NO_APPLICATION_PROTOCOL/);
              await client.expectClosed(3000);
              assert.equal(client.codes.length, before);
            });
          await until(() => served.failures.length === FOREIGN.length + 1);
        }));

      for (const [offered, selected] of [
        [["ftp"], "ftp"],
        [["http/1.1", "ftp"], "ftp"],
        [["h2", "ftp", "http/1.1"], "ftp"],
        [["ftp", "ftp-data"], "ftp"],
        [["ftp-data", "ftp"], "ftp"],
        [undefined, undefined],
      ] as const)
        test(`S6.1 of ${offered?.join(" and ") ?? "nothing"} the server takes ${selected ?? "nothing"}`, () =>
          besiege({}, { implicitTls }, async (served) => {
            const options: ClientTls = { maxVersion, ...(offered && { ALPNProtocols: [...offered] }) };
            await withClient(TlsClient[kind](served.port, options), async (client) =>
              assert.equal(await alpnOf(client, served), selected),
            );
          }));
    });

for (const maxVersion of VERSIONS)
  describe(`S6.1 ALPN of data connections, ${maxVersion}`, () => {
    test("S6.1 other protocols only: a fatal alert, 522, and the control connection lives", () =>
      besiege({}, {}, async (served) => {
        const { ca } = await testCertificates();
        await withClient(TlsClient.explicit(served.port, { maxVersion }), async (client) => {
          await client.login();
          await client.expect("PROT P", 200);
          for (const ALPNProtocols of FOREIGN)
            for (const command of ["RETR f", "STOR new", "LIST"]) {
              const socket = await client.beginTransfer(command);
              const options = { ca: ca.cert, servername: "localhost", ALPNProtocols: [...ALPNProtocols], maxVersion };
              const secured = tls.connect({ ...options, socket });
              const failed = new Promise<NodeJS.ErrnoException>((resolve) => secured.once("error", resolve));
              await client.expectReply(522);
              assert.match(String((await failed).code), /ALERT_NO_APPLICATION_PROTOCOL/);
            }
          await client.expect("SIZE new", 550);
          await client.assertQuiet();
        });
      }));

    test("S6.1 ftp, ftp-data, either among others, or none: accepted", () =>
      besiege({}, {}, async (served) => {
        await withClient(TlsClient.explicit(served.port, { maxVersion }), async (client) => {
          await client.login();
          await client.expect("PROT P", 200);
          for (const offered of [["ftp"], ["ftp-data"], ["http/1.1", "ftp"], ["ftp-data", "ftp"], undefined]) {
            const options = { maxVersion, ...(offered && { ALPNProtocols: offered }) };
            assert.equal((await client.download("RETR f", options)).toString(), CONTENT);
          }
        });
      }));
  });

/** A context that shows another certificate than the server's own. */
async function contextFor(name: string): Promise<SecureContext> {
  const { ca } = await testCertificates();
  return createSecureContext(await issue({ name, hosts: [name] }, ca));
}

/** The common name that a client is shown. */
function shown(client: TlsClient): string | undefined {
  return client.secured?.getPeerX509Certificate()?.subject.replace("CN=", "");
}

type Sni = (servername: string) => SecureContext | undefined | Promise<SecureContext | undefined>;

for (const maxVersion of VERSIONS)
  for (const kind of ["explicit", "implicit"] as const)
    describe(`S6.2 SNI, ${maxVersion}, ${kind}`, () => {
      const implicitTls = kind === "implicit";

      /** Serves with an `sni`; the test ends with one that asks for nothing. */
      const besiegeWith = (sni: Sni, attack: (served: WatchedServer) => Promise<void>): Promise<void> => {
        let asked: Sni = sni;
        return besiege({ sni: (name) => asked(name), handshakeTimeout: 1000 }, { implicitTls }, async (served) => {
          await attack(served);
          asked = () => undefined;
        });
      };

      const open = (port: number, options: ClientTls): Promise<TlsClient> =>
        TlsClient[kind](port, { maxVersion, ...options });

      async function assertRefused(served: WatchedServer, options: ClientTls = {}): Promise<void> {
        await assert.rejects(open(served.port, { servername: "one.example", ...options }));
        await until(() => served.failures.length === 1, undefined, "the failure is told");
        await until(() => served.server.sessions.length === 0, undefined, "the session ends");
        assert.match(served.failures[0] ?? "", /^control: TLS handshake: ./);
      }

      for (const [what, sni] of [
        [
          "throws",
          () => {
            throw new Error("unknown host");
          },
        ],
        [
          "throws what is no error",
          () => {
            throw "unknown host";
          },
        ],
        ["rejects", () => Promise.reject(new Error("unknown host"))],
        [
          "rejects with what is no error",
          async () => {
            throw undefined;
          },
        ],
        ["gives an object that is no context", () => ({}) as SecureContext],
        ["gives a number", () => 42 as unknown as SecureContext],
        ["gives a text", () => "one.example" as unknown as SecureContext],
        ["gives true", () => true as unknown as SecureContext],
        ["gives a context in a wrong wrap", () => ({ context: {} })],
        ["gives a promise of no context", () => Promise.resolve([] as unknown as SecureContext)],
        ["never answers", () => new Promise<never>(() => undefined)],
      ] satisfies [string, Sni][])
        test(`S6.2 a host that ${what} refuses the client, and nobody else`, () =>
          besiegeWith(sni, (served) => assertRefused(served)));

      test("S6.2 a host that answers late, but in time, is heard", () =>
        besiegeWith(
          async (name) => {
            await pause(100);
            return contextFor(name);
          },
          async (served) => {
            await withClient(open(served.port, { servername: "one.example" }), async (client) => {
              assert.equal(shown(client), "one.example");
              await client.assertQuiet();
            });
          },
        ));

      for (const [when, leave] of [
        ["the client has gone", true],
        ["the handshake's time is over", false],
      ] as const)
        test(`S6.2 an answer that comes when ${when} harms nobody`, async () => {
          let answer: () => void = () => undefined;
          let asked: () => void = () => undefined;
          const heard = new Promise<void>((resolve) => {
            asked = resolve;
          });
          const context = await contextFor("one.example");
          const sni = (): Promise<SecureContext> =>
            new Promise((resolve) => {
              answer = () => resolve(context);
              asked();
            });
          await besiegeWith(sni, async (served) => {
            const client = implicitTls ? await TlsClient.open(served.port) : await TlsClient.greeted(served.port);
            if (!implicitTls) await client.expect("AUTH TLS", 234);
            const failing = client.tryToProtect({ servername: "one.example", maxVersion });
            await heard;
            if (leave) await client[Symbol.asyncDispose]();
            assert(await failing);
            await until(() => served.server.sessions.length === 0, undefined, "the session ends");
            answer();
            await new Promise((resolve) => setImmediate(resolve));
            await client[Symbol.asyncDispose]();
          });
        });

      test("S6.2 each client is shown the certificate of its host, the default where there is none", async () => {
        const contexts = new Map<string, SecureContext>();
        for (const name of ["one.example", "two.example"]) contexts.set(name, await contextFor(name));
        const names: string[] = [];
        const sni = (name: string): SecureContext | undefined => {
          names.push(name);
          return contexts.get(name);
        };
        await besiegeWith(sni, async (served) => {
          for (const [servername, expected] of [
            ["one.example", "one.example"],
            ["TWO.Example", "two.example"],
            ["other.example", "localhost"],
            ["", "localhost"],
            [`${"a".repeat(60)}.${"b".repeat(60)}.example`, "localhost"],
          ] as const)
            await withClient(
              open(served.port, { servername, checkServerIdentity: () => undefined }),
              async (client) => {
                assert.equal(shown(client), expected);
                await client.assertQuiet();
                assert.equal(served.server.sessions[0]?.secure?.servername, servername.toLowerCase() || undefined);
              },
            );
          assert.deepEqual(names.slice(0, 3), ["one.example", "two.example", "other.example"]);
          assert.equal(names.length, 4);
        });
      });

      test("S6.2 twenty clients of two hosts at once get their own", async () => {
        const contexts = [await contextFor("h0.example"), await contextFor("h1.example")];
        const sni = async (name: string): Promise<SecureContext | undefined> => {
          await pause(name === "h0.example" ? 30 : 5);
          return contexts[name === "h0.example" ? 0 : 1];
        };
        await besiegeWith(sni, async (served) => {
          await Promise.all(
            Array.from({ length: 20 }, (_, index) => {
              const servername = `h${index % 2}.example`;
              return withClient(open(served.port, { servername }), async (client) => {
                assert.equal(shown(client), servername);
                await client.assertQuiet();
              });
            }),
          );
        });
      });

      test("S6.2 data connections show the certificate of the control connection, whatever they ask for", async () => {
        const context = await contextFor("one.example");
        await besiegeWith(
          (name) => (name === "one.example" ? context : undefined),
          async (served) => {
            await withClient(open(served.port, { servername: "one.example" }), async (client) => {
              await client.login();
              await client.expect("PROT P", 200);
              assert.equal(
                (await client.download("RETR f", { maxVersion, servername: "one.example" })).toString(),
                CONTENT,
              );
              const socket = await client.beginTransfer("RETR f");
              const { ca } = await testCertificates();
              const other = tls.connect({ socket, ca: ca.cert, servername: "two.example", maxVersion });
              await assert.rejects(
                new Promise((_resolve, reject) => other.once("error", reject)),
                /ERR_TLS_CERT_ALTNAME_INVALID|DNS:one\.example/,
              );
              await client.expectReply(226, 426, 522);
              await client.assertQuiet();
            });
          },
        );
      });

      test("S6.2 a client that asks for a staple of OCSP gets none, and in", async () => {
        const context = await contextFor("one.example");
        await besiegeWith(
          (name) => (name === "one.example" ? context : undefined),
          async (served) => {
            for (const servername of ["one.example", "localhost"])
              await withClient(open(served.port, { servername, requestOCSP: true } as ClientTls), async (client) => {
                assert.equal(shown(client), servername);
                await client.assertQuiet();
              });
          },
        );
      });

      test("S6.2 HOST may not name another host than SNI did", () =>
        besiege({}, { implicitTls }, async (served) => {
          await withClient(open(served.port, { servername: "localhost" }), async (client) => {
            await client.expect("HOST other.example", 504);
            await client.expect("HOST localhost", 220);
            assert.equal(served.server.sessions[0]?.host, "localhost");
          });
        }));
    });
