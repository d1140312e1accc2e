/** Clear bytes where TLS is due, and TLS that is not where it is due. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FtpError, TlsFailedFact } from "../../dist/index.js";
import { names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { alert, dial, VERSIONS } from "./kit-data-tls.js";
import { TlsClient } from "./kit-data-tls-client.js";
import { hosted, scene } from "./kit-data-tls-scene.js";

/** What is no handshake. */
const CLEAR: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["a line of text", Buffer.from("plain text\r\n")],
  ["one byte that no record begins with", Buffer.from("x".repeat(5))],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ["a megabyte", bytesOf(2 ** 20)],
  ["a hello of SSL 2", Buffer.concat([Buffer.from("802e010002001500000010", "hex"), bytesOf(37)])],
  ["a record of data", Buffer.from("1703030005aaaaaaaaaa", "hex")],
  ["a hello that is too long", Buffer.concat([Buffer.from("16030140000100fffc0303", "hex"), Buffer.alloc(70_000)])],
  ["an empty hello", Buffer.from("160301000401000000", "hex")],
  ["a fatal alert", alert("fatal", 40)],
  ["NUL", Buffer.alloc(100)],
];

describe("S7.4 clear bytes on a private data connection", () => {
  for (const [name, bytes] of CLEAR)
    test(`S7.4 ${name}: 522, nothing stored, nothing sent`, () => {
      const facts: TlsFailedFact[] = [];
      return scene(
        { setup: (server) => server.on("tlsFailed", (fact) => facts.push(fact)) },
        async ({ own, fileSystem, server }) => {
          await put(fileSystem, "/secret", "secret");
          for (const command of ["STOR new", "APPE secret", "STOU", "RETR secret", "LIST", "NLST", "MLSD"]) {
            const raw = await own.open(command);
            const received: Buffer[] = [];
            raw.on("data", (chunk) => received.push(chunk));
            raw.write(bytes);
            await own.expectReply(522);
            raw.destroy();
            assert(!Buffer.concat(received).includes("secret"));
            assert.deepEqual(await names(fileSystem), ["secret"]);
          }
          assert.equal(facts.length, 7);
          for (const { session, channel, error } of facts) {
            assert.equal(session, server.sessions[0]);
            assert.equal(channel, "data");
            assertTlsFailed(error);
          }
          assert.equal((await own.download("RETR secret")).toString(), "secret");
        },
      );
    });
});

function assertTlsFailed(error: FtpError | undefined): void {
  assert(error !== undefined);
  assert.equal(error.code, "TLS_FAILED");
  assert(error.cause instanceof Error && error.cause.message !== "", "no reason");
  assert.match(error.message, /^TLS handshake: ./);
}

describe("S7.4 the facts of a control connection", () => {
  for (const [name, bytes] of CLEAR.filter(([name]) => name !== "a hello that is too long"))
    test(`S7.4 ${name} behind AUTH: closed, and told once`, () => {
      const facts: TlsFailedFact[] = [];
      const closed: unknown[] = [];
      return hosted(
        {
          setup: (server) =>
            server.on("tlsFailed", (fact) => facts.push(fact)).on("closed", ({ session }) => closed.push(session)),
        },
        async ({ port }) => {
          await using client = await TlsClient.connect(port);
          await client.expect("AUTH TLS", 234);
          client.deafen();
          client.raw.write(bytes);
          await client.expectClosed();
          assert.equal(facts.length, 1);
          assert.equal(facts[0]?.channel, "control");
          assertTlsFailed(facts[0]?.error);
          await until(() => closed.length === 1);
          assert.equal(facts[0]?.session, closed[0]);
        },
      );
    });
});

describe("S7.5 levels of protection", () => {
  test("S7.5 PROT and PBSZ without TLS: 503", () =>
    hosted({ tls: { require: "none" } }, async ({ port }) => {
      await using client = await TlsClient.connect(port);
      for (const line of ["PROT P", "PROT C", "PBSZ 0"]) await client.expect(line, 503);
      await client.expect("USER test", 331);
      await client.expect("PASS secret", 230);
      await client.expect("PROT P", 503);
      await client.expect("PASV", 227);
    }));

  for (const require of ["data", "all"] as const)
    test(`S7.5 data must be private ("${require}"): PROT C 534, a transfer 521 before 150 and before anything is stored`, () =>
      hosted({ tls: { require } }, async ({ port, fileSystem }) => {
        await put(fileSystem, "/secret", "secret");
        await using client = await TlsClient.connect(port);
        await client.secure({});
        await client.expect("USER test", 331);
        await client.expect("PASS secret", 230);
        // PROT is C after AUTH TLS.
        for (const command of [
          "RETR secret",
          "STOR new",
          "STOR secret",
          "APPE secret",
          "STOU",
          "LIST",
          "NLST",
          "MLSD",
        ]) {
          const raw = await dial(Number(/\|(\d+)\|\)/.exec((await client.expect("EPSV", 229)).text)?.[1]));
          const received: Buffer[] = [];
          raw.on("data", (chunk) => received.push(chunk)).write("clear bytes");
          await client.expect(command, 521);
          raw.destroy();
          assert.equal(Buffer.concat(received).length, 0);
        }
        assert.deepEqual(await names(fileSystem), ["secret"]);
        await client.expect("PROT P", 200);
        await client.expect("PROT C", 534);
        assert.equal((await client.download("RETR secret")).toString(), "secret");
        await client.assertQuiet();
      }));

  test("S7.5 in clear, where data must be private: 521 whatever is tried", () =>
    hosted({ tls: { require: "data" } }, async ({ port, fileSystem }) => {
      await put(fileSystem, "/secret", "secret");
      await using client = await TlsClient.connect(port);
      await client.expect("USER test", 331);
      await client.expect("PASS secret", 230);
      await client.expect("PROT P", 503);
      for (const command of ["RETR secret", "STOR new", "LIST"]) {
        await client.expect("EPSV", 229);
        await client.expect(command, 521);
      }
      assert.deepEqual(await names(fileSystem), ["secret"]);
    }));

  for (const version of VERSIONS)
    test(`S7.5 ${version}: PROT changes what the next data connection is, also behind EPSV`, () =>
      scene(
        { tls: { require: "login" }, client: { minVersion: version, maxVersion: version } },
        async ({ own, fileSystem }) => {
          await put(fileSystem, "/file", "bytes");
          await own.expect("PROT C", 200);
          const raw = await own.open("RETR file");
          const clear: Buffer[] = [];
          raw.on("data", (chunk) => clear.push(chunk));
          await own.expectReply(226);
          raw.destroy();
          assert.equal(Buffer.concat(clear).toString(), "bytes");
          await own.expect("PROT P", 200);
          assert.equal((await own.download("RETR file")).toString(), "bytes");
        },
      ));
});
