/** Sessions that the server gives up: the client reads why, and the host is told one end of each transfer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFileSystem, type Session } from "../../dist/index.js";
import { begin, offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { FaultStore } from "./kit-fault-store.js";

/** A server whose store commits when the test says so, with an upload that is all there but for that. */
interface Scene {
  readonly served: Served;
  readonly client: ScriptedClient;
  readonly session: Session;
  readonly store: MemoryFileSystem;
  readonly commit: Gate;
  /** The ends of transfers that were told, by event. */
  readonly ends: readonly string[];
}

async function withUpload(run: (scene: Scene) => Promise<void>): Promise<void> {
  const [inner, commit, ends] = [new MemoryFileSystem(), new Gate(), [] as string[]];
  const store = new FaultStore(inner, (operation) => (operation === "commit" ? () => commit.pass() : undefined));
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store, stallTimeout: 200 }, (server) => {
      for (const event of ["stored", "aborted"] as const) server.on(event, () => ends.push(event));
    });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.end("content").resume();
    await commit.reached;
    const [session] = served.server.sessions;
    assert(session);
    await run({ served, client, session, store: inner, commit, ends });
  });
}

describe("a session that is given up while its store commits", () => {
  test("by the host: 426 and 421 all the same", () =>
    withUpload(async ({ served, client, session, commit }) => {
      session.close("Come back tomorrow");
      await client.expectReply(426);
      assert.equal((await client.expectReply(421)).text, "Come back tomorrow");
      await client.expectClosed();
      await until(() => served.server.sessions.length === 0);
      commit.open();
    }));

  test("S13.8 by the end of the server: 426 and 421 all the same", () =>
    withUpload(async ({ served, client, commit }) => {
      const closed = served.server.close();
      await client.expectReply(426);
      await client.expectReply(421);
      await client.expectClosed();
      await closed;
      commit.open();
    }));

  test("and that reads nothing: it is gone all the same", () =>
    withUpload(async ({ served, client, session, commit }) => {
      client.socket.pause();
      session.close();
      await until(() => served.server.sessions.length === 0, 3000);
      commit.open();
    }));

  test("a commit that ends behind it is not told, nor counted: it was told to have been aborted", () =>
    withUpload(async ({ served, client, session, store, commit, ends }) => {
      session.close();
      await client.expectReply(426);
      await client.expectReply(421);
      client.end();
      await until(() => served.server.sessions.length === 0);
      assert.equal(await exists(store, "/f"), false);
      commit.open();
      await until(() => exists(store, "/f"));
      assert.equal(String(await content(store, "/f")), "content");
      const { upload } = served.server.metrics().transfers;
      assert.deepEqual([upload.complete, upload.aborted, upload.failed, upload.bytes], [0, 1, 0, 7]);
      assert.deepEqual(ends, ["aborted"]);
    }));

  test("one that ends in time is told as stored, and is no more to be given up", () =>
    withUpload(async ({ served, client, session, commit, ends }) => {
      session.close();
      commit.open();
      await client.expectReply(226);
      await client.expectReply(421);
      await until(() => served.server.sessions.length === 0);
      assert.deepEqual(ends, ["stored"]);
    }));
});
