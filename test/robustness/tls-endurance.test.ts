/** S13.7: thousands of visits over TLS, and one that lasts: nothing adds up in the server, which has a process to itself. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { MODES } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, until } from "../kit/temporary.js";
import { tenPorts } from "./kit-ports.js";
import { type ChildReport, type TlsChild, tlsChild } from "./kit-tls-child.js";
import { MANNERS, retrieve, store, TlsClient } from "./kit-tls-client.js";

const ROUNDS = 5000;
/** Rounds after which nothing that is made once is still to be made. */
const WARM = 1500;
const AT_ONCE = 8;
const UPLOAD = bytesOf(20_000);
const DOWNLOAD = Buffer.alloc(20_000, "portside\n");

test(`S13.7 ${ROUNDS} visits over TLS in every manner: heap, handles, timers, ports and listeners come back`, async () => {
  await using free = await tenPorts();
  await using child = await tlsChild({ ports: free.range });
  await visits(child, 0, WARM);
  const warm = await child.atRest();
  await visits(child, WARM, ROUNDS);
  const after = await leastOf(() => child.atRest(), warm);
  assert.deepEqual(after.failures, []);
  assert.deepEqual(after.handles, warm.handles, "handles and timers");
  const grown = (after.bytes - warm.bytes) / (ROUNDS - WARM);
  assert(grown < 500, `${Math.round(grown)} bytes more are held for each visit`);
  await assertTenPorts(child);
});

/** The smallest of a few looks: buffers of sockets go some turns after their sockets. */
async function leastOf(look: () => Promise<ChildReport>, aim: ChildReport): Promise<ChildReport> {
  let report = await look();
  for (let looks = 0; looks < 5 && report.bytes > aim.bytes; looks++) report = await look();
  return report;
}

async function visits(child: TlsChild, from: number, to: number): Promise<void> {
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (let round = from + worker; round < to; round += AT_ONCE) await visit(child, round);
    }),
  );
}

/** Each manner with each mode, up and down. */
async function visit(child: TlsChild, round: number): Promise<void> {
  const manner = MANNERS[round % 4] ?? MANNERS[0];
  const mode = MODES[Math.floor(round / 4) % 4] ?? "EPSV";
  assert(manner);
  await using client = await TlsClient.login(manner.implicit ? child.implicit : child.explicit, manner);
  if (Math.floor(round / 16) % 2 === 0) assert((await retrieve(client, "RETR down", mode)).equals(DOWNLOAD));
  else assert.equal((await store(client, `up${round % AT_ONCE}`, UPLOAD, mode)).code, 226);
  client.assertNoMore();
  await client.quit();
}

/** Every lease is given back: all ten ports can be had at once. */
async function assertTenPorts(child: TlsChild): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 10 }, () => ScriptedClient.connect(child.plain)));
  try {
    for (const client of clients) await (await client.login()).expect("EPSV", 229);
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const)
  test(`S13.7 50,000 NOOPs on one session of ${version} beside a held transfer: the heap is flat`, async () => {
    await using child = await tlsChild();
    await using client = await TlsClient.login(child.explicit, { implicit: false, version });
    await using data = await client.data("EPSV");
    client.socket.write("STOR held\r\n");
    const connecting = data.connect();
    await client.expectReply(150);
    const socket = await connecting;
    socket.write("begun");
    await noops(client, 10_000);
    const warm = await child.report();
    await noops(client, 40_000);
    const after = await leastOf(() => child.report(), warm);
    assert.deepEqual(after.failures, []);
    assert.deepEqual(after.handles, warm.handles);
    assert(after.bytes - warm.bytes < 1_000_000, `${after.bytes - warm.bytes} bytes more are held`);
    socket.end().resume();
    await client.expectReply(226);
    if (!socket.closed) await once(socket, "close");
    await client.quit();
    await until(async () => (await child.report()).sessions === 0);
  });

async function noops(client: TlsClient, times: number): Promise<void> {
  const batch = 100;
  for (let sent = 0; sent < times; sent += batch) {
    client.socket.write("NOOP\r\n".repeat(batch));
    for (let index = 0; index < batch; index++) await client.expectReply(200);
  }
}
