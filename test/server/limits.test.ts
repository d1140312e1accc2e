/** Bounds by server, listener, address, account and session: what exceeds gets its reply and its fact, and others are unharmed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { type Limits, MemoryAdmissionStore, MemoryFileSystem, type ServerOptions } from "../../dist/index.js";
import { begin, collect, download, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { exists, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";

/** A server that keeps the facts about bounds. */
async function limited(
  options: ServerOptions,
  account?: Limits,
): Promise<{ served: Served; facts: string[] } & AsyncDisposable> {
  const facts: string[] = [];
  const fileSystem = new MemoryFileSystem();
  const served = await serve({ fileSystem, ...options }, (server) => {
    server.on("limited", ({ limit, scope }) => void facts.push(`${scope}.${limit}`));
    server.on("refused", ({ reason, reached }) => void facts.push(`${reason} ${reached?.scope}.${reached?.limit}`));
    if (account !== undefined) server.on("login", (login) => login.accept({ fileSystem, limits: account }));
  });
  return { served, facts, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

describe("sessions", () => {
  for (const scope of ["server", "address"] as const)
    test(`limits.${scope}.sessions: one more is 421, and may come when one has left`, () =>
      assertNoLeaks(async () => {
        await using stage = await limited({ limits: { [scope]: { sessions: 2 } } });
        const [first] = [await stage.served.user(), await stage.served.user()];
        const third = await stage.served.client();
        assert.equal(third.greeting.code, 421);
        await third.expectClosed();
        assert.deepEqual(stage.facts, [`limit ${scope}.sessions`]);
        await first.expect("QUIT", 221);
        await first.expectClosed();
        await until(() => stage.served.server.sessions.length === 1, 2000, "one session is left");
        await stage.served.user();
      }));

  test("limits of a listener are for its clients together", async () => {
    const listeners = [
      { host: "127.0.0.1", port: 0, limits: { sessions: 1 } },
      { host: "127.0.0.1", port: 0 },
    ];
    await using stage = await limited({ listeners });
    await stage.served.client();
    assert.equal((await stage.served.client()).greeting.code, 421);
    assert.deepEqual(stage.facts, ["limit listener.sessions"]);
  });

  test("server.handle(): connections that come with the same options share their bounds", () =>
    assertNoLeaks(async () => {
      await using stage = await limited({});
      const options = { limits: { sessions: 1 } };
      const own = createServer({ allowHalfOpen: true }, (socket) => stage.served.server.handle(socket, options));
      await once(own.listen(0, "127.0.0.1"), "listening");
      const { port } = own.address() as AddressInfo;
      await using first = await ScriptedClient.connect(port);
      await using second = await ScriptedClient.connect(port);
      own.close();
      assert.deepEqual([first.greeting.code, second.greeting.code], [220, 421]);
      assert.deepEqual(stage.facts, ["limit listener.sessions"]);
    }));

  test("pending: who has not logged in; who has makes room", async () => {
    await using stage = await limited({ limits: { address: { pending: 1 } } });
    const first = await stage.served.client();
    assert.equal((await stage.served.client()).greeting.code, 421);
    assert.deepEqual(stage.facts, ["limit address.pending"]);
    await first.expect("USER test", 331);
    await first.expect("PASS secret", 230);
    await stage.served.user();
  });

  test("of an account: 530 for one more login, the connection stays; a session that leaves makes room", async () => {
    await using stage = await limited({}, { sessions: 1 });
    const first = await stage.served.user();
    const second = await stage.served.client();
    await second.expect("USER test", 331);
    await second.expect("PASS secret", 530);
    assert.deepEqual(stage.facts, ["account.sessions"]);
    await second.expect("USER other", 331);
    await second.expect("PASS secret", 230);
    await first.expect("QUIT", 221);
    await first.expectClosed();
    await until(() => stage.served.server.sessions.length === 1, 2000, "one session is left");
    await stage.served.user();
  });

  test("of an account with a session elsewhere: who was refused leaves nothing of the bounds that it was refused by", async () => {
    const numbers = new MemoryAdmissionStore();
    const admission = {
      get: (key: string) => numbers.get(key),
      increment: (key: string, by: number, milliseconds: number) => numbers.increment(key, by, milliseconds),
      expire: (key: string, milliseconds: number) => numbers.expire(key, milliseconds),
    };
    let sessions = 1;
    const fileSystem = new MemoryFileSystem();
    const start = () =>
      serve({ admission }, (server) =>
        server.on("login", (login) => login.accept({ fileSystem, limits: { sessions } })),
      );
    await using one = await start();
    await using other = await start();
    await one.user();
    const client = await other.client();
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 530);
    sessions = 2;
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 230);
  });

  test("REIN leaves the account", async () => {
    await using stage = await limited({}, { sessions: 1 });
    const first = await stage.served.user();
    await first.expect("REIN", 220);
    await stage.served.user();
  });
});

describe("transfers", () => {
  test("one more is 450, and works when the other has ended", async () => {
    await using stage = await limited({ limits: { address: { transfers: 1 } } });
    const { served } = stage;
    await put(served.fileSystem, "/f", bytesOf(8_000_000));
    const [first, second] = [await served.user(), await served.user()];
    await first.expect("TYPE I", 200);
    await using offered = await offer(first, "PASV");
    const [, socket] = await begin(first, "RETR f", offered);
    await using _other = await offer(second, "PASV");
    await second.expect("LIST", 450);
    assert.deepEqual(stage.facts, ["address.transfers"]);
    assert.equal((await collect(socket)).length, 8_000_000);
    await first.expectReply(226);
    assert.match((await download(second, "LIST")).bytes.toString(), / f\r\n/);
  });
});

