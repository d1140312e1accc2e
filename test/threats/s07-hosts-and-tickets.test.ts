/**
 * Whoever resumes is asked neither for its host nor for its certificate again: a session of one control connection must
 * open no other one (the class of CVE-2025-23419). And the host that SNI names is asked about as that of HOST.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createSecureContext, type SecureContext } from "node:tls";
import { type HostQuestion, ListenerError } from "../../dist/index.js";
import { authority, issue, type Pair, testCertificates } from "../kit/certificates.js";
import { Gate } from "../kit/gate.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { until, within } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { type ClientTls, TlsClient } from "./kit-tls.js";
import { besiege, type ServerTls, serveTls, type WatchedServer, withClient } from "./kit-tls-server.js";

const WAYS = ["explicit", "implicit"] as const;

let certificates: { readonly member: Pair; readonly ca: string };
const contexts = new Map<string, SecureContext>();

before(async () => {
  const { ca } = await testCertificates();
  const elsewhere = await authority("the authority of b");
  certificates = { member: await issue({ name: "member of a" }, ca), ca: ca.cert };
  for (const [name, trusted] of [
    ["a.test", ca],
    ["b.test", elsewhere],
  ] as const)
    contexts.set(name, createSecureContext({ ...(await issue({ name, hosts: [name] }, ca)), ca: trusted.cert }));
});

/** One visit, and what it leaves to the next. */
interface Visit {
  readonly resumed: boolean;
  readonly host: string | undefined;
  readonly session: Buffer;
}

/** A whole visit. @throws where the server refuses the client */
async function visit(served: WatchedServer, options: ClientTls, lines: readonly string[] = []): Promise<Visit> {
  await using client = await TlsClient.greeted(served.port);
  // Whoever is refused leaves.
  client.raw.once("end", () => client.raw.end());
  for (const line of lines) await client.expect(line, 220);
  await client.expect("AUTH TLS", 234);
  await client.protect(options);
  // A client of TLS 1.3 is done before the server is, and its tickets come behind.
  await client.expect("NOOP", 200);
  const host = served.server.sessions.at(-1)?.host;
  const session = client.secured?.getSession();
  assert(session);
  const resumed = client.secured?.isSessionReused() === true;
  await client.expect("QUIT", 221);
  await client.expectClosed();
  await until(() => served.server.sessions.length === 0);
  return { resumed, host, session };
}

