/** A data connection breaks at every step of handshake and transfer, in every way: one final reply each time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { content, names, put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import { alert, only, type SecureLine, VERSIONS, type Version } from "./kit-data-tls.js";
import type { TlsClient } from "./kit-data-tls-client.js";
import { scene } from "./kit-data-tls-scene.js";

const BIG = bytesOf(20 * 2 ** 20);

/** How far the client comes before it breaks. `held` is what it has not sent yet. */
const PHASES: readonly (readonly [name: string, go: (own: TlsClient, command: string) => Promise<SecureLine>])[] = [
  ["before the hello", (own, command) => until(own, command, 0)],
  ["in the middle of the hello", (own, command) => until(own, command, 0.5)],
  ["behind the hello", (own, command) => until(own, command, 1)],
  ["in the middle of its last flight", (own, command) => beforeFinished(own, command)],
  ["behind the handshake", (own, command) => own.data(command)],
  [
    "in the middle of the data",
    async (own, command) => {
      const line = await own.data(command);
      if (command.startsWith("STOR")) await line.send(bytesOf(100_000));
      else await new Promise((resolve) => line.tls.once("data", resolve));
      return line;
    },
  ],
];

const BREAKS: readonly (readonly [name: string, end: (line: SecureLine) => unknown])[] = [
  ["FIN", (line) => line.fin()],
  ["RST", (line) => line.rst()],
  ["both ends closed", (line) => line.raw.destroy()],
  ["a fatal alert", (line) => line.forge(alert("fatal", 40))],
  ["a fatal alert and FIN", (line) => line.forge(alert("fatal", 80)).then(() => line.fin())],
  ["close_notify in clear", (line) => line.forge(alert("warning", 0))],
  ["clear bytes", (line) => line.forge(bytesOf(100))],
];

/** In the middle of a record more bytes are only more of it. */
function isBreak(phase: string, way: string): boolean {
  return phase !== "in the middle of the hello" || ["FIN", "RST", "both ends closed"].includes(way);
}

/** Sends a part of the hello. */
async function until(own: TlsClient, command: string, part: number): Promise<SecureLine> {
  const [line, hello] = await own.held(await own.open(command));
  if (part > 0) await line.forge(hello.subarray(0, hello.length * part));
  return line;
}

/** Answers the server's flight with the first record of several. */
async function beforeFinished(own: TlsClient, command: string): Promise<SecureLine> {
  const line = await until(own, command, 1);
  await new Promise<void>((resolve) => line.tls.once("secureConnect", resolve));
  const flight = line.wire.taken();
  line.wire.hold();
  await line.forge(flight.subarray(0, 5 + flight.readUInt16BE(3)));
  return line;
}

for (const version of VERSIONS)
  for (const [phase, go] of PHASES)
    describe(`S7.9 ${version}: ${phase}`, () => {
      for (const [way, end] of BREAKS.filter(([way]) => isBreak(phase, way)))
        test(`S7.9 ${version}: ${phase}: ${way}: one final reply, and the old files`, () => breakOff(version, go, end));
    });

async function breakOff(
  version: Version,
  go: (typeof PHASES)[number][1],
  end: (typeof BREAKS)[number][1],
): Promise<void> {
  await scene(
    { client: only(version), server: { stallTimeout: 5000 }, tls: { handshakeTimeout: 5000 } },
    async ({ own, fileSystem }) => {
      await put(fileSystem, "/file", BIG);
      for (const command of ["STOR new", "STOR file", "RETR file", "LIST"]) {
        const line = await go(own, command);
        await end(line);
        const began = performance.now();
        const { code } = await own.expectReply(226, 426, 522);
        assert(performance.now() - began < 4000, "the end of a time limit, not of the connection");
        // Whoever sends no more may still read.
        if (code === 226)
          assert(command === "LIST" || (command === "RETR file" && (await line.collect()).equals(BIG)), command);
        await own.assertQuiet();
        assert.deepEqual(await names(fileSystem), ["file"]);
      }
      assert((await content(fileSystem, "/file")).equals(BIG));
      assert.equal((await own.upload("STOR file", "at last")).code, 226);
    },
  );
}

for (const version of VERSIONS)
  describe(`S7.1 S7.9 ${version}: the end of downloads`, () => {
    for (const [name, end] of [
      ["FIN and no close_notify", (line: SecureLine) => line.fin()],
      ["RST", (line: SecureLine) => line.rst()],
      ["close_notify and FIN", (line: SecureLine) => line.closeNotify().then(() => line.fin())],
    ] as const)
      test(`S7.1 ${version}: a client that has everything leaves by ${name}: 226`, () =>
        scene({ client: only(version) }, async ({ own, fileSystem }) => {
          for (const size of [0, 1, 16_384, 3 * 2 ** 20]) {
            await put(fileSystem, "/file", bytesOf(size));
            const line = await own.data("RETR file");
            await own.expectReply(226);
            if (!line.tls.readableEnded) await new Promise((resolve) => line.tls.once("end", resolve));
            await end(line);
            assert(line.received.equals(bytesOf(size)));
            assert.equal(line.endedInOrder, true);
          }
          await own.assertQuiet();
        }));

    test(`S7.1 ${version}: we sign what we send, whatever it is`, () =>
      scene({ client: only(version) }, async ({ own }) => {
        await own.upload("STOR file", "");
        for (const command of ["RETR file", "LIST", "NLST", "MLSD", "LIST nothing*"]) {
          const line = await own.data(command);
          await line.collect();
          await own.expectReply(226);
          assert.equal(line.endedInOrder, true, command);
        }
      }));

    test(`S7.1 ${version}: a client that says early that it will send nothing gets everything`, () =>
      scene({ client: only(version) }, async ({ own, fileSystem }) => {
        await put(fileSystem, "/file", BIG);
        const line = await own.data("RETR file");
        await line.closeNotify();
        assert((await line.collect()).equals(BIG));
        await own.expectReply(226);
      }));
  });
