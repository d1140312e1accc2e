/** How the program ends: SIGINT and SIGTERM, once and twice. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { isEcho } from "../../dist/cli/stopping.js";
import { accepts, begin, offer, pour } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, temporaryDirectory } from "../kit/temporary.js";
import { type Listening, start } from "./started.js";

const BYTES = bytesOf(100_000);
const HALF = BYTES.length / 2;

/** An upload that runs, and of which half has been sent. */
interface Upload extends AsyncDisposable {
  readonly socket: Socket;
}

async function beginUpload(session: ScriptedClient): Promise<Upload> {
  await session.login("anna", "one");
  await session.expect("TYPE I", 200);
  const offered = await offer(session, "EPSV");
  const [, socket] = await begin(session, "STOR /upload", offered);
  socket.write(BYTES.subarray(0, HALF));
  return { socket, [Symbol.asyncDispose]: () => offered[Symbol.asyncDispose]() };
}

function serve(folder: string): Promise<Listening> {
  return start(folder, "--user", "anna:one");
}

suite("stopping", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${signal} ends idle sessions with 421 and the program with 0`, async () => {
      await using program = await start("--memory", "--user", "anna:one");
      await using session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
      program.signal(signal);
      await session.expectReply(421);
      session.end();
      assert.equal(await program.ended(), 0);
      assert.match(program.stdout, /stopping\n\S+ stopped\n$/);
      assert.equal(program.stderr, "");
    });

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${signal} lets a running upload finish and nobody new in`, async () => {
      await using folder = await temporaryDirectory();
      await using program = await serve(folder.path);
      await using session = await ScriptedClient.connect(program.port);
      await using running = await beginUpload(session);
      program.signal(signal);
      await program.line(/ stopping: 1 running transfer gets 10 s to finish; again to stop at once$/);
      assert.equal(await accepts(program.port), false);
      await pour(running.socket, BYTES.subarray(HALF));
      await session.expectReply(226);
      await session.expectReply(421);
      session.end();
      assert.equal(await program.ended(), 0);
      assert.deepEqual(await readFile(join(folder.path, "upload")), BYTES);
      assert.deepEqual(await readdir(folder.path), ["upload"]);
    });

  for (const signals of [
    ["SIGTERM", "SIGTERM"],
    ["SIGINT", "SIGINT"],
    ["SIGINT", "SIGTERM"],
  ] as const)
    test(`${signals.join(", then ")}: ends at once, and leaves nothing of the upload`, async () => {
      await using folder = await temporaryDirectory();
      await using program = await serve(folder.path);
      await using session = await ScriptedClient.connect(program.port);
      await using _running = await beginUpload(session);
      program.signal(signals[0]);
      await program.line(/ stopping: 1 running transfer/);
      const since = performance.now();
      program.signal(signals[1]);
      await session.expectReply(426);
      await session.expectReply(421);
      assert.equal(await program.ended(), 0);
      assert.ok(performance.now() - since < 5000, "the 10 s for transfers have not been waited for");
      assert.deepEqual(await readdir(folder.path), []);
    });

  test("a client that does not hang up does not hold the second signal", async () => {
    await using program = await serve("--memory");
    await using session = await ScriptedClient.connect(program.port);
    await using _running = await beginUpload(session);
    session.socket.pause();
    program.signal("SIGTERM");
    await program.line(/ stopping: 1 running transfer/);
    program.signal("SIGTERM");
    await program.line(/ stopping at once$/);
    assert.equal(await program.ended(), 0);
  });

  for (const [signal, milliseconds, underNpm, echo] of [
    ["SIGINT", 1, true, true],
    ["SIGINT", 299, true, true],
    ["SIGINT", 300, true, false],
    ["SIGINT", 1, false, false],
    ["SIGTERM", 1, true, false],
  ] as const)
    test(`${signal} ${milliseconds} ms after the first${underNpm ? ", under npm," : ""} ${echo ? "is its echo" : "counts"}`, () =>
      assert.equal(isEcho(signal, milliseconds, underNpm), echo));
});
