/** S11.1, S11.2, S11.5, S11.8: listings have an end in time too, and there are no more of them at once than there may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { download, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { VastStore } from "./kit-vast-store.js";

/** More than anybody waits for. */
const ENDLESS = { entries: 1e9, directories: 1e8 };
const BOUND = { listing: { maxMilliseconds: 200, maxEntries: 1e9 } };

for (const line of ["LIST -R", "NLST -R", "LIST -R *nothing*"])
  test(`S11.2 ${line} of a tree without end: cut after its time, told the client and the host`, async () => {
    await assertNoLeaks(async () => {
      const fileSystem = new VastStore(ENDLESS);
      await using served = await serve({ fileSystem, ...BOUND });
      const facts: string[] = [];
      served.server.on("limited", ({ limit, scope }) => void facts.push(`${scope}.${limit}`));
      const client = await served.user();
      const begun = performance.now();
      const { replies } = await download(client, line);
      const taken = performance.now() - begun;
      assert.ok(taken >= 190 && taken < 3000, `${taken} ms`);
      assert.match(replies[1].text, /ends here/);
      assert.deepEqual(facts, ["session.listingTime"]);
      assert.equal(fileSystem.open, 0);
      await client.assertQuiet();
    });
  });

test("S11.5 STAT with a pattern that matches nothing in a directory without end: cut after its time", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: new VastStore(ENDLESS), ...BOUND });
    const facts: string[] = [];
    served.server.on("limited", ({ limit, scope }) => void facts.push(`${scope}.${limit}`));
    const client = await served.user();
    const begun = performance.now();
    await client.expect("STAT *nothing*", 212);
    assert.ok(performance.now() - begun < 3000);
    assert.deepEqual(facts, ["session.listingTime"]);
    await client.assertQuiet();
  });
});

test("S11.2 the time that the client takes to read does not count", async () => {
  const fileSystem = new VastStore({ entries: 20_000, directories: 1, pace: 0, padding: 200 });
  await using served = await serve({ fileSystem, listing: { maxMilliseconds: 2000, maxDepth: 1 } });
  const client = await served.user();
  await using offered = await offer(client, "EPSV");
  client.send("LIST -R\r\n");
  const socket = await offered.connect();
  await client.expectReply(150);
  // Longer than the bound, while the store has nothing to do.
  const begun = performance.now();
  await until(() => performance.now() - begun > 2200, 5000, "the client reads nothing");
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  assert.ok(bytes > 40_000 * 200, `${bytes} bytes`);
  // Two levels were shown; the third one is what maxDepth has cut.
  await client.expectReply(226);
});

test("S11.2 maxMilliseconds 0 is no bound", async () => {
  await using served = await serve({
    fileSystem: new VastStore(ENDLESS),
    listing: { maxMilliseconds: 0, maxEntries: 50_000 },
  });
  const client = await served.user();
  const { bytes } = await download(client, "NLST -R");
  assert.equal(bytes.toString().split("\r\n").length - 1, 50_000);
});

test("S11.8 limits.server.transfers counts a listing from its command on, also while it has found nothing yet", async () => {
  await assertNoLeaks(async () => {
    const fileSystem = new VastStore(ENDLESS);
    await using served = await serve({ fileSystem, limits: { server: { transfers: 3 } } });
    const crowd = await Promise.all(Array.from({ length: 6 }, () => served.user()));
    const refused: unknown[] = [];
    served.server.on("limited", (fact) => void refused.push(fact));
    for (const client of crowd) {
      await client.expect("EPSV", 229);
      client.send("NLST *nothing*\r\n");
    }
    await until(() => refused.length === 3 && fileSystem.open === 3, 5000, "three list, three may not");
    for (const client of crowd.slice(3)) await client.expectReply(450);
    // One that stops makes room.
    await crowd[0]?.expect("ABOR", 426, 451, 450);
    await crowd[0]?.expectReply(226);
    crowd[3]?.send("NLST *nothing*\r\n");
    await until(() => fileSystem.open === 3, 5000, "another one lists");
    for (const client of crowd) client.reset();
    await until(() => fileSystem.open === 0, 5000, "all have stopped");
  });
});
