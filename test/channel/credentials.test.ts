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

describe("a context", () => {
  const contextsOf = async (generation: Credentials) =>
    (await Promise.all([1, 2].map(() => generation.forControl(undefined)))).map((made) => made.control(true).context);

  test("is shared by control connections", async () => {
    const [one, other] = await contextsOf(credentials());
    assert.equal(one, other);
  });

  test("is not the one of other certificates", async () => {
    const [one] = await contextsOf(credentials());
    const [other] = await contextsOf(credentials());
    assert.notEqual(one, other);
  });

  for (const [name, options] of [
    ["sni", { sni: () => undefined }],
    ["requestCert", { requestCert: true }],
    ["requireSessionReuse", { requireSessionReuse: true }],
  ] as const)
    test(`is one control connection's own with ${name}`, async () => {
      const [one, other] = await contextsOf(credentials(options));
      assert.notEqual(one, other);
    });

  test("is one control connection's own where sessions cannot be told apart", async () => {
    const generation = credentials();
    const [shared] = await contextsOf(generation);
    Object.defineProperty(shared?.context, "setSessionIdContext", { value: undefined });
    const [one, other] = await contextsOf(generation);
    assert.equal(new Set([shared, one, other]).size, 3);
  });
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
        const other = await generation.forControl(undefined);
        assert.equal(other.control(true).context, own.control(true).context, "nothing is shared");
        assert.equal((await visit(other, "control", { ...client, session })).resumed, false);
        assert.equal((await visit(other, "data", { ...client, session })).resumed, false);
        assert.equal((await visit(own, "data", { ...client, session })).resumed, true);
      }));

    test("are told apart where handshakes overlap", () =>
      assertNoLeaks(async () => {
        const generation = credentials();
        const all = await Promise.all([1, 2, 3].map(() => generation.forControl(undefined)));
        const visits = await Promise.all(all.map((identity) => visit(identity, "control", client)));
        const crossed = all.flatMap((identity, at) =>
          visits.map(async ({ session }, of) => {
            const { resumed } = await visit(identity, "data", { ...client, session });
            assert.equal(resumed, at === of, `the session of ${of} at ${at}`);
          }),
        );
        assert.equal((await Promise.all(crossed)).length, 9);
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
