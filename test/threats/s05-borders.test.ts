/** S5: the borders between clear and TLS, cut at the wrong byte, waited at for too long, and crossed too often. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { MemoryFileSystem, Server } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";
import { only, VERSIONS, type Version } from "./kit-data-tls.js";
import { TlsClient } from "./kit-tls.js";
import { besiege, serveTls, withClient } from "./kit-tls-server.js";

const FREE = { allowClear: true } as const;
/** Far more than anything here needs, far less than what a session would hang without its mend. */
const SOON = 2000;

/** A client that is logged in under TLS. */
async function admitted(port: number, version: Version = "TLSv1.3"): Promise<TlsClient> {
  return (await TlsClient.explicit(port, only(version))).login();
}

/** The records of the lines, unsent. */
async function recordsFor(client: TlsClient, lines: readonly string[]): Promise<Buffer[]> {
  const records: Buffer[] = [];
  client.outgoing = (chunk) => records.push(chunk);
  for (const [index, line] of lines.entries()) {
    client.send(`${line}\r\n`);
    await until(() => records.length > index, undefined, "the record");
  }
  return records;
}

for (const version of VERSIONS)
  describe(`S5.8 ${version}: a protected command behind the one that ends protection, cut in two`, () => {
    for (const [verb, code] of [
      ["CCC", 200],
      ["REIN", 220],
    ] as const)
      for (const split of [0, 3, 5, 12])
        test(`S5.8 ${verb} and ${split} bytes of the next record: no byte of it is a command, and the session ends`, () =>
          besiege(FREE, {}, async (served) => {
            await withClient(admitted(served.port, version), async (client) => {
              const [first = Buffer.alloc(0), next = Buffer.alloc(0)] = await recordsFor(client, [verb, "DELE f"]);
              client.dropTls();
              client.ignoreReplies();
              const before = Buffer.concat(client.wire).length;
              client.sendRaw(Buffer.concat([first, next.subarray(0, split)]));
              // Cut at once, or the reply and close_notify: the other half comes when the border is crossed.
              const said = (): number => Buffer.concat(client.wire).length - before;
              await until(() => said() > 0 || client.raw.readableEnded || client.raw.destroyed, SOON);
              await until(() => served.answers.includes(`${verb} ${code}`), SOON);
              client.sendRaw(next.subarray(split));
              client.sendRaw("NOOP\r\n");
              await client.expectClosed(SOON);
              const answers = ["220", "AUTH 234", "USER 331", "PASS 230", `${verb} ${code}`];
              assert.deepEqual(served.answers, answers);
              assert(!Buffer.concat(client.wire).subarray(before).includes("500 "), "answered in clear");
              await until(() => served.failures.length > 0, SOON, "what has failed is told");
              assert.deepEqual(served.failures, ["control: TLS did not end in order"]);
            });
          }));
  });

describe("S5.7 the end comes while `sni` works for the host of HOST", () => {
  for (const allowClear of [false, true])
    for (const [what, end] of [
      ["session.close()", (server: Server) => server.sessions[0]?.close("bye")],
      ["server.close()", (server: Server) => server.close()],
    ] as const)
      test(`S5.7 ${what}, allowClear ${allowClear}: the client is cut at once, and no handshake begins behind it`, () =>
        assertNoLeaks(async () => {
          const gate = new Gate();
          const sni = () => gate.pass().then(() => undefined);
          await using served = await serveTls({ sni, allowClear, handshakeTimeout: 0 });
          await using client = await TlsClient.greeted(served.port);
          const ended = new Promise<void>((resolve) => served.server.on("closed", () => resolve()));
          await client.expect("HOST a.test", 220);
          await client.expect("AUTH TLS", 234);
          await within(gate.reached, "the question for a certificate");
          const closing = Promise.resolve(end(served.server));
          await client.expectClosed(SOON);
          // The server's end of the socket is over too when the answer comes.
          for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
          gate.open();
          await within(ended, "the end of the session", SOON);
          await within(closing, what, SOON);
          assert.equal(served.server.sessions.length, 0);
          assert.deepEqual([served.failures, served.faults], [[], []]);
        }));
});

describe("S5.9 AUTH and REIN in turn", () => {
  for (const version of VERSIONS)
    test(`S5.9 ${version}: ten rounds leave no listeners on the socket, and warn of nothing`, async () => {
      const { server: pair } = await testCertificates();
      const warnings: string[] = [];
      const warn = ({ message }: Error) => warnings.push(message);
      process.on("warning", warn);
      await assertNoLeaks(async () => {
        await using server = new Server({ tls: { ...pair, require: "none", ...FREE } });
        const sockets: net.Socket[] = [];
        const front = net.createServer({ allowHalfOpen: true }, (socket) => {
          sockets.push(socket);
          server.handle(socket);
        });
        front.listen(0, "127.0.0.1");
        await once(front, "listening");
        const listeners = (): number[] =>
          ["error", "close", "end", "data", "drain", "finish"].map((name) => sockets[0]?.listenerCount(name) ?? -1);
        try {
          await withClient(TlsClient.greeted((front.address() as net.AddressInfo).port), async (client) => {
            const seen: number[][] = [];
            for (let round = 0; round < 10; round++) {
              await client.expect("AUTH TLS", 234);
              await client.protect(only(version));
              await client.expect("REIN", 220);
              await client.unprotect();
              await client.expect("NOOP", 200);
              seen.push(listeners());
            }
            assert.deepEqual(seen.at(-1), seen[0]);
          });
        } finally {
          front.close();
        }
      });
      process.off("warning", warn);
      assert.deepEqual(warnings, []);
    });
});

