/**
 * Uploads that end midway, seen in the store: no object, no orphaned parts, the old object as it was; and who reads while
 * one uploads gets the old or the new object, whole.
 */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { suite } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { begin, download, offer, reset, upload } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { put } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { backends, PART } from "./backends.js";
import { assertSame, type Stage, stageTest } from "./stage.js";

const OLD = bytesOf(6 * 1024 ** 2, 4);
const NEW = bytesOf(12 * 1024 ** 2, 5);
/** Two parts and some of a third. */
const MIDWAY = 2 * PART + 100_000;
/** Milliseconds until what was aborted is gone. */
const GONE = 15_000;

/** Ends an upload, and hears on the control connection of it, if that is still there. */
type End = (client: ScriptedClient, data: Socket) => Promise<void>;

/** How an upload ends midway. */
const ENDS: Readonly<Record<string, End>> = {
  ABOR: async (client) => {
    await client.expect("ABOR", 426);
    await client.expectReply(226);
  },
  "a reset of the data connection": async (client, data) => {
    reset(data);
    await client.expectReply(426);
  },
  "a reset of the control connection": async (client, data) => {
    // The server ends the data connection: the client's own end of it would be the end of the file.
    const gone = new Promise((resolve) => data.resume().once("end", resolve).once("close", resolve));
    client.reset();
    await within(gone, "the end of the data connection");
  },
  "the end of the control connection": async (client) => {
    client.end();
    await client.expectReply(426);
    await client.expectClosed();
  },
};

/** Commands, the key, and what stands there before. */
const UPLOADS: readonly (readonly [commands: readonly string[], key: string, old: Buffer | undefined])[] = [
  [["STOR new"], "new", undefined],
  [["STOR old"], "old", OLD],
  [["APPE old"], "old", OLD],
  [[`REST ${PART + 1}`, "STOR old"], "old", OLD],
];

for (const backend of await backends())
  suite(backend.name, { concurrency: 2 }, () => {
    for (const [commands, key, old] of UPLOADS)
      for (const [title, end] of Object.entries(ENDS))
        stageTest(backend, `${commands.join(", ")}, ended by ${title}`, async (stage) => {
          if (old !== undefined) await put(stage.opened.files, `/${key}`, old);
          const before = old && (await stage.opened.files.stat(virtualPath(`/${key}`)));
          const client = await stage.served.user();
          await midway(stage, client, commands, end);
          await until(async () => (await unfinished(stage)) === 0, GONE, "nothing unfinished is left in the store");
          if (old === undefined) return stage.assertKeys();
          await stage.assertKeys(key);
          await stage.assertStored(`/${key}`, old);
          assert.deepEqual(await stage.opened.files.stat(virtualPath(`/${key}`)), before);
        });

    stageTest(backend, "after ABOR the same session sends the file again", async (stage) => {
      const client = await stage.served.user();
      await client.expect("TYPE I", 200);
      const stop = ENDS.ABOR ?? assert.fail("no ABOR");
      await midway(stage, client, ["STOR new"], stop);
      await upload(client, "STOR new", NEW);
      await stage.assertStored("/new", NEW);
      await stage.assertKeys("new");
      await client.assertQuiet();
    });

    stageTest(backend, "two clients read while one uploads: the old file or the new one, never half", reading);
  });

/** Begins an upload, waits until the store has got some of it, and ends it. */
async function midway(stage: Stage, client: ScriptedClient, commands: readonly string[], end: End): Promise<void> {
  await client.expect("TYPE I", 200);
  await using offered = await offer(client, "EPSV");
  for (const command of commands.slice(0, -1)) await client.expect(command, 350);
  const [, data] = await begin(client, commands.at(-1) ?? "", offered);
  data.write(NEW.subarray(0, MIDWAY));
  await until(async () => (await stage.opened.unfinished()).length > 0, GONE, "the store has got a part");
  await end(client, data);
}

/** How many uploads have left something that the store does not forget by itself. */
async function unfinished({ backend, opened }: Stage): Promise<number> {
  return backend.forgets ? 0 : (await opened.unfinished()).length;
}

async function reading(stage: Stage): Promise<void> {
  await put(stage.opened.files, "/file", OLD);
  const user = async (): Promise<ScriptedClient> => {
    const client = await stage.served.user();
    await client.expect("TYPE I", 200);
    return client;
  };
  const [writer, third, ...readers] = [await user(), await user(), await user(), await user()];
  let writing = true;
  const seen = new Set<Buffer>();
  const read = async (client: ScriptedClient): Promise<void> => {
    for (let last = false; !last; ) {
      last = !writing;
      const { bytes } = await download(client, "RETR file");
      const whole = bytes.length === OLD.length ? OLD : NEW;
      assertSame(bytes, whole, "what was read");
      seen.add(whole);
    }
  };
  const write = async (): Promise<void> => {
    for (const content of [NEW, OLD, NEW]) {
      // Half of it is there: who reads now still gets what stood there before.
      await using offered = await offer(writer, "EPSV");
      const [, data] = await begin(writer, "STOR file", offered);
      data.write(content.subarray(0, PART + 1));
      await until(async () => (await stage.opened.unfinished()).length > 0, GONE, "a part is there");
      const { bytes } = await download(third, "RETR file");
      assertSame(bytes, content === NEW ? OLD : NEW, "read while half of the new one is there");
      data.end(content.subarray(PART + 1));
      data.resume();
      await writer.expectReply(226);
    }
    writing = false;
  };
  await Promise.all([write(), ...readers.map(read)]);
  assert.deepEqual([seen.has(OLD), seen.has(NEW)], [true, true]);
  await stage.assertStored("/file", NEW);
  await stage.assertKeys("file");
}
