/** Directories of 100,000 keys through FTP: complete for real clients, and begun before the store has told the last of them. */
import assert from "node:assert/strict";
import { suite } from "node:test";
import { begin, offer } from "../kit/data.js";
import { within } from "../kit/temporary.js";
import { type Backend, backends } from "./backends.js";
import { type Stage, stageTest } from "./stage.js";

/** Keys of a fake; real stores need too long to be filled with so many, and get what makes three pages. */
const [MANY, SOME] = [100_000, 2100];
/** Keys where only the beginning counts: twice as many pages, or more, as fit the buffers before the first line is sent. */
const BEGINNINGS = { MLSD: 20_000, LIST: 20_000, NLST: 40_000 };
/** Milliseconds for one listing of all. */
const LISTING = 60_000;

/** The names in the directory. */
function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `file ${String(index).padStart(6, "0")}`);
}

async function fill(stage: Stage, count: number): Promise<void> {
  await stage.opened.fill(namesOf(count).map((name) => `many/${name}`));
}

const BACKENDS = await backends();

// One after the other listings of fakes only compute; real stores are slow to fill.
suite("listings", { concurrency: 2 }, () => {
  for (const backend of BACKENDS) suite(backend.name, () => listings(backend));
});

function listings(backend: Backend): void {
  const count = backend.fake ? MANY : SOME;
  stageTest(backend, `curl and lftp list ${count} keys`, async (stage) => {
    const expected = namesOf(count);
    await fill(stage, count);
    assert.deepEqual(lines(await stage.curl("--list-only", `${stage.url("many")}/`)), expected);
    assert.deepEqual(lines(await stage.lftp("cd many", "cls -1")), expected);
  });

  for (const [verb, beginning] of Object.entries(BEGINNINGS))
    if (backend.fake)
      stageTest(backend, `${verb}: the first line comes before the last page is asked for`, async (stage) => {
        await fill(stage, beginning);
        const pages = stage.opened.pages ?? assert.fail("a fake counts its pages");
        const client = await stage.served.user();
        await client.expect("TYPE I", 200);
        await client.expect("CWD many", 250);
        const before = pages();
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, verb, offered);
        let [first, received, text] = [0, 0, ""];
        const ended = (async () => {
          for await (const chunk of socket as AsyncIterable<Buffer>) {
            if (received === 0) [first, text] = [pages() - before, chunk.toString("utf8", 0, 1000)];
            received += chunk.length;
          }
        })();
        await within(ended, "the listing", LISTING);
        await client.expectReply(226);
        const all = pages() - before;
        assert(all >= beginning / 1000, `only ${all} pages for ${received} bytes`);
        assert(first < all / 2, `the first line came after ${first} of ${all} pages`);
        assert.match(text, /file 000000\r\n/);
      });

  stageTest(
    backend,
    "a listing is given up midway: no more pages are asked for, and the session goes on",
    async (stage) => {
      await fill(stage, Math.min(count, BEGINNINGS.MLSD));
      const client = await stage.served.user();
      await client.expect("CWD many", 250);
      const before = stage.opened.pages?.() ?? 0;
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "MLSD", offered);
      await within(new Promise((resolve) => socket.once("data", resolve)), "the first line");
      socket.pause();
      await client.expect("ABOR", 426, 226);
      await client.expectReply(226);
      const asked = (stage.opened.pages?.() ?? 0) - before;
      assert(asked < BEGINNINGS.MLSD / 1000, `${asked} pages`);
      await client.assertQuiet();
    },
  );
}

function lines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== "");
}
