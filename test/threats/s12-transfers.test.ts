/** S12.4, S12.9 to S12.11, S12.13, S12.14, S12.17: transfers that are aborted, orphaned, stalled, or meet each other. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import { type AbortedFact, MemoryFileSystem } from "../../dist/index.js";
import { accepts, begin, collect, download, offer, upload } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { content, exists, names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { FaultStore, type Operation } from "../robustness/kit-fault-store.js";
import { STORES } from "../robustness/kit-stores.js";

const LARGE = bytesOf(3_000_000);

/** A store that waits at a gate before an operation on `/f`. */
function gated(operation: Operation | undefined, nth = 1): { store: FaultStore; gate: Gate } {
  const gate = new Gate();
  let calls = 0;
  const store = new FaultStore(new MemoryFileSystem({ files: { "/f": LARGE, "/d/x": "" } }), (name, path) =>
    name === operation && path === "/f" && ++calls === nth ? (signal) => gate.pass(signal) : undefined,
  );
  return { store, gate };
}

/** The eight moments: where the store waits, and what the client has sent. `finals`: of the transfer; none where none runs. */
const MOMENTS: readonly (readonly [
  name: string,
  gate: Operation | undefined,
  nth: number,
  command: string,
  finals: readonly number[],
])[] = [
  ["idle", undefined, 1, "", []],
  ["with an offer", undefined, 1, "EPSV", []],
  ["before the 150", "openRead", 1, "RETR f", [425, 426]],
  ["before the connection", undefined, 1, "no connection", [425, 426]],
  ["before the first byte", "read", 1, "RETR f", [426]],
  ["midway", "read", 3, "RETR f", [426]],
  ["after the last byte", "sent", 1, "RETR f", [226, 426]],
  ["during the commit", "commit", 1, "STOR f", [226]],
];

describe("S12.9 ABOR", () => {
  for (const [name, operation, nth, command, finals] of MOMENTS)
    test(`${name}: ${finals.length === 0 ? "" : `${finals.join(" or ")}, then `}226; the next LIST works`, async () => {
      const { store, gate } = gated(operation, nth);
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        await client.expect("TYPE I", 200);
        await using offered = await offer(client, "EPSV");
        if (command === "no connection") await client.expect("LIST", 150);
        else if (command !== "" && command !== "EPSV") {
          const socket = await offered.connect();
          client.send(`${command}\r\n`);
          if (command === "STOR f") socket.end("new");
          else socket.resume();
          if (operation !== "openRead") await client.expectReply(125, 150);
          await gate.reached;
        }
        client.send("ABOR\r\n");
        if (operation === "commit") gate.open();
        if (finals.length > 0) await client.expectReply(...finals);
        await client.expectReply(226);
        gate.open();
        await client.assertQuiet();
        assert.equal(await accepts(offered.port), false, "the offer stands");
        assert.match((await download(client, "LIST")).bytes.toString(), / f\r\n/);
        await until(() => store.open === 0, undefined, "the store's handles are closed");
      });
      assert.equal((await content(store, "/f")).equals(LARGE), command !== "STOR f");
    });
});

