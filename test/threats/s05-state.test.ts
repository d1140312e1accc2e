/** S5.4 to S5.6, S5.11: what AUTH forgets, what may not be done in clear, and AUTH twice. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFileSystem, type TlsRequirement } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { accepts } from "../kit/data.js";
import { put, putDirectory } from "../kit/store.js";
import { TlsClient } from "./kit-tls.js";
import { besiege, CONTENT, type WatchedServer, withClient } from "./kit-tls-server.js";

/** Logs in in clear, does what is given, and is under TLS and logged in again. */
async function overAuth(port: number, before: (client: TlsClient) => Promise<void>): Promise<TlsClient> {
  const client = await TlsClient.greeted(port);
  await client.login();
  await before(client);
  await client.expect("AUTH TLS", 234);
  await client.protect();
  return client;
}

const portOf = (text: string): number => Number(/\|(\d+)\|/.exec(text)?.[1]);

describe("S5.4 AUTH forgets all that was set in clear", () => {
  const FORGOTTEN: readonly (readonly [
    what: string,
    before: (client: TlsClient) => Promise<unknown>,
    after: (client: TlsClient) => Promise<unknown>,
  ])[] = [
    ["the offer", (client) => client.expect("EPSV", 229), (client) => client.expect("LIST", 425)],
    ["the offer of PASV", (client) => client.expect("PASV", 227), (client) => client.expect("RETR f", 425)],
    [
      "the address of PORT",
      (client) => client.expect("PORT 127,0,0,1,200,1", 200),
      (client) => client.expect("LIST", 425),
    ],
    [
      "the working directory",
      (client) => client.expect("CWD d", 250),
      async (client) => assert.match((await client.expect("PWD", 257)).text, /^"\/" /),
    ],
    [
      "TYPE",
      (client) => client.expect("TYPE I", 200),
      async (client) => assert.match((await client.expect("STAT", 211)).lines.join("\n"), /TYPE: A/),
    ],
    [
      "REST",
      (client) => client.expect("REST 5", 350),
      async (client) => assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT),
    ],
    ["RNFR", (client) => client.expect("RNFR f", 350), (client) => client.expect("RNTO g", 503)],
    ["EPSV ALL", (client) => client.expect("EPSV ALL", 200), (client) => client.expect("PASV", 227)],
    [
      "OPTS MLST",
      (client) => client.expect("OPTS MLST size;", 200),
      async (client) => assert.match((await client.expect("FEAT", 211)).lines.join("\n"), /type\*/i),
    ],
    [
      "SITE UMASK",
      (client) => client.expect("SITE UMASK 077", 200),
      async (client) => assert.doesNotMatch((await client.expect("SITE UMASK", 200)).text, /077/),
    ],
  ];
  for (const [what, before, after] of FORGOTTEN)
    test(`S5.4 ${what}`, () =>
      besiege({}, {}, async (served) => {
        await putDirectory(served.fileSystem, "/d");
        const opening = overAuth(served.port, async (client) => void (await before(client)));
        await withClient(opening, async (client) => {
          await client.login();
          await after(client);
          await client.assertQuiet();
        });
      }));

  test("S5.4 the login", () =>
    besiege({}, {}, async (served) => {
      const opening = overAuth(served.port, () => Promise.resolve());
      await withClient(opening, async (client) => {
        for (const line of ["PWD", "CWD /", "EPSV", "LIST", "RETR f", "STOR g", "SIZE f", "SITE HELP"])
          await client.expect(line, 530);
        assert.equal(served.server.sessions[0]?.username, undefined);
      });
    }));

  test("S5.4 a user that waits for its password, and one that waits for its account", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.expect("USER test", 331);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await client.expect("PASS secret", 503);
        await client.expect("ACCT a", 503);
        assert.deepEqual(served.logins, []);
      });
    }));

  test("S5.4 the port that was offered is closed", () =>
    besiege({}, {}, async (served) => {
      let port = 0;
      const opening = overAuth(served.port, async (client) => {
        port = portOf((await client.expect("EPSV", 229)).text);
      });
      await withClient(opening, async () => assert.equal(await accepts(port), false));
    }));

  test("S5.4 but not the logins that failed: AUTH buys no more guesses", () =>
    besiege({}, { maxLoginAttempts: 3 }, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        for (const _ of [1, 2]) {
          await client.expect("USER test", 331);
          await client.expect("PASS wrong", 530);
        }
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await client.expect("USER test", 331);
        await client.expect("PASS wrong", 421);
        await client.expectClosed();
      });
    }));

  test("S5.4 an AUTH that is refused changes nothing", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.login();
        for (const [line, code] of [
          ["AUTH KERBEROS_V4", 504],
          ["AUTH", 501],
          ["AUTH ", 501],
          ["AUTH TLS X", 504],
        ] as const)
          await client.expect(line, code);
        assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
      });
    }));
});

