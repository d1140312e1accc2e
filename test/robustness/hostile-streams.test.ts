/** S17.4: stores and hosts whose Node streams fail before, during and after, once or twice. */
import assert from "node:assert/strict";
import { Duplex, PassThrough, Readable, Writable } from "node:stream";
import { describe, test } from "node:test";
import {
  type FileInfo,
  MemoryFileSystem,
  type ReadHandle,
  readHandleFrom,
  type Server,
  type VirtualPath,
  type WriteHandle,
  writeHandleFrom,
} from "../../dist/index.js";
import { begin, collect, offer, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { serve } from "../kit/serve.js";
import { names } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { Witness } from "./kit-witness.js";

const BYTES = bytesOf(300_000);
const FIRE = new Error("disk on fire");

/** A store that reads from, or writes into, a stream that the test makes. */
class StreamStore extends MemoryFileSystem {
  readable: (() => Readable) | undefined;
  writable: (() => Writable) | undefined;

  override async openRead(...args: Parameters<MemoryFileSystem["openRead"]>): Promise<ReadHandle> {
    const handle = await super.openRead(...args);
    return this.readable && args[0] === ("/f" as VirtualPath) ? readHandleFrom(handle.info, this.readable()) : handle;
  }

  override async openWrite(...args: Parameters<MemoryFileSystem["openWrite"]>): Promise<WriteHandle> {
    if (this.writable === undefined) return super.openWrite(...args);
    const info: FileInfo = { name: "g", type: "file", size: 0 };
    return writeHandleFrom(this.writable(), { commit: () => info });
  }
}

/** Sources that give nothing, something, or everything, and then fail. */
const SOURCES: Readonly<Record<string, () => Readable>> = {
  "that has failed already": () => {
    const stream = new Readable({ read: () => undefined });
    stream.on("error", () => undefined);
    stream.destroy(FIRE);
    return stream;
  },
  "that fails before the first byte": () =>
    new Readable({
      read() {
        this.destroy(FIRE);
      },
    }),
  "that fails midway": () => {
    let reads = 0;
    return new Readable({
      read() {
        if (reads++ < 3) this.push(BYTES.subarray(0, 50_000));
        else this.destroy(FIRE);
      },
    });
  },
  "that is destroyed without an error midway": () => {
    let reads = 0;
    return new Readable({
      read() {
        if (reads++ < 3) this.push(BYTES.subarray(0, 50_000));
        else this.destroy();
      },
    });
  },
  "whose read throws": () =>
    new Readable({
      read: () => {
        throw FIRE;
      },
    }),
};

/** Sinks that fail at once, at a write, or at the end. */
const SINKS: Readonly<Record<string, () => Writable>> = {
  "that has failed already": () => {
    const stream = new Writable({ write: () => undefined });
    stream.on("error", () => undefined);
    stream.destroy(FIRE);
    return stream;
  },
  "that fails at the first write": () => new Writable({ write: (_chunk, _encoding, done) => done(FIRE) }),
  "whose write throws": () =>
    new Writable({
      write: () => {
        throw FIRE;
      },
    }),
  "that fails when it finishes": () => new Writable({ write: (_c, _e, done) => done(), final: (done) => done(FIRE) }),
  "that fails twice": () =>
    new Writable({
      write(_chunk, _encoding, done) {
        done(FIRE);
        queueMicrotask(() => this.emit("error", new Error("and again")));
      },
    }),
  "that closes without an error": () =>
    new Writable({
      write() {
        this.destroy();
      },
    }),
};

/** Transforms that fail. */
const STAGES: Readonly<Record<string, () => Duplex>> = {
  "that fails at the first byte": () =>
    new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done(FIRE) }),
  "that has failed already": () => {
    const stream = new PassThrough();
    stream.on("error", () => undefined);
    stream.destroy(FIRE);
    return stream;
  },
  "that ends its output and goes on to fail": () =>
    new Duplex({
      read() {
        this.push(null);
        setImmediate(() => this.destroy(FIRE));
      },
      write: (_chunk, _encoding, done) => done(),
    }),
};

