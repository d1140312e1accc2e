/** The PROXY header on the control connection: who may send one, when, and what comes of it. */
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { binaryHeader, binaryHeaderOf, lineHeader, SIGNATURE, vector } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { byteByByte, CLIENT, ENDS, FRONT, proxied, TRUSTED, UNTRUSTED, VERSIONS } from "./kit-proxied.js";

const LOGIN = "USER test\r\nPASS secret\r\nNOOP\r\n";
const OPTIONAL = { proxy: { from: [TRUSTED], required: false } } as const;
const TLS = { version: "TLSv1.3" } as const;

/** Where a session says that its client is. */
const CLIENT_SEEN = {
  remoteAddress: CLIENT.host,
  remotePort: CLIENT.port,
  localAddress: FRONT.host,
  localPort: FRONT.port,
  proxy: TRUSTED,
};

function seen({ remoteAddress, remotePort, localAddress, localPort, proxy }: typeof CLIENT_SEEN): typeof CLIENT_SEEN {
  return { remoteAddress, remotePort, localAddress, localPort, proxy };
}

describe("S15.3 a header of a trusted proxy", () => {
  for (const [version, header] of VERSIONS) {
    test(`S15.3 ${version}: its addresses are those of the session, from the first question on`, () => {
      const told: unknown[] = [];
      return proxied(
        async ({ server, open }) => {
          const client = await open(header(ENDS));
          await client.expectReply(220);
          await client.login();
          assert.deepEqual(
            told,
            ["session", "connect", "login"].map((event) => [event, CLIENT_SEEN]),
          );
          assert.deepEqual(
            server.sessions.map((session) => seen(session as never)),
            [CLIENT_SEEN],
          );
          assert.match((await client.expect("STAT", 211)).raw.toString(), /Connected from 127\.0\.0\.77\r$/m);
        },
        {},
        (server) => {
          for (const event of ["session", "connect", "login"] as const)
            server.on(event, ({ session }: { session: unknown }) => void told.push([event, seen(session as never)]));
        },
      );
    });

    test(`S15.3 ${version}: byte by byte`, () =>
      proxied(async ({ server, open }) => {
        const client = await open();
        await byteByByte(client.raw, header(ENDS));
        await client.expectReply(220);
        assert.deepEqual(seen(server.sessions[0] as never), CLIENT_SEEN);
        await client.login();
      }));

    test(`S15.3 ${version}: what follows in the same segment is the client's, and is not lost`, () =>
      proxied(async ({ open }) => {
        const client = await open(Buffer.concat([header(ENDS), Buffer.from(LOGIN)]));
        for (const code of [220, 331, 230, 200]) await client.expectReply(code);
        await client.assertQuiet();
      }));

    test(`S15.3 ${version}: a client that has said everything in one segment, its end too, is answered`, () =>
      proxied(async ({ open }) => {
        const client = await open(Buffer.concat([header(ENDS), Buffer.from(`${LOGIN}QUIT\r\n`)]));
        client.end();
        for (const code of [220, 331, 230, 200, 221]) await client.expectReply(code);
        await client.expectClosed();
      }));

    test(`S15.3 ${version}: a client over IPv6 that the proxy relays over IPv4`, () => {
      const ends = { source: { host: "2001:db8::7", port: 1234 }, destination: { host: "2001:db8::9", port: 21 } };
      return proxied(async ({ server, through }) => {
        const client = await through(header(ends));
        assert.equal(server.sessions[0]?.remoteAddress, "2001:db8::7");
        await client.login();
        await client.expect("PASV", 425);
        await client.expect("EPSV 1", 522);
        await client.expect("EPSV", 229);
        await client.expect("EPRT |2|2001:db8::7|2000|", 200);
        await client.expect("EPRT |2|2001:db8::8|2000|", 504);
      });
    });

    test(`S15.3 ${version}: TLS begins behind it, by AUTH and at once, in the same segment too`, async () => {
      const { server: pair } = await testCertificates();
      for (const implicitTls of [false, true])
        await proxied(
          async ({ server, open }) => {
            const client = await open();
            // Neither line nor ClientHello leaves before the header: the two are one segment.
            client.raw.cork();
            client.send(header(ENDS));
            const shaking = implicitTls ? client.secure(TLS, true) : undefined;
            setImmediate(() => client.raw.uncork());
            await shaking;
            await client.expectReply(220);
            if (!implicitTls) await client.negotiate(TLS);
            await client.login();
            assert.equal(server.sessions[0]?.secure?.protocol, "TLSv1.3");
            assert.deepEqual(seen(server.sessions[0] as never), CLIENT_SEEN);
          },
          { tls: pair, implicitTls },
        );
    });
  }

  for (const [title, header] of [
    ["v1 UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n")],
    ["v1 UNKNOWN with addresses", Buffer.from("PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n")],
    ["v2 LOCAL", binaryHeaderOf(0x20, 0)],
    ["v2 LOCAL with addresses", binaryHeaderOf(0x20, 0x11, Buffer.alloc(12, 1))],
    ["v2 UNSPEC", binaryHeaderOf(0x21, 0)],
    ["v2 of UDP", binaryHeaderOf(0x21, 0x12, Buffer.alloc(12, 1))],
    ["v2 of UNIX", binaryHeaderOf(0x21, 0x31, Buffer.alloc(216, 1))],
  ] as const)
    test(`S15.3 ${title}: the addresses are the proxy's own`, () =>
      proxied(async ({ server, port, through }) => {
        const client = await through(header);
        assert.deepEqual(seen(server.sessions[0] as never), {
          remoteAddress: TRUSTED,
          remotePort: client.raw.localPort,
          localAddress: "127.0.0.1",
          localPort: port,
          proxy: TRUSTED,
        });
        await client.login();
      }));

  test("S15.3 vectors of v2 are skipped", () =>
    proxied(async ({ server, through }) => {
      await through(binaryHeader(ENDS, vector(2, "ftp.test"), vector(4, "x".repeat(1000)), vector(0xe0, "\0\r\n")));
      assert.deepEqual(seen(server.sessions[0] as never), CLIENT_SEEN);
    }));

  test("S15.3 server.handle(): a socket that the host accepted itself", () =>
    proxied(async ({ server, refused }) => {
      const own = net.createServer({ allowHalfOpen: true }, (socket) => server.handle(socket));
      await new Promise<void>((resolve) => void own.listen(0, "127.0.0.1", resolve));
      const { port } = own.address() as net.AddressInfo;
      const told: string[] = [];
      server.on("connect", ({ remoteAddress }) => void told.push(remoteAddress));
      const client = await ScriptedClient.open(port);
      client.send(Buffer.concat([lineHeader(ENDS), Buffer.from(LOGIN)]));
      for (const code of [220, 331, 230, 200]) await client.expectReply(code);
      const stranger = await ScriptedClient.open(port, "127.0.0.1", { localAddress: UNTRUSTED });
      await stranger.expectClosed();
      assert.deepEqual(told, [CLIENT.host]);
      assert.deepEqual(
        refused.map(({ reason, remoteAddress }) => [reason, remoteAddress]),
        [["proxy", UNTRUSTED]],
      );
      await client[Symbol.asyncDispose]();
      await new Promise((resolve) => own.close(resolve));
    }));
});

