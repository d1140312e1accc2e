/** Options of a server that change what a client meets; those of passive and active ports, uploads and bounds. */
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { FileSystemError, Server, type ServerOptions } from "../../dist/index.js";
import {
  accepts,
  begin,
  collect,
  download,
  listen,
  offer,
  parseEpsv,
  parsePasv,
  portCommand,
  protect,
  reset,
  upload,
} from "../kit/data.js";
import { orHandshake } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { content, exists, put } from "../kit/store.js";
import { until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

/** Neighbouring ports that nobody listens on at this moment. */
async function freePorts(count: number): Promise<number> {
  for (let first = 41_000 + (process.pid % 9000); ; first += count) {
    const taken = await Promise.all(Array.from({ length: count }, (_, index) => isTaken(first + index)));
    if (!taken.includes(true)) return first;
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(true));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
  });
}

describe("partialUploads", () => {
  for (const [policy, kept] of [
    ["discard", false],
    ["keep", true],
  ] as const)
    for (const how of ["reset", "ABOR", "client gone"] as const)
      test(`${policy}: an upload that ended by ${how} ${kept ? "is kept for REST" : "leaves nothing"}`, async () => {
        const store = new WatchedStore();
        await using served = await serve({ fileSystem: store, partialUploads: policy });
        const client = await served.user();
        await client.expect("TYPE I", 200);
        await using offered = await offer(client, "EPSV");
        const [, socket] = await begin(client, "STOR f", offered);
        socket.write("half");
        await until(() => store.count("write") > 0);
        if (how === "reset") reset(socket);
        else if (how === "ABOR") client.send("ABOR\r\n");
        else client.reset();
        await until(() => store.open === 0);
        assert.equal(await exists(store.inner, "/f"), kept);
        if (!kept) return;
        const again = await served.user();
        await again.expect("TYPE I", 200);
        assert.equal((await again.expect("SIZE f", 213)).text, "4");
        await again.expect("REST 4", 350);
        await upload(again, "STOR f", " and whole");
        assert.equal((await content(store.inner, "/f")).toString(), "half and whole");
      });

  for (const who of ["a transform", "the store"] as const)
    test(`keep: what ${who} refuses is not kept`, async () => {
      const store = new WatchedStore({
        before: ({ moment, index }) => {
          if (who === "the store" && moment === "write" && index === 1) throw new FileSystemError("EIO", "/f");
        },
      });
      await using served = await serve({ fileSystem: store, partialUploads: "keep" }, (server) => {
        if (who === "a transform")
          server.on("stor", (question) =>
            question.transform(async function* (source) {
              yield* source;
              throw new Error("found something");
            }),
          );
      });
      const client = await served.user();
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, "STOR f", offered);
      socket.write("half");
      await until(() => store.count("write") > 0);
      socket.end(" and whole");
      socket.resume();
      await client.expectReply(451);
      assert(!(await exists(store.inner, "/f")));
    });

  test("keep: nothing is kept where no byte came, and the old file stands", async () => {
    await using served = await serve({ partialUploads: "keep" });
    await put(served.fileSystem, "/f", "old");
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "STOR f", offered);
    reset(socket);
    await client.expectReply(...orHandshake(425, 426));
    assert.equal((await content(served.fileSystem, "/f")).toString(), "old");
  });
});

