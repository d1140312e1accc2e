/** S5.1, S5.2: what is said on one side of the border between clear and TLS is never heard on the other. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../kit/temporary.js";
import { clientHello, recordsOf, TlsClient } from "./kit-tls.js";
import { besiege, type WatchedServer, withClient } from "./kit-tls-server.js";

const AUTH = ["AUTH TLS", "AUTH TLS-C", "AUTH SSL", "AUTH TLS-P", "auth tls"];
/** What stands behind a command that crosses, in the same segment or record. */
const BEHIND: readonly (readonly [what: string, bytes: string])[] = [
  ["a line", "\r\nUSER evil\r\n"],
  ["a login", "\r\nUSER evil\r\nPASS evil\r\n"],
  ["a line, after LF alone", "\nUSER evil\n"],
  ["the beginning of a line", "\r\nUSE"],
  ["one byte", "\r\nU"],
  ["an empty line", "\r\n\r\n"],
  ["a blank", "\r\n "],
  ["a lone CR", "\r\n\r"],
  ["a line with Telnet before it", "\r\n\xff\xf4\xff\xf2USER evil\r\n"],
  ["a line with NUL before it", "\r\n\0USER evil\r\n"],
  ["an overlong line without an end", `\r\n${"A".repeat(9000)}`],
  ["200 lines", `\r\n${"USER evil\r\n".repeat(200)}`],
  ["the same command again", "\r\nAUTH TLS\r\nREIN\r\nCCC\r\n"],
];

/** Nobody has heard of the smuggled user: not the host, and not the client. */
function assertUnheard({ logins, answers }: WatchedServer, client: TlsClient): void {
  assert.deepEqual(logins, []);
  assert.deepEqual(
    answers.filter((answer) => /^(USER|PASS|NOOP)/.test(answer)),
    [],
  );
  assert(!client.codes.some((code) => [331, 332, 230, 232, 530].includes(code)), client.codes.join());
}

