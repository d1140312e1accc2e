/** S11.9, S12.16: checksums of large files cost no more than the host has said, and end with those who asked. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFileSystem } from "../../dist/index.js";
import { offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";
import { FaultStore } from "../robustness/kit-fault-store.js";

const LARGE = bytesOf(3_000_000);

describe("S12.16 who asks for a checksum and leaves", () => {
  for (const leave of ["end", "reset"] as const)
    for (const command of ["HASH f", "XCRC f", "MD5 f"])
      test(`S12.16 ${command}, then ${leave}: its place is free and the file is closed`, async () => {
        const gate = new Gate();
        const store = new FaultStore(new MemoryFileSystem({ files: { "/f": LARGE } }), (operation) =>
          operation === "read" ? (signal) => gate.pass(signal) : undefined,
        );
        await assertNoLeaks(async () => {
          await using served = await serve({ fileSystem: store, maxChecksums: 1 });
          const client = await served.user();
          client.send(`${command}\r\n`);
          await gate.reached;
          const other = await served.user();
          await other.expect(command, 450);
          client[leave]();
          await until(() => served.server.sessions.length === 1 && store.open === 0, 3000, "it is over");
          gate.open();
          await other.expect(command, 213, 250, 251);
        });
      });
});

test("S11.9 S12.16 100 sessions ask at once: as many run as may, the others read 450, and somebody else is served", () =>
  assertNoLeaks(async () => {
    let [running, most] = [0, 0];
    const gate = new Gate();
    const store = new FaultStore(new MemoryFileSystem({ files: { "/f": LARGE } }), (operation) =>
      operation === "openRead"
        ? async (signal) => {
            most = Math.max(most, ++running);
            await gate.pass(signal).finally(() => running--);
          }
        : undefined,
    );
    await using served = await serve({ fileSystem: store, maxChecksums: 4 });
    const crowd = await Promise.all(Array.from({ length: 100 }, () => served.user()));
    for (const client of crowd) client.send("HASH f\r\nHASH f\r\n");
    const witness = await served.user();
    await witness.expect("TYPE I", 200);
    await until(() => running === 4, undefined, "four run");
    for (const line of ["SIZE f", "STAT f", "PWD"]) await witness.expect(line, 213, 257);
    gate.open();
    const codes: number[] = [];
    for (const client of crowd)
      for (let reply = 0; reply < 2; reply++) codes.push((await client.expectReply(213, 450)).code);
    assert.equal(most, 4);
    assert(codes.filter((code) => code === 450).length >= 96, codes.join());
    assert(codes.filter((code) => code === 213).length >= 4, codes.join());
  }));

test("S11.9 SIZE and REST in TYPE A read no more than asciiScanLimit to count, and nothing of what is larger", async () => {
  let opened = 0;
  const store = new FaultStore(new MemoryFileSystem({ files: { "/f": LARGE, "/small": "1\n2\n" } }), (operation) => {
    if (operation === "openRead") opened++;
  });
  await using served = await serve({ fileSystem: store, asciiScanLimit: 1000 });
  const client = await served.user();
  await client.expect("SIZE f", 550);
  await client.expect("REST 1001", 350);
  await using _ = await offer(client, "EPSV");
  await client.expect("RETR f", 554);
  assert.equal(opened, 0);
  assert.equal((await client.expect("SIZE small", 213)).text, "6");
  assert.equal(opened, 1);
});