describe("S15.3 no header of a trusted proxy", () => {
  const malformed: readonly (readonly [title: string, bytes: string | Uint8Array, reason: RegExp])[] = [
    ["a command", "USER test\r\n", /no signature$/],
    ["a TLS ClientHello", Buffer.from("16030100", "hex"), /no signature$/],
    ["v1 malformed", "PROXY TCP4 1.2.3.4\r\n", /no PROXY line$/],
    ["v1 with a lone LF", "PROXY UNKNOWN\n", /no CR LF$/],
    ["v1 of more than 107 bytes", `PROXY UNKNOWN ${"x".repeat(100)}\r\n`, /no CR LF$/],
    ["v1 without an end", `PROXY UNKNOWN ${"x".repeat(100_000)}`, /no CR LF$/],
    ["v2 of another version", binaryHeaderOf(0x31, 0x11, Buffer.alloc(12)), /not version 2$/],
    ["v2 of 65,535 bytes", Buffer.concat([SIGNATURE, Buffer.from("2111ffff", "hex")]), /more than 2048 bytes$/],
    ["v2 too short for its addresses", binaryHeaderOf(0x21, 0x21, Buffer.alloc(12)), /too short for its addresses$/],
    ["v2 with a wrong checksum", binaryHeader(ENDS, vector(3, "sum!")), /a wrong checksum$/],
  ];
  for (const [title, bytes, reason] of malformed)
    test(`S15.3 ${title}: cut, nothing said, no session`, () =>
      proxied(async ({ open, assertCut }) => {
        const fact = await assertCut(await open(bytes));
        assert.deepEqual([fact.reason, fact.remoteAddress, fact.error?.code], ["proxy", TRUSTED, "BAD_PROXY_HEADER"]);
        assert.match(fact.error?.message ?? "", reason);
      }));

  for (const [title, bytes] of [
    ["nothing", ""],
    ["half a v1", "PROXY TCP4 127.0.0.77"],
    ["half a v2", binaryHeader(ENDS).subarray(0, 20)],
  ] as const) {
    test(`S15.3 ${title}, and no more in time: cut`, () =>
      proxied(
        async ({ open, assertCut }) => {
          const fact = await assertCut(await open(bytes));
          assert.match(fact.error?.message ?? "", /not there in 40 ms$/);
        },
        { proxy: { from: [TRUSTED], timeout: 40 } },
      ));

    test(`S15.3 ${title}, and the end: cut`, () =>
      proxied(
        async ({ open, assertCut }) => {
          const client = await open(bytes);
          client.end();
          assert.match((await assertCut(client)).error?.message ?? "", /the connection ended before$/);
        },
        { proxy: { from: [TRUSTED], timeout: 0 } },
      ));

    test(`S15.3 ${title}, and server.close(): cut at once, and not counted as refused`, () =>
      proxied(
        async ({ server, open, refused }) => {
          const client = await open(bytes);
          const other = await open(lineHeader(ENDS));
          await other.expectReply(220);
          await server.close();
          await client.expectClosed();
          assert.equal(client.transcript.length, 0);
          assert.deepEqual(refused, []);
        },
        { proxy: { from: [TRUSTED], timeout: 0 } },
      ));
  }

  test("S15.3 many that send nothing harm nobody", () =>
    proxied(async ({ open, through, refused, server }) => {
      const silent = await Promise.all(Array.from({ length: 200 }, () => open("PROXY ")));
      await (await through()).login();
      assert.equal(server.sessions.length, 1);
      for (const client of silent) client.reset();
      await until(() => refused.length === 200);
    }));
});

