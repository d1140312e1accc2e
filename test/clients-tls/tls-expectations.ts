/**
 * What must hold with every client under TLS: files arrive whole, no connection is in clear, sessions are resumed where the
 * client can, and a server whose authority is not trusted gets no name and no password.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import { assertLocal, assertNames, assertStored } from "../clients/expectations.js";
import type { Way } from "../clients/scene.js";
import { requireProgram } from "../kit/programs.js";
import { put } from "../kit/store.js";
import { bytesOf } from "../kit/temporary.js";
import { RESUMPTION, type Resumption } from "./resumption.js";
import { BROUGHT, type TlsClient } from "./tls-client.js";
import { PROTOCOLS, type Protocol, type Style, TlsScene, type TlsSceneOptions } from "./tls-scene.js";

/** More than the system takes in at once, so that a client that leaves early would leave a piece behind. */
const SIZE = 700_000;
const HALF = 345_678;
const DOWN = bytesOf(SIZE, 21);
const UP = bytesOf(SIZE, 22);
/** Scenes share nothing, and clients mostly wait. */
const ASIDE = { concurrency: 2 };
/** Milliseconds for one test. */
const BOUND = { timeout: 120_000 };

/** All that is expected of a client. */
export function expectTls(client: TlsClient): void {
  const [first, ...others] = client.ways;
  assert(first);
  describe(`${client.name} under TLS`, ASIDE, () => {
    for (const style of client.styles) {
      for (const protocol of PROTOCOLS) everything(client, style, protocol, first);
      for (const way of others) visiting(client, style, way);
      distrusting(client, style, first);
    }
    for (const protocol of PROTOCOLS) reusing(client, protocol, first);
  });
}

/** A test in a scene; skipped, or failed in CI, where the client is not installed. */
export function playedTls(
  client: Pick<TlsClient, "programs" | "isReady">,
  title: string,
  way: Way,
  work: (tls: TlsScene) => Promise<void>,
  options: TlsSceneOptions = {},
): void {
  test(title, BOUND, async (t: TestContext) => {
    for (const program of client.programs) if (requireProgram(t, program) === undefined) return;
    if (client.isReady === undefined || (await client.isReady(t))) await TlsScene.play(way, "memory", work, options);
  });
}

/** Puts and writes what a visit needs. */
export async function prepare({ scene }: TlsScene): Promise<void> {
  await put(scene.store, "/down", DOWN);
  await writeFile(scene.local("up"), UP);
}

/** Asserts what a visit has left on both sides. */
export async function assertVisited(tls: TlsScene, client: Pick<TlsClient, "cannotUpload">): Promise<void> {
  await assertLocal(tls.scene, "down", DOWN);
  for (const name of client.cannotUpload ? [] : BROUGHT) await assertStored(tls.scene, `/${name}`, UP);
}

/** Asserts that every data connection was under TLS, and resumed as the client does it. */
export function assertChannels(tls: TlsScene, protocol: Protocol, resumption: Resumption): void {
  assert.deepEqual(tls.failures, [], "handshakes that failed");
  assert(tls.channels.length > 0, "no data connection");
  assert.deepEqual([...new Set(tls.logins.map((secure) => secure?.protocol))], [protocol]);
  assert.deepEqual([...new Set(tls.channels.map(({ secure }) => secure?.protocol))], [protocol]);
  assert(tls.channels.every(({ secure }) => secure?.cipher.startsWith("TLS_")));
  const resumed = tls.channels.map(({ secure }) => secure?.resumed);
  if (resumption === "always" || resumption === "never")
    assert.deepEqual([...new Set(resumed)], [resumption === "always"], `resumed: ${resumed.join()}`);
  // Then it has new tickets, of the full handshake.
  if (resumption === "once") assert.deepEqual(resumed.slice(0, 2), [true, false]);
}

