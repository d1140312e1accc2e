/** What gateways between client and server read along (227, 229, PORT): nobody may write it for the server. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Session } from "../../dist/index.js";
import { download, parseEpsv, parsePasv } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";

const BAIT = "PORT 10,0,0,1,0,22";
const ANSWER = "227 Entering Passive Mode (10,0,0,1,0,22).";
/** Payloads of a packet on usual ways. */
const PACKETS = [512, 536, 1220, 1380, 1440, 1448, 1460, 1500];

describe("S8.1 what a client sends", () => {
  test("S8.1 is not repeated in a refusal, before or after login, whatever its length", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const [stranger, user] = [await served.client(), await served.user()];
      const verbs = [
        "CWD",
        "RETR",
        "SIZE",
        "MLST",
        "DELE",
        "HELP",
        "SITE",
        "OPTS",
        "LANG",
        "TYPE",
        "MODE",
        "STRU",
        "ALLO",
        "EPRT",
        "PORT",
        "REST",
        "QUUX",
        "",
      ];
      for (const size of PACKETS.flatMap((packet) => [packet, 2 * packet, 3 * packet])) {
        for (const bait of [BAIT, ANSWER]) {
          for (const verb of verbs) {
            // So that a reply that began with the verb would have the bait at the start of a packet.
            const line = `${`${verb} `.trimStart().padEnd(size, "x")}${bait}`;
            for (const client of [stranger, user]) {
              const { raw } = await client.command(line);
              assert(raw.length < 200 && !raw.includes("10,0,0,1"), raw.toString());
            }
          }
        }
      }
      await user.assertQuiet();
    }));

  test("S8.1 stands behind words of the server where it has to be repeated, and only within one line", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      for (const size of [0, 100, 230]) {
        for (const bait of [BAIT, ANSWER]) {
          const name = "y".repeat(size).slice(bait.length) + bait;
          await put(served.fileSystem, "/file", "x");
          await client.expect(`MKD ${name}`, 257);
          await client.expect(`CWD ${name}`, 250);
          await client.expect("PWD", 257);
          for (const line of [`MLST /${name}`, `STAT /`, `MFMT 20200101000000 /${name}`])
            await client.expect(line, 212, 213, 250);
          await client.expect("CDUP", 250);
          await client.expect(`RMD ${name}`, 250);
          await client.expect("RNFR file", 350);
          await client.expect(`RNTO ${name}`, 250);
          await download(client, `RETR ${name}`);
          await client.expect(`DELE ${name}`, 250);
        }
      }
      const lines = client.transcript.toString().split("\r\n").slice(0, -1);
      assert.deepEqual(
        lines.filter((line) => /^ ?(PORT|EPRT|227)/.test(line)),
        [],
      );
      assert(
        lines.some((line) => line.includes(BAIT)),
        "nothing was repeated at all",
      );
    }));
});

describe("S8.3 the 227", () => {
  test("S8.3 S19.1 has one form: one line, one pair of parentheses, six numbers, in every state", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const client = await served.user();
      for (const before of [
        "NOOP",
        "MKD (10,0,0,1,0,22)",
        "CWD (10,0,0,1,0,22)",
        "TYPE I",
        "REST 10",
        "LANG en",
        "CLNT (10,0,0,1,0,22)",
      ]) {
        await client.command(before);
        const reply = await client.expect("PASV", 227);
        assert.match(reply.raw.toString(), /^227 Entering Passive Mode \(127,0,0,1,\d{1,3},\d{1,3}\)\.\r\n$/);
        assert(parsePasv(reply).port > 1023);
        const extended = await client.expect("EPSV", 229);
        assert.match(extended.raw.toString(), /^229 [A-Za-z ]+\(\|\|\|\d{4,5}\|\)\r\n$/);
        assert(parseEpsv(extended) > 1023);
      }
    }));
});

describe("S8.4 the address in the 227", () => {
  test("S8.4 is the host's choice, fixed or by client, and EPSV does without", () =>
    assertNoLeaks(async () => {
      const byClient = (session: Session): string =>
        session.remoteAddress === "127.0.0.1" ? "203.0.113.7" : "198.51.100.1";
      for (const address of ["203.0.113.7", byClient, async (session: Session) => byClient(session)]) {
        await using served = await serve({ passive: { address } });
        const client = await served.user();
        assert.equal(parsePasv(await client.expect("PASV", 227)).host, "203.0.113.7");
        assert.equal((await download(client, "LIST", "EPSV")).bytes.length, 0);
      }
    }));

  test("S8.4 S19.1 that makes no sense is never told to the client, and the session goes on", () =>
    assertNoLeaks(async () => {
      const senseless: readonly (() => unknown)[] = [
        () => "::1",
        () => "localhost",
        () => "10,0,0,1",
        () => "1.2.3.4).\r\n227 (6.6.6.6",
        () => 16_909_060,
        () => ({}),
        () => Promise.reject(new Error("/etc/secret")),
        () => new Promise(() => undefined),
        () => assert.fail("/etc/secret"),
      ];
      for (const address of senseless) {
        let errors = 0;
        await using served = await serve({ hookTimeout: 50, passive: { address: address as () => string } }, (server) =>
          server.on("error", () => errors++),
        );
        const client = await served.user();
        await client.expect("PASV", 425);
        assert.equal(errors, 1, String(address));
        await client.expect("LIST", 425);
        assert.equal((await download(client, "LIST", "EPSV")).bytes.length, 0);
        assert(!client.transcript.includes("secret"));
      }
    }));
});
