/** What the fuzzer and the chaos run have found, each as plain as it can be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryFileSystem } from "../../dist/index.js";
import { type Fault, faulty } from "../../dist/testing/index.js";
import { testCertificates } from "../kit/certificates.js";
import { begin, collect, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";

test("S12.9 what waits behind a transfer of a client that has left is answered with 421, not with a transfer's 426", () =>
  assertNoLeaks(async () => {
    await using served = await serve({ stallTimeout: 200, dataTimeout: 5000 });
    const client = await served.user();
    await client.expect("EPSV", 229);
    client.send("LIST\r\nEPSV\r\nSTOR file\r\nPWD\r\nDELE file\r\n");
    await client.expectReply(150);
    client.end();
    for (const code of [426, 229, 150, 426, 421]) await client.expectReply(code);
    await client.expectClosed();
    assert.equal(client.unread, 0);
  }));

test("S5.1 a session that the host closes on the reply to AUTH says nothing in clear behind it", () =>
  assertNoLeaks(async () => {
    const { cert, key } = (await testCertificates()).server;
    await using served = await serve({ tls: { cert, key } });
    served.server.on("reply", ({ session, code }) => void (code === 234 && session.close()));
    await using client = await ScriptedClient.open(served.port);
    await client.expectReply(220);
    await client.expect("AUTH TLS", 234);
    await client.expectClosed();
    assert.equal(client.unread, 0, "clear text where the client waits for TLS");
  }));

test("S18.1 a download that the store cuts short is not told as complete", () =>
  assertNoLeaks(async () => {
    const cut: Fault = { at: "read", after: 1000, truncate: true };
    const store = faulty(new MemoryFileSystem({ files: { "/file": Buffer.alloc(5000, "x") } }), [cut]);
    const errors: unknown[] = [];
    await using served = await serve({ fileSystem: store }, (server) =>
      server.on("error", ({ error }) => errors.push(error)),
    );
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR file", offered);
    assert.equal((await collect(socket)).length, 1000);
    await client.expectReply(451);
    assert.equal(store.times(cut), 1);
    assert.match(String(errors), /the store has given less than it said/);
    await client.assertQuiet();
  }));
