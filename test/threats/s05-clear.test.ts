/** S5.8, S5.9: how TLS on the control connection ends, by CCC and by REIN. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { reset } from "../kit/data.js";
import { until, within } from "../kit/temporary.js";
import { TlsClient } from "./kit-tls.js";
import { besiege, CONTENT, withClient } from "./kit-tls-server.js";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const FREE = { allowClear: true } as const;

/** A client that is logged in under TLS. */
async function admitted(port: number, maxVersion: (typeof VERSIONS)[number] = "TLSv1.3"): Promise<TlsClient> {
  return (await TlsClient.explicit(port, { maxVersion })).login();
}

/** Waits for the server's close_notify and does not answer it. */
async function awaitNotify(client: TlsClient): Promise<void> {
  const { secured } = client;
  assert(secured);
  client.outgoing = () => undefined;
  if (!secured.readableEnded) await within(once(secured, "end"), "close_notify");
  client.dropTls();
}

/** Sends in clear in pieces of one byte, each in a segment of its own. */
async function drip(client: TlsClient, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at++) {
    client.sendRaw(bytes.subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("S5.8 who may have CCC", () => {
  test("S5.8 nobody by default: 534, and TLS goes on; in clear 533, before login 530", () =>
    besiege({}, {}, async (served) => {
      await withClient(TlsClient.greeted(served.port), async (client) => {
        await client.expect("CCC", 530);
        await client.login();
        await client.expect("CCC", 533);
      });
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.expect("CCC", 530);
        await client.login();
        await client.expect("CCC", 534);
        await client.assertQuiet();
        assert(served.server.sessions[0]?.secure);
      });
    }));

  test("S5.8 nobody where all needs TLS, whatever allowClear says", () =>
    besiege({ ...FREE, require: "all" }, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("CCC", 534);
        await client.assertQuiet();
      });
    }));

  test("S5.8 nobody whose account needs TLS for all", () =>
    besiege(FREE, {}, async (served) => {
      served.server.on("login", (login) => {
        if (login.username === "strict") login.accept({ fileSystem: served.fileSystem, requireTls: "all" });
      });
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.expect("USER strict", 331);
        await client.expect("PASS x", 230);
        await client.expect("CCC", 534);
        await client.assertQuiet();
      });
    }));
});

for (const version of VERSIONS)
  describe(`S5.8 CCC, ${version}`, () => {
    test("S5.8 commands go on in clear, and the login lasts; AUTH, PBSZ, PROT and CCC are refused", () =>
      besiege(FREE, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          await client.expect("PBSZ 0", 200);
          await client.expect("PROT P", 200);
          await client.expect("CCC", 200);
          await client.unprotect();
          const before = Buffer.concat(client.wire).length;
          await client.expect("PWD", 257);
          assert.match(Buffer.concat(client.wire).subarray(before).toString(), /^257 "\/" [^\r]*\r\n$/);
          for (const line of ["AUTH TLS", "AUTH SSL", "PBSZ 0", "PROT C", "PROT P", "PROT S"])
            await client.expect(line, 503);
          await client.expect("CCC", 533);
          assert.equal(served.server.sessions[0]?.secure, undefined);
          assert.equal((await client.download("RETR f")).toString(), CONTENT, "data are no longer under TLS");
          await client.assertQuiet();
          await client.expect("QUIT", 221);
          await client.expectClosed();
        });
      }));

    test("S5.8 data that were clear before stay so", () =>
      besiege(FREE, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          await client.expect("CCC", 200);
          await client.unprotect();
          await client.expect("PROT P", 503);
          assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
        });
      }));

    test("S5.8 a client that never answers close_notify is heard in clear", () =>
      besiege(FREE, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          await client.expect("CCC", 200);
          await awaitNotify(client);
          await client.expect("PWD", 257);
          await client.assertQuiet();
        });
      }));

    test("S5.8 a client that answers close_notify and sends its next command in the same segment", () =>
      besiege(FREE, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          await client.expect("CCC", 200);
          await client.unprotect((notify) => client.sendRaw(Buffer.concat([notify, Buffer.from("PWD\r\nNOOP\r\nPW")])));
          await client.expectReply(257);
          await client.expectReply(200);
          client.sendRaw("D\r\n");
          await client.expectReply(257);
          await client.assertQuiet();
        });
      }));

    test("S5.8 an answer to close_notify that comes byte by byte, and its next command too", () =>
      besiege(FREE, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          await client.expect("CCC", 200);
          let notify: Buffer = Buffer.alloc(0);
          await client.unprotect((records) => {
            notify = records;
          });
          await drip(client, Buffer.concat([notify, Buffer.from("PWD\r\nNOOP\r\n")]));
          await client.expectReply(257);
          await client.expectReply(200);
          await client.assertQuiet();
        });
      }));

    test("S5.8 close_notify right behind CCC, unasked: the session ends or goes on in clear, and is not stuck", () =>
      besiege({ ...FREE, handshakeTimeout: 1000 }, {}, async (served) => {
        await withClient(admitted(served.port, version), async (client) => {
          const records: Buffer[] = [];
          client.outgoing = (chunk) => records.push(chunk);
          client.send("CCC\r\n");
          client.secured?.end();
          await until(() => records.length >= 2, undefined, "both records");
          client.sendRaw(Buffer.concat(records));
          await until(() => client.codes.includes(200) || client.raw.readableEnded, undefined, "an answer");
          client.dropTls();
          client.ignoreReplies();
          client.sendRaw("QUIT\r\n");
          await client.expectClosed(3000);
        });
      }));

    test("S5.8 FIN and RST in every moment of CCC", () =>
      besiege(FREE, {}, async (served) => {
        for (const moment of ["with it", "behind 200", "behind close_notify", "behind our own"])
          for (const leave of [(client: TlsClient) => void client.raw.end(), (client: TlsClient) => reset(client.raw)])
            await withClient(admitted(served.port, version), async (client) => {
              client.send("CCC\r\n");
              if (moment === "with it") await new Promise((resolve) => setImmediate(resolve));
              else await client.expectReply(200);
              if (moment === "behind close_notify") await awaitNotify(client);
              if (moment === "behind our own") await client.unprotect();
              leave(client);
              await client.expectClosed(3000);
            });
      }));
  });