describe("passive.ports", () => {
  test("every passive port is of the range, and not always the same", async () => {
    const first = await freePorts(10);
    await using served = await serve({ passive: { ports: [first, first + 9] } });
    const client = await served.user();
    const seen = new Set<number>();
    for (let round = 0; round < 30; round++) seen.add(parseEpsv(await client.expect("EPSV", 229)));
    for (const port of seen) assert(port >= first && port <= first + 9, String(port));
    assert(seen.size > 3, `only ${[...seen].join()}`);
  });

  test("S4.8 exhausted: 425 at once and an event; a port that is given back serves again", async () => {
    const first = await freePorts(2);
    let exhausted = 0;
    await using served = await serve({ passive: { ports: [first, first + 1] } }, (server) =>
      server.on("portsExhausted", () => exhausted++),
    );
    const [a, b, c] = [await served.user(), await served.user(), await served.user()];
    await a.expect("EPSV", 229);
    await b.expect("PASV", 227);
    await c.expect("PASV", 425);
    await c.expect("EPSV", 425);
    assert.equal(exhausted, 2);
    await a.expect("ABOR", 226);
    await download(c, "LIST", "EPSV");
    await b.expect("QUIT", 221);
    await b.expectClosed();
    await c.expect("EPSV", 229);
    await a.expect("EPSV", 229);
  });

  test("a session has one port at the most, however often it asks", async () => {
    const first = await freePorts(3);
    await using served = await serve({ passive: { ports: [first, first + 2] } });
    const client = await served.user();
    for (let round = 0; round < 50; round++) await client.expect(round % 2 ? "EPSV" : "PASV", 229, 227);
    const open = await Promise.all([0, 1, 2].map((index) => accepts(first + index)));
    assert.equal(open.filter(Boolean).length, 1);
  });

  test("S13.9 a port that somebody else holds is passed over", async () => {
    const first = await freePorts(2);
    const other = net.createServer().listen(first, "127.0.0.1");
    await using served = await serve({ passive: { ports: [first, first + 1] } });
    const client = await served.user();
    for (let round = 0; round < 5; round++) assert.equal(parseEpsv(await client.expect("EPSV", 229)), first + 1);
    other.close();
  });
});

describe("passive.address", () => {
  const told = async (address: NonNullable<ServerOptions["passive"]>["address"]) => {
    await using served = await serve({ hookTimeout: 100, passive: { address } });
    return await (await served.user()).command("PASV");
  };

  test("fixed, by a function, by an async function of the session; undefined is automatic", async () => {
    assert.equal(parsePasv(await told("203.0.113.7")).host, "203.0.113.7");
    assert.equal(
      parsePasv(await told((session) => (session.username === "test" ? "203.0.113.8" : undefined))).host,
      "203.0.113.8",
    );
    assert.equal(parsePasv(await told(async () => "203.0.113.9")).host, "203.0.113.9");
    assert.equal(parsePasv(await told(() => undefined)).host, "127.0.0.1");
  });

  test("the port behind a foreign address is open all the same", async () => {
    await using served = await serve({ passive: { address: "203.0.113.7" } });
    const client = await served.user();
    assert(await accepts(parsePasv(await client.expect("PASV", 227)).port));
  });

  test("a function that fails, hangs or gives what PASV cannot carry: 425, told to the host; EPSV works", async () => {
    const functions = [
      () => {
        throw new Error("secret");
      },
      async () => {
        throw new Error("secret");
      },
      () => new Promise<string>(() => undefined),
      () => "::1",
      () => "not an address",
      () => "1,2,3",
    ];
    for (const address of functions) {
      const errors: unknown[] = [];
      await using served = await serve({ hookTimeout: 50, passive: { address } }, (server) =>
        server.on("error", ({ error }) => errors.push(error)),
      );
      const client = await served.user();
      assert(!(await client.expect("PASV", 425)).text.includes("secret"));
      assert.equal(errors.length, 1);
      await download(client, "LIST", "EPSV");
    }
  });
});

describe("active.sourcePort", () => {
  test("data connections leave from it", async () => {
    const port = await freePorts(1);
    await using served = await serve({ active: { sourcePort: port } });
    await put(served.fileSystem, "/f", "content");
    const client = await served.user();
    const listener = await listen("127.0.0.1");
    await client.expect(portCommand("127.0.0.1", listener.port), 200);
    client.send("RETR f\r\n");
    const socket = protect(client, await listener.accept());
    assert.equal(socket.remotePort, port);
    assert.equal((await collect(socket)).toString(), "content");
    await client.expectReply(150);
    await client.expectReply(226);
    await listener.close();
  });

  test("a source port that is taken: 425 and the session goes on", async () => {
    const port = await freePorts(1);
    const other = net.createServer().listen(port, "127.0.0.1");
    await using served = await serve({ active: { sourcePort: port } });
    const client = await served.user();
    await using _ = await offer(client, "PORT");
    await client.expect("LIST", 150, 425).then((first) => (first.code === 150 ? client.expectReply(425) : first));
    await client.assertQuiet();
    other.close();
  });
});