describe("S5.1 behind AUTH", () => {
  for (const [what, bytes] of BEHIND)
    test(`S5.1 ${what} in the same segment: 421, and no handshake`, () =>
      besiege({}, {}, async (served) => {
        for (const auth of AUTH)
          await withClient(TlsClient.greeted(served.port), async (client) => {
            client.sendRaw(Buffer.from(auth + bytes, "latin1"));
            await client.expectReply(421);
            assert(await client.tryToProtect(), "the handshake came off");
            await client.expectClosed();
            assert.deepEqual(client.codes, [220, 421]);
            assertUnheard(served, client);
          });
      }));

  test("S5.1 a line with a ClientHello right behind it: neither is heard", () =>
    besiege({}, {}, async (served) => {
      for (const behind of ["USER evil\r\n", ""])
        await withClient(TlsClient.greeted(served.port), async (client) => {
          client.sendRaw(Buffer.concat([Buffer.from(`AUTH TLS\r\n${behind}`), await clientHello()]));
          await client.expectReply(421);
          await client.expectClosed();
          assertUnheard(served, client);
        });
    }));

  for (const milliseconds of [0, 1, 2, 5])
    test(`S5.1 in a segment of its own ${milliseconds} ms later: the connection ends, whichever was first`, () =>
      besiege({}, {}, async (served) => {
        for (const cut of ["AUTH TLS\r\n".length, "AUTH TLS\r".length, "AUTH T".length])
          await withClient(TlsClient.greeted(served.port), async (client) => {
            const whole = "AUTH TLS\r\nUSER evil\r\n";
            client.sendRaw(whole.slice(0, cut));
            await pause(milliseconds);
            client.sendRaw(whole.slice(cut));
            await client.expectReply(234, 421);
            assert(await client.tryToProtect(), "the handshake came off");
            await client.expectClosed();
            assert.equal(client.codes.length, 2, client.codes.join());
            assertUnheard(served, client);
          });
      }));

  test("S5.1 behind 234, before the ClientHello: the handshake fails", () =>
    besiege({ handshakeTimeout: 1000 }, {}, async (served) => {
      for (const smuggled of ["USER evil\r\n", "U", "\r\n", "\0", "\x16", "\x16\x03", "\x14\x03\x03\0\x01\x01U"])
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("AUTH TLS", 234);
          client.sendRaw(Buffer.from(smuggled, "latin1"));
          assert(await client.tryToProtect(), `${JSON.stringify(smuggled)}: the handshake came off`);
          await client.expectClosed();
          assert.deepEqual(client.codes, [220, 234]);
          assertUnheard(served, client);
        });
      await until(() => served.failures.length === 7, undefined, "every failure is told");
    }));

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const)
    test(`S5.1 in clear between the flights of a handshake of ${maxVersion}, and after it: the connection ends`, () =>
      besiege({}, {}, async (served) => {
        for (const flight of ["ClientHello", "Finished", "NOOP"])
          await withClient(TlsClient.greeted(served.port), async (client) => {
            await client.expect("AUTH TLS", 234);
            const smuggle = (): void => client.sendRaw("USER evil\r\n");
            let sent = 0;
            const secured = await client.begin({ maxVersion }, (chunk) => {
              client.sendRaw(chunk);
              if (++sent === ["ClientHello", "Finished"].indexOf(flight) + 1) smuggle();
            });
            secured.once("secureConnect", () => secured.write("NOOP\r\n", () => flight === "NOOP" && smuggle()));
            await client.expectClosed(3000);
            assert.deepEqual(served.logins, []);
            assert(!served.answers.some((answer) => answer.startsWith("USER")), served.answers.join());
          });
      }));

  test("S5.1 while the host still thinks about AUTH: 421", () =>
    besiege({}, {}, async (served) => {
      let ask: () => void = () => undefined;
      served.server.on("command", async ({ verb }) => {
        if (verb !== "AUTH") return;
        ask();
        await until(() => arrived, undefined, "the line behind it");
        await pause(20);
      });
      let arrived = false;
      await withClient(TlsClient.greeted(served.port), async (client) => {
        const asked = new Promise<void>((resolve) => {
          ask = resolve;
        });
        client.sendRaw("AUTH TLS\r\n");
        await asked;
        client.sendRaw("USER evil\r\n");
        arrived = true;
        await client.expectReply(421);
        await client.expectClosed();
        assertUnheard(served, client);
      });
    }));

  test("S5.1 where the queue has room for one line only: what still waits in the socket counts, too", () =>
    besiege({}, { maxQueuedCommands: 1 }, async (served) => {
      for (const milliseconds of [0, 1, 3])
        await withClient(TlsClient.greeted(served.port), async (client) => {
          client.sendRaw("NOOP\r\nNOOP\r\nNOOP\r\nAUTH TLS\r\n");
          await pause(milliseconds);
          client.sendRaw("USER evil\r\n");
          for (const _ of [1, 2, 3]) await client.expectReply(200);
          await client.expectReply(234, 421);
          assert(await client.tryToProtect(), "the handshake came off");
          await client.expectClosed();
          assert.deepEqual(served.logins, []);
          assert(!served.answers.some((answer) => answer.startsWith("USER")), served.answers.join());
        });
    }));

  test("S5.1 Telnet negotiation behind AUTH is no command: the handshake works, and is quiet", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        client.sendRaw(Buffer.from("AUTH TLS\r\n\xff\xf1", "latin1"));
        await client.expectReply(234);
        await client.protect();
        assertUnheard(served, client);
        await client.assertQuiet();
      });
    }));

  test("S5.1 a user that was named before AUTH is not the one whose password comes behind it", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.expect("USER evil", 331);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await client.expect("PASS secret", 503);
        assert.deepEqual(served.logins, []);
      });
    }));
});

const LEAVING = ["CCC", "REIN"] as const;

/** A client under TLS that may leave it; logged in, where CCC wants that. */
async function leaver(port: number, verb: (typeof LEAVING)[number]): Promise<TlsClient> {
  const client = await TlsClient.explicit(port);
  return verb === "CCC" ? client.login() : client;
}

for (const verb of LEAVING)
  describe(`S5.1 behind ${verb}`, () => {
    /** The user of `leaver` is known; nobody else may be. */
    function assertOnlyOurs({ logins, answers }: WatchedServer, users: number): void {
      assert(!logins.includes("evil"), logins.join());
      assert.equal(answers.filter((answer) => answer.startsWith("USER")).length, users, answers.join());
    }

    for (const [what, bytes] of BEHIND)
      test(`S5.1 ${what} in the same record: 421 under TLS, and the end`, () =>
        besiege({ allowClear: true }, {}, async (served) => {
          await withClient(leaver(served.port, verb), async (client) => {
            const before = client.codes.length;
            client.send(Buffer.from(verb + bytes, "latin1"));
            await client.expectReply(421);
            client.dropTls();
            client.sendRaw("USER evil\r\n");
            await client.expectClosed();
            assert.equal(client.codes.length, before + 1, client.codes.join());
            assertOnlyOurs(served, verb === "CCC" ? 1 : 0);
          });
        }));

    for (const milliseconds of [undefined, 0, 1, 3])
      test(`S5.1 in a record of its own, ${milliseconds === undefined ? "in the same segment" : `${milliseconds} ms later`}: the end`, () =>
        besiege({ allowClear: true }, {}, async (served) => {
          for (const bytes of ["USER evil\r\n", "U", "\r\n", "PASS evil\r\n"])
            await withClient(leaver(served.port, verb), async (client) => {
              const before = client.codes.length;
              const records: Buffer[] = [];
              client.outgoing = (chunk) => records.push(chunk);
              client.send(`${verb}\r\n`);
              client.send(bytes);
              await until(() => records.length === 2, undefined, "two records");
              if (milliseconds === undefined) client.sendRaw(Buffer.concat(records));
              for (const record of milliseconds === undefined ? [] : records) {
                client.sendRaw(record);
                await pause(milliseconds);
              }
              await client.expectClosed(3000);
              assert(client.codes.length <= before + 1, client.codes.join());
            });
          assertOnlyOurs(served, verb === "CCC" ? 4 : 0);
        }));

    test("S5.1 in clear, in the same segment as the record: the end", () =>
      besiege({ allowClear: true }, {}, async (served) => {
        await withClient(leaver(served.port, verb), async (client) => {
          const before = client.codes.length;
          client.outgoing = (record) => client.sendRaw(Buffer.concat([record, Buffer.from("USER evil\r\n")]));
          client.send(`${verb}\r\n`);
          await client.expectClosed();
          assert(client.codes.length <= before + 1, client.codes.join());
          assertOnlyOurs(served, verb === "CCC" ? 1 : 0);
        });
      }));
  });

