/** Directories without end: a listing begins at once, holds little, can be stopped, and stops by itself when nobody reads on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import type net from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { begin, download, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type ServeOptions, serve } from "../kit/serve.js";
import { temporaryDirectory, until } from "../kit/temporary.js";
import { BOUNDS, measure } from "./kit-measure.js";
import { type VastOptions, VastStore } from "./kit-vast-store.js";

const LISTINGS = ["LIST", "NLST", "MLSD", "LIST -R", "NLST -R"] as const;
const ENDLESS: VastOptions = { entries: Number.MAX_SAFE_INTEGER, padding: 200 };

/** Begins a listing of a store, does something, and asserts that the store is left in peace afterwards. */
async function interrupt(
  line: string,
  options: VastOptions,
  act: (client: ScriptedClient, socket: net.Socket, store: VastStore) => Promise<void>,
  server: ServeOptions = {},
): Promise<void> {
  await assertNoLeaks(async () => {
    const store = new VastStore(options);
    await using served = await serve({ fileSystem: store, ...server });
    const [other, client] = [await served.user(), await served.user()];
    client.socket.on("error", () => undefined);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, line, offered);
    const cost = await measure(async () => {
      await act(client, socket, store);
      await until(() => store.open === 0, undefined, "the listing is closed");
    });
    const pulled = store.pulled;
    await other.assertQuiet();
    assert.equal(store.pulled, pulled, "the store is still asked");
    assert(cost.turn < BOUNDS.turn && cost.memory < BOUNDS.memory, JSON.stringify(cost));
  });
}

describe("S11.3 a directory without end", () => {
  for (const line of LISTINGS) {
    test(`S11.3 ${line}: the first bytes come at once, and ABOR ends it`, () =>
      interrupt(line, ENDLESS, async (client, socket) => {
        socket.on("error", () => undefined);
        const [chunk] = (await once(socket, "data")) as [Buffer];
        assert(chunk.length > 0);
        socket.resume();
        client.send("ABOR\r\n");
        await client.expectReply(426);
        await client.expectReply(226);
        await client.assertQuiet();
      }));

    test(`S11.3 ${line}: the end of the data connection ends it`, () =>
      interrupt(line, ENDLESS, async (client, socket) => {
        await once(socket, "data");
        socket.destroy();
        await client.expectReply(426);
        await client.assertQuiet();
      }));

    test(`S11.3 ${line}: the end of the control connection ends it`, () =>
      interrupt(line, ENDLESS, async (client, socket) => {
        socket.on("error", () => undefined).resume();
        await once(socket, "data");
        client.reset();
      }));

    test(`S11.4 ${line}: who does not read holds the store back, has the control connection, and is cut off in the end`, () =>
      interrupt(
        line,
        ENDLESS,
        async (client, _socket, store) => {
          let last = -1;
          await until(async () => {
            const still = store.pulled === last;
            last = store.pulled;
            await client.expect("NOOP", 200);
            return still;
          });
          assert(store.pulled < 400_000, `${store.pulled} entries were asked for`);
          await client.expect("STAT", 211);
          await client.expectReply(426);
        },
        { stallTimeout: 500 },
      ));
  }

  for (const line of ["LIST zz*", "NLST -R zz*"])
    test(`S11.3 ${line} with a pattern that matches nothing can be stopped too`, () =>
      assertNoLeaks(async () => {
        const store = new VastStore(ENDLESS);
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await using offered = await offer(client, "EPSV");
        (await offered.connect()).on("error", () => undefined).resume();
        client.send(`${line}\r\n`);
        await until(() => store.open === 1);
        client.send("ABOR\r\n");
        while ((await client.expectReply(125, 150, 226, 425, 426)).code !== 226);
        assert.equal(store.open, 0);
        await client.assertQuiet();
      }));
});

describe("S11.5 STAT of a directory without end", () => {
  test("S11.5 shows the first entries and says that it is cut, however many there are", () =>
    assertNoLeaks(async () => {
      for (const statLines of [1, 1000]) {
        const store = new VastStore(ENDLESS);
        await using served = await serve({ fileSystem: store, listing: { statLines } });
        const client = await served.user();
        const reply = await client.expect("STAT /", 212);
        assert.equal(reply.lines.length, statLines + 2);
        assert.match(reply.lines.at(-1) ?? "", /cut/i);
        assert(reply.raw.length < 300_000 && store.pulled < statLines + 1000, `${store.pulled} entries`);
        assert.equal(store.open, 0);
      }
    }));

  test("S11.5 S11.3 with a pattern that matches nothing ends with the client", () =>
    assertNoLeaks(async () => {
      const store = new VastStore(ENDLESS);
      await using served = await serve({ fileSystem: store, stallTimeout: 500 });
      for (const leave of [(client: ScriptedClient) => client.reset(), (client: ScriptedClient) => client.end()]) {
        const client = await served.user();
        client.send("STAT zz*\r\n");
        await until(() => store.open === 1);
        leave(client);
        await until(
          () => store.open === 0 && served.server.sessions.length === 0,
          5000,
          "the listing and the session end",
        );
      }
    }));

  test("S11.5 S11.3 with a pattern that matches nothing does not hold up the end of the server", () =>
    assertNoLeaks(async () => {
      const store = new VastStore(ENDLESS);
      const served = await serve({ fileSystem: store });
      const client = await served.user();
      client.send("STAT zz*\r\n");
      await until(() => store.open === 1);
      const begun = performance.now();
      await served.server.close();
      assert(performance.now() - begun < 4000, `close() took ${performance.now() - begun} ms`);
      await until(() => store.open === 0);
      await served[Symbol.asyncDispose]();
    }));
});

describe("S11.2 trees without end", () => {
  for (const line of ["LIST -R", "NLST -R", "LIST -laR /", "NLST -R /d0"])
    test(`S11.2 ${line}: depth and number have bounds, and the client is told`, () =>
      assertNoLeaks(async () => {
        for (const [directories, listing] of [
          [1, {}],
          [1, { maxDepth: 200 }],
          [10, { maxEntries: 5000 }],
          [3, { maxDepth: 4 }],
          [10, { maxDepth: 0 }],
        ] as const) {
          const store = new VastStore({ entries: 10, directories });
          await using served = await serve({ fileSystem: store, listing });
          const client = await served.user();
          const { bytes, replies } = await download(client, line);
          assert(store.pulled < 20_000 && bytes.length < 5_000_000, `${store.pulled} entries, ${bytes.length} bytes`);
          assert.match(replies[1].text, /more/, "the client is not told");
          assert.equal(store.open, 0);
        }
      }));

  test("S11.2 links are not gone through, in circles or anywhere else", () =>
    assertNoLeaks(async () => {
      await using folder = await temporaryDirectory();
      await mkdir(join(folder.path, "a", "b"), { recursive: true });
      await writeFile(join(folder.path, "a", "b", "file"), "");
      for (const [target, path] of [
        [".", "here"],
        ["..", "a/up"],
        ["../..", "a/b/top"],
        ["b", "a/again"],
        ["loop", "loop"],
      ] as const)
        await symlink(target, join(folder.path, path));
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) });
      const client = await served.user();
      const names = (await download(client, "NLST -R")).bytes.toString().split("\r\n").slice(0, -1).sort();
      assert.deepEqual(names, ["a", "a/again", "a/b", "a/b/file", "a/b/top", "a/up", "here", "loop"]);
      const { bytes } = await download(client, "LIST -R");
      assert.equal(bytes.toString().match(/ file\r\n/g)?.length, 1);
    }));
});
