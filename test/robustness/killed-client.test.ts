/** A client that is killed: both of its connections end, the one for data a moment before the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, offer, reset } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { names } from "../kit/store.js";
import { within } from "../kit/temporary.js";

/** Milliseconds that an upload has run when its client is killed: then the end of the control connection is waited for. */
const LONG_ENOUGH = 300;

for (const [how, end] of [
  ["ends", (client: { end(): void }) => client.end()],
  ["is reset", (client: { reset(): void }) => client.reset()],
] as const)
  test(`what a killed client has sent is no file: the control connection ${how} behind the data connection`, async () => {
    await using served = await serve();
    for (let round = 0; round < 5; round++) {
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, `STOR file${round}`, offered);
      const session = served.server.sessions[0];
      assert(session);
      const aborted = new Promise((resolve) => session.once("aborted", resolve));
      socket.write(Buffer.alloc(100_000));
      while ((session.transfer?.milliseconds ?? 0) < LONG_ENOUGH) await new Promise((resolve) => setImmediate(resolve));
      socket.end();
      end(client);
      await within(aborted, "the end of the upload");
      assert.deepEqual(await names(served.fileSystem), []);
      reset(socket);
      await client.expectClosed();
    }
  });
