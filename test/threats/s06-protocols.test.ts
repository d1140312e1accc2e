/** S6.3 to S6.6: clients of other protocols, made to speak to an FTP server by somebody else. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { names } from "../kit/store.js";
import { clientHello, TlsClient } from "./kit-tls.js";
import { besiege, withClient } from "./kit-tls-server.js";

/** What would log in and leave something behind, if it were heard. */
const BODY = "USER test\r\nPASS secret\r\nMKD owned\r\nQUIT\r\n";
const FIRST_LINES: readonly (readonly [what: string, bytes: string])[] = [
  ["GET", `GET / HTTP/1.1\r\nHost: localhost\r\n\r\n${BODY}`],
  ["GET in lower case", `get / HTTP/1.1\r\nHost: localhost\r\n\r\n${BODY}`],
  ["GET with a path like a command", `GET /USER%20test HTTP/1.1\r\n${BODY}`],
  ["POST", `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 45\r\n\r\n${BODY}`],
  ["HEAD", `HEAD / HTTP/1.0\r\n\r\n${BODY}`],
  ["PUT", `PUT /x HTTP/1.1\r\n\r\n${BODY}`],
  ["PATCH", `PATCH /x HTTP/1.1\r\n\r\n${BODY}`],
  ["DELETE", `DELETE /x HTTP/1.1\r\n\r\n${BODY}`],
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n\r\n${BODY}`],
  ["CONNECT", `CONNECT localhost:21 HTTP/1.1\r\n\r\n${BODY}`],
  ["TRACE", `TRACE / HTTP/1.1\r\n\r\n${BODY}`],
  ["PRI", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${BODY}`],
  ["EHLO", `EHLO localhost\r\n${BODY}`],
  ["HELO", `HELO localhost\r\n${BODY}`],
  ["MAIL FROM", `MAIL FROM:<evil@example.org>\r\n${BODY}`],
  ["RCPT TO", `RCPT TO:<evil@example.org>\r\n${BODY}`],
  ["SSH", `SSH-2.0-OpenSSH_9.6\r\n${BODY}`],
  ["Host: x", `Host: x\r\n${BODY}`],
  ["host: x", `host: x\r\n${BODY}`],
  ["JSON", `{"USER": "test"}\r\n${BODY}`],
  ["a brace alone", `{\r\n${BODY}`],
  ["NUL bytes", `\0\0\0\0\0\0\r\n${BODY}`],
  ["one NUL", `\0\r\n${BODY}`],
  ["NUL before a line", `\0${BODY}`],
];

for (const kind of ["in clear", "behind AUTH", "on an implicit port"] as const)
  describe(`S6.3 the first line of another protocol, ${kind}`, () => {
    const implicitTls = kind === "on an implicit port";
    const open = (port: number): Promise<TlsClient> => {
      if (kind === "in clear") return TlsClient.greeted(port);
      return implicitTls ? TlsClient.implicit(port) : TlsClient.explicit(port);
    };

    for (const [what, bytes] of FIRST_LINES)
      for (const way of ["at once", "line by line"])
        test(`S6.3 ${what}, ${way}: closed after one reply at most, and nothing behind it is executed`, () =>
          besiege({}, { implicitTls }, async (served) => {
            await withClient(open(served.port), async (client) => {
              const before = client.codes.length;
              const lines = way === "at once" ? [bytes] : bytes.split(/(?<=\n)/);
              for (const line of lines) {
                client.send(Buffer.from(line, "latin1"));
                await new Promise((resolve) => setImmediate(resolve));
              }
              await client.expectClosed();
              assert(client.codes.length <= before + 1, client.codes.join());
              assert.deepEqual(served.logins, []);
              assert.deepEqual(await names(served.fileSystem), ["f"]);
            });
          }));
  });