for (const version of VERSIONS) {
  const a: ClientTls = { ...only(version), servername: "a.test" };
  const b: ClientTls = { ...only(version), servername: "b.test" };
  const sni = (name: string) => contexts.get(name);

  describe(`S7.2 ${version}: the session of a control connection`, () => {
    test("S7.2 is good for its own data connections, so that the refusals mean something", () =>
      besiege({ sni }, {}, async (served) => {
        const resumed: unknown[] = [];
        served.server.on("dataChannel", ({ channel }) => resumed.push(channel.secure?.resumed));
        await withClient(TlsClient.explicit(served.port, a), async (client) => {
          await client.login();
          await client.expect("PROT P", 200);
          const session = client.secured?.getSession();
          assert(session);
          await client.download("RETR f", { ...a, session });
        });
        assert.deepEqual(resumed, [true]);
      }));

    for (const [name, tls, options] of [
      ["the same host", { sni }, a],
      ["the same host, without certificates by host", {}, a],
      ["no host", {}, { ...only(version), servername: "" }],
    ] as const satisfies readonly (readonly [string, ServerTls, ClientTls])[])
      test(`S7.2 begins no other one: ${name}`, () =>
        besiege(tls, {}, async (served) => {
          const first = await visit(served, options);
          const second = await visit(served, { ...options, session: first.session });
          assert.equal(second.resumed, false);
          assert.equal(second.host, options.servername === "" ? undefined : options.servername);
          assert.equal(second.host, first.host);
        }));

    test("S7.2 begins none of another host: that one is asked for", () =>
      besiege({ sni }, {}, async (served) => {
        const { session } = await visit(served, a);
        const { resumed, host } = await visit(served, { ...b, session });
        assert.deepEqual([resumed, host], [false, "b.test"]);
      }));

    test("S7.2 begins none on an implicit port", () =>
      besiege({ sni }, { implicitTls: true }, async (served) => {
        let session: Buffer | undefined;
        for (const _ of [1, 2])
          await withClient(TlsClient.implicit(served.port, { ...a, ...(session && { session }) }), async (client) => {
            assert.equal(client.secured?.isSessionReused(), false);
            assert.equal(served.server.sessions[0]?.host, "a.test");
            session = client.secured?.getSession();
            assert(session);
          });
      }));

    for (const [name, lines, options] of [
      ["that sni refuses: it is asked for", [], a],
      ["that sni refuses, where HOST has chosen the certificate", ["HOST a.test"], { ...a, servername: "" }],
    ] as const)
      test(`S7.2 begins none of a host ${name}`, () => {
        const asked: string[] = [];
        const strict = (host: string) => {
          asked.push(host);
          assert.notEqual(host, "z.test", "no such host");
          return contexts.get(host);
        };
        return besiege({ sni: strict }, {}, async (served) => {
          const { session } = await visit(served, options, lines);
          asked.length = 0;
          // Either it is refused, or it is not at the host that others are refused at.
          const second = visit(served, { ...a, servername: "z.test", session }, lines);
          const host = await second.then(
            (made) => made.host,
            () => "refused",
          );
          assert.notEqual(host, "z.test", `at a host that nobody was asked for: ${asked.join()}`);
          if (lines.length === 0) assert.deepEqual([host, asked], ["refused", ["z.test"]]);
        });
      });
  });

  describe(`S7.2 ${version}: and client certificates`, () => {
    const demanding = (work: (served: WatchedServer, subjects: string[]) => Promise<void>) =>
      assertNoLeaks(async () => {
        const { ca } = certificates;
        const subjects: string[] = [];
        await using served = await serveTls({ ca, requestCert: true, sni }, {}, (server) =>
          server.on("certificate", (question) => {
            subjects.push(`${question.certificate.subject} at ${question.host}`);
            question.reject();
          }),
        );
        await work(served, subjects);
        assert.deepEqual(served.faults, []);
      });

    test("S7.2 what host a vouches for is not let in at host b by a session of a", () =>
      demanding(async (served) => {
        const { member } = certificates;
        await assert.rejects(visit(served, { ...b, ...member }), "b trusts the authority of a");
        const { session } = await visit(served, { ...a, ...member });
        for (const pair of [member, undefined]) {
          await assert.rejects(visit(served, { ...b, ...pair, session }));
          await assert.rejects(visit(served, { ...only(version), ...pair, servername: "z.test", session }).then(named));
        }
        await until(() => served.server.sessions.length === 0);
      }));

    test("S7.2 a certificate that is not shown again is not there: not even at its own host", () =>
      demanding(async (served, subjects) => {
        const { session } = await visit(served, { ...a, ...certificates.member });
        await assert.rejects(visit(served, { ...a, session }));
        await withClient(TlsClient.explicit(served.port, { ...a, ...certificates.member, session }), async (client) => {
          await client.expect("USER member", 530);
          assert.equal(client.secured?.isSessionReused(), false);
        });
        assert.deepEqual(subjects, ["CN=member of a at a.test"]);
      }));
  });

  /** For a visit that is either refused, or begins anew by what the host of `tls.cert` trusts. */
  function named({ resumed }: Visit): never {
    assert.equal(resumed, false);
    throw new Error("begun anew");
  }

  describe(`S15.1 ${version}: the host application is asked about the name of SNI`, () => {
    const enter = (way: (typeof WAYS)[number], port: number, options: ClientTls) =>
      way === "implicit" ? unanswered(port, options) : authenticated(port, options);

    for (const way of WAYS) {
      const options = { implicitTls: way === "implicit" };

      test(`S15.1 ${way}: once, before anything else; what it accepts is the host`, () =>
        besiege({}, options, async (served) => {
          const asked: unknown[] = [];
          served.server.on("host", ({ host, session }) => void asked.push([host, session.username]));
          await withClient(TlsClient[way](served.port, a), async (client) => {
            await client.login();
            await client.assertQuiet();
            assert.deepEqual(asked, [["a.test", undefined]]);
            assert.equal(served.server.sessions[0]?.host, "a.test");
          });
        }));

      test(`S15.1 ${way}: nobody is asked where SNI names nobody`, () =>
        besiege({}, options, async (served) => {
          const asked: string[] = [];
          served.server.on("host", ({ host }) => void asked.push(host));
          await withClient(TlsClient[way](served.port, { ...only(version), servername: "" }), (client) =>
            client.assertQuiet(),
          );
          assert.deepEqual(asked, []);
        }));

      const refusals: readonly (readonly [
        how: string,
        listener: (question: HostQuestion) => unknown,
        faults: number,
      ])[] = [
        ["rejects", (question) => question.reject(), 0],
        ["rejects later", (question) => new Promise(setImmediate).then(() => question.reject()), 0],
        ["throws", () => assert.fail("no database"), 1],
        ["gives a promise that rejects", () => Promise.reject(new Error("no database")), 1],
        ["never answers", () => new Promise(() => undefined), 1],
      ];
      for (const [how, listener, faults] of refusals)
        test(`S15.1 ${way}, a listener that ${how}: 421, and nothing was greeted, read or asked`, () =>
          assertNoLeaks(async () => {
            await using served = await serveTls({}, { ...options, hookTimeout: 100 }, (server) =>
              server.on("host", (question) => (question.host === "b.test" ? listener(question) : question.accept())),
            );
            const connects: unknown[] = [];
            served.server.on("connect", ({ session }) => void connects.push(session.host));
            await using client = await enter(way, served.port, b);
            client.send("USER test\r\nPASS secret\r\n");
            await client.expectReply(421);
            await client.expectClosed();
            assert.equal(client.codes.at(-1), 421);
            assert.deepEqual(served.answers, way === "implicit" ? ["421"] : ["220", "AUTH 234", "421"]);
            assert.deepEqual(served.logins, []);
            assert.equal(served.faults.length, faults);
            for (const fault of served.faults) assert(fault instanceof ListenerError);
            await withClient(TlsClient[way](served.port, a), (next) => next.assertQuiet());
          }));
    }

    test("S15.1 what is said meanwhile waits for the answer", () =>
      besiege({}, {}, async (served) => {
        const gate = new Gate();
        served.server.on("host", (question) => gate.pass().then(() => question.accept()));
        await withClient(authenticated(served.port, a), async (client) => {
          client.send("USER test\r\nPASS secret\r\n");
          await within(gate.reached, "the question");
          await new Promise(setImmediate);
          assert.deepEqual(served.answers, ["220", "AUTH 234"]);
          gate.open();
          await client.expectReply(331);
          await client.expectReply(230);
        });
      }));

    test("S15.1 a name that HOST has got refused does not come in by SNI", () =>
      besiege({}, {}, async (served) => {
        served.server.on("host", (question) => (question.host === "b.test" ? question.reject() : question.accept()));
        await withClient(TlsClient.greeted(served.port), async (client) => {
          await client.expect("HOST b.test", 504);
          await client.expect("AUTH TLS", 234);
          await client.protect(b);
          await client.expectReply(421);
          await client.expectClosed();
        });
      }));
  });
}

/** Under TLS by AUTH; nothing was read since. */
async function authenticated(port: number, options: ClientTls): Promise<TlsClient> {
  const client = await TlsClient.greeted(port);
  await client.expect("AUTH TLS", 234);
  return client.protect(options);
}

/** Under TLS from the beginning, and not greeted yet. */
async function unanswered(port: number, options: ClientTls): Promise<TlsClient> {
  return (await TlsClient.open(port)).protect(options);
}