describe("S5.8 at the border of CCC", () => {
  test("S5.8 a client that says nothing more is not kept for ever", () =>
    besiege({ ...FREE, handshakeTimeout: 300 }, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("CCC", 200);
        await awaitNotify(client);
        await client.expectClosed(3000);
      });
    }));

  test("S5.8 records that are no close_notify are no commands", () =>
    besiege({ ...FREE, handshakeTimeout: 300 }, {}, async (served) => {
      for (const forged of [
        "\x15\x03\x03\x00\x0bUSER evil\r\n",
        "\x17\x03\x03\x00\x0bUSER evil\r\n",
        "\x16\x03\x03\x00\x0bUSER evil\r\n",
        "\x14\x03\x03\x00\x01\x01",
        "\x15\x03\x03\xff\xffUSER evil\r\n",
        "\x15\x03",
      ])
        await withClient(admitted(served.port), async (client) => {
          await client.expect("CCC", 200);
          await awaitNotify(client);
          client.ignoreReplies();
          client.sendRaw(Buffer.from(forged, "latin1"));
          await client.expectClosed(3000);
        });
      assert.deepEqual(
        served.logins.filter((name) => name === "evil"),
        [],
      );
      assert.equal(served.answers.filter((answer) => answer.startsWith("USER")).length, 6);
    }));

  test("S5.8 what is asked meanwhile is answered in clear, in order", () =>
    besiege(FREE, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        client.send("NOOP\r\nPWD\r\nCCC\r\n");
        for (const code of [200, 257, 200]) await client.expectReply(code);
        await client.unprotect();
        await client.assertQuiet();
      });
    }));

  test("S5.8 a transfer that runs when CCC comes ends under TLS, and its reply too", () =>
    besiege(FREE, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        const socket = await client.beginTransfer("STOR new");
        client.send("CCC\r\n");
        await pause(20);
        socket.end("content");
        await client.expectReply(226);
        await client.expectReply(200);
        await client.unprotect();
        await client.assertQuiet();
      });
    }));

  test("S5.8 on an implicit port", () =>
    besiege(FREE, { implicitTls: true }, async (served) => {
      await withClient(TlsClient.implicit(served.port), async (client) => {
        await client.login();
        await client.expect("CCC", 200);
        await client.unprotect();
        await client.expect("AUTH TLS", 503);
        assert.equal((await client.download("RETR f")).toString(), CONTENT);
      });
    }));

  test("S5.8 where logins need TLS nobody else logs in behind CCC", () =>
    besiege({ ...FREE, require: "login" }, { allowRelogin: true }, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("CCC", 200);
        await client.unprotect();
        await client.expect("USER test", 530);
        await client.expect("PASS secret", 530);
        assert.deepEqual(served.logins, ["test"]);
      });
    }));
});

