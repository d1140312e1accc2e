/** The server's half of a handshake, over real sockets: who gets through, what is told of it, what is left where it fails. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { before, describe, test } from "node:test";
import { type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import { type HandshakeOptions, handshake, type SecuredSocket } from "../../dist/channel/handshake.js";
import { TlsSessions } from "../../dist/channel/tls-sessions.js";
import type { FtpError } from "../../dist/errors.js";
import { issue, type Pair, testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { bytesOf, until } from "../kit/temporary.js";
import { alert, dial, only, SecureLine, VERSIONS } from "../threats/kit-data-tls.js";
import { rejection } from "./connections.js";

let server: Pair;
let mine: Pair;
let context: SecureContext;
let named: SecureContext;

before(async () => {
  const made = await testCertificates();
  server = made.server;
  mine = await issue({ name: "me" }, made.ca);
  context = createSecureContext({ ...server, ca: made.ca.cert, sessionIdContext: "test" });
  named = createSecureContext(await issue({ name: "a.test", hosts: ["a.test"] }, made.ca));
});

/** Both ends of a connection, before TLS. */
async function sockets(): Promise<[ours: net.Socket, client: net.Socket]> {
  const listener = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const arrival = once(listener, "connection");
  const client = await dial((listener.address() as net.AddressInfo).port);
  const [ours] = (await arrival) as [net.Socket];
  ours.on("error", () => undefined);
  listener.close();
  return [ours, client];
}

interface Meeting {
  readonly ours: net.Socket;
  readonly client: net.Socket;
  /** Begins our half. */
  shake(options?: Partial<HandshakeOptions>): Promise<SecuredSocket>;
  /** Begins the client's half. */
  line(options?: ConnectionOptions): SecureLine;
}

async function meeting(work: (meeting: Meeting) => Promise<void>): Promise<void> {
  await assertNoLeaks(async () => {
    const [ours, client] = await sockets();
    const lines: SecureLine[] = [];
    const defaults: HandshakeOptions = {
      context,
      sessions: new TlsSessions(),
      protocols: ["ftp"],
      requestCert: false,
      rejectUnauthorized: false,
      timeout: 5000,
      bridged: false,
    };
    const line = (options: ConnectionOptions = {}) => {
      const made = new SecureLine(client, options);
      lines.push(made);
      return made;
    };
    try {
      await work({ ours, client, line, shake: (options) => handshake(ours, { ...defaults, ...options }) });
    } finally {
      for (const made of lines) await made[Symbol.asyncDispose]();
      client.destroy();
      ours.destroy();
    }
  });
}

/** Asserts that a handshake fails, and that nothing of the socket is left. */
async function assertFails(made: Meeting, shaking: Promise<SecuredSocket>, reason: RegExp): Promise<FtpError> {
  const error = await rejection(shaking, "TLS_FAILED");
  assert.match(error.message, reason);
  assert.notEqual(error.cause, undefined);
  assert.equal(made.ours.destroyed, true);
  return error;
}