describe("greeting and bounds", () => {
  test("greeting: the text of the 220; without one no name and no version (S16.3)", async () => {
    await using named = await serve({ greeting: "Upload service" });
    assert.equal((await named.client()).greeting.text, "Upload service");
    await using plain = await serve();
    assert.doesNotMatch((await plain.client()).greeting.text, /portside|node|\d/i);
  });

  test("maxUnknownCommands: more lines in a row that are no commands end with 421, ten times as many after login", async () => {
    for (const [options, bound] of [
      [{}, 10],
      [{ maxUnknownCommands: 3 }, 3],
    ] as const) {
      await using served = await serve(options);
      for (const [client, limit, code] of [
        [await served.client(), bound, 530],
        [await served.user(), bound * 10, 500],
      ] as const) {
        for (let count = 0; count < limit; count++) await client.expect("QUUX", code);
        await client.expect("QUUX", 421);
        await client.expectClosed();
      }
    }
  });

  test("maxUnknownCommands: a command that is one begins the count anew; 0 sets no limit", async () => {
    await using strict = await serve({ maxUnknownCommands: 2 });
    const client = await strict.client();
    for (const [line, code] of [
      ["QUUX", 530],
      ["x".repeat(9000), 500],
      ["NOOP", 200],
      ["QUUX", 530],
      ["", 530],
      ["QUUX", 421],
    ] as const)
      await client.expect(line, code);
    await client.expectClosed();
    await using lax = await serve({ maxUnknownCommands: 0 });
    const other = await lax.client();
    for (let count = 0; count < 200; count++) await other.expect("QUUX", 530);
    await other.assertQuiet();
  });

  test("S10.3 maxQueuedCommands: more commands stay in the network and are answered all the same", async () => {
    await using served = await serve({ maxQueuedCommands: 1 });
    const client = await served.user();
    client.send("NOOP\r\n".repeat(500));
    for (let count = 0; count < 500; count++) await client.expectReply(200);
  });

  const WRONG: readonly (readonly [unknown, RegExp])[] = [
    [{ port: -1 }, /port/],
    [{ port: 65_536 }, /port/],
    [{ port: 1.5 }, /port/],
    [{ port: "21" }, /port/],
    [{ host: 5 }, /host/],
    [{ idleTimeout: -1 }, /idleTimeout/],
    [{ idleTimeout: Number.NaN }, /idleTimeout/],
    [{ idleTimeout: Number.POSITIVE_INFINITY }, /idleTimeout/],
    [{ idleTimeout: 2 ** 31 }, /idleTimeout/],
    [{ loginTimeout: "5" }, /loginTimeout/],
    [{ hookTimeout: -5 }, /hookTimeout/],
    [{ dataTimeout: 0.5 }, /dataTimeout/],
    [{ stallTimeout: -1 }, /stallTimeout/],
    [{ passive: { ports: [5, 4] } }, /passive\.ports/],
    [{ passive: { ports: [0, 4] } }, /passive\.ports/],
    [{ passive: { ports: [1, 70_000] } }, /passive\.ports/],
    [{ passive: { ports: 5 } }, /passive\.ports/],
    [{ passive: { address: "::1" } }, /passive\.address/],
    [{ passive: { address: "no host name" } }, /passive\.address/],
    [{ active: { sourcePort: 70_000 } }, /sourcePort/],
    [{ active: { enabled: "no" } }, /active\.enabled/],
    [{ partialUploads: "maybe" }, /partialUploads/],
    [{ overwriteOnRename: 1 }, /overwriteOnRename/],
    [{ allowRelogin: "yes" }, /allowRelogin/],
    [{ maxLineLength: 1 }, /maxLineLength/],
    [{ maxQueuedCommands: 0 }, /maxQueuedCommands/],
    [{ maxLoginAttempts: -1 }, /maxLoginAttempts/],
    [{ maxUnknownCommands: -1 }, /maxUnknownCommands/],
    [{ maxUnknownCommands: 100_001 }, /maxUnknownCommands/],
    [{ listeners: [] }, /listeners/],
    [{ listeners: [{ port: -1 }] }, /listeners\[0\]\.port/],
    [{ listeners: [{ port: 0 }], port: 21 }, /listeners/],
    [{ listing: { maxDepth: -1 } }, /maxDepth/],
    [{ asciiScanLimit: -1 }, /asciiScanLimit/],
    [{ greeting: 5 }, /greeting/],
  ];
  for (const [options, name] of WRONG)
    test(`S10.12 ${JSON.stringify(options)} is refused, naming the option`, () => {
      assert.throws(
        () => new Server(options as ServerOptions),
        (error) => (error instanceof RangeError || error instanceof TypeError) && name.test(error.message),
      );
    });
});