describe("S5.9 REIN under TLS", () => {
  test("S5.9 is refused by default, and changes nothing", () =>
    besiege({}, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("PROT P", 200);
        await client.expect("REIN", 502);
        await client.expect("PWD", 257);
        assert.equal((await client.download("RETR f")).toString(), CONTENT);
      });
    }));

  test("S5.9 is refused on an implicit port, whatever allowClear says", () =>
    besiege(FREE, { implicitTls: true }, async (served) => {
      await withClient(TlsClient.implicit(served.port), async (client) => {
        await client.login();
        await client.expect("REIN", 502);
        await client.expect("PWD", 257);
      });
    }));

  for (const version of VERSIONS)
    test(`S5.9 ${version}: 220 under TLS, then all is as at the beginning, three times over`, () =>
      besiege(FREE, {}, async (served) => {
        await withClient(TlsClient.greeted(served.port), async (client) => {
          for (const round of [1, 2, 3]) {
            await client.expect("AUTH TLS", 234);
            await client.protect({ maxVersion: version });
            await client.login();
            await client.expect("PBSZ 0", 200);
            await client.expect("PROT P", 200);
            assert.equal((await client.download("RETR f")).toString(), CONTENT);
            const before = Buffer.concat(client.wire).length;
            await client.expect("REIN", 220);
            assert(!Buffer.concat(client.wire).subarray(before).includes("220"), "the reply came in clear");
            await client.unprotect();
            await client.expect("PWD", 530);
            for (const line of ["PROT P", "PBSZ 0"]) await client.expect(line, 503);
            assert.equal(served.server.sessions[0]?.secure, undefined);
            assert.equal(served.server.sessions[0]?.username, undefined);
            if (round === 3) {
              await client.login();
              assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT, "PROT P has stayed");
            }
          }
        });
      }));

  test("S5.9 the next command in the segment of the answer to close_notify, also AUTH", () =>
    besiege(FREE, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("REIN", 220);
        await client.unprotect((notify) => client.sendRaw(Buffer.concat([notify, Buffer.from("AUTH TLS\r\n")])));
        await client.expectReply(234);
        await client.protect();
        await client.login();
        await client.assertQuiet();
      });
    }));

  test("S5.9 a client that never answers close_notify, and one that says nothing more", () =>
    besiege({ ...FREE, handshakeTimeout: 500 }, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("REIN", 220);
        await awaitNotify(client);
        await client.login();
        await client.assertQuiet();
      });
      await withClient(admitted(served.port), async (client) => {
        await client.expect("REIN", 220);
        await awaitNotify(client);
        await client.expectClosed(3000);
      });
    }));

  test("S5.9 behind CCC REIN begins anew, and AUTH works again", () =>
    besiege(FREE, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("PROT P", 200);
        await client.expect("CCC", 200);
        await client.unprotect();
        await client.expect("REIN", 220);
        await client.expect("PWD", 530);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await client.login();
        assert.equal((await client.downloadClear("RETR f")).toString(), CONTENT);
      });
    }));

  test("S5.9 where logins need TLS nobody logs in behind REIN but under TLS", () =>
    besiege({ ...FREE, require: "login" }, {}, async (served) => {
      await withClient(admitted(served.port), async (client) => {
        await client.expect("REIN", 220);
        await client.unprotect();
        await client.expect("USER test", 530);
        await client.expect("PASS secret", 530);
        await client.expect("AUTH TLS", 234);
        await client.protect();
        await client.login();
      });
    }));

  test("S5.9 failed logins are not forgotten by it", () =>
    besiege(FREE, { maxLoginAttempts: 3 }, async (served) => {
      await withClient(TlsClient.explicit(served.port), async (client) => {
        for (const _ of [1, 2]) {
          await client.expect("USER test", 331);
          await client.expect("PASS wrong", 530);
        }
        await client.expect("REIN", 220);
        await client.unprotect();
        await client.expect("USER test", 331);
        await client.expect("PASS wrong", 421);
      });
    }));
});