/** What a requirement demands. */
const LEVELS: readonly (readonly [level: TlsRequirement, login: boolean, data: boolean])[] = [
  ["none", false, false],
  ["login", true, false],
  ["data", false, true],
  ["all", true, true],
];
const TRANSFERS = ["RETR f", "STOR n", "APPE n", "STOU", "LIST", "NLST", "MLSD"];

/** No data in clear: refused before 150, and PROT C does not help. */
async function assertDataNeedsTls(client: TlsClient): Promise<void> {
  for (const line of TRANSFERS) {
    await client.expect("EPSV", 229);
    await client.expect(line, 521);
  }
  await client.assertQuiet();
}

async function assertInClear(served: WatchedServer, port: number, login: boolean, data: boolean): Promise<void> {
  await withClient(TlsClient.greeted(port), async (client) => {
    if (!login) {
      await client.login();
      if (data) await assertDataNeedsTls(client);
      else assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
      return;
    }
    for (const line of ["USER test", "USER nobody", "PASS secret", "PASS", "ACCT a"]) {
      await client.expect(line, 530);
      await client.expect("PWD", 530);
    }
    client.send("USER test\r\nPASS secret\r\n");
    await client.expectReply(530);
    await client.expectReply(530);
    assert.deepEqual(served.logins, [], "a password was read");
  });
}

async function assertUnderTls(port: number, data: boolean): Promise<void> {
  await withClient(TlsClient.explicit(port), async (client) => {
    await client.login();
    if (data) await assertDataNeedsTls(client);
    else assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
    await client.expect("PBSZ 0", 200);
    await client.expect("PROT P", 200);
    assert.equal((await client.download("RETR f")).toString(), CONTENT);
    await client.expect("PROT C", data ? 534 : 200);
    if (data) assert.equal((await client.download("RETR f")).toString(), CONTENT);
    else assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
  });
}

describe("S5.5 what needs TLS", () => {
  for (const [level, login, data] of LEVELS) {
    test(`S5.5 require ${level} on the server`, () =>
      besiege({ require: level }, {}, async (served) => {
        await assertInClear(served, served.port, login, data);
        await assertUnderTls(served.port, data);
      }));

    test(`S5.5 requireTls ${level} on a listener, whatever the server requires`, () =>
      besiege(
        { require: login ? "none" : "all" },
        { listeners: [{ host: "127.0.0.1", port: 0, requireTls: level }] },
        async (served) => {
          await assertInClear(served, served.port, login, data);
          await assertUnderTls(served.port, data);
        },
      ));

    test(`S5.5 requireTls ${level} of an account`, () =>
      besiege({}, {}, async (served) => {
        served.server.on("login", (question) => {
          if (question.username === "strict") question.accept({ fileSystem: served.fileSystem, requireTls: level });
        });
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("USER strict", 331);
          await client.expect("PASS x", login ? 530 : 230);
          if (login) await client.expect("PWD", 530);
          else if (data) await assertDataNeedsTls(client);
          else await client.downloadClear("RETR f");
          assert.equal(served.server.sessions[0]?.admitted, !login);
        });
        await withClient(TlsClient.explicit(served.port), async (client) => {
          await client.expect("USER strict", 331);
          await client.expect("PASS x", 230);
          if (data) await assertDataNeedsTls(client);
          await client.expect("PROT P", 200);
          assert.equal((await client.download("RETR f")).toString(), CONTENT);
          await client.expect("PROT C", data ? 534 : 200);
        });
      }));
  }

  test("S5.5 what one account requires is not required of the next on the same connection", () =>
    besiege({}, { allowRelogin: true }, async (served) => {
      served.server.on("login", (question) => {
        if (question.username === "strict") question.accept({ fileSystem: served.fileSystem, requireTls: "data" });
      });
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.expect("USER strict", 331);
        await client.expect("PASS x", 230);
        await assertDataNeedsTls(client);
        await client.login();
        await client.downloadClear("RETR f");
      });
    }));

  test("S5.5 nothing that is set in clear makes up for TLS", () =>
    besiege({ require: "all" }, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        for (const line of ["PBSZ 0", "PROT P", "PROT C"]) await client.expect(line, 503);
        await client.expect("CCC", 530, 533);
        await client.expect("HOST localhost", 220);
        await client.expect("REIN", 220);
        await client.expect("USER test", 530);
        await client.expect("PASS secret", 530);
        assert.deepEqual(served.logins, []);
      });
    }));

  test("S5.5 setTls changes what is required of those who come from now on", () =>
    besiege({ require: "none" }, {}, async (served) => {
      const { server: pair } = await testCertificates();
      served.server.setTls({ ...pair, require: "all" });
      await assertInClear(served, served.port, true, true);
    }));
});

