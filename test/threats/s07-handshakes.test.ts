/** Data connections whose handshake never ends: the transfer does, and the control connection lives. */
import assert from "node:assert/strict";
import type net from "node:net";
import { describe, test } from "node:test";
import type { TlsFailedFact } from "../../dist/index.js";
import { names } from "../kit/store.js";
import { until, within } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { type Scene, scene } from "./kit-data-tls-scene.js";

const PATIENCE = 200;
const COMMANDS = ["STOR new", "RETR file", "LIST"] as const;

/** A client that is connected and says nothing, or not enough. */
const SILENCES: readonly (readonly [name: string, begin: (raw: net.Socket, hello: Buffer) => void])[] = [
  ["nothing", () => undefined],
  ["half a hello", (raw, hello) => raw.write(hello.subarray(0, 50))],
  ["a hello and nothing more", (raw, hello) => raw.write(hello)],
  [
    "a byte now and then",
    (raw, hello) => {
      let index = 0;
      const timer = setInterval(
        () => raw.write(hello.subarray(index++ % hello.length, (index % hello.length) + 1)),
        20,
      );
      raw.once("close", () => clearInterval(timer));
    },
  ],
];

/** The first flight of a handshake, unsent. */
async function helloOf({ own }: Scene, raw: net.Socket, version: (typeof VERSIONS)[number]): Promise<Buffer> {
  const [, hello] = await own.held(raw, only(version));
  return hello;
}

function gone(raw: net.Socket): Promise<unknown> {
  if (raw.readableEnded) raw.destroy();
  raw.once("end", () => raw.destroy()).resume();
  return raw.closed ? Promise.resolve() : within(new Promise((resolve) => raw.once("close", resolve)), "the end");
}

for (const version of VERSIONS)
  for (const [name, begin] of SILENCES)
    test(`S7.6 ${version}: ${name}: 522 when the time is over, and the control connection lives`, () => {
      const facts: TlsFailedFact[] = [];
      return scene(
        {
          client: only(version),
          tls: { handshakeTimeout: PATIENCE },
          setup: (server) => server.on("tlsFailed", (fact) => facts.push(fact)),
        },
        async (made) => {
          const { own, fileSystem } = made;
          await own.upload("STOR file", "content");
          for (const command of COMMANDS) {
            const raw = await own.open(command);
            const began = performance.now();
            begin(raw, await helloOf(made, raw, version));
            await own.expectReply(522);
            const took = performance.now() - began;
            assert(took > PATIENCE / 2 && took < PATIENCE + 3000, `${took} ms`);
            await gone(raw);
          }
          assert.deepEqual(await names(fileSystem), ["file"]);
          assert.equal((await own.download("RETR file")).toString(), "content");
          assert.deepEqual(
            facts.map(({ channel, error }) => [channel, error.code, /not done in 200 ms/.test(error.message)]),
            COMMANDS.map(() => ["data", "TLS_FAILED", true]),
          );
        },
      );
    });

describe("S7.6 what the client does meanwhile", () => {
  for (const [name, begin] of SILENCES) {
    test(`S7.6 ${name}: ABOR: 426 and 226`, () =>
      scene({}, async (made) => {
        const { own, fileSystem } = made;
        for (const command of ["STOR new", "LIST"]) {
          const raw = await own.open(command);
          begin(raw, await helloOf(made, raw, "TLSv1.3"));
          await own.expect("ABOR", 426);
          await own.expectReply(226);
          await gone(raw);
          await own.assertQuiet();
        }
        assert.deepEqual(await names(fileSystem), []);
        await own.upload("STOR new", "x");
      }));

    test(`S7.6 ${name}: QUIT waits for the end of the transfer, which comes`, () =>
      scene({ tls: { handshakeTimeout: PATIENCE } }, async (made) => {
        const raw = await made.own.open("STOR new");
        begin(raw, await helloOf(made, raw, "TLSv1.3"));
        await made.own.expect("QUIT", 522);
        await made.own.expectReply(221);
        await gone(raw);
        await made.own.expectClosed();
      }));

    for (const way of ["FIN", "RST", "close_notify and FIN"] as const)
      test(`S7.6 ${name}: the control connection ends by ${way}: so does the data connection`, () =>
        scene({ tls: { handshakeTimeout: 0 } }, async (made) => {
          const { own, server, fileSystem } = made;
          const raw = await own.open("STOR new");
          begin(raw, await helloOf(made, raw, "TLSv1.3"));
          if (way === "FIN") own.raw.end();
          else if (way === "RST") own.raw.resetAndDestroy();
          else own.tls?.end();
          await gone(raw);
          await until(() => server.sessions.length === 0);
          assert.deepEqual(await names(fileSystem), []);
          await own.expectClosed();
        }));

    test(`S7.6 ${name}: the server closes: 421, and everything ends`, () =>
      scene({ tls: { handshakeTimeout: 0 } }, async (made) => {
        const { own, server } = made;
        const raw = await own.open("STOR new");
        begin(raw, await helloOf(made, raw, "TLSv1.3"));
        const closed = server.close();
        await own.expectReply(426);
        await own.expectReply(421);
        await gone(raw);
        await own.expectClosed();
        await closed;
      }));
  }

  test("S7.6 other sessions are served while twenty handshakes hang", () =>
    scene({ tls: { handshakeTimeout: 0 } }, async ({ own, enter }) => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => enter()));
      const stuck = await Promise.all(clients.map((client) => client.open("STOR stuck")));
      assert.equal((await own.upload("STOR new", "x")).code, 226);
      for (const raw of stuck) raw.destroy();
      for (const client of clients) await client.expectReply(522);
    }));
});
