/** S5.7: TLS that comes in odd pieces is TLS all the same; what is forged within it ends the connection. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reset } from "../kit/data.js";
import { bytesOf, until } from "../kit/temporary.js";
import { handshaken, recordsOf, TlsClient } from "./kit-tls.js";
import { besiege, CONTENT, type WatchedServer, withClient } from "./kit-tls-server.js";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

/** A client whose handshake may begin. */
async function ready(served: WatchedServer, implicit: boolean): Promise<TlsClient> {
  if (implicit) return TlsClient.open(served.port);
  const client = await TlsClient.greeted(served.port);
  await client.expect("AUTH TLS", 234);
  return client;
}

/** Sends what TLS says in pieces of `size` bytes, each in a turn of its own. */
function inPieces(client: TlsClient, size: number): (chunk: Buffer) => void {
  let sent = Promise.resolve();
  return (chunk) => {
    sent = sent.then(async () => {
      for (let at = 0; at < chunk.length; at += size) {
        client.sendRaw(chunk.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  };
}

for (const maxVersion of VERSIONS)
  for (const implicit of [false, true])
    for (const allowClear of [false, true])
      describe(`S5.7 ${maxVersion}, ${implicit ? "implicit" : "explicit"}${allowClear ? ", TLS may end" : ""}`, () => {
        for (const size of [1, 3, 5, 6, 64])
          test(`S5.7 all of a session in pieces of ${size} bytes`, () =>
            besiege({ allowClear }, { implicitTls: implicit }, async (served) => {
              await withClient(ready(served, implicit), async (client) => {
                await handshaken(await client.begin({ maxVersion }, inPieces(client, size)));
                if (implicit) await client.expectReply(220);
                await client.login();
                await client.expect("PROT P", 200);
                assert.equal((await client.download("RETR f")).toString(), CONTENT);
                await client.expect("QUIT", 221);
              });
            }));

        for (const [what, forged] of [
          ["a byte of a record is changed", undefined],
          ["a line in clear", Buffer.from("USER evil\r\n")],
          ["a record of chance", Buffer.concat([Buffer.from([0x17, 3, 3, 0, 64]), bytesOf(64)])],
          ["a second ClientHello", Buffer.from("160301000501000001030a", "hex")],
          ["a fatal alert in clear", Buffer.from("15030300020228", "hex")],
          ["close_notify in clear", Buffer.from("15030300020100", "hex")],
          ["a record that is too long", Buffer.concat([Buffer.from([0x17, 3, 3, 0xff, 0xff]), Buffer.alloc(70_000)])],
        ] as const)
          test(`S5.7 behind the handshake: ${what}`, () =>
            besiege({ allowClear }, { implicitTls: implicit }, async (served) => {
              await withClient(ready(served, implicit), async (client) => {
                await client.protect({ maxVersion });
                if (implicit) await client.expectReply(220);
                await client.assertQuiet();
                const answered = served.answers.length;
                client.outgoing = (chunk) => {
                  const last = Buffer.from(recordsOf(chunk).at(-1) ?? chunk);
                  last.writeUInt8(last.readUInt8(last.length - 1) ^ 1, last.length - 1);
                  client.sendRaw(last);
                };
                if (forged === undefined) client.send("USER evil\r\n");
                else client.sendRaw(forged);
                await client.expectClosed(3000);
                assert.equal(served.answers.length, answered, served.answers.join());
                assert.deepEqual(served.logins, []);
              });
            }));

        for (const ending of ["FIN", "RST", "FIN in the middle of a record", "RST in the middle of a record"])
          test(`S5.7 behind the handshake: ${ending}`, () =>
            besiege({ allowClear }, { implicitTls: implicit }, async (served) => {
              await withClient(ready(served, implicit), async (client) => {
                await client.protect({ maxVersion });
                if (implicit) await client.expectReply(220);
                await client.login();
                client.outgoing = (chunk) => client.sendRaw(chunk.subarray(0, chunk.length - 3));
                if (ending.includes("record")) client.send("CWD /\r\n");
                await until(() => client.raw.writableLength === 0);
                if (ending.startsWith("FIN")) client.raw.end();
                else reset(client.raw);
                await client.expectClosed(3000);
                assert.deepEqual(
                  served.answers.filter((answer) => answer.startsWith("CWD")),
                  [],
                );
              });
            }));
      });