describe("S5.2 the border is where 234 ends", () => {
  /** Everything behind the 234 is TLS. */
  function assertNothingInClear(client: TlsClient): void {
    const wire = Buffer.concat(client.wire);
    const end = wire.indexOf("\r\n", wire.indexOf("234 ")) + 2;
    const behind = wire.subarray(end);
    const records = recordsOf(behind);
    assert.equal(Buffer.concat(records).length, behind.length, "bytes that are no whole records");
    for (const record of records) {
      const type = record[0] ?? 0;
      assert(
        type >= 20 && type <= 23 && record[1] === 3,
        `a record that begins ${record.subarray(0, 5).toString("hex")}`,
      );
    }
  }

  for (const [what, before, codes] of [
    ["NOOP", "NOOP\r\n", [200]],
    ["50 times NOOP", "NOOP\r\n".repeat(50), Array.from({ length: 50 }, () => 200)],
    ["USER and PASS", "USER test\r\nPASS secret\r\n", [331, 230]],
    ["refusals", "PWD\r\nNOPE\r\nPROT P\r\n", [530, 530, 503]],
    ["a multi-line reply", "FEAT\r\n", [211]],
  ] as const)
    test(`S5.2 ${what}, pipelined before AUTH: answered before 234, and then there is TLS only`, () =>
      besiege({}, {}, async (served) => {
        await withClient(TlsClient.greeted(served.port), async (client) => {
          client.sendRaw(`${before}AUTH TLS\r\n`);
          for (const code of codes) await client.expectReply(code);
          await client.expectReply(234);
          await client.protect();
          await client.assertQuiet();
          assert.deepEqual(client.codes, [220, ...codes, 234, 200]);
          assertNothingInClear(client);
        });
      }));

  test("S5.2 a transfer that runs when AUTH comes ends before 234", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.login();
        const socket = await client.beginTransfer("STOR new");
        client.sendRaw("AUTH TLS\r\n");
        socket.end("content");
        await client.expectReply(226);
        await client.expectReply(234);
        await client.protect();
        await client.assertQuiet();
        assertNothingInClear(client);
      });
    }));

  test("S5.2 a slow command before AUTH: its reply is not left for the other side", () =>
    besiege({}, {}, async (served) => {
      served.server.on("command", async ({ verb }) => {
        if (verb === "NOOP") await pause(30);
      });
      await withClient(TlsClient.greeted(served.port), async (client) => {
        client.sendRaw("NOOP\r\nNOOP\r\nAUTH TLS\r\n");
        for (const code of [200, 200, 234]) await client.expectReply(code);
        await client.protect();
        await client.assertQuiet();
        assertNothingInClear(client);
      });
    }));

  for (const [what, options, provoke] of [
    ["the login time-out", { loginTimeout: 300 }, () => undefined],
    ["the end of the session", {}, ({ server }: WatchedServer) => server.sessions[0]?.close()],
    ["the end of the server", {}, ({ server }: WatchedServer) => void server.close()],
    ["the end of the handshake's time", {}, () => undefined],
  ] as const)
    test(`S5.2 ${what} during the handshake says nothing in clear`, () =>
      besiege({ handshakeTimeout: 600 }, options, async (served) => {
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("AUTH TLS", 234);
          provoke(served);
          await client.expectClosed();
          assert.equal(Buffer.concat(client.wire).toString().split("\r\n").length, 3, "more than 220 and 234");
        });
      }));
});
