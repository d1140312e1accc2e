/** The lists `allow` and `deny`: who reads 421 before anything else, at a listener and at the whole server. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RefusedFact, ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

const HERE = { host: "127.0.0.1", port: 0 } as const;

/** Whether each of some addresses comes in, at each place of the server; and whoever does not has read 421 and nothing more. */
function admitted(options: ServerOptions, rows: readonly (readonly [string, ...(true | "allow" | "deny")[]])[]) {
  return assertNoLeaks(async () => {
    const refused: RefusedFact[] = [];
    const questions: string[] = [];
    await using served = await serve(options, (server) => {
      server.on("refused", (fact) => void refused.push(fact));
      server.on("connect", ({ remoteAddress }) => void questions.push(remoteAddress));
    });
    for (const [localAddress, ...expected] of rows)
      for (const [index, { port }] of served.server.addresses.entries()) {
        await using client = await ScriptedClient.open(port, "127.0.0.1", { localAddress });
        const { code } = await client.reply();
        const told = refused
          .splice(0)
          .map(({ reason, remoteAddress, localPort }) => [reason, remoteAddress, localPort]);
        const out = expected[index];
        if (out === true) assert.deepEqual([code, told, questions.splice(0)], [220, [], [localAddress]]);
        else {
          await client.expectClosed();
          assert.equal(client.transcript.toString(), "421 Not available\r\n");
          assert.deepEqual([code, told, questions], [421, [[out, localAddress, port]], []]);
          assert.equal(client.unread, 0);
        }
      }
  });
}

describe("allow and deny (S15.4: before anything else)", () => {
  test("deny keeps out, and nobody else", () =>
    admitted({ deny: ["127.0.0.4/30", "::1"] }, [
      ["127.0.0.3", true],
      ["127.0.0.4", "deny"],
      ["127.0.0.7", "deny"],
      ["127.0.0.8", true],
    ]));

  test("allow lets in, and nobody else", () =>
    admitted({ allow: ["127.0.0.4/30", "127.0.0.9"] }, [
      ["127.0.0.3", "allow"],
      ["127.0.0.4", true],
      ["127.0.0.9", true],
    ]));

  test("an empty allow lets nobody in, an empty deny everybody", async () => {
    await admitted({ allow: [] }, [["127.0.0.1", "allow"]]);
    await admitted({ deny: [] }, [["127.0.0.1", true]]);
  });

  test("deny beats allow", () =>
    admitted({ allow: ["127.0.0.0/8"], deny: ["127.0.0.4"] }, [
      ["127.0.0.3", true],
      ["127.0.0.4", "deny"],
    ]));

  test("of a listener and of the server: both must let in", () =>
    admitted(
      {
        allow: ["127.0.0.0/29"],
        deny: ["127.0.0.6"],
        listeners: [HERE, { ...HERE, allow: ["127.0.0.4/30", "127.0.0.9"] }, { ...HERE, deny: ["127.0.0.4"] }],
      },
      [
        ["127.0.0.3", true, "allow", true],
        ["127.0.0.4", true, true, "deny"],
        ["127.0.0.6", "deny", "deny", "deny"],
        ["127.0.0.9", "allow", "allow", "allow"],
      ],
    ));

  test("where TLS begins at once nothing is said in clear", async () => {
    const { server: tls } = await testCertificates();
    await assertNoLeaks(async () => {
      await using served = await serve({ tls, implicitTls: true, deny: ["127.0.0.2"] });
      await using client = await ScriptedClient.open(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
      await client.expectClosed();
      assert.equal(client.transcript.length, 0);
    });
  });

  test("S15.4 behind a proxy the lists are about the client, not about the proxy", () =>
    assertNoLeaks(async () => {
      const refused: RefusedFact[] = [];
      const proxy = { from: ["127.0.0.1"] };
      await using served = await serve({ proxy, deny: ["192.0.2.0/24", "127.0.0.1"] }, (server) =>
        server.on("refused", (fact) => void refused.push(fact)),
      );
      for (const [host, code] of [
        ["192.0.2.7", 421],
        ["192.0.3.7", 220],
      ] as const) {
        await using client = await ScriptedClient.open(served.port);
        client.send(lineHeader({ source: { host, port: 1 }, destination: { host: "198.51.100.1", port: 21 } }));
        await client.expectReply(code);
      }
      const told = refused.map(({ remoteAddress, localAddress, proxy, reason }) => [
        remoteAddress,
        localAddress,
        proxy,
        reason,
      ]);
      assert.deepEqual(told, [["192.0.2.7", "198.51.100.1", "127.0.0.1", "deny"]]);
    }));

  test("one that has pipelined reads its 421 all the same, and server.close() waits for nobody who was sent away", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ deny: ["127.0.0.1"] });
      await using client = await ScriptedClient.open(served.port);
      client.send("USER test\r\nPASS secret\r\n".repeat(100));
      await client.expectReply(421);
      await served.server.close();
      await until(() => client.raw.destroyed);
      assert.equal(client.transcript.toString(), "421 Not available\r\n");
    }));
});