/** Runs a session beside a witness; what the streams throw must stay with it. */
async function withSession(
  setUp: (store: StreamStore, server: Server) => void,
  command: "RETR f" | "STOR g",
  final: readonly number[],
): Promise<void> {
  const store = new StreamStore({ files: { "/f": BYTES } });
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: store }, (server) => server.on("error", () => undefined));
    await using witness = await Witness.begin(served, store);
    setUp(store, served.server);
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, command, offered);
    socket.resume();
    if (command === "STOR g") socket.end(BYTES);
    await client.expectReply(...final);
    await client.assertQuiet();
    await witness.assertUnharmed();
  });
  assert.deepEqual(await names(store), ["f", "witness.bin"]);
}

describe("S17.4 RETR from a stream", () => {
  for (const [kind, source] of Object.entries(SOURCES)) {
    test(`of the store ${kind}: 426 or 451`, () =>
      withSession((store) => void (store.readable = source), "RETR f", [426, 451]));
    test(`of the host ${kind}: 426 or 451`, () =>
      withSession(
        (_store, server) => void server.on("retr", (q) => q.path === "/f" && q.accept({ body: source() })),
        "RETR f",
        [426, 451],
      ));
  }

  test("of text, which a Readable may hold, sends it and counts its bytes", async () => {
    await using served = await serve({ fileSystem: new MemoryFileSystem({ files: { "/f": "" } }) });
    const facts: number[] = [];
    served.server.on("retr", (question) => question.accept({ body: Readable.from(["zwölf\n", "más\n"]) as never }));
    served.server.on("retrieved", ({ bytes }) => facts.push(bytes));
    const client = await served.user();
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    const received = collect(socket).catch(() => Buffer.alloc(0));
    // A refusal is as good as the text; a count that is no number is neither.
    if ((await client.expectReply(226, 451)).code === 451) return;
    // 226 may overtake the bytes on their way.
    await until(() => socket.readableEnded);
    assert.equal((await received).toString(), "zwölf\nmás\n");
    assert.deepEqual(facts, [12]);
  });
});

describe("S17.4 STOR into a stream", () => {
  for (const [kind, sink] of Object.entries(SINKS)) {
    test(`of the store ${kind}: 426 or 451`, () =>
      withSession((store) => void setTimeout(() => (store.writable = sink), 0), "STOR g", [426, 451]));
    test(`of the host ${kind}: 426 or 451`, () =>
      withSession(
        (_store, server) => void server.on("stor", (question) => question.accept({ sink: sink() })),
        "STOR g",
        [426, 451],
      ));
  }
});

describe("S17.4 a transform", () => {
  for (const [kind, stage] of Object.entries(STAGES)) {
    test(`${kind}: RETR 426 or 451`, () =>
      withSession(
        (_store, server) => void server.on("retr", (q) => q.path === "/f" && q.transform(stage())),
        "RETR f",
        [426, 451],
      ));
    test(`${kind}: STOR 426 or 451, nothing is left`, () =>
      withSession(
        (_store, server) => void server.on("stor", (question) => question.transform(stage())),
        "STOR g",
        [426, 451],
      ));
  }

  test("as a function that throws at once, gives no iterable, or gives nonsense: 451", async () => {
    const functions = [
      () => {
        throw FIRE;
      },
      () => undefined,
      () => 42,
      async function* () {
        yield undefined;
      },
      async function* () {
        yield 42;
      },
    ];
    for (const stage of functions)
      for (const command of ["RETR f", "STOR g"] as const)
        await withSession(
          (_store, server) =>
            void server
              .on("retr", (question) => question.path === "/f" && question.transform(stage as never))
              .on("stor", (question) => question.transform(stage as never)),
          command,
          [426, 451],
        );
  });
});

test("S17.4 the sink of an upload that failed takes nothing of the next one", async () => {
  const chunks: Buffer[] = [];
  let failing = true;
  await using served = await serve();
  served.server.on("stor", (question) => {
    const fails = failing;
    question.accept({
      sink: new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          if (!fails) chunks.push(chunk);
          done(fails ? FIRE : null);
        },
      }),
    });
  });
  const client = await served.user();
  await client.expect("TYPE I", 200);
  await upload(client, "STOR g", "first", "EPSV", { final: 451 });
  failing = false;
  await upload(client, "STOR g", "second");
  assert.equal(Buffer.concat(chunks).toString(), "second");
});