describe("S5.6 AUTH inside TLS", () => {
  for (const kind of ["explicit", "implicit"] as const)
    test(`S5.6 ${kind}: 503 for every mechanism, and TLS goes on`, () =>
      besiege({}, { implicitTls: kind === "implicit" }, async (served) => {
        await withClient(TlsClient[kind](served.port), async (client) => {
          for (const login of [false, true]) {
            if (login) await client.login();
            for (const line of ["AUTH TLS", "AUTH SSL", "AUTH TLS-P", "AUTH TLS-C", "AUTH NONE", "auth tls"])
              await client.expect(line, 503);
            await client.assertQuiet();
          }
          await client.expect("PWD", 257);
          assert.equal(served.server.sessions[0]?.secure?.protocol, "TLSv1.3");
        });
      }));

  test("S5.6 a ClientHello behind the second AUTH is a broken line of that TLS, and no second handshake", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.expect("AUTH TLS", 503);
        client.send(Buffer.from("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n", "latin1"));
        await client.expectClosed();
      });
    }));
});

describe("S5.11 PROT cannot be undone where data must be private", () => {
  for (const level of ["data", "all"] as const)
    test(`S5.11 require ${level}: PROT C is 534, before and after PROT P, and the level stays`, () =>
      besiege({ require: level }, {}, async (served) => {
        await withClient(TlsClient.explicit(served.port), async (client) => {
          await client.login();
          for (const line of ["PROT C", "prot c", "PROT C"]) await client.expect(line, 534);
          await client.expect("PROT P", 200);
          await client.expect("PROT C", 534);
          await client.expect("PROT S", 536);
          await client.expect("PROT X", 504);
          await client.expect("PROT", 501);
          assert.equal((await client.download("RETR f")).toString(), CONTENT);
        });
      }));

  test("S5.11 FEAT shows AUTH TLS in clear, under TLS and before and after login", () =>
    besiege({}, {}, async (served) => {
      const features = async (client: TlsClient): Promise<void> => {
        const { lines } = await client.expect("FEAT", 211);
        for (const feature of [" AUTH TLS", " PBSZ", " PROT"])
          assert(
            lines.some((line) => line.toUpperCase().startsWith(feature)),
            lines.join("|"),
          );
      };
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await features(client);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await features(client);
        await client.login();
        await features(client);
      });
    }));

  test("S5.11 a connection that was offered for PROT P is not used in clear after PROT C, nor the other way round", () =>
    besiege({}, { fileSystem: new MemoryFileSystem() }, async (served) => {
      await put(served.fileSystem, "/f", CONTENT);
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.login();
        await client.expect("PROT P", 200);
        await client.expect("PROT C", 200);
        assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
        await client.expect("PROT P", 200);
        assert.equal((await client.download("RETR f")).toString(), CONTENT);
      });
    }));
});
