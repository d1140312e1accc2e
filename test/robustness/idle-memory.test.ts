/**
 * What a session that is logged in and idle costs the server, in a process of its own: memory, and the pace of others.
 * A slice of it, where fixed costs weigh too much for the resident set to say anything, and a file is too small for its
 * pace; with `PORTSIDE_TEST_LARGE=1` 10,000 sessions, against what the product promises.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "../kit/temporary.js";
import { type Cost, costOf, openFiles, scene } from "./kit-idle.js";
import { haul, type Pace } from "./kit-idle-haul.js";

const LARGE = process.env["PORTSIDE_TEST_LARGE"] === "1";
const KIBIBYTE = 1024;
const MOVED = 1_000_000;
/** What the server has open besides its sessions. */
const OTHER_FILES = 200;

const WAYS = [
  { name: "in clear", tls: false, sessions: LARGE ? 10_000 : 2000, heap: 6, rss: 15 },
  { name: "under TLS 1.3", tls: true, sessions: LARGE ? 10_000 : 300, heap: 11, rss: 45 },
] as const;

async function skipped(t: TestContext, files: number): Promise<boolean> {
  const most = await openFiles();
  if (most >= files + OTHER_FILES) return false;
  t.skip(`a process may have ${most} files open here`);
  return true;
}

function told(t: TestContext, { rss, heap, external }: Cost): void {
  const [all, own, outside] = [rss, heap, external].map((bytes) => (bytes / KIBIBYTE).toFixed(1));
  t.diagnostic(`KiB a session: ${all} resident, of them ${own} heap and ${outside} external`);
}

for (const { name, tls, sessions, heap, rss } of WAYS)
  test(`${sessions} idle sessions ${name}`, async (t) => {
    if (await skipped(t, sessions)) return;
    await using place = await scene({ tls });
    const cost = await costOf(place, sessions);
    told(t, cost);
    assert.ok(cost.heap + cost.external < heap * KIBIBYTE, `${cost.heap} bytes of heap, ${cost.external} external`);
    if (LARGE) assert.ok(cost.rss < rss * KIBIBYTE, `${cost.rss} bytes resident`);
    await place.leave();
    assert.deepEqual((await place.report()).failures, []);
  });

const MOVERS = LARGE ? 1000 : 200;

test(`${MOVERS} sessions move a file down and one up, all at once`, async (t) => {
  if (await skipped(t, MOVERS * 3)) return;
  await using place = await scene();
  await place.enter(MOVERS);
  const { bytes, failures } = await place.move(MOVERS);
  assert.deepEqual(failures, []);
  assert.equal(bytes, MOVERS * MOVED);
  await place.leave();
  assert.deepEqual((await place.report()).failures, []);
});

const CROWD = LARGE ? 10_000 : 200;
const SIZE = LARGE ? 1024 ** 3 : 1024 ** 2;
/** Rounds that are counted. */
const ROUNDS = 3;
/** Of the pace alone: what is less is no chance. */
const AS_FAST = 0.8;

test(`a file of ${SIZE / 1024 ** 2} MiB on disk moves among ${CROWD} idle sessions as fast as alone`, async (t) => {
  if (await skipped(t, CROWD)) return;
  await using folder = await temporaryDirectory();
  await using empty = await scene({ folder: folder.path });
  await using crowded = await scene({ folder: folder.path });
  await crowded.enter(CROWD);
  const [alone, among]: [Pace[], Pace[]] = [[], []];
  // In turns, so that what else goes on weighs on both; the first round is for the servers to become warm.
  for (let round = 0; round <= ROUNDS; round++) {
    alone.push(await haul(empty.port, SIZE));
    among.push(await haul(crowded.port, SIZE));
  }
  for (const way of ["down", "up"] as const) {
    const [one, other] = [paceOf(alone, way), paceOf(among, way)];
    t.diagnostic(`MB/s ${way}: ${(one / 1e6).toFixed(0)} alone, ${(other / 1e6).toFixed(0)} among`);
    if (LARGE) assert.ok(other > AS_FAST * one, `${way}: ${(other / one).toFixed(2)} of the pace alone`);
  }
  assert.equal((await crowded.report()).sessions, CROWD);
  await crowded.leave();
  for (const place of [empty, crowded]) assert.deepEqual((await place.report()).failures, []);
});

/** The median of all rounds but the first. */
function paceOf(rounds: readonly Pace[], way: keyof Pace): number {
  const paces = rounds.slice(1).map((pace) => pace[way]);
  return paces.toSorted((one, other) => one - other)[paces.length >> 1] ?? Number.NaN;
}