describe("S12.10 the control connection dies during a transfer", () => {
  for (const [command, policy] of [
    ["RETR f", "discard"],
    ["STOR new", "discard"],
    ["STOR new", "keep"],
    ["APPE d/x", "discard"],
    ["APPE d/x", "keep"],
    ["LIST", "discard"],
  ] as const)
    test(`${command}, partial uploads: ${policy}`, async () => {
      const { store, gate } = gated(undefined);
      // What the server sends is soon sent: its source waits for the test before the end.
      store.plan = (name) => (name === "listed" || name === "sent" ? (signal) => gate.pass(signal) : undefined);
      const facts: AbortedFact[] = [];
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem: store, partialUploads: policy });
        served.server.on("aborted", (fact) => facts.push(fact));
        for (const fact of ["stored", "retrieved", "listed"] as const)
          served.server.on(fact, () => assert.fail(`${fact} was told`));
        const client = await served.user();
        await client.expect("TYPE I", 200);
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, command, offered);
        if (/^(STOR|APPE)/.test(command)) socket.write("0123456789");
        const moved = () => served.server.sessions[0]?.transfer?.bytes ?? 0;
        await until(() =>
          /^(STOR|APPE)/.test(command) ? moved() === 10 : served.server.sessions[0]?.transfer?.channel,
        );
        const begun = performance.now();
        client.reset();
        await Promise.race([once(socket.resume(), "close"), once(socket, "end")]);
        assert(performance.now() - begun < 2000, "the data connection outlives the control connection");
        await until(() => served.server.sessions.length === 0);
        await until(() => store.open === 0, undefined, "the store's handles are closed");
        assert.equal(await accepts(offered.port), false, "the passive port is open");
      });
      assert.equal(facts.length, 1, "told once");
      if (command === "STOR new" && policy === "discard") assert.equal(await exists(store.inner, "/new"), false);
      if (command === "STOR new" && policy === "keep")
        assert.equal((await content(store.inner, "/new")).toString(), "0123456789");
      if (command === "APPE d/x")
        assert.equal((await content(store.inner, "/d/x")).toString(), policy === "keep" ? "0123456789" : "");
      assert.deepEqual(
        await names(store.inner),
        policy === "keep" && command === "STOR new" ? ["d", "f", "new"] : ["d", "f"],
      );
    });

  test("a kept partial upload is resumed with REST", async () => {
    await using served = await serve({ partialUploads: "keep" });
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    socket.write(LARGE.subarray(0, 1_000_000));
    await until(() => (served.server.sessions[0]?.transfer?.bytes ?? 0) >= 500_000);
    client.reset();
    await until(() => served.server.sessions.length === 0);
    const next = await served.user();
    await next.expect("TYPE I", 200);
    const size = Number((await next.expect("SIZE f", 213)).text);
    assert(size >= 500_000 && size <= 1_000_000, `${size} bytes were kept`);
    await next.expect(`REST ${size}`, 350);
    await upload(next, "STOR f", LARGE.subarray(size));
    assert((await content(served.fileSystem, "/f")).equals(LARGE));
  });
});

describe("S12.11 a data connection that stands still", () => {
  const stall = async (command: string, run: (client: ScriptedClient) => Promise<void> = async () => undefined) => {
    const store = new MemoryFileSystem({ files: { "/f": bytesOf(30_000_000) } });
    await assertNoLeaks(async () => {
      await using served = await serve({ fileSystem: store, stallTimeout: 300 });
      const client = await served.user();
      await client.expect("TYPE I", 200);
      await using offered = await offer(client, "EPSV");
      await begin(client, command, offered);
      await client.expectReply(426);
      await run(client);
      await client.assertQuiet();
      assert.match((await download(client, "LIST")).bytes.toString(), / f\r\n$/);
    });
    assert.deepEqual(await names(store), ["f"]);
  };

  test("RETR that nobody reads ends with 426", () => stall("RETR f"));
  test("STOR of which nothing comes ends with 426 and leaves nothing", () => stall("STOR new"));
  test("APPE of which nothing comes ends with 426", () => stall("APPE f"));

  test("bytes that keep coming are no stall, however slow", async () => {
    await using served = await serve({ stallTimeout: 400 });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    const begun = performance.now();
    let sent = 0;
    const drip = setInterval(() => {
      socket.write("x");
      sent++;
    }, 25);
    await until(() => performance.now() - begun > 1200, undefined, "three times the limit");
    clearInterval(drip);
    socket.end();
    await client.expectReply(226);
    assert.equal((await content(served.fileSystem, "/f")).length, sent);
  });
});

