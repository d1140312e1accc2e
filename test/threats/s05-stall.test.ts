/** S5.7, S18.13: handshakes that never end, bytes that are none, and connections that end in one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { reset } from "../kit/data.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { BOUNDS } from "./kit-measure.js";
import { clientHello, TlsClient } from "./kit-tls.js";
import { ChildServer } from "./kit-tls-child.js";
import { besiege, type WatchedServer, withClient } from "./kit-tls-server.js";

const KINDS = ["explicit", "implicit"] as const;

/** A client whose handshake may begin. */
async function ready(served: WatchedServer, kind: (typeof KINDS)[number]): Promise<TlsClient> {
  if (kind === "implicit") return TlsClient.open(served.port);
  const client = await TlsClient.greeted(served.port);
  await client.expect("AUTH TLS", 234);
  return client;
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
/** A record of the handshake protocol. */
const record = (body: Buffer, version = 0x0301): Buffer =>
  Buffer.concat([Buffer.from([0x16, version >> 8, version & 255, body.length >> 8, body.length & 255]), body]);

/** What is no handshake, and known to be none at once. */
const GARBAGE: readonly (readonly [what: string, bytes: () => Buffer | Promise<Buffer>])[] = [
  ["a command", () => latin1("USER evil\r\nPASS evil\r\n")],
  ["HTTP", () => latin1("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ["HTTP for a proxy", () => latin1("CONNECT localhost:21 HTTP/1.1\r\n\r\n")],
  ["zeros", () => Buffer.alloc(100_000)],
  ["0xff", () => Buffer.alloc(100_000, 0xff)],
  ["100,000 bytes of chance", () => Buffer.concat([Buffer.from([0x42]), bytesOf(100_000)])],
  ["an alert", () => latin1("\x15\x03\x03\0\x02\x02\x28")],
  ["close_notify", () => latin1("\x15\x03\x03\0\x02\x01\0")],
  ["10,000 warnings", () => latin1("\x15\x03\x03\0\x02\x01\x5a".repeat(10_000))],
  ["10,000 alerts of no length", () => latin1("\x15\x03\x03\0\0".repeat(10_000))],
  ["application data", () => latin1("\x17\x03\x03\0\x0bUSER evil\r\n")],
  ["a record that is too long", () => Buffer.concat([latin1("\x16\x03\x01\xff\xff"), Buffer.alloc(70_000)])],
  ["a message of no type", () => record(latin1("\x63\0\0\x04abcd"))],
  ["a message that is too long", () => record(latin1("\x01\xff\xff\xffabcd"))],
  ["a hello that ends within its extensions", () => record(latin1("\x01\0\0\x04\x03\x03ab"))],
  ["a hello of SSL 3", async () => Buffer.concat([latin1("\x16\x02\0"), (await clientHello()).subarray(3)])],
];

/** Behind the 234, if there is one, the server has at most sent alerts. */
function assertOnlyAlerts(client: TlsClient): void {
  const wire = Buffer.concat(client.wire).toString("latin1");
  assert.match(wire, /^(220 [^\r]*\r\n234 [^\r]*\r\n)?(\x15\x03[\x00-\x03]\x00\x02..)*$/s);
}

for (const kind of KINDS)
  describe(`S5.7 ${kind}: what is no handshake`, () => {
    for (const [what, bytes] of GARBAGE)
      test(`S5.7 S18.13 ${what} ends the connection at once, and is told`, () =>
        besiege({}, { implicitTls: kind === "implicit" }, async (served) => {
          await withClient(ready(served, kind), async (client) => {
            client.ignoreReplies();
            client.sendRaw(await bytes());
            await client.expectClosed();
            assertOnlyAlerts(client);
            assert.deepEqual(served.logins, []);
            await until(() => served.failures.length === 1, undefined, "the failure is told");
            assert.match(served.failures[0] ?? "", /^control: TLS handshake: ./);
          });
        }));

    test("S5.7 silence, one byte, half a hello: gone when the time for handshakes is over", () =>
      besiege({ handshakeTimeout: 300 }, { implicitTls: kind === "implicit" }, async (served) => {
        const hello = await clientHello();
        const begun = performance.now();
        await Promise.all(
          [0, 1, 3, 5, 6, 100, hello.length - 1].map((length) =>
            withClient(ready(served, kind), async (client) => {
              client.ignoreReplies();
              client.sendRaw(hello.subarray(0, length));
              await client.expectClosed();
            }),
          ),
        );
        assert(performance.now() - begun >= 280, "the time was not theirs");
        assert.equal(served.failures.length, 7);
        assert(
          served.failures.every((failure) => failure.endsWith("not done in 300 ms")),
          served.failures.join(),
        );
      }));

    test("S5.7 bytes that drip do not buy more time", () =>
      besiege({ handshakeTimeout: 400 }, { implicitTls: kind === "implicit" }, async (served) => {
        await withClient(ready(served, kind), async (client) => {
          const hello = await clientHello();
          client.ignoreReplies();
          let at = 0;
          const drip = setInterval(() => client.sendRaw(hello.subarray(at, ++at)), 40);
          const begun = performance.now();
          await client.expectClosed().finally(() => clearInterval(drip));
          assert(performance.now() - begun < 3000);
        });
      }));

    test("S5.7 after the ServerHello too", () =>
      besiege({ handshakeTimeout: 300 }, { implicitTls: kind === "implicit" }, async (served) => {
        for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const)
          await withClient(ready(served, kind), async (client) => {
            let flights = 0;
            await client.begin({ maxVersion }, (chunk) => ++flights === 1 && client.sendRaw(chunk));
            await client.expectClosed();
          });
        assert.equal(served.failures.length, 2);
      }));

    test("S5.7 without a time for handshakes the time to log in bounds them", () =>
      besiege({ handshakeTimeout: 0 }, { loginTimeout: 300, implicitTls: kind === "implicit" }, async (served) => {
        await withClient(ready(served, kind), async (client) => client.expectClosed(3000));
        // The server has given up by itself: nothing has failed.
        assert.deepEqual(served.failures, []);
      }));

    for (const ending of ["FIN", "RST"] as const)
      test(`S5.7 S18.13 ${ending} at every place of the handshake`, () =>
        besiege({}, { implicitTls: kind === "implicit" }, async (served) => {
          const hello = await clientHello();
          const leave = (client: TlsClient): void => {
            if (ending === "FIN") client.raw.end();
            else reset(client.raw);
          };
          for (const length of [0, 1, 5, 50, hello.length - 1, hello.length])
            await withClient(ready(served, kind), async (client) => {
              client.ignoreReplies();
              client.sendRaw(hello.subarray(0, length));
              if (length > 0) await until(() => client.raw.writableLength === 0);
              leave(client);
              await client.expectClosed(3000);
            });
          for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const)
            for (const place of ["Finished", "NOOP"])
              await withClient(ready(served, kind), async (client) => {
                let flights = 0;
                const secured = await client.begin({ maxVersion }, (chunk) => {
                  if (++flights === 1 || place === "NOOP") client.sendRaw(chunk);
                  else leave(client);
                });
                secured.once("secureConnect", () => {
                  secured.write("NOOP\r\n", () => place === "NOOP" && leave(client));
                });
                await client.expectClosed(3000);
              });
        }));
  });

test("S5.7 FIN in the segment of AUTH: the connection does not wait for a handshake that cannot come", () =>
  besiege({}, {}, async (served) => {
    await withClient(TlsClient.greeted(served.port), async (client) => {
      client.raw.end("AUTH TLS\r\n");
      await client.expectClosed(3000);
      assert.deepEqual(served.logins, []);
    });
  }));

/** Connections at once. */
const CROWD = 1000;
const HANDSHAKE_MS = 6000;

test(`S5.7 ${CROWD} handshakes that stall at once: bounded, others are served, and all are gone in time`, async () => {
  await using child = await ChildServer.start(HANDSHAKE_MS);
  const { explicit, implicit } = child.ports;
  // Its authority is its own.
  const visitExplicit = (): Promise<void> => visit(TlsClient.explicit(explicit, { rejectUnauthorized: false }));
  const visitImplicit = (): Promise<void> => visit(TlsClient.implicit(implicit, { rejectUnauthorized: false }));
  // Whatever is made once only is there already.
  await visitExplicit();
  await visitImplicit();
  await until(async () => (await child.look()).sessions === 0);
  const before = await child.look();
  const hello = await clientHello();
  await child.begin();
  const crowd = Array.from({ length: CROWD }, (_, index) =>
    staller(index % 2 === 0 ? explicit : implicit, index, hello),
  );
  const sockets = await Promise.all(crowd);
  assert.equal((await child.look()).sessions, CROWD);
  await within(Promise.all([visitExplicit(), visitImplicit()]), "two clients among the crowd", 3000);
  const { turn, memory } = await child.end();
  assert(turn < BOUNDS.turn, `others waited for ${turn} ms`);
  assert(memory < BOUNDS.memory, `${memory} bytes`);
  await until(async () => (await child.look()).sessions === 0, 2 * HANDSHAKE_MS, "the crowd is gone");
  for (const socket of sockets) socket.destroy();
  await until(async () => (await child.look()).sockets <= before.sockets, undefined, "the sockets are gone");
  const after = await child.look();
  assert(
    after.reachable - before.reachable < 4 * 2 ** 20,
    `${after.reachable - before.reachable} bytes are still held`,
  );
  assert.deepEqual(after.failures, []);
  await visitExplicit();
});

/** A client that does what is right. */
async function visit(opening: Promise<TlsClient>): Promise<void> {
  await using client = await opening;
  await client.login();
  await client.expect("QUIT", 221);
}

/** A connection whose handshake stands still: at its beginning, within the hello, or behind it. */
async function staller(port: number, index: number, hello: Buffer): Promise<net.Socket> {
  const socket = net.connect(port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "connect");
  if (index % 2 === 0) {
    await once(socket, "data");
    socket.write("AUTH TLS\r\n");
    await once(socket, "data");
  }
  socket.resume();
  const length = [0, 7, hello.length][index % 3] ?? 0;
  if (length > 0) socket.write(hello.subarray(0, length));
  return socket;
}
