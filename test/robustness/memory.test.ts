/** Memory stays flat whatever the speeds of client and store: nobody's bytes pile up in between. */
import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import type net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { LocalFileSystem, type Server, type Session } from "../../dist/index.js";
import { begin, offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { linesOf, until } from "../kit/temporary.js";
import { FaultStore } from "./kit-fault-store.js";
import { localFolder } from "./kit-local.js";
import { MemoryPeak } from "./kit-memory.js";
import { Witness } from "./kit-witness.js";

const MIB = 2 ** 20;
/** Far less than the file, far more than what buffers need. */
const LARGE = 512 * MIB;
const GROWTH = 96 * MIB;

for (const type of ["I", "A"])
  test(`S12.6 S18.8 a slow client reads a large file in TYPE ${type}: memory is flat, STAT and ABOR are answered`, async () => {
    await using folder = await localFolder();
    await writeFile(join(folder.root, "large"), linesOf(MIB));
    await truncate(join(folder.root, "large"), LARGE);
    await assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.root) });
      await using witness = await Witness.begin(served);
      const client = await served.user();
      await client.expect(`TYPE ${type}`, 200);
      await using offered = await offer(client, "EPSV");
      const peak = new MemoryPeak();
      const [, socket] = await begin(client, "RETR large", offered);
      await readSlowly(socket, 8 * MIB);
      const { bytes } = await standingStill(served.server, "/large");
      // What the server has got rid of fits into the buffers of the system.
      assert(bytes < LARGE / 4, `${bytes} bytes were sent to a client that does not read`);
      const status = await client.expect("STAT", 211);
      assert.match(status.lines.join("\n"), /RETR \/large/);
      const growth = peak.stop();
      await client.expect("ABOR", 426);
      await client.expectReply(226);
      assert(growth < GROWTH, `grew by ${growth} bytes`);
      socket.destroy();
      await witness.assertUnharmed();
    });
  });

/** A few bytes, then a wait until the others have had their turn, again and again. */
async function readSlowly(socket: net.Socket, bytes: number): Promise<void> {
  for (let read = 0; read < bytes; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await new Promise((resolve) => socket.once("readable", resolve));
    else read += chunk.length;
  }
}

/** The transfer of a file once it has not moved for a second. */
async function standingStill(server: Server, path: string): Promise<NonNullable<Session["transfer"]>> {
  const found = () => server.sessions.find((session) => session.transfer?.path === path)?.transfer;
  let [bytes, since] = [-1, 0];
  await until(() => {
    const now = found()?.bytes ?? -1;
    if (now !== bytes) since = performance.now();
    bytes = now;
    return bytes >= 0 && performance.now() - since > 1000;
  });
  return found() as NonNullable<Session["transfer"]>;
}

test("S12.7 S18.8 a fast client writes to a slow store: the client is held back", async () => {
  await using folder = await localFolder();
  const store = new FaultStore(new LocalFileSystem(folder.root));
  const gate = new Gate();
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store });
    await using witness = await Witness.begin(served, store);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    store.plan = (operation, path) => (operation === "write" && path === "/slow" ? () => gate.pass() : undefined);
    const peak = new MemoryPeak();
    const [, socket] = await begin(client, "STOR slow", offered);
    const sent = await floodUntilStuck(socket, LARGE);
    const growth = peak.stop();
    assert(sent < LARGE / 4, `${sent} bytes went to a store that takes none`);
    assert(growth < GROWTH, `grew by ${growth} bytes`);
    gate.open();
    socket.end();
    await client.expectReply(226);
    assert.equal((await client.expect("SIZE slow", 213)).text, String(sent));
    await witness.assertUnharmed();
  });
});

/** Writes until the other side takes no more for a while. @returns bytes written */
async function floodUntilStuck(socket: net.Socket, most: number): Promise<number> {
  const chunk = Buffer.alloc(MIB);
  let sent = 0;
  while (sent < most) {
    sent += chunk.length;
    if (socket.write(chunk)) continue;
    let drained = false;
    socket.once("drain", () => {
      drained = true;
    });
    if (
      !(await until(() => drained, 1000).then(
        () => true,
        () => false,
      ))
    )
      break;
  }
  return sent;
}

test("S12.7 a store that takes its time with each write gets all of a large upload: memory is flat", async () => {
  await using folder = await localFolder();
  const store = new FaultStore(new LocalFileSystem(folder.root));
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    let writes = 0;
    store.plan = (operation) => {
      if (operation !== "write") return undefined;
      writes++;
      return () => new Promise((resolve) => setTimeout(resolve, 2));
    };
    await using offered = await offer(client, "EPSV");
    const peak = new MemoryPeak();
    const [, socket] = await begin(client, "STOR slow", offered);
    const chunk = Buffer.alloc(MIB);
    for (let sent = 0; sent < 256 * MIB; sent += chunk.length)
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    socket.end();
    await client.expectReply(226);
    const growth = peak.stop();
    assert.equal((await client.expect("SIZE slow", 213)).text, String(256 * MIB));
    assert(writes > 1);
    assert(growth < GROWTH, `grew by ${growth} bytes`);
  });
});

test("S10.3 S10.4 100,000 commands from a client that reads no reply: it is held back, the others go on", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve();
    await using witness = await Witness.begin(served);
    const client = await served.user();
    client.socket.pause();
    const peak = new MemoryPeak();
    const line = Buffer.from("HELP\r\n".repeat(1000));
    let blocked = false;
    for (let batch = 0; batch < 100 && !blocked; batch++) {
      if (client.socket.write(line)) continue;
      let drained = false;
      client.socket.once("drain", () => {
        drained = true;
      });
      blocked = !(await until(() => drained, 1000).then(
        () => true,
        () => false,
      ));
    }
    const growth = peak.stop();
    assert(growth < GROWTH, `grew by ${growth} bytes`);
    await witness.assertUnharmed();
    client.reset();
    await until(() => served.server.sessions.length === 1);
  });
});