for (const [name, make] of Object.entries(STORES)) {
  test(`S12.13 two uploads to one name, on ${name}: one wins whole`, async () => {
    await using made = await make();
    await using served = await serve({ fileSystem: made.fileSystem });
    const bytes = [bytesOf(800_000, 1), bytesOf(700_000, 2)];
    for (let round = 0; round < 5; round++) {
      const clients = [await served.user(), await served.user()];
      await Promise.all(
        clients.map(async (client, index) => {
          await client.expect("TYPE I", 200);
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, "STOR f", offered);
          const mine = bytes[index] as Buffer;
          for (let at = 0; at < mine.length; at += 50_000) {
            socket.write(mine.subarray(at, at + 50_000));
            await new Promise((resolve) => setImmediate(resolve));
          }
          socket.end();
          await client.expectReply(226, 450, 451);
        }),
      );
      const stored = await content(made.fileSystem, "/f");
      assert(
        bytes.some((one) => one.equals(stored)),
        "a mixture",
      );
    }
  });

  test(`S12.13 APPE of several at once, on ${name}: whole pieces or a refusal`, async () => {
    await using made = await make();
    await put(made.fileSystem, "/log", "");
    await using served = await serve({ fileSystem: made.fileSystem });
    let added = 0;
    await Promise.all(
      [1, 2, 3, 4].map(async (index) => {
        const client = await served.user();
        await client.expect("TYPE I", 200);
        for (let round = 0; round < 10; round++) {
          await using offered = await offer(client, "EPSV");
          const socket = await offered.connect();
          client.send("APPE log\r\n");
          const first = await client.expectReply(125, 150, 450, 451);
          if (first.code >= 400) continue;
          socket.end(`${String(index).repeat(9999)}\n`).resume();
          if ((await client.expectReply(226, 450, 451)).code === 226) added++;
        }
      }),
    );
    const lines = (await content(made.fileSystem, "/log")).toString().split("\n");
    assert.equal(lines.pop(), "");
    assert.equal(lines.length, added);
    assert(added > 0 && lines.every((line) => /^(1{9999}|2{9999}|3{9999}|4{9999})$/.test(line)), "a mixture");
  });

  test(`S12.14 RETR during a STOR, on ${name}: the old file until the new one is there; an open one stays what it was`, async () => {
    await using made = await make();
    const [before, after] = [bytesOf(2_000_000, 1), bytesOf(2_100_000, 2)];
    await put(made.fileSystem, "/f", before);
    await using served = await serve({ fileSystem: made.fileSystem });
    const [writer, reader, slow] = [await served.user(), await served.user(), await served.user()];
    for (const client of [writer, reader, slow]) await client.expect("TYPE I", 200);
    await using writing = await offer(writer, "EPSV");
    const [, into] = await begin(writer, "STOR f", writing);
    into.write(after.subarray(0, 1_000_000));
    await until(() => served.server.sessions.some((session) => (session.transfer?.bytes ?? 0) > 500_000));
    assert((await download(reader, "RETR f")).bytes.equals(before));
    assert.equal((await reader.expect("SIZE f", 213)).text, String(before.length));
    await using reading = await offer(slow, "EPSV");
    const [, from] = await begin(slow, "RETR f", reading);
    into.end(after.subarray(1_000_000));
    await writer.expectReply(226);
    assert((await download(reader, "RETR f")).bytes.equals(after));
    assert((await collect(from)).equals(before), "an open file changed under its reader");
    await slow.expectReply(226);
  });
}

test("S12.4 S12.17 MODE Z and COMB are not there: nothing is inflated, nothing is put together", async () => {
  await using served = await serve();
  const client = await served.user();
  await client.expect("TYPE I", 200);
  for (const line of ["MODE Z", "MODE z", "MODE B", "MODE C"]) await client.expect(line, 504);
  for (const line of ["OPTS MODE Z LEVEL 9", "OPTS MODE Z ENGINE ZLIB"]) await client.expect(line, 501, 504);
  assert.doesNotMatch((await client.expect("FEAT", 211)).lines.join("\n"), /MODE Z|COMB/);
  const bomb = deflateSync(Buffer.alloc(20_000_000));
  await upload(client, "STOR bomb", bomb);
  assert((await content(served.fileSystem, "/bomb")).equals(bomb), "it was inflated");
  await upload(client, "STOR f", "of f");
  for (const line of ['COMB "f" "bomb" "f"', "COMB f bomb", "SITE COMB f bomb"]) await client.expect(line, 500, 504);
  assert.deepEqual(await names(served.fileSystem), ["bomb", "f"]);
  assert.equal((await content(served.fileSystem, "/f")).toString(), "of f");
});
