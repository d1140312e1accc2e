/** What a host may put in the way of a transfer: another path, its own stream, and transforms. */
import assert from "node:assert/strict";
import { Readable, Transform, Writable } from "node:stream";
import { describe, test } from "node:test";
import { createGunzip, createGzip, gunzipSync, gzipSync } from "node:zlib";
import type { Server, StoreQuestion } from "../../dist/index.js";
import { begin, collect, download, offer, reset, upload } from "../kit/data.js";
import { serve } from "../kit/serve.js";
import { content, exists, names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { WatchedStore } from "../kit/watched-store.js";

const TEXT = "one\ntwo\nthree\n";

async function ready(setup: (server: Server) => void, type: "A" | "I" = "I") {
  const store = new WatchedStore();
  const served = await serve({ fileSystem: store }, setup);
  await put(store.inner, "/f", TEXT);
  await put(store.inner, "/other", "another");
  const client = await served.user();
  await client.expect(`TYPE ${type}`, 200);
  return { served, store, client, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

/** A stage that makes letters large. */
async function* large(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Buffer.from(Buffer.from(chunk).toString("latin1").toUpperCase(), "latin1");
}

/** A stage that marks what it passes. */
const mark = (letter: string) =>
  async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${letter}(`);
    yield* source;
    yield Buffer.from(")");
  };

describe("retr", () => {
  test("another path", async () => {
    await using stage = await ready((server) => server.on("retr", (question) => question.accept({ path: "/other" })));
    assert.equal((await download(stage.client, "RETR f")).bytes.toString(), "another");
    assert.equal((await download(stage.client, "RETR missing")).bytes.toString(), "another");
  });

  test("a stream in place of the file: a Readable or any async iterable of bytes", async () => {
    const bodies = [
      () => Readable.from([Buffer.from("a"), Buffer.from("b")]),
      async function* () {
        yield Buffer.from("ab");
      },
    ];
    for (const body of bodies) {
      await using stage = await ready((server) => server.on("retr", (question) => question.accept({ body: body() })));
      assert.equal((await download(stage.client, "RETR missing")).bytes.toString(), "ab");
      assert.equal(stage.store.count("openRead"), 0);
    }
  });

  test("TYPE A translates a stream of the host too", async () => {
    await using stage = await ready(
      (server) => server.on("retr", (question) => question.accept({ body: Readable.from([Buffer.from("a\nb\n")]) })),
      "A",
    );
    assert.equal((await download(stage.client, "RETR f")).bytes.toString(), "a\r\nb\r\n");
  });

  test("REST and a stream of the host: refused, nobody knows where the marker leads", async () => {
    await using stage = await ready((server) =>
      server.on("retr", (question) => question.accept({ body: Readable.from([Buffer.from("abc")]) })),
    );
    await stage.client.expect("REST 1", 350);
    await using _ = await offer(stage.client, "EPSV");
    await stage.client.expect("RETR f", 501, 504, 550, 551, 554);
  });

  test("S17.4 a stream that fails midway: 451, told to the host once", async () => {
    const errors: unknown[] = [];
    const body = async function* () {
      yield Buffer.from("first");
      throw new Error("secret");
    };
    await using stage = await ready((server) => {
      server.on("error", ({ error }) => errors.push(error));
      server.on("retr", (question) => question.accept({ body: body() }));
    });
    await using offered = await offer(stage.client, "EPSV");
    const [, socket] = await begin(stage.client, "RETR f", offered);
    await collect(socket).catch(() => undefined);
    assert(!(await stage.client.expectReply(451)).text.includes("secret"));
    assert.deepEqual(
      errors.map((error) => (error as Error).message),
      ["secret"],
    );
  });

  test("a stream is let go when the client leaves, before and midway", async () => {
    for (const connects of [false, true]) {
      let given: Readable | undefined;
      await using stage = await ready((server) =>
        server.on("retr", (question) => {
          given = new Readable({
            read() {
              this.push(Buffer.alloc(65_536));
            },
          });
          question.accept({ body: given });
        }),
      );
      await using offered = await offer(stage.client, "EPSV");
      await stage.client.expect("RETR f", 150);
      if (connects) (await offered.connect()).once("data", () => undefined);
      await stage.client.expect("ABOR", 425, 426);
      await stage.client.expectReply(226);
      await until(() => given?.destroyed, 2000, "the stream is destroyed");
    }
  });

  test("transform with a function and with a Node stream, in the order of the calls", async () => {
    await using stage = await ready((server) => {
      server.on("retr", (question) => question.transform(mark("a")));
      server.on("retr", (question) => {
        question.transform(large);
        question.transform(mark("b"));
        question.transform(createGzip());
      });
    });
    const { bytes } = await download(stage.client, "RETR f");
    assert.equal(gunzipSync(bytes).toString(), `b(A(${TEXT.toUpperCase()}))`);
  });

  test("transform sees the bytes of the store, before TYPE A", async () => {
    const seen: Buffer[] = [];
    await using stage = await ready(
      (server) =>
        server.on("retr", (question) => {
          assert.equal(question.type, "A");
          question.transform(async function* (source) {
            for await (const chunk of source) {
              seen.push(Buffer.from(chunk));
              yield chunk;
            }
          });
        }),
      "A",
    );
    assert.equal((await download(stage.client, "RETR f")).bytes.toString(), TEXT.replaceAll("\n", "\r\n"));
    assert.equal(Buffer.concat(seen).toString(), TEXT);
  });

  for (const [what, stage] of [
    [
      "a function",
      () =>
        async function* (source: AsyncIterable<Uint8Array>) {
          for await (const _ of source) throw new Error("secret");
          yield Buffer.alloc(0);
        },
    ],
    ["a Node stream", () => new Transform({ transform: (_chunk, _encoding, done) => done(new Error("secret")) })],
  ] as const)
    test(`S17.4 a transform that fails (${what}): 451, the file is closed`, async () => {
      await using scene = await ready((server) =>
        server.on("retr", (question) => question.transform(stage() as never)),
      );
      await download(scene.client, "RETR f", "EPSV", { final: 451 }).catch((error: Error) =>
        assert.match(error.message, /reset|ECONNRESET|aborted/),
      );
      await until(() => scene.store.open === 0, 2000, "the file is closed");
      await scene.client.expect("NOOP", 200, 451);
    });

  test("offset tells the restart marker, and the file is read from there", async () => {
    const offsets: number[] = [];
    await using stage = await ready((server) => server.on("retr", ({ offset }) => void offsets.push(offset)));
    await stage.client.expect("REST 4", 350);
    assert.equal((await download(stage.client, "RETR f")).bytes.toString(), TEXT.slice(4));
    await download(stage.client, "RETR f");
    assert.deepEqual(offsets, [4, 0]);
  });
});

describe("stor", () => {
  test("refused before 150 with 553: no data connection, no file", async () => {
    await using stage = await ready((server) =>
      server.on(
        "stor",
        (question) => question.path.endsWith(".exe") && question.reject(553, "Executables are not accepted"),
      ),
    );
    await using _ = await offer(stage.client, "EPSV");
    for (const verb of ["STOR", "APPE"])
      assert.equal((await stage.client.expect(`${verb} a.exe`, 553)).text, "Executables are not accepted");
    assert.equal(stage.store.count("openWrite"), 0);
    await stage.client.assertQuiet();
  });

  test("verb, path, offset and type of each upload", async () => {
    const told: unknown[] = [];
    await using stage = await ready((server) =>
      server.on(
        "stor",
        ({ verb, path, offset, type }) => void told.push([verb, verb === "STOU" ? "" : path, offset, type]),
      ),
    );
    await upload(stage.client, "STOR a", "x");
    await upload(stage.client, "APPE a", "x");
    await upload(stage.client, "STOU", "x");
    await stage.client.expect("REST 1", 350);
    await upload(stage.client, "STOR a", "y");
    assert.deepEqual(told, [
      ["STOR", "/a", 0, "I"],
      ["APPE", "/a", 0, "I"],
      ["STOU", "", 0, "I"],
      ["STOR", "/a", 1, "I"],
    ]);
  });

  test("another path", async () => {
    await using stage = await ready((server) =>
      server.on("stor", (question) => question.accept({ path: `${question.path}.new` })),
    );
    await upload(stage.client, "STOR f", "new");
    assert.equal((await content(stage.store.inner, "/f")).toString(), TEXT);
    assert.equal((await content(stage.store.inner, "/f.new")).toString(), "new");
  });

  test("a Writable in place of the store: 226 waits until it has finished", async () => {
    const taken: Buffer[] = [];
    let finish: (() => void) | undefined;
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        taken.push(chunk);
        done();
      },
      final: (done) => {
        finish = () => done();
      },
    });
    await using stage = await ready((server) => server.on("stor", (question) => question.accept({ sink })));
    await using offered = await offer(stage.client, "EPSV");
    const [, socket] = await begin(stage.client, "STOR new", offered);
    socket.end("content");
    socket.resume();
    await until(() => finish);
    await stage.served.user();
    assert.equal(stage.client.unread, 0, "226 before the stream has finished");
    finish?.();
    await stage.client.expectReply(226);
    assert.equal(Buffer.concat(taken).toString(), "content");
    assert(!(await exists(stage.store.inner, "/new")));
  });

  test("S17.4 a Writable that fails, at a write and at its end: 451", async () => {
    for (const sink of [
      () => new Writable({ write: (_chunk, _encoding, done) => done(new Error("secret")) }),
      () => new Writable({ write: (_chunk, _encoding, done) => done(), final: (done) => done(new Error("secret")) }),
    ]) {
      await using stage = await ready((server) => server.on("stor", (question) => question.accept({ sink: sink() })));
      await upload(stage.client, "STOR new", "content", "EPSV", { final: 451 });
      await stage.client.assertQuiet();
    }
  });

  test("a Writable is destroyed when the upload breaks off", async () => {
    let sink: Writable | undefined;
    let finished = false;
    await using stage = await ready((server) =>
      server.on("stor", (question) => {
        sink = new Writable({
          write: (_chunk, _encoding, done) => done(),
          final: (done) => {
            finished = true;
            done();
          },
        });
        question.accept({ sink });
      }),
    );
    await using offered = await offer(stage.client, "EPSV");
    const [, socket] = await begin(stage.client, "STOR new", offered);
    socket.write("half");
    await until(() => sink?.writableLength === 0);
    reset(socket);
    await stage.client.expectReply(426);
    await until(() => sink?.destroyed, 2000, "the stream is destroyed");
    assert(!finished);
  });

  test("transform sees and changes what the store keeps, behind TYPE A", async () => {
    await using stage = await ready((server) => server.on("stor", (question) => question.transform(large)), "A");
    await upload(stage.client, "STOR new", "a\r\nb\r\n");
    assert.equal((await content(stage.store.inner, "/new")).toString(), "A\nB\n");
  });

  test("transform with a Node stream", async () => {
    const bytes = bytesOf(300_000);
    await using stage = await ready((server) => server.on("stor", (question) => question.transform(createGunzip())));
    await upload(stage.client, "STOR new", gzipSync(bytes));
    assert((await content(stage.store.inner, "/new")).equals(bytes));
  });

  test("S17.4 a transform that finds something: 451 and no file, whenever it says so", async () => {
    const scan = (when: "at once" | "at the end") =>
      async function* (source: AsyncIterable<Uint8Array>) {
        for await (const chunk of source) {
          if (when === "at once") throw new Error("found");
          yield chunk;
        }
        throw new Error("found");
      };
    for (const when of ["at once", "at the end"] as const) {
      await using stage = await ready((server) =>
        server.on("stor", (question: StoreQuestion) => question.transform(scan(when))),
      );
      await using offered = await offer(stage.client, "EPSV");
      const [, socket] = await begin(stage.client, "STOR new", offered);
      socket.on("error", () => undefined).end("content");
      socket.resume();
      await stage.client.expectReply(451);
      assert.deepEqual(await names(stage.store.inner), ["f", "other"]);
      await until(() => stage.store.open === 0, 2000, "the upload is given back");
      await stage.client.assertQuiet();
    }
  });
});