describe("S6.3 bytes that no line begins with", () => {
  test("S6.3 0x16 0x03 and what follows is TLS, in clear: closed without a reply", () =>
    besiege({}, {}, async (served) => {
      for (const bytes of ["\x16\x03", "\x16", `\x16\x03\r\n${BODY}`, (await clientHello()).toString("latin1") + BODY])
        await withClient(TlsClient.greeted(served.port), async (client) => {
          client.sendRaw(Buffer.from(bytes, "latin1"));
          await client.expectClosed(3000);
          assert.deepEqual(client.codes, [220]);
          assert.deepEqual(served.logins, []);
        });
    }));

  test("S6.3 in clear on an implicit port every first line is closed without a reply", () =>
    besiege({ handshakeTimeout: 1000 }, { implicitTls: true }, async (served) => {
      for (const [, bytes] of FIRST_LINES)
        await withClient(TlsClient.open(served.port), async (client) => {
          client.ignoreReplies();
          client.sendRaw(Buffer.from(bytes, "latin1"));
          await client.expectClosed(3000);
        });
      assert.deepEqual(served.answers, []);
      assert.deepEqual(served.logins, []);
      assert.equal(served.failures.length, FIRST_LINES.length);
    }));

  test("S6.3 later than the first line, before login: closed all the same", () =>
    besiege({}, {}, async (served) => {
      for (const [what, bytes] of FIRST_LINES.slice(0, 17))
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("NOOP", 200);
          await client.expect("SYST", 215, 530);
          const before = client.codes.length;
          client.sendRaw(Buffer.from(bytes, "latin1"));
          await client.expectClosed(3000);
          assert(client.codes.length <= before + 1, `${what}: ${client.codes.join()}`);
          assert.deepEqual(served.logins, []);
        });
    }));
});

describe("S6.4 lines that are no commands", () => {
  /** As many lines as are borne with. */
  const BUDGET = 5;
  const KINDS = ["in clear", "under TLS"] as const;
  const open = (port: number, kind: (typeof KINDS)[number]): Promise<TlsClient> =>
    kind === "in clear" ? TlsClient.greeted(port) : TlsClient.explicit(port);

  for (const kind of KINDS) {
    for (const line of ["QUUX", "quux", "XYZZY with an argument", "", " ", "A".repeat(9000)])
      test(`S6.4 ${kind}, before login, ${JSON.stringify(line.slice(0, 30))}: one more than is borne with ends it`, () =>
        besiege({}, { maxUnknownCommands: BUDGET }, async (served) => {
          await withClient(open(served.port, kind), async (client) => {
            for (let time = 0; time < BUDGET; time++) {
              client.send(Buffer.from(`${line}\r\n`, "latin1"));
              await client.expectReply(500, 530);
            }
            client.send(Buffer.from(`${line}\r\nUSER test\r\nPASS secret\r\n`, "latin1"));
            await client.expectReply(421);
            await client.expectClosed();
            assert.equal(client.codes.at(-1), 421);
            assert.deepEqual(served.logins, []);
          });
        }));

    test(`S6.4 ${kind}, a good command begins the count anew`, () =>
      besiege({}, { maxUnknownCommands: BUDGET }, async (served) => {
        await withClient(open(served.port, kind), async (client) => {
          for (const good of ["NOOP", "FEAT", "USER test", "NOOP"]) {
            for (let time = 0; time < BUDGET; time++) await client.expect("QUUX", 500, 530);
            await client.expect(good, 200, 211, 331);
          }
          for (let time = 0; time < BUDGET; time++) await client.expect("QUUX", 500, 530);
          await client.expect("QUUX", 421);
        });
      }));

    test(`S6.4 ${kind}, after login more is borne with, but not all`, () =>
      besiege({}, { maxUnknownCommands: BUDGET }, async (served) => {
        await withClient(open(served.port, kind), async (client) => {
          await client.login();
          let borne = 0;
          for (let code = 500; code === 500; borne++) {
            client.send("QUUX\r\n");
            ({ code } = await client.expectReply(500, 421));
          }
          await client.expectClosed();
          assert(borne > 2 * BUDGET && borne < 100 * BUDGET, `${borne} lines`);
        });
      }));
  }

  test("S6.4 AUTH and HOST do not stretch it without end: the lines between them are counted", () =>
    besiege({}, { maxUnknownCommands: BUDGET }, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        for (let time = 0; time < BUDGET; time++) await client.expect("QUUX", 530);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        for (let time = 0; time < BUDGET; time++) await client.expect("QUUX", 530);
        await client.expect("QUUX", 421);
      });
    }));

  test("S6.4 0 is without end", () =>
    besiege({}, { maxUnknownCommands: 0 }, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        for (let time = 0; time < 300; time++) await client.expect("QUUX", 530);
        await client.assertQuiet();
      });
    }));
});