describe("S5.8 clocks at the border", () => {
  for (const [line, limits] of [
    ["CCC", { idleTimeout: 300 }],
    // Whoever has not logged in has another clock.
    ["REIN", { loginTimeout: 800 }],
  ] as const)
    test(`S5.8 ${Object.keys(limits)[0]} ends ${line} that the client does not answer, also without handshakeTimeout`, () =>
      besiege({ ...FREE, handshakeTimeout: 0 }, limits, async (served) => {
        await withClient(admitted(served.port), async (client) => {
          client.send(`${line}\r\n`);
          await client.expectReply(200, 220);
          client.outgoing = () => undefined;
          await client.expectClosed(SOON);
          assert(!served.answers.includes("421"));
        });
      }));
});

describe("S5.2 between clear and TLS nothing is said, and nothing is told to be said", () => {
  for (const [what, end] of [
    ["session.close()", (server: Server) => server.sessions[0]?.close("bye")],
    ["server.close()", (server: Server) => server.close()],
  ] as const) {
    test(`S5.2 behind 234, ${what}: no 421`, () =>
      assertNoLeaks(async () => {
        await using served = await serveTls();
        await using client = await TlsClient.greeted(served.port);
        await client.expect("AUTH TLS", 234);
        await until(() => served.answers.includes("AUTH 234"));
        // The reply is told before the border is crossed.
        await new Promise(setImmediate);
        void end(served.server);
        await client.expectClosed(SOON);
        await until(() => served.server.sessions.length === 0);
        assert.deepEqual(
          [client.codes, served.answers],
          [
            [220, 234],
            ["220", "AUTH 234"],
          ],
        );
      }));

    test(`S5.2 before the handshake of an implicit port, ${what}: nothing`, () =>
      assertNoLeaks(async () => {
        await using served = await serveTls({}, { implicitTls: true });
        await using client = await TlsClient.open(served.port);
        await until(() => served.server.sessions.length === 1);
        void end(served.server);
        await client.expectClosed(SOON);
        await until(() => served.server.sessions.length === 0);
        assert.deepEqual([client.wire.length, served.answers], [0, []]);
      }));
  }

  test("S5.2 behind 234, the time to log in is over: no 421", () =>
    assertNoLeaks(async () => {
      await using served = await serveTls({}, { loginTimeout: 200 });
      await using client = await TlsClient.greeted(served.port);
      await client.expect("AUTH TLS", 234);
      await client.expectClosed(SOON);
      await until(() => served.server.sessions.length === 0);
      assert.deepEqual(
        [client.codes, served.answers],
        [
          [220, 234],
          ["220", "AUTH 234"],
        ],
      );
    }));
});

/** Whether FEAT names CCC. */
async function offersCcc(client: TlsClient): Promise<boolean> {
  return (await client.expect("FEAT", 211)).lines.some((line) => line.trim() === "CCC");
}

describe("S5.9 what may be had is shown, and no more", () => {
  for (const version of VERSIONS)
    test(`S5.9 ${version}: REIN on an implicit port is 502, behind CCC too, and changes nothing`, () =>
      besiege(FREE, { implicitTls: true }, async (served) => {
        await withClient(TlsClient.implicit(served.port, only(version)), async (client) => {
          await client.expect("REIN", 502);
          await client.login();
          await client.expect("REIN", 502);
          await client.expect("CCC", 200);
          await client.unprotect();
          for (const _ of [1, 2]) await client.expect("REIN", 502);
          await client.expect("PWD", 257);
          assert.equal(served.server.sessions[0]?.username, "test");
          await client.assertQuiet();
        });
      }));

  for (const [tls, shown] of [
    [{}, false],
    [{ allowClear: false }, false],
    [FREE, true],
    [{ ...FREE, require: "login" }, true],
    [{ ...FREE, require: "data" }, true],
    [{ ...FREE, require: "all" }, false],
  ] as const)
    test(`S5.8 FEAT shows CCC where it is 200: ${JSON.stringify(tls)}`, () =>
      besiege(tls, {}, async (served) => {
        await withClient(admitted(served.port), async (client) => {
          assert.equal(await offersCcc(client), shown);
          await client.expect("CCC", shown ? 200 : 534);
        });
      }));

  test("S5.8 FEAT does not show it to an account that needs TLS for all", () =>
    besiege(FREE, {}, async (served) => {
      served.server.on("login", (login) => {
        const fileSystem = new MemoryFileSystem();
        if (login.username === "strict") login.accept({ fileSystem, requireTls: "all" });
      });
      await withClient(TlsClient.explicit(served.port), async (client) => {
        await client.expect("USER strict", 331);
        await client.expect("PASS x", 230);
        assert.equal(await offersCcc(client), false);
      });
    }));
});
