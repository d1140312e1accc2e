/** S13.8: close() during handshakes and transfers over TLS: it resolves, on time, and nothing of the server is left. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import type tls from "node:tls";
import { MemoryFileSystem, type ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { accepts, parseEpsv } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { content, exists, names } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { MANNERS, type Manner, TlsClient, type TlsData } from "./kit-tls-client.js";
import { clientHello } from "./kit-tls-hello.js";

const LARGE = bytesOf(6_000_000);
/** Far less than what a session is given to end by itself. */
const SOON = 2000;

async function options(more: Partial<NonNullable<ServerOptions["tls"]>> = {}): Promise<ServerOptions> {
  const { cert, key } = (await testCertificates()).server;
  const at = { host: "127.0.0.1", port: 0 };
  return { listeners: [at, { ...at, implicitTls: true }], tls: { cert, key, ...more } };
}

function portOf(served: Served, { implicit }: Pick<Manner, "implicit">): number {
  return served.server.addresses[implicit ? 1 : 0]?.port ?? 0;
}

/** What a client has said when the server is closed. */
const MOMENTS: Readonly<Record<string, (served: Served) => Promise<AsyncDisposable>>> = {
  "AUTH, and nothing behind it": (served) => authenticated(served),
  "AUTH, and half a ClientHello": async (served) => {
    const client = await authenticated(served);
    client.send((await clientHello()).subarray(0, 100));
    return client;
  },
  "AUTH, and a ClientHello whose answer stays unread": async (served) => {
    const client = await authenticated(served);
    client.socket.pause();
    client.send(await clientHello());
    return client;
  },
  "implicit TLS, and nothing": (served) => ScriptedClient.open(portOf(served, { implicit: true })),
  "implicit TLS, and half a ClientHello": async (served) => {
    const client = await ScriptedClient.open(portOf(served, { implicit: true }));
    client.send((await clientHello()).subarray(0, 100));
    return client;
  },
  "a login over TLS": (served) => TlsClient.login(portOf(served, { implicit: false }), manner("TLSv1.3")),
  "a data connection without a handshake": (served) => unsecuredData(served, 0),
  "a data connection with half a ClientHello": (served) => unsecuredData(served, 100),
};

async function authenticated(served: Served): Promise<ScriptedClient> {
  const client = await ScriptedClient.connect(portOf(served, { implicit: false }));
  await client.expect("AUTH TLS", 234);
  return client;
}

function manner(version: Manner["version"]): Manner {
  return { implicit: false, version };
}

/** RETR whose data connection is up below TLS. */
async function unsecuredData(served: Served, bytes: number): Promise<AsyncDisposable> {
  const client = await TlsClient.login(portOf(served, { implicit: false }), manner("TLSv1.3"));
  const socket = connect(parseEpsv(await client.expect("EPSV", 229)), "127.0.0.1");
  socket.on("error", () => undefined);
  await client.expect("RETR large", 150);
  socket.write((await clientHello()).subarray(0, bytes));
  return {
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      await client[Symbol.asyncDispose]();
    },
  };
}

describe("S13.8 S10.2 close() and close({ drain }) during handshakes", () => {
  for (const [moment, reach] of Object.entries(MOMENTS))
    for (const drain of [0, 400])
      test(`${moment}, drain ${drain}`, async () => {
        const fileSystem = new MemoryFileSystem({ files: { "/large": LARGE } });
        await assertNoLeaks(async () => {
          await using served = await serve({ ...(await options()), fileSystem });
          await using _ = await reach(served);
          await closedSoon(served, drain);
        });
      });
});

/** Asserts that close() resolves in its time, with everything gone. */
async function closedSoon(served: Served, drain: number): Promise<void> {
  const port = portOf(served, { implicit: false });
  const begun = performance.now();
  await served.server.close({ drain });
  const took = performance.now() - begun;
  assert(took < drain + SOON, `took ${took} ms`);
  assert.equal(served.server.sessions.length, 0);
  assert.equal(await accepts(port), false, "still listening");
}

for (const implicit of [false, true])
  test(`S13.8 close() while sni does not answer, implicit ${implicit}`, async () => {
    let asked = 0;
    const sni = (): Promise<undefined> => {
      asked++;
      return new Promise(() => undefined);
    };
    await assertNoLeaks(async () => {
      await using served = await serve(await options({ sni }));
      const client = implicit ? await ScriptedClient.open(portOf(served, { implicit })) : await authenticated(served);
      await using _ = client;
      client.send(await clientHello({ servername: "localhost" }));
      await until(() => asked === 1, undefined, "sni is asked");
      await closedSoon(served, 0);
    });
  });

/** One of many sessions, with its transfer under way. */
interface Busy {
  readonly client: TlsClient;
  readonly data: TlsData;
  readonly socket: tls.TLSSocket;
  readonly name: string | undefined;
}

