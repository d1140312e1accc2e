/** The turns of addresses: who has used his share waits for the next turn of the event loop, in order, and always gets there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Share } from "../../dist/limits/share.js";
import { nameLines, walk } from "../../dist/listing/listing.js";
import type { FileInfo } from "../../dist/storage/file-info.js";
import { ROOT } from "../../dist/wire/virtual-path.js";
import { collect, Endless, UNBOUNDED } from "../listing/tree.js";

/** Computes for so many milliseconds. */
function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Some work within one turn. */
function work(share: Share, milliseconds: number): void {
  const begun = share.begin();
  compute(milliseconds);
  share.end(begun);
}

/** Waits for the share of a turn. @returns how many turns that took */
async function turnsUntilFree(share: Share): Promise<number> {
  let turns = 0;
  let free = false;
  const taken = (async () => {
    await share.take();
    free = true;
  })();
  for (; !free && turns < 10_000; turns++) await nextTurn();
  await taken;
  return turns;
}

test("S10.3 alone, or with little work, nobody waits", () => {
  const alone = new Share(() => true);
  work(alone, 5);
  assert.equal(alone.take(), undefined);
  // The first of all takes its time: nothing is compiled yet.
  const waits = Array.from({ length: 10 }, () => {
    const among = new Share(() => false);
    work(among, 0);
    return among.take();
  });
  assert.ok(waits.includes(undefined));
});

test("S10.3 who has used more than his share pays it back, a tenth of a millisecond in each turn", async () => {
  const share = new Share(() => false);
  work(share, 2);
  assert.ok(share.take() instanceof Promise);
  const turns = await turnsUntilFree(share);
  assert.ok(turns >= 15 && turns < 10_000, `${turns} turns for 2 ms`);
  assert.equal(share.take(), undefined);
});

test("S10.3 S12.11 work that goes on in later turns is reckoned when it begins, and once", async () => {
  const share = new Share(() => false);
  const begun = share.begin();
  assert.ok(share.take() instanceof Promise, "many cannot begin in one turn");
  assert.ok((await turnsUntilFree(share)) >= 2);
  compute(5);
  share.end(begun);
  assert.equal(share.take(), undefined);
});

test("S10.3 many who wait come in order, some in each turn, and each comes", async () => {
  const share = new Share(() => false);
  work(share, 1);
  const order: number[] = [];
  const all = Array.from({ length: 20 }, async (_, index) => {
    await share.take();
    order.push(index);
    // Every fifth is costly.
    work(share, index % 5 === 0 ? 1 : 0.01);
  });
  await nextTurn();
  assert.ok(order.length < 20, "not all at once");
  await Promise.all(all);
  assert.deepEqual(
    order,
    Array.from({ length: 20 }, (_, index) => index),
  );
});

test("S10.3 one who is let through and does no work holds up nobody", async () => {
  const share = new Share(() => false);
  work(share, 1);
  await Promise.all(Array.from({ length: 50 }, async () => share.take()));
});

/** A listing without end whose entries are work, and never wait. */
class Laborious extends Endless {
  override async *list(): AsyncGenerator<FileInfo> {
    for await (const entry of super.list()) {
      const end = performance.now() + 0.02;
      while (performance.now() < end);
      yield entry;
    }
  }
}

test("S11.8 listings of one address have their turn one after the other, for a few entries", async () => {
  const store = new Laborious();
  const share = new Share(() => false);
  const over = new AbortController();
  const listings = Array.from({ length: 20 }, () =>
    collect(nameLines(walk(store, ROOT, { recursive: false, bounds: UNBOUNDED, share, signal: over.signal }))),
  );
  await nextTurn();
  const begun = store.pulled;
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  const pulled = store.pulled - begun;
  over.abort();
  await Promise.allSettled(listings);
  // 16 at a time, which take three turns or more.
  assert.ok(pulled <= 40 * 16, `${pulled} entries in 100 turns`);
  assert.ok(pulled >= 4 * 16, `${pulled} entries in 100 turns`);
});
