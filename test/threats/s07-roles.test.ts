/** Whoever connects to whom: the server of FTP is the server of TLS (RFC 4217 §7). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eprtCommand, listen, portCommand } from "../kit/data.js";
import { content, exists } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import { only, type SecureLine, VERSIONS } from "./kit-data-tls.js";
import type { TlsClient } from "./kit-data-tls-client.js";
import { scene } from "./kit-data-tls-scene.js";

const COMMANDS = { PORT: portCommand, EPRT: eprtCommand } as const;

/** A data connection that the server makes. */
async function active(own: TlsClient, verb: keyof typeof COMMANDS, command: string): Promise<SecureLine> {
  const listener = await listen("127.0.0.1");
  await own.expect(COMMANDS[verb]("127.0.0.1", listener.port), 200);
  own.send(`${command}\r\n`);
  await own.expectReply(150);
  const raw = await listener.accept();
  const line = own.line(raw);
  raw.once("close", () => void listener.close());
  return line.shake();
}

for (const version of VERSIONS)
  for (const verb of ["PORT", "EPRT"] as const)
    for (const requireSessionReuse of [false, true])
      test(`S7.8 ${version}: ${verb}${requireSessionReuse ? ", with the session of the control connection" : ""}`, () =>
        scene({ client: only(version), tls: { requireSessionReuse } }, async ({ own, fileSystem }) => {
          const bytes = bytesOf(300_000);
          const up = await active(own, verb, "STOR file");
          await up.send(bytes);
          await up.closeNotify();
          up.fin();
          await own.expectReply(226);
          assert((await content(fileSystem, "/file")).equals(bytes));
          const down = await active(own, verb, "RETR file");
          assert((await down.collect()).equals(bytes));
          assert.equal(down.endedInOrder, true);
          await own.expectReply(226);
          const half = await active(own, verb, "STOR half");
          await half.send("half");
          half.fin();
          await own.expectReply(426);
          assert.equal(await exists(fileSystem, "/half"), false);
        }));

for (const verb of ["PORT", "EPRT"] as const)
  test(`S7.8 ${verb}: a client that wants to be the server of TLS: 522`, () =>
    scene({ tls: { handshakeTimeout: 300 } }, async ({ own }) => {
      const listener = await listen("127.0.0.1");
      await own.expect(COMMANDS[verb]("127.0.0.1", listener.port), 200);
      own.send("LIST\r\n");
      await own.expectReply(150);
      const raw = await listener.accept();
      const received: Buffer[] = [];
      raw.on("data", (chunk) => received.push(chunk));
      await own.expectReply(522);
      assert.equal(Buffer.concat(received).length, 0, "a hello of the server");
      await listener.close();
    }));
