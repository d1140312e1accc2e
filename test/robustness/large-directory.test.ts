/** A directory of 5,000 entries on the disk: complete in every form, streamed, and let go of when nobody reads on. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { LocalFileSystem } from "../../dist/index.js";
import { begin, download, offer, reset } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";
import { FaultStore } from "./kit-fault-store.js";
import { type LocalFolder, localFolder } from "./kit-local.js";
import { Witness } from "./kit-witness.js";

const NAMES = Array.from({ length: 5000 }, (_, index) => `entry ${index} ${"x".repeat(index % 50)}ü`).sort();

/** The name in a line of each form. */
const FORMS: readonly (readonly [verb: string, RegExp])[] = [
  ["LIST", /^-[rwx-]{9} +1 \S+ +\S+ +0 [A-Z][a-z]{2} [ \d]\d +\d\d:?\d\d (.*)$/],
  ["NLST", /^(.*)$/],
  ["MLSD", /^type=file;(?:[\w.]+=[^;]*;)+ (.*)$/],
];

describe("S11.3 a directory of 5,000 entries", () => {
  let folder: LocalFolder;
  before(async () => {
    folder = await localFolder();
    for (const name of NAMES) await writeFile(join(folder.root, name), "");
  });
  after(() => folder[Symbol.asyncDispose]());

  for (const [verb, form] of FORMS)
    test(`${verb} shows each entry once`, async () => {
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: new LocalFileSystem(folder.root) });
        const client = await served.user();
        const lines = (await download(client, verb)).bytes.toString().split("\r\n");
        assert.equal(lines.pop(), "", "the last line has an end");
        const shown = lines
          .filter((line) => !line.startsWith("type=cdir;"))
          .map((line) => form.exec(line)?.[1] ?? line);
        assert.deepEqual(shown.sort(), NAMES);
      });
    });

  // NLST reads a small directory to its end before it begins: its names are sorted.
  for (const verb of ["LIST", "MLSD"])
    test(`${verb} that is reset midway stops reading the directory`, async () => {
      const store = new FaultStore(new LocalFileSystem(folder.root));
      const gate = new Gate();
      let entries = 0;
      store.plan = (operation) => (operation === "entry" && ++entries === 1000 ? () => gate.pass() : undefined);
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await using offered = await offer(client, "EPSV");
        const gone = new Promise((resolve) =>
          served.server.once("dataChannel", ({ channel }) => resolve(channel.closed)),
        );
        const [, socket] = await begin(client, verb, offered);
        await gate.reached;
        reset(socket);
        await gone;
        gate.open();
        await client.expectReply(426);
        await until(() => store.open === 0, undefined, "the listing is closed");
        assert(entries < 3000, `${entries} entries were read for nobody`);
        assert((await download(client, "NLST")).bytes.length > 0, "the next listing");
      });
    });

  test("four sessions list it at once; a small download beside them goes on", async () => {
    await assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.root) });
      {
        await using witness = await Witness.begin(served);
        const clients = await Promise.all(Array.from({ length: 4 }, () => served.user()));
        const listings = await Promise.all(clients.map((client) => listSlowly(client)));
        const lines = listings.map((listing) => listing.split("\r\n").length);
        // The directory itself, the file of the witness, and what follows the last line end.
        assert.deepEqual(
          lines,
          Array.from({ length: 4 }, () => NAMES.length + 3),
        );
        await witness.assertUnharmed();
      }
    });
  });
});

/** MLSD, with all the time that a busy machine may need. */
async function listSlowly(client: ScriptedClient): Promise<string> {
  await using offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, "MLSD", offered);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  await client.expectReply(226);
  return Buffer.concat(chunks).toString();
}