/** Sessions in all manners with transfers that wait for their clients. */
async function busySessions(served: Served, count: number): Promise<Busy[]> {
  const busy: Busy[] = [];
  for (let index = 0; index < count; index++) {
    const kind = MANNERS[index % 4] as Manner;
    const client = await TlsClient.login(portOf(served, kind), kind);
    const name = index % 8 < 4 ? undefined : `up${index}`;
    const data = await client.data(index % 3 === 0 ? "PORT" : "EPSV");
    client.socket.write(name === undefined ? "RETR large\r\n" : `STOR ${name}\r\n`);
    const connecting = data.connect();
    await client.expectReply(150);
    const socket = await connecting;
    await once(socket, "secureConnect");
    if (name !== undefined) socket.write(LARGE.subarray(0, 100_000));
    busy.push({ client, data, socket, name });
  }
  const moving = (): boolean => served.server.sessions.every(({ transfer }) => transfer?.channel !== undefined);
  await until(moving, undefined, "every transfer has its data connection");
  return busy;
}

async function dispose(sessions: readonly Busy[]): Promise<void> {
  for (const { client, data, socket } of sessions) {
    socket.destroy();
    await data[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  }
}

for (const partialUploads of ["discard", "keep"] as const)
  test(`S13.8 close() while 40 sessions transfer over TLS: 426, 421, the end; partialUploads ${partialUploads}`, async () => {
    const fileSystem = new MemoryFileSystem({ files: { "/large": LARGE } });
    await assertNoLeaks(async () => {
      await using served = await serve({ ...(await options()), fileSystem, partialUploads });
      const sessions = await busySessions(served, 40);
      const closed = closedSoon(served, 0);
      for (const { client } of sessions) {
        await client.expectReply(426);
        await client.expectReply(421);
        await client.closed();
      }
      await closed;
      await dispose(sessions);
      if (partialUploads === "discard") assert.deepEqual(await names(fileSystem), ["large"]);
      else assert((await beginnings(served, sessions)) > 0, "nothing was kept");
    });
  });

/** Asserts that what is there of uploads is how they begin. @returns how many are there */
async function beginnings({ fileSystem }: Served, sessions: readonly Busy[]): Promise<number> {
  let found = 0;
  for (const { name } of sessions) {
    if (name === undefined || !(await exists(fileSystem, `/${name}`))) continue;
    const bytes = await content(fileSystem, `/${name}`);
    assert(bytes.length < LARGE.length && bytes.equals(LARGE.subarray(0, bytes.length)), `${name} is no beginning`);
    if (bytes.length > 0) found++;
  }
  return found;
}

test("S13.8 close({ drain }) lets 40 transfers over TLS finish, ends idle sessions at once and takes no new ones", async () => {
  const fileSystem = new MemoryFileSystem({ files: { "/large": LARGE } });
  await assertNoLeaks(async () => {
    await using served = await serve({ ...(await options()), fileSystem });
    const port = portOf(served, { implicit: false });
    const sessions = await busySessions(served, 40);
    await using idle = await TlsClient.login(port, manner("TLSv1.3"));
    const closed = within(served.server.close({ drain: 60_000 }), "close()", 60_000);
    await idle.expectReply(421);
    await idle.closed();
    assert.equal(await accepts(port), false, "still listening");
    for (const session of sessions) await finish(session);
    await closed;
    for (const { name } of sessions)
      if (name !== undefined) assert((await content(fileSystem, `/${name}`)).equals(LARGE), `${name} is not whole`);
    await dispose(sessions);
  });
});

async function finish({ client, socket, name }: Busy): Promise<void> {
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  if (name !== undefined) socket.end(LARGE.subarray(100_000));
  await client.expectReply(226);
  await client.expectReply(421);
  await client.closed();
  if (!socket.closed) await within(once(socket, "close"), "the data connection closing");
  if (name === undefined) assert.equal(received, LARGE.length);
}

test("S13.8 close({ drain }) cuts transfers over TLS that have not finished when the time is over", async () => {
  await assertNoLeaks(async () => {
    const fileSystem = new MemoryFileSystem({ files: { "/large": LARGE } });
    await using served = await serve({ ...(await options()), fileSystem });
    const sessions = await busySessions(served, 8);
    const begun = performance.now();
    const closed = served.server.close({ drain: 300 });
    for (const { client } of sessions) {
      await client.expectReply(426);
      await client.expectReply(421);
    }
    await closed;
    const took = performance.now() - begun;
    assert(took >= 290 && took < 300 + SOON, `took ${took} ms`);
    assert.deepEqual(await names(fileSystem), ["large"]);
    await dispose(sessions);
  });
});
