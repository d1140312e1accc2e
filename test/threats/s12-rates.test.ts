/** S12.18: a rate cannot be had twice: not by more connections, more logins or other commands, and no number is none by mistake. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Limits, MemoryFileSystem, Server, type ServerOptions } from "../../dist/index.js";
import { begin, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";

const RATE = 400_000;

for (const command of ["RETR f", "STOR g", "LIST"])
  test(`S12.18 ${command.slice(0, 4)} over five connections is as slow as over one`, async () => {
    await assertNoLeaks(async () => {
      const fileSystem = new MemoryFileSystem();
      const limits = { downloadRate: RATE, uploadRate: RATE };
      await using served = await serve({ fileSystem }, (server) =>
        server.on("login", (login) => login.accept({ fileSystem, limits })),
      );
      await put(fileSystem, "/f", bytesOf(80_000));
      if (command === "LIST")
        for (let entry = 0; entry < 800; entry++) await put(fileSystem, `/${"x".repeat(40)}${entry}`, "");
      const clients = await Promise.all(Array.from({ length: 5 }, () => served.user()));
      for (const client of clients) await client.expect("TYPE I", 200);
      const begun = performance.now();
      const moved = await Promise.all(
        clients.map(async (client, index) => {
          if (command !== "STOR g") return (await download(client, command)).bytes.length;
          await upload(client, `STOR g${index}`, bytesOf(80_000));
          return 80_000;
        }),
      );
      const seconds = (performance.now() - begun) / 1000;
      const bytes = moved.reduce((sum, length) => sum + length, 0);
      assert.ok(bytes > 1.2 * RATE * 0.5, `${bytes}`);
      // A quarter of a second's worth is free, and so is the last piece of each.
      assert.ok(bytes / RATE - 0.25 < seconds + 0.3, `${bytes} bytes in ${seconds} s`);
    });
  });

test("S12.18 logging in again, or by another connection, brings no new reserve while somebody is there", async () => {
  const fileSystem = new MemoryFileSystem({ files: { "/f": bytesOf(100_000) } });
  await using served = await serve({ fileSystem, limits: { address: { downloadRate: RATE } } });
  const staying = await served.user();
  await staying.expect("TYPE I", 200);
  const begun = performance.now();
  for (let visit = 0; visit < 5; visit++) {
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await download(client, "RETR f");
    await client.expect("QUIT", 221);
  }
  assert.ok(performance.now() - begun > 900, `${performance.now() - begun} ms for 500,000 bytes`);
});

test("S12.18 downloads that are given up, again and again, make nobody wait for their bytes", async () => {
  const fileSystem = new MemoryFileSystem({ files: { "/f": bytesOf(1_000_000) } });
  await using served = await serve({ fileSystem, limits: { server: { downloadRate: RATE } } });
  const hasty = await served.user();
  await hasty.expect("TYPE I", 200);
  for (let transfer = 0; transfer < 100; transfer++) {
    await using offered = await offer(hasty, "EPSV");
    const [, socket] = await begin(hasty, "RETR f", offered);
    socket.on("error", () => undefined).destroy();
    hasty.send("ABOR\r\n");
    await hasty.expectReply(426);
    await hasty.expectReply(226);
  }
  const other = await served.user();
  const begun = performance.now();
  await download(other, "NLST");
  assert.ok(performance.now() - begun < 1000, `${performance.now() - begun} ms for one line`);
});

test("S12.18 another address has a rate of its own", async () => {
  const fileSystem = new MemoryFileSystem({ files: { "/f": bytesOf(90_000) } });
  await using served = await serve({ fileSystem, limits: { address: { commandRate: 5 } } });
  const busy = await served.user();
  busy.send("NOOP\r\n".repeat(30));
  await using other = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
  const begun = performance.now();
  await other.login();
  await other.assertQuiet();
  assert.ok(performance.now() - begun < 500);
});

for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1000", null])
  test(`S12.18 a rate of ${String(value)} is refused, in options and by login.accept`, async () => {
    const limits = { downloadRate: value } as unknown as Limits;
    const options: ServerOptions = { limits: { account: limits } };
    assert.throws(() => new Server(options), { message: /limits\.account\.downloadRate must be an integer from 0/ });
    const errors: unknown[] = [];
    const fileSystem = new MemoryFileSystem();
    await using served = await serve({ fileSystem }, (server) => {
      server.on("error", ({ error }) => void errors.push(error));
      server.on("login", (login) => login.accept({ fileSystem, limits }));
    });
    const client = await served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 530);
    assert.match(String((errors[0] as Error).cause ?? errors[0]), /downloadRate must be an integer/);
  });
