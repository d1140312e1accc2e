/** S18.1: a store that gives less of a file than it has said, in everything that reads a file; and files that change meanwhile. */
import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { type FileSystem, LocalFileSystem, MemoryFileSystem, type Server, virtualPath } from "../../dist/index.js";
import { type Fault, faulty } from "../../dist/testing/index.js";
import { begin, collect, download, offer } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { type ServeOptions, serve } from "../kit/serve.js";
import { linesOf, temporaryDirectory, until } from "../kit/temporary.js";

const TEXT = linesOf(300_000);
const CUT: Fault = { at: "read", after: 1000, truncate: true };

/** The file whole, without a shortcut to its checksum, and cut short behind 1000 bytes of what is read. */
function shortStore(): FileSystem {
  return faulty(new MemoryFileSystem({ files: { "/f": TEXT } }), [CUT]);
}

/** What a host may do with what it is asked to send. */
const HOSTS: Readonly<Record<string, (server: Server) => unknown>> = {
  "nothing to do with it": () => undefined,
  "a transform that gives more than it takes": (server) =>
    server.on("retr", (question) =>
      question.transform(async function* (source) {
        for await (const chunk of source) yield Buffer.concat([chunk, chunk, chunk]);
        yield Buffer.alloc(2 * TEXT.length);
      }),
    ),
  "a stream to pass it through": (server) => server.on("retr", (question) => question.transform(new PassThrough())),
};

async function withShortStore(
  host: string,
  run: (client: Awaited<ReturnType<Awaited<ReturnType<typeof serve>>["user"]>>) => Promise<void>,
  options: ServeOptions = {},
): Promise<readonly string[]> {
  const told: string[] = [];
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: shortStore(), ...options }, (server) => {
      HOSTS[host]?.(server);
      for (const event of ["retrieved", "aborted"] as const) server.on(event, () => told.push(event));
      server.on("error", ({ error }) => told.push((error as Error).message));
    });
    const client = await served.user();
    await run(client);
    await client.assertQuiet();
  });
  return told;
}

describe("S18.1 a store that gives less than it has said", () => {
  const SHORT = "the store has given less than it said";
  for (const host of Object.keys(HOSTS)) {
    for (const [type, rest] of [
      ["I", 0],
      ["A", 0],
      ["I", 500],
      ["A", 500],
    ] as const)
      test(`RETR in TYPE ${type} from ${rest}, the host has ${host}: 451`, async () => {
        const told = await withShortStore(host, async (client) => {
          await client.expect(`TYPE ${type}`, 200);
          await using offered = await offer(client, "EPSV");
          if (rest > 0) await client.expect(`REST ${rest}`, 350);
          const [, socket] = await begin(client, "RETR f", offered);
          assert((await collect(socket)).length >= 1000, "what there was has come");
          await client.expectReply(451);
        });
        assert.deepEqual(told.toSorted(), ["aborted", SHORT]);
      });

    for (const command of ["HASH f", "XCRC f", "MD5 f"])
      test(`${command}, the host has ${host}: 451`, async () => {
        const told = await withShortStore(host, async (client) => void (await client.expect(command, 451)));
        assert.deepEqual(told, [SHORT]);
      });
  }

  test('XCRC of bytes that come, and of bytes that do not: "f" 10 20, "f" 10 2000', async () => {
    const whole = new MemoryFileSystem({ files: { "/f": TEXT } });
    const { digest } = await whole.checksum(virtualPath("/f"), { algorithm: "crc32", start: 10, end: 20 });
    const told = await withShortStore("nothing to do with it", async (client) => {
      assert.equal((await client.expect('XCRC "f" 10 20', 250)).text, digest.toUpperCase());
      await client.expect('XCRC "f" 10 2000', 451);
    });
    assert.deepEqual(told, [SHORT]);
  });

  test("SIZE in TYPE A, and a marker of TYPE A beyond what comes", async () => {
    const told = await withShortStore("nothing to do with it", async (client) => {
      await client.expect("TYPE A", 200);
      await client.expect("SIZE f", 550);
      await client.expect("REST 50000", 350);
      await client.expect("EPSV", 229);
      await client.expect("RETR f", 451);
    });
    assert.deepEqual(told, [SHORT, SHORT]);
  });
});

describe("what is no fault of the store", () => {
  test("a transform that has enough before the end of the file", async () => {
    await using served = await serve({ fileSystem: new MemoryFileSystem({ files: { "/f": TEXT } }) }, (server) =>
      server.on("retr", (question) =>
        question.transform(async function* (source) {
          for await (const chunk of source) return yield chunk.subarray(0, 100);
        }),
      ),
    );
    const client = await served.user();
    await client.expect("TYPE I", 200);
    assert.deepEqual((await download(client, "RETR f")).bytes, TEXT.subarray(0, 100));
    await client.expect("HASH f", 213);
  });

  for (const type of ["I", "A"])
    test(`a log on the disk that grows while it is read in TYPE ${type}: 226 with what it was`, async () => {
      await using folder = await temporaryDirectory();
      const file = join(folder.path, "log");
      await appendFile(file, TEXT);
      let grown = 0;
      await using served = await serve({ fileSystem: new LocalFileSystem(folder.path) }, (server) => {
        server.on("dataChannel", async () => {
          await appendFile(file, TEXT);
          grown++;
        });
      });
      const client = await served.user();
      await client.expect(`TYPE ${type}`, 200);
      const { bytes } = await download(client, "RETR log");
      const expected = type === "I" ? TEXT : Buffer.from(String(TEXT).replaceAll("\n", "\r\n"));
      assert(bytes.equals(expected), `${bytes.length} bytes, not ${expected.length}`);
      // The file is sent sooner than the log has grown.
      await until(() => grown === 1);
      await client.expect("HASH log", 213);
    });
});