function visiting(client: TlsClient, style: Style, way: Way): void {
  const work = async (tls: TlsScene): Promise<void> => {
    await prepare(tls);
    assert.deepEqual(await client.visit(tls), ["down"]);
    await assertVisited(tls, client);
    tls.scene.assertWay();
    assertChannels(tls, "TLSv1.3", "unsure");
  };
  const title = `${style}, by ${way.mode}${way.host === "::1" ? " on IPv6" : ""}: lists and moves files`;
  playedTls(client, title, way, work, { style });
}

function everything(client: TlsClient, style: Style, protocol: Protocol, way: Way): void {
  const work = async (tls: TlsScene): Promise<void> => {
    await prepare(tls);
    assert.deepEqual(await client.visit(tls), ["down"]);
    await assertVisited(tls, client);
    const resumption = RESUMPTION[client.name][protocol];
    assertChannels(tls, protocol, resumption);
    tls.scene.assertWay();
    tls.channels.length = 0;
    await resuming(client, tls);
    // Each of these is a session with one transfer.
    assertChannels(tls, protocol, resumption === "once" ? "always" : resumption);
  };
  playedTls(client, `${style}, ${protocol}: lists, moves and resumes files`, way, work, { style, protocol });
}

async function resuming(client: TlsClient, tls: TlsScene): Promise<void> {
  const { scene } = tls;
  await writeFile(scene.local("down"), DOWN.subarray(0, HALF));
  await client.resumeDownload(tls);
  await assertLocal(scene, "down", DOWN);
  assert.equal(scene.arguments("REST").at(-1), String(HALF));
  assert.equal(scene.transfers.at(-1)?.bytes, SIZE - HALF);
  if (client.resumeUpload === undefined) return;
  await put(scene.store, "/part", UP.subarray(0, HALF));
  await client.resumeUpload(tls, HALF);
  await assertStored(scene, "/part", UP);
  assert.equal(scene.transfers.at(-1)?.bytes, SIZE - HALF);
}

/** RFC 4217 §15.1: who cannot show that both connections are its own gets no data connection. */
function reusing(client: TlsClient, protocol: Protocol, way: Way): void {
  const resumption = RESUMPTION[client.name][protocol];
  if (resumption === "unsure") return;
  const [style] = client.styles;
  const options = { protocol, tls: { requireSessionReuse: true }, ...(style !== undefined && { style }) };
  const admitted = async (tls: TlsScene): Promise<void> => {
    await prepare(tls);
    assert.deepEqual(await client.visit(tls), ["down"]);
    await assertVisited(tls, client);
    assertChannels(tls, protocol, "always");
  };
  const refused = async (tls: TlsScene): Promise<void> => {
    await prepare(tls);
    await assertFailure(client, tls);
    const opened = resumption === "once" ? [true] : [];
    assert.deepEqual(
      tls.channels.map(({ secure }) => secure?.resumed),
      opened,
    );
    assert(tls.scene.replies.some(({ code }) => code === 522));
    assert(tls.failures.length > 0 && tls.failures.every(({ channel }) => channel === "data"));
    assert.deepEqual(tls.scene.transfers, []);
    await assertNames(tls.scene, "/", ["down"]);
    // Some clients make a file before anything comes to be written into it.
    assert.equal((await readFile(tls.scene.local("down")).catch(() => Buffer.alloc(0))).length, 0);
  };
  const [title, work] =
    resumption === "always"
      ? (["works where sessions must be resumed", admitted] as const)
      : (["is refused where sessions must be resumed", refused] as const);
  playedTls(client, `${protocol}: ${title}`, way, work, options);
}

function distrusting(client: TlsClient, style: Style, way: Way): void {
  const work = async (tls: TlsScene): Promise<void> => {
    await prepare(tls);
    await assertFailure(client, tls);
    assert.deepEqual(tls.logins, []);
    assert(!tls.scene.replies.some(({ verb }) => verb === "USER" || verb === "PASS"), "told its name");
  };
  playedTls(client, `${style}: tells nothing to a server whose authority it does not know`, way, work, {
    style,
    distrusted: true,
  });
}

async function assertFailure(client: TlsClient, tls: TlsScene): Promise<void> {
  const failed = await client.visit(tls).then(
    () => false,
    () => true,
  );
  assert(failed || client.silent, "the client took it for a success");
}