describe("S15.3 a header of somebody else", () => {
  for (const [version, header] of VERSIONS) {
    test(`S15.3 ${version} from an address that is not trusted: cut before it is read`, () =>
      proxied(async ({ open, assertCut }) => {
        const fact = await assertCut(await open(header(ENDS), UNTRUSTED));
        assert.deepEqual([fact.reason, fact.remoteAddress, fact.proxy], ["proxy", UNTRUSTED, undefined]);
        assert.match(fact.error?.message ?? "", /not from a proxy$/);
      }));

    for (const [where, options] of [
      ["where clients may come without a proxy", OPTIONAL],
      ["where there is no proxy at all", { proxy: undefined }],
    ] as const)
      test(`S15.3 ${version} ${where}: no command, and the end`, () => {
        const told: (string | undefined)[] = [];
        return proxied(
          async ({ server, open, refused }) => {
            for (const cut of [false, true]) {
              const client = await open("", UNTRUSTED);
              await client.expectReply(220);
              assert.equal(server.sessions[0]?.remoteAddress, UNTRUSTED);
              assert.equal(server.sessions[0]?.proxy, undefined);
              const bytes = Buffer.concat([header(ENDS), Buffer.from(LOGIN)]);
              if (cut) await byteByByte(client.raw, bytes);
              else client.send(bytes);
              await client.expectClosed();
              assert.doesNotMatch(client.transcript.toString(), /^(?:[13]|2(?!20))/m);
              await until(() => server.sessions.length === 0);
            }
            assert.deepEqual(
              told.filter((verb) => verb !== undefined),
              [],
            );
            assert.deepEqual(refused, []);
          },
          options,
          (server) => server.on("reply", ({ verb }) => void told.push(verb)),
        );
      });
  }

  test("S15.3 with required: false a client without a proxy is served under its own address", () =>
    proxied(async ({ server, open, through }) => {
      const client = await open("", UNTRUSTED);
      await client.expectReply(220);
      await client.login();
      await through();
      const sessions = server.sessions.map(({ remoteAddress, proxy }) => [remoteAddress, proxy]);
      assert.deepEqual(sessions, [
        [UNTRUSTED, undefined],
        [CLIENT.host, TRUSTED],
      ]);
    }, OPTIONAL));

  test("S15.3 with required: false a trusted proxy must still send one", () =>
    proxied(async ({ open, assertCut }) => void (await assertCut(await open("USER test\r\n"))), OPTIONAL));
});