describe("rates", () => {
  test("commandRate: what comes faster waits, in order, and is answered", async () => {
    await using stage = await limited({ limits: { session: { commandRate: 50 } } });
    const client = await stage.served.user();
    const begun = performance.now();
    client.send("NOOP\r\n".repeat(150));
    for (let count = 0; count < 150; count++) await client.expectReply(200);
    // 100 at once after the pause, the others at 50 a second.
    assert.ok(performance.now() - begun > 800, `${performance.now() - begun} ms`);
    assert.deepEqual(stage.facts, ["session.commandRate"]);
  });

  for (const [direction, rate] of [
    ["down", "downloadRate"],
    ["up", "uploadRate"],
  ] as const)
    test(`${rate}: ${direction} no faster, and all of it comes`, async () => {
      await using stage = await limited({ limits: { address: { [rate]: 400_000 } } });
      const { served } = stage;
      const content = bytesOf(300_000);
      const client = await served.user();
      await client.expect("TYPE I", 200);
      const begun = performance.now();
      if (direction === "up") await upload(client, "STOR f", content);
      else {
        await put(served.fileSystem, "/f", content);
        assert.deepEqual((await download(client, "RETR f")).bytes, content);
      }
      // A quarter of a second's worth is free.
      assert.ok(performance.now() - begun > 450, `${performance.now() - begun} ms`);
      assert.deepEqual(stage.facts, [`address.${rate}`]);
    });

  test("S12.18 a rate is shared: two sessions of one account have no more than one, and about as much each", async () => {
    await using stage = await limited({}, { downloadRate: 400_000 });
    const { served } = stage;
    await put(served.fileSystem, "/f", bytesOf(250_000));
    const clients = [await served.user(), await served.user()];
    for (const client of clients) await client.expect("TYPE I", 200);
    const begun = performance.now();
    const ends = await Promise.all(
      clients.map(async (client) => {
        await download(client, "RETR f");
        return performance.now() - begun;
      }),
    );
    assert.ok(Math.max(...ends) > 900, `${ends.join()} ms`);
    assert.ok(Math.min(...ends) > Math.max(...ends) / 2, `${ends.join()} ms`);
  });
});

test("a command that waits for its turn when the session is ended does nothing", async () => {
  await using stage = await limited({ limits: { session: { commandRate: 4 } } });
  await assertNoLeaks(async () => {
    const { server, fileSystem } = stage.served;
    const client = await stage.served.user();
    await using offered = await offer(client, "EPSV");
    const data = await offered.connect();
    data.on("error", () => undefined).end("too late");
    let replies = 0;
    server.on("reply", () => {
      if (++replies === 3) setTimeout(() => server.sessions[0]?.close("enough"), 50);
    });
    client.send(`${"SYST\r\n".repeat(8)}STOR late\r\n`);
    await client.closed;
    await until(() => server.sessions.length === 0);
    // As long as all the commands would have taken.
    const end = performance.now() + 2500;
    await until(() => performance.now() > end);
    assert.equal(await exists(fileSystem, "/late"), false);
    assert.ok(replies < 9, `${replies} replies`);
  });
});

describe("uploadSize", () => {
  const bound = { limits: { session: { uploadSize: 100_000 } } };

  test("552 midway, and nothing is kept, not even where partial uploads are", async () => {
    await using stage = await limited({ ...bound, partialUploads: "keep" });
    const client = await stage.served.user();
    await client.expect("TYPE I", 200);
    await assert.rejects(upload(client, "STOR f", bytesOf(100_001)), /552/);
    assert.equal(await exists(stage.served.fileSystem, "/f"), false);
    assert.deepEqual(stage.facts, ["session.uploadSize"]);
    await upload(client, "STOR f", bytesOf(100_000));
  });

  test("552 midway, and no reset: a client in the midst of sending reads why", async () => {
    await using stage = await limited(bound);
    const client = await stage.served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "PASV");
    const [, socket] = await begin(client, "STOR f", offered);
    // Rejects with ECONNRESET where nobody reads what is sent: it is more than fits into the buffers on the way.
    const closed = once(socket, "close");
    socket.resume().write(bytesOf(20_000_000));
    await Promise.all([client.expectReply(552), closed]);
    await upload(client, "STOR f", bytesOf(100_000));
  });

  test("552 before 150 where ALLO has said so", async () => {
    await using stage = await limited(bound);
    const client = await stage.served.user();
    await client.expect("ALLO 100001", 200);
    await using _offered = await offer(client, "PASV");
    await client.expect("STOR f", 552);
  });
});

describe("wrong options", () => {
  for (const [message, options] of [
    [/unknown option limits\.adress/, { limits: { adress: {} } }],
    [/unknown option limits\.server\.session;/, { limits: { server: { session: 1 } } }],
    [/limits\.address\.sessions must be an integer from 0/, { limits: { address: { sessions: -1 } } }],
    [/limits\.address\.sessions must be .*, not string$/, { limits: { address: { sessions: "20" } } }],
    [/limits\.account must be an object/, { limits: { account: 5 } }],
    [/listeners\[0\]\.limits\.transfers must be/, { listeners: [{ limits: { transfers: 1.5 } }] }],
    [/bans\.longest/, { bans: { duration: 5000, longest: 1000 } }],
    [/bans\.after/, { bans: { after: -1 } }],
    [/loginDelay must be from 0 to 60000/, { loginDelay: 60_001 }],
    [/admission must have the methods/, { admission: {} }],
  ] as const)
    test(`${message}`, () => assert.rejects(serve(options as unknown as ServerOptions), message));
});
