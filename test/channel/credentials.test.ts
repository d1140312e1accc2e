/** One generation of certificates, and what each control connection gets of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { before, describe, test } from "node:test";
import { createSecureContext, type SecureContext } from "node:tls";
import { Credentials, type CredentialsOptions, type Identity } from "../../dist/channel/credentials.js";
import { handshake } from "../../dist/channel/handshake.js";
import { issue, type Pair, testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { dial, only, SecureLine, VERSIONS } from "../threats/kit-data-tls.js";
import { rejection } from "./connections.js";

let server: Pair;
let named: SecureContext;

before(async () => {
  const made = await testCertificates();
  server = made.server;
  named = createSecureContext(await issue({ name: "a.test" }, made.ca));
});

function credentials(options: Partial<CredentialsOptions> = {}): Credentials {
  return new Credentials({
    context: server,
    requestCert: false,
    rejectUnauthorized: true,
    requireSessionReuse: false,
    handshakeTimeout: 1000,
    ...options,
  });
}

interface Visit {
  readonly subject: string | undefined;
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
}

/** One connection of a client, as control or data connection of an identity. */
async function visit(
  identity: Identity,
  kind: "control" | "data",
  options: ConstructorParameters<typeof SecureLine>[1],
): Promise<Visit> {
  const listener = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const arrival = once(listener, "connection");
  await using line = new SecureLine(await dial((listener.address() as net.AddressInfo).port), options);
  const [ours] = (await arrival) as [net.Socket];
  listener.close();
  const how = kind === "control" ? identity.control(true) : identity.data(true, new AbortController().signal);
  const { socket, secure } = await handshake(ours, how);
  await line.shake();
  socket.on("error", () => undefined).end("x");
  await line.collect();
  const session = line.sessions.at(-1) ?? line.tls.getSession();
  socket.destroy();
  return { subject: line.tls.getPeerX509Certificate()?.subject ?? "", resumed: secure.resumed, session };
}

test("what cannot be used is refused when it is given", async () => {
  const other = await issue({ name: "other" });
  for (const context of [
    { ...server, key: other.key },
    { cert: "x", key: "y" },
    { ...server, ciphers: "NONE-SUCH" },
  ])
    assert.throws(() => credentials({ context }), Error);
});

describe("the certificate for the host that HOST has named", () => {
  const ask = (sni: CredentialsOptions["sni"], host?: string) =>
    credentials({ sni, handshakeTimeout: 100 }).forControl(host);

  test("is asked for once, and only where there is a host", async () => {
    const asked: string[] = [];
    const sni = (name: string) => {
      asked.push(name);
      return named;
    };
    assert.equal((await ask(sni, "a.test")).control(false).context, named);
    assert.notEqual((await ask(sni)).control(false).context, named);
    assert.deepEqual(asked, ["a.test"]);
  });

  test("may be none, and then is the one for everybody", () =>
    assertNoLeaks(async () => {
      const everybody = credentials({ sni: () => undefined });
      const shown = async (host: string | undefined) =>
        (await visit(await everybody.forControl(host), "control", {})).subject;
      assert.equal(await shown("a.test"), await shown(undefined));
    }));

  test("may be refused, which fails TLS, and has its time", () =>
    assertNoLeaks(async () => {
      await rejection(
        ask(() => Promise.reject(new Error("no")), "a.test"),
        "TLS_FAILED",
      );
      await rejection(
        ask(() => assert.fail("no"), "a.test"),
        "TLS_FAILED",
      );
      const late = await rejection(
        ask(() => new Promise(() => undefined), "a.test"),
        "TLS_FAILED",
      );
      assert.match(String(late.cause), /no certificate in 100 ms/);
    }));
});

for (const version of VERSIONS) {
  const client = only(version);

  describe(`sessions, ${version}`, () => {
    test("are gone on with by data connections of the same control connection, and by no other control connection", () =>
      assertNoLeaks(async () => {
        const generation = credentials();
        const own = await generation.forControl(undefined);
        const { session } = await visit(own, "control", client);
        assert.equal((await visit(own, "data", { ...client, session })).resumed, true);
        const again = await visit(await generation.forControl(undefined), "control", { ...client, session });
        assert.equal(again.resumed, false);
      }));

    test("with requireSessionReuse: by data connections of the same control connection, and by nothing else", () =>
      assertNoLeaks(async () => {
        const generation = credentials({ requireSessionReuse: true });
        const [own, other] = [await generation.forControl(undefined), await generation.forControl(undefined)];
        const { session } = await visit(own, "control", client);
        assert.equal((await visit(own, "data", { ...client, session })).resumed, true);
        assert.equal((await visit(other, "control", { ...client, session })).resumed, false);
        await rejection(visit(other, "data", { ...client, session }), "SESSION_NOT_RESUMED");
      }));
  });

  test(`data connections show what the control connection has shown, ${version}`, () =>
    assertNoLeaks(async () => {
      const asked: string[] = [];
      const identity = await credentials({
        sni: (name) => {
          asked.push(name);
          return name === "a.test" ? named : undefined;
        },
      }).forControl(undefined);
      const control = await visit(identity, "control", { ...client, servername: "a.test" });
      assert.equal(control.subject, "CN=a.test");
      for (const servername of ["a.test", "b.test"])
        assert.equal((await visit(identity, "data", { ...client, servername })).subject, "CN=a.test");
      assert.deepEqual(asked, ["a.test"]);
    }));
}
