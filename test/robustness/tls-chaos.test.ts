/**
 * S18.1, S5: connections over TLS that are cut at any byte, in any way, on either channel. Uploads are whole or absent,
 * or a beginning where that is asked for; each command has one final reply or the connection ends; nothing is left.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryFileSystem, type ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { MODES } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { show } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { assertPortsAreBack, countPassivePorts, tenPorts } from "./kit-ports.js";
import { Random } from "./kit-random.js";
import { ConnectionClosed, MANNERS, TlsClient } from "./kit-tls-client.js";
import { type Cut, Wires } from "./kit-tls-proxy.js";
import { Witness } from "./kit-witness.js";

/** Set PORTSIDE_SEED to repeat a run. */
const SEED = Number(process.env.PORTSIDE_SEED ?? Date.now() % 1_000_000);
const VISITS = 600;
const AT_ONCE = 8;
/** Large enough that the receiver's buffers do not hold it. */
const FILE = bytesOf(600_000);
const HOWS = ["FIN", "RST", "truncation"] as const;

for (const partialUploads of ["discard", "keep"] as const)
  test(`S18.1 S5.1 ${VISITS} visits over TLS cut at random bytes, partialUploads ${partialUploads}, seed ${SEED}`, async () => {
    const fileSystem = new MemoryFileSystem({ files: { "/down": FILE } });
    const outcomes = new Map<string, number>();
    await assertNoLeaks(async () => {
      await using free = await tenPorts();
      await using served = await serve({
        ...(await options()),
        fileSystem,
        partialUploads,
        passive: { ports: free.range },
      });
      const ports = await countPassivePorts(served);
      await rage(served, outcomes);
      await assertPortsAreBack(served, ports);
    });
    const stored = outcomes.get("whole") ?? 0;
    // Chance has been everywhere, or this proves little.
    for (const outcome of ["closed", "whole", partialUploads === "keep" ? "part" : "absent", "226", "426", "522"])
      assert(
        (outcomes.get(outcome) ?? 0) >= 5,
        `${outcome} came ${outcomes.get(outcome) ?? 0} times; ${stored} stored`,
      );
    if (partialUploads === "discard") assert.equal(outcomes.get("part"), undefined);
  });

/** Explicit, and implicit; the witness speaks in clear. */
async function options(): Promise<ServerOptions> {
  const { cert, key } = (await testCertificates()).server;
  const at = { host: "127.0.0.1", port: 0, requireTls: "none" } as const;
  return {
    listeners: [at, { ...at, implicitTls: true }],
    tls: { cert, key, handshakeTimeout: 1000 },
    dataTimeout: 1000,
    stallTimeout: 1000,
  };
}

async function rage(served: Served, outcomes: Map<string, number>): Promise<void> {
  await using witness = await Witness.begin(served);
  await using wires = new Wires();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (let index = worker; index < VISITS; index += AT_ONCE)
        await visit(served, wires, index, outcomes).catch((cause: unknown) => {
          throw new Error(`visit ${index}: ${String(cause)}`, { cause });
        });
    }),
  );
  assert(wires.made > VISITS / 3, `only ${wires.made} cuts were made`);
  await until(() => served.server.sessions.length === 1, 20_000, "only the witness is left");
  await witness.assertUnharmed();
}

/** One connection with one transfer; one of the two channels has a cut somewhere. */
async function visit(served: Served, wires: Wires, index: number, outcomes: Map<string, number>): Promise<void> {
  const random = new Random(SEED + index);
  const manner = random.pick(MANNERS);
  const uploads = random.chance(0.6);
  const onControl = random.chance(0.25);
  const cut = chooseCut(random, onControl);
  const count = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
  const target = served.server.addresses[manner.implicit ? 1 : 0]?.port ?? 0;
  const name = `up${index}`;
  let final: number | undefined;
  let client: TlsClient | undefined;
  try {
    client = await TlsClient.login(await wires.lead(target, onControl ? cut : undefined), manner);
    const detour = (port: number): Promise<number> => wires.lead(port, onControl ? undefined : cut);
    await using data = await client.data(random.pick(MODES), detour);
    client.socket.write(uploads ? `STOR ${name}\r\n` : "RETR down\r\n");
    final = await transfer(client, data.connect(), uploads);
    // Whatever came of the transfer: one final reply, and the session is as good as new.
    await client.expect("NOOP", 200);
    client.assertNoMore();
    await client.quit();
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
    assert(onControl, "the control connection ended without a cut");
    count("closed");
  } finally {
    await client?.[Symbol.asyncDispose]();
  }
  if (final !== undefined) count(String(final));
  if (uploads) count(await stateOf(served, name, final));
}

function chooseCut(random: Random, onControl: boolean): Cut {
  // Handshakes have some two thousand bytes each way, and so has the whole of a control connection.
  const after = 1 + random.below(onControl ? 2500 : random.chance(0.4) ? 1500 : FILE.length);
  return { of: random.pick(["caller", "called"] as const), after, how: random.pick(HOWS) };
}

/** @returns the code of the final reply */
async function transfer(
  client: TlsClient,
  connecting: ReturnType<Awaited<ReturnType<TlsClient["data"]>>["connect"]>,
  uploads: boolean,
): Promise<number> {
  const sent = connecting.then((socket) => {
    if (uploads) socket.end(FILE);
    socket.resume();
    return new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())));
  });
  // Cut before it was up.
  sent.catch(() => undefined);
  await client.expectReply(150);
  const final = await client.reply();
  assert([226, 425, 426, 522].includes(final.code), show(final));
  return final.code;
}

/** What is left of an upload, against what its client was told. */
async function stateOf(served: Served, name: string, final: number | undefined): Promise<string> {
  const mine = `/${name}`;
  await until(() => !served.server.sessions.some(({ transfer }) => transfer?.path === mine), undefined, "it is over");
  const there = await exists(served.fileSystem, mine);
  if (!there) {
    assert.notEqual(final, 226, "a client was told of an upload that is not there");
    return "absent";
  }
  const bytes = await content(served.fileSystem, mine);
  assert(bytes.equals(FILE.subarray(0, bytes.length)), "other bytes than the client's");
  if (bytes.length === FILE.length) return "whole";
  assert.notEqual(final, 226, "a client was told that a part is the whole");
  return "part";
}