describe("S15.3 a header in the wrong place", () => {
  for (const [version, header] of VERSIONS) {
    const other = header({ ...ENDS, source: { host: "127.0.0.66", port: 1 } });

    test(`S15.3 ${version} twice: the second one ends the connection, and changes nothing`, () =>
      proxied(async ({ server, open }) => {
        const addresses: string[] = [];
        server.on("closed", ({ session }) => void addresses.push(session.remoteAddress));
        const client = await open(Buffer.concat([header(ENDS), other, Buffer.from(LOGIN)]));
        await client.expectReply(220);
        await client.expectClosed();
        assert.doesNotMatch(client.transcript.toString(), /^[13]/m);
        await until(() => addresses.length > 0);
        assert.deepEqual(addresses, [CLIENT.host]);
      }));

    test(`S15.3 ${version} after the first command: the end`, () =>
      proxied(async ({ through }) => {
        const client = await through();
        await client.expect("USER test", 331);
        client.send(Buffer.concat([other, Buffer.from("PASS secret\r\n")]));
        await client.expectClosed();
        assert.doesNotMatch(client.transcript.toString(), /^230/m);
      }));

    test(`S15.3 ${version} after AUTH, in clear: no handshake`, async () => {
      const { server: pair } = await testCertificates();
      await proxied(
        async ({ through }) => {
          const client = await through();
          await client.expect("AUTH TLS", 234);
          client.send(other);
          await client.expectClosed();
        },
        { tls: pair },
      );
    });

    test(`S15.3 ${version} under TLS: the end`, async () => {
      const { server: pair } = await testCertificates();
      await proxied(
        async ({ server, through }) => {
          const client = await through();
          await client.negotiate(TLS);
          assert.equal(server.sessions[0]?.remoteAddress, CLIENT.host);
          client.send(Buffer.concat([other, Buffer.from(LOGIN)]));
          await client.expectClosed();
          assert.doesNotMatch(client.transcript.toString(), /^230/m);
        },
        { tls: pair },
      );
    });
  }

  test("S15.3 v1 after the login is an unknown command", () =>
    proxied(async ({ server, through }) => {
      const client = await (await through()).login();
      await client.expect("PROXY TCP4 127.0.0.66 127.0.0.1 1 2", 500);
      assert.equal(server.sessions[0]?.remoteAddress, CLIENT.host);
      await client.assertQuiet();
    }));
});

test("S15.4 where no proxy is in front nothing waits: the greeting comes to a client that says nothing", () =>
  assertNoLeaks(async () => {
    await using served = await serve();
    const client = await served.client();
    assert.equal(client.greeting.code, 220);
    assert.equal(served.server.sessions[0]?.proxy, undefined);
  }));
