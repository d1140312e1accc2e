/** Listings that take long, and many of them: others are served in between. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { begin, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { BOUNDS, measure } from "./kit-measure.js";
import { VastStore } from "./kit-vast-store.js";

describe("S11.3 S11.8 listings of a store that never waits", () => {
  for (const [line, entries] of [
    ["LIST", 100_000],
    ["NLST", 100_000],
    ["MLSD", 100_000],
    ["LIST zz*", 500_000],
    ["NLST *zz", 500_000],
    ["STAT zz*", 500_000],
    ["STAT", 500_000],
  ] as const)
    test(`S11.3 ${line} of ${entries} entries gives others their turn`, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: new VastStore({ entries, pace: 0 }) });
        const client = await served.user();
        const cost = await measure(async () => {
          if (line.startsWith("STAT")) await client.expect(line, 211, 212);
          else await readAway(client, line);
        });
        assert(cost.turn < BOUNDS.turn && cost.memory < BOUNDS.memory, JSON.stringify(cost));
      }));

  test("S11.8 twenty at a time are all served, and others between them", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: new VastStore({ entries: 10_000 }) });
      const clients = await Promise.all(Array.from({ length: 20 }, () => served.user()));
      const other = await served.user();
      let done = false;
      const cost = await measure(async () => {
        const all = Promise.all(clients.map((client) => readAway(client, "LIST"))).then(() => (done = true));
        while (!done) await Promise.race([all, other.expect("NOOP", 200)]);
      });
      assert(cost.turn < BOUNDS.turn && cost.memory < 2 * BOUNDS.memory, JSON.stringify(cost));
    }));

  /** Lists, and forgets what comes. */
  async function readAway(client: ScriptedClient, line: string): Promise<void> {
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, line, offered);
    socket.resume();
    await client.expectReply(226);
  }
});