for (const bridged of [false, true])
  for (const version of VERSIONS) {
    const where = `${version}${bridged ? ", bridged" : ""}`;

    describe(`handshake, ${where}`, () => {
      test("carries bytes both ways, and says what was agreed on", () =>
        meeting(async ({ line, shake }) => {
          const shaking = shake({ bridged });
          const client = line({ ...only(version), ALPNProtocols: ["ftp"], servername: "A.test" });
          const { socket, secure } = await shaking;
          assert.equal(secure.protocol, version);
          assert.deepEqual(
            [secure.alpn, secure.servername, secure.resumed, secure.authorized, secure.certificate],
            ["ftp", "a.test", false, false, undefined],
          );
          assert.equal(secure.cipher, client.tls.getCipher().standardName);
          const bytes = bytesOf(500_000);
          socket.write(bytes);
          await client.send(bytes);
          const received: Buffer[] = [];
          socket.on("data", (chunk) => received.push(chunk));
          await until(() => Buffer.concat(received).length === bytes.length && client.received.length === bytes.length);
          assert(Buffer.concat(received).equals(bytes) && client.received.equals(bytes));
          socket.destroy();
        }));

      test("the certificate of the host that is named; none, and a refusal", async () => {
        for (const [contextFor, subject] of [
          [() => Promise.resolve(named), "CN=a.test"],
          [() => Promise.resolve(undefined), "CN=localhost"],
        ] as const)
          await meeting(async ({ line, shake }) => {
            const shaking = shake({ bridged, contextFor });
            const client = line({ ...only(version), servername: "a.test" });
            (await shaking).socket.on("error", () => undefined);
            assert.equal(client.tls.getPeerX509Certificate()?.subject, subject);
          });
        await meeting(async (made) => {
          const shaking = made.shake({ bridged, contextFor: () => Promise.reject(new Error("no such host")) });
          made.line({ ...only(version), servername: "a.test" });
          await assertFails(made, shaking, /no such host/);
        });
      });

      test("a certificate that is asked for", async () => {
        for (const [pair, authorized] of [
          [mine, true],
          [await issue({ name: "nobody" }), false],
          [undefined, false],
        ] as const) {
          await meeting(async ({ line, shake }) => {
            const shaking = shake({ bridged, requestCert: true });
            line({ ...only(version), ...pair });
            const { secure } = await shaking;
            assert.equal(secure.authorized, authorized);
            assert.equal(secure.certificate === undefined, pair === undefined);
          });
          await meeting(async (made) => {
            const shaking = made.shake({ bridged, requestCert: true, rejectUnauthorized: true });
            made.line({ ...only(version), ...pair });
            if (authorized) assert.equal((await shaking).secure.authorized, true);
            else await assertFails(made, shaking, /certificate/);
          });
        }
      });

      test("another application protocol only", () =>
        meeting(async (made) => {
          const shaking = made.shake({ bridged });
          made.line({ ...only(version), ALPNProtocols: ["http/1.1"] });
          await assertFails(made, shaking, /protocol/i);
        }));

      test("a session that was not made here, where one is required: the client gets nothing to come again with", () =>
        meeting(async (made) => {
          const shaking = made.shake({ bridged: true, requireResumption: true });
          const line = made.line(only(version));
          const { message } = await rejection(shaking, "SESSION_NOT_RESUMED");
          assert.match(message, /not a session of this control connection/);
          assert.equal(made.ours.destroyed, true);
          await line.collect();
          assert.deepEqual(line.sessions, []);
        }));

      test("silence, text, an alert, FIN and RST", async () => {
        for (const [act, reason] of [
          [() => undefined, /not done in 100 ms/],
          [(client: net.Socket) => void client.write("USER evil\r\nPASS evil\r\n"), /./],
          [(client: net.Socket) => void client.write(alert("fatal", 40)), /./],
          [(client: net.Socket) => void client.end(), /left|disconnected|end/],
          [(client: net.Socket) => void client.resetAndDestroy(), /./],
          [(client: net.Socket) => void client.destroy(), /./],
        ] as const)
          await meeting(async (made) => {
            const shaking = made.shake({ bridged, timeout: 100 });
            act(made.client);
            await assertFails(made, shaking, reason);
          });
      });

      test("a signal, before and during", () =>
        meeting(async (made) => {
          const controller = new AbortController();
          const shaking = made.shake({ bridged, signal: controller.signal, timeout: 0 });
          controller.abort(new Error("the transfer was stopped"));
          const error = await assertFails(made, shaking, /the transfer was stopped/);
          assert.equal(error.cause, controller.signal.reason);
          await rejection(made.shake({ bridged, signal: AbortSignal.abort(), timeout: 0 }), "TLS_FAILED");
        }));

      test("what TLS says behind the handshake is an error of the socket, at once", () =>
        meeting(async ({ line, shake }) => {
          const shaking = shake({ bridged });
          const client = line(only(version));
          const { socket } = await shaking;
          await client.shake();
          await client.send("before");
          const errors: Error[] = [];
          socket.on("error", (error) => errors.push(error)).resume();
          await client.forge(Buffer.from("plain text, which nobody under TLS sends\r\n"));
          await until(() => socket.destroyed);
          assert.equal(errors.length, 1);
        }));
    });
  }

for (const version of VERSIONS)
  describe(`the end of file, ${version}`, () => {
    const ENDS: readonly (readonly [string, (line: SecureLine) => Promise<void>, string | undefined])[] = [
      ["close_notify and FIN", (line) => line.closeNotify().then(() => line.fin()), undefined],
      ["close_notify", (line) => line.closeNotify(), undefined],
      ["close_notify and RST", (line) => line.closeNotify().then(() => line.rst()), undefined],
      ["FIN", async (line) => line.fin(), "TRUNCATED"],
      ["RST", async (line) => line.rst(), "DATA_LOST"],
    ];
    for (const [name, end, disorder] of ENDS)
      test(`${name}: ${disorder ?? "in order"}`, () =>
        meeting(async ({ line, shake }) => {
          const shaking = shake({ bridged: true, receives: true });
          const client = line(only(version));
          const made = await shaking;
          await client.shake();
          const received: Buffer[] = [];
          made.socket.on("data", (chunk) => received.push(chunk));
          const ended = once(made.socket, "end");
          await client.send("all");
          await until(() => received.length > 0);
          await end(client);
          await ended;
          assert.equal(Buffer.concat(received).toString(), "all");
          assert.equal(made.disorder?.()?.code, disorder);
        }));

    test("without a bridge nobody can tell, and nobody claims to", () =>
      meeting(async ({ line, shake }) => {
        const shaking = shake();
        line(only(version));
        const { disorder, release } = await shaking;
        assert.deepEqual([disorder, release], [undefined, undefined]);
      }));

    test("a client that sends all and closes, and reads nothing: in order, for nothing is sent to it", () =>
      meeting(async ({ line, shake, client: raw }) => {
        const shaking = shake({ bridged: true, receives: true });
        const client = line(only(version));
        const made = await shaking;
        await client.shake();
        raw.pause();
        const bytes = bytesOf(400_000);
        const received: Buffer[] = [];
        const ended = once(made.socket, "end");
        await client.send(bytes);
        await client.closeNotify();
        raw.destroy();
        made.socket.on("data", (chunk) => received.push(chunk));
        await ended;
        assert(Buffer.concat(received).equals(bytes));
        assert.equal(made.disorder?.(), undefined);
      }));
  });
