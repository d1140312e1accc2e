/** What the server says of itself while it begins, serves, drains and is gone. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { Server } from "../../dist/index.js";
import { Busyness } from "../../dist/server/health.js";
import { begin, offer, pour } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { bytesOf, until } from "../kit/temporary.js";

const BYTES = bytesOf(100_000);

describe("health()", () => {
  test("new, listening, draining as long as somebody is there, closed", () =>
    assertNoLeaks(async () => {
      const before = new Server();
      assert.equal(before.health().state, "new");
      await before.close();
      assert.equal(before.health().state, "closed");
      await using served = await serve();
      const { server } = served;
      assert.deepEqual({ ...server.health(), busy: 0 }, { state: "listening", sessions: 0, transfers: 0, busy: 0 });
      const [idle, client] = [await served.user(), await served.user()];
      await client.expect("TYPE I", 200);
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      assert.deepEqual({ ...server.health(), busy: 0 }, { state: "listening", sessions: 2, transfers: 1, busy: 0 });
      const closed = server.close({ drain: 5000 });
      assert.equal(server.health().state, "draining");
      await idle.expectReply(421);
      await pour(socket, BYTES);
      await client.expectReply(226);
      await client.expectReply(421);
      idle.end();
      client.end();
      await closed;
      assert.deepEqual({ ...server.health(), busy: 0 }, { state: "closed", sessions: 0, transfers: 0, busy: 0 });
    }));

  test("not listening where the port is taken", async () => {
    await using served = await serve();
    const other = new Server({ host: "127.0.0.1", port: served.port });
    await assert.rejects(other.listen(), { code: "EADDRINUSE" });
    assert.equal(other.health().state, "new");
    await other.close();
  });

  test("busy: how much of the time, the same for two who ask, and no process is kept for it", () =>
    assertNoLeaks(async () => {
      await using served = await serve();
      const resources = process.getActiveResourcesInfo().length;
      served.server.health();
      compute(50);
      const [one, other] = [served.server.health().busy, served.server.health().busy];
      assert.ok(one > 0.3 && one <= 1, `${one}`);
      assert.ok(Math.abs(one - other) < 0.05, `${one} and ${other}`);
      assert.ok(process.getActiveResourcesInfo().length <= resources);
    }));

  test("busy: what is long past counts no more, whoever has asked meanwhile", async () => {
    const busyness = new Busyness(5);
    busyness.now();
    compute(500);
    assert.ok(busyness.now() > 0.3, `${busyness.now()}`);
    await until(() => busyness.now() < 0.3, 1000);
    const [one, other] = [busyness.now(), busyness.now()];
    assert.ok(one < 0.4 && other < 0.4, `asking makes it busy: ${one}, ${other}`);
    busyness.stop();
  });
});

/** Computes for so many milliseconds. */
function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe("close({ drain })", () => {
  test("a session within a burst of commands: the one that runs is answered, then 421, and no more", async () => {
    let reached = (): void => undefined;
    let goOn = (): void => undefined;
    const tenth = new Promise<void>((resolve) => (reached = resolve));
    const wait = new Promise<void>((resolve) => (goOn = resolve));
    let commands = 0;
    await using served = await serve({}, (server) => {
      server.on("command", async ({ verb }) => {
        if (verb !== "NOOP" || ++commands !== 10) return;
        reached();
        await wait;
      });
    });
    const client = await served.user();
    client.send("NOOP\r\n".repeat(50));
    await tenth;
    const closed = served.server.close({ drain: 5000 });
    goOn();
    for (let count = 0; count < 10; count++) await client.expectReply(200);
    await client.expectReply(421);
    await client.expectClosed();
    await closed;
    assert.equal(commands, 10);
  });

  test("a connection that the host hands over meanwhile gets 421", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    const own = createServer({ allowHalfOpen: true }, (accepted) => served.server.handle(accepted)).listen(
      0,
      "127.0.0.1",
    );
    await new Promise((resolve) => own.once("listening", resolve));
    const closed = served.server.close({ drain: 5000 });
    await using late = await ScriptedClient.connect((own.address() as { port: number }).port);
    assert.equal(late.greeting.code, 421);
    own.close();
    await pour(socket, BYTES);
    await client.expectReply(226);
    await client.expectReply(421);
    client.end();
    await closed;
  });
});
