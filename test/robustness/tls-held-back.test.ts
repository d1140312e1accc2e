/** What TLS wants to say during an upload is held back until the upload is over: within bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exists } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { only, type SecureLine } from "../threats/kit-data-tls.js";
import type { TlsClient } from "../threats/kit-data-tls-client.js";
import { scene } from "../threats/kit-data-tls-scene.js";
import { CIPHER, ForgedRecords } from "./kit-key-updates.js";

/** Each is answered by a record of 27 bytes: far beyond 64 KiB of answers. */
const FLOOD = 20_000;
const BATCH = 100;
/** Far more than 64 KiB of answers are asked with. */
const TAKEN_AT_MOST = 8000;
const OPTIONS = { ...only("TLSv1.3"), ciphers: CIPHER };

/** An upload whose records are forged from the first on. */
async function forged(own: TlsClient): Promise<[line: SecureLine, records: ForgedRecords]> {
  const raw = await own.open("STOR new");
  const keys: Buffer[] = [];
  const line = own.line(raw, OPTIONS);
  line.tls.on("keylog", (text: Buffer) => keys.push(text));
  await line.shake();
  assert.equal(line.tls.getCipher().standardName, CIPHER);
  return [line, new ForgedRecords(Buffer.concat(keys).toString())];
}

test("S5.12 a client that asks for new keys for ever during an upload is cut; others are served", () =>
  scene({ client: OPTIONS }, async ({ own, enter, fileSystem }) => {
    const other = await enter();
    const [line, records] = await forged(own);
    let sent = 0;
    while (sent < FLOOD && !line.raw.destroyed && !line.raw.readableEnded) {
      await line.forge(Buffer.concat(Array.from({ length: BATCH }, () => records.keyUpdate())));
      sent += BATCH;
      // One turn for the server, which lives in this process.
      await new Promise(setImmediate);
    }
    assert(sent < TAKEN_AT_MOST, `${sent} requests were taken`);
    await own.expectReply(426);
    assert(!(await exists(fileSystem, "/new")));
    assert.equal((await other.upload("STOR other", "content")).code, 226);
  }));

test("S5.12 one that asks a hundred times uploads what it wants", () =>
  scene({ client: OPTIONS }, async ({ own }) => {
    const [line, records] = await forged(own);
    let content = "";
    for (let round = 0; round < 100; round++) {
      await line.forge(Buffer.concat([records.keyUpdate(), records.data(Buffer.from(`${round} `))]));
      content += `${round} `;
    }
    await line.forge(records.closeNotify());
    line.fin();
    await own.expectReply(226);
    await until(() => line.raw.readableEnded || line.raw.destroyed, undefined, "the server ends the connection");
    assert.equal((await own.download("RETR new")).toString(), content);
  }));