const HTML = "<script>alert(1)</script>";

describe("S6.5 what a client sends does not come back", () => {
  const VERBS =
    "USER PASS ACCT CWD TYPE STRU MODE REST PORT EPRT EPSV LANG OPTS HELP STAT AUTH PROT PBSZ HOST CLNT SITE ALLO".split(
      " ",
    );

  test("S6.5 before login: neither verbs nor arguments, in clear and under TLS", () =>
    besiege({}, { maxUnknownCommands: 0, maxLoginAttempts: 0 }, async (served) => {
      for (const opening of [TlsClient.greeted(served.port), TlsClient.explicit(served.port)])
        await withClient(opening, async (client) => {
          const lines = [`X${HTML}`, `QUUX ${HTML}`, `X${HTML} ${HTML}`, ...VERBS.map((verb) => `${verb} ${HTML}`)];
          for (const line of [
            ...lines,
            ...VERBS.map((verb) => `${verb}${HTML}`),
            `OPTS ${HTML} ON`,
            `AUTH TLS${HTML}`,
          ]) {
            client.send(`${line}\r\n`);
            const { raw } = await client.reply();
            assert(!/script|alert/i.test(raw.toString()), `${line}: ${raw.toString()}`);
          }
          await client.assertQuiet();
        });
    }));

  test("S6.5 after login: no refusal repeats what it refuses", () =>
    besiege({}, { maxUnknownCommands: 0 }, async (served) => {
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.login();
        const verbs = [...VERBS, "RETR", "DELE", "RMD", "RNFR", "SIZE", "MDTM", "MLST", "QUUX", HTML, "SITE CHMOD 644"];
        for (const line of verbs.filter((verb) => verb !== "USER").map((verb) => `${verb} ${HTML}`)) {
          client.send(`${line}\r\n`);
          const { raw, code } = await client.reply();
          assert(code < 400 || !/script|alert/i.test(raw.toString()), `${line}: ${raw.toString()}`);
        }
        await client.assertQuiet();
      });
    }));

  test("S6.5 after login a name that is repeated is between quotes, on a line of its own reply", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.login();
        const { raw } = await client.expect("MKD <b>220 x", 257);
        assert.match(raw.toString(), /^257 "\/<b>220 x" [^\r\n]*\r\n$/);
        await client.assertQuiet();
      });
    }));
});

test("S6.6 an FTP address that smuggles line ends in its names makes one command of each line, never two of one", () =>
  besiege({}, {}, async (served) => {
    await withClient(TlsClient.greeted(served.port), async (client) => {
      await client.login();
      for (const bytes of [
        "CWD x\rMKD owned\r\n",
        "CWD x\r\0MKD owned\r\n",
        "CWD x\0\rMKD owned\r\n",
        "CWD x\x85MKD owned\r\n",
      ]) {
        client.sendRaw(Buffer.from(bytes, "latin1"));
        await client.expectReply(501, 550, 553);
      }
      await client.assertQuiet();
      assert.deepEqual(await names(served.fileSystem), ["f"]);
    });
  }));
