/** S17.3, S17.6, S15.2: what a host is asked for TLS throws, rejects, hangs or answers twice: no crash, no hang, no wrong yes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SecureContext } from "node:tls";
import { FtpError, ListenerError, MemoryFileSystem, type Server, type ServerOptions } from "../../dist/index.js";
import { issue, testCertificates } from "../kit/certificates.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient, show } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until, within } from "../kit/temporary.js";
import { ConnectionClosed, MANNERS, type Manner, retrieve, TlsClient } from "./kit-tls-client.js";
import { Witness } from "./kit-witness.js";

const SECRET = "/srv/host/secret.js";
const HOOK_TIMEOUT = 100;
const HANDSHAKE_TIMEOUT = 300;
/** Far more than the handshake is given, far less than the login is. */
const BOUNDED = 5000;

/** What a listener may do wrong. */
const MISDEEDS: Readonly<Record<string, () => unknown>> = {
  "throws an error": () => {
    throw new Error(SECRET);
  },
  "throws nothing": () => {
    throw undefined as unknown;
  },
  rejects: async () => {
    throw new Error(SECRET);
  },
  "rejects with text": async () => {
    throw SECRET as unknown;
  },
  "never settles": () => new Promise(() => undefined),
};

/** And what only `sni` may. */
const SNI_MISDEEDS: Readonly<Record<string, () => unknown>> = {
  ...MISDEEDS,
  "rejects with nothing": async () => {
    throw undefined as unknown;
  },
  "gives no context": () => ({ context: "none" }),
  "gives text": () => "localhost",
};

type Sni = (servername: string) => SecureContext | undefined | Promise<SecureContext | undefined>;

async function options(tls: Partial<NonNullable<ServerOptions["tls"]>> = {}): Promise<ServerOptions> {
  const { cert, key } = (await testCertificates()).server;
  const at = { host: "127.0.0.1", port: 0, requireTls: "none" } as const;
  return {
    hookTimeout: HOOK_TIMEOUT,
    listeners: [at, { ...at, implicitTls: true }],
    tls: { cert, key, handshakeTimeout: HANDSHAKE_TIMEOUT, ...tls },
  };
}

/** Somebody whom the authority of the tests vouches for. */
async function known(
  manner: Manner,
): Promise<{ readonly tls: Partial<NonNullable<ServerOptions["tls"]>>; readonly manner: Manner }> {
  const { ca } = await testCertificates();
  const pair = await issue({ name: "test" }, ca);
  return { tls: { ca: ca.cert, requestCert: true, rejectUnauthorized: false }, manner: { ...manner, pair } };
}

function open(served: Served, manner: Manner): Promise<TlsClient> {
  return TlsClient.open(served.server.addresses[manner.implicit ? 1 : 0]?.port ?? 0, manner);
}

/** Greeted, and under TLS. */
async function secured(served: Served, manner: Manner): Promise<TlsClient> {
  const client = await open(served, manner);
  await client.expectReply(220);
  if (!manner.implicit) await client.authenticate();
  return client;
}

const TLS13: Manner = { implicit: false, version: "TLSv1.3" };

describe("S17.3 S15.2 a listener of host or certificate that misbehaves refuses", () => {
  for (const [kind, misdeed] of Object.entries(MISDEEDS))
    test(`${kind}: host is 504, certificate is 530`, async () => {
      const errors: unknown[] = [];
      const { tls, manner } = await known(TLS13);
      await assertNoLeaks(async () => {
        await using served = await serve(await options(tls), (server) =>
          server.on("error", ({ error }) => errors.push(error)),
        );
        await using witness = await Witness.begin(served);
        let misbehaves = true;
        served.server.on("host", () => (misbehaves ? misdeed() : undefined));
        served.server.on("certificate", () => (misbehaves ? misdeed() : undefined));
        await using client = await secured(served, manner);
        for (const [line, code] of [
          ["HOST example.org", 504],
          ["USER test", 530],
        ] as const)
          assert(!(await client.expect(line, code)).raw.includes("secret.js"));
        assert.equal(errors.length, 2);
        assert(errors.every((error) => error instanceof ListenerError));
        // The password is not offered in place of a certificate that was refused, but on another try.
        await client.expect("PASS secret", 503);
        misbehaves = false;
        await client.expect("HOST example.org", 220);
        await client.expect("USER test", 331);
        await client.expect("PASS secret", 230);
        client.assertNoMore();
        await client.quit();
        await witness.assertUnharmed();
      });
    });
});

test("S17.3 of two answers to host or certificate the first counts, and none that comes late", async () => {
  const { tls, manner } = await known(TLS13);
  const fileSystem = new MemoryFileSystem();
  const late: (() => void)[] = [];
  const twice = (server: Server): void => {
    server.on("host", async (question) => {
      if (question.host === "late.example") {
        late.push(() => question.accept());
        await new Promise(() => undefined);
      }
      if (question.host === "no.example") question.reject();
      question.accept();
      question.reject();
    });
    server.on("certificate", async (question) => {
      if (question.username === "late") {
        late.push(() => question.accept({ fileSystem }));
        await new Promise(() => undefined);
      }
      if (question.username === "no") question.reject();
      question.accept({ fileSystem });
      question.reject();
    });
  };
  await assertNoLeaks(async () => {
    await using served = await serve({ ...(await options(tls)), maxLoginAttempts: 0 }, twice);
    await using client = await secured(served, manner);
    for (const [line, code] of [
      ["HOST no.example", 504],
      ["HOST late.example", 504],
      ["HOST yes.example", 220],
      ["USER no", 530],
      ["USER late", 530],
    ] as const)
      await client.expect(line, code);
    assert.equal(late.length, 2);
    for (const answer of late) answer();
    await client.expect("PWD", 530);
    assert.equal(served.server.sessions[0]?.host, "yes.example");
    await client.expect("USER yes", 232);
    await client.expect("PWD", 257);
    client.assertNoMore();
    await client.quit();
  });
});

test("S17.3 listeners of tlsFailed that misbehave change nothing", async () => {
  const failed: string[] = [];
  await assertNoLeaks(async () => {
    await using served = await serve(
      { ...(await options()), fileSystem: new MemoryFileSystem({ files: { "/f": "content" } }) },
      (server) => {
        for (const misdeed of Object.values(MISDEEDS)) server.on("tlsFailed", misdeed);
        server.on("tlsFailed", ({ channel, error }) => {
          assert(error instanceof FtpError && error.code === "TLS_FAILED");
          failed.push(channel);
        });
      },
    );
    await using witness = await Witness.begin(served);
    const spoilt = await ScriptedClient.connect(served.port);
    await spoilt.expect("AUTH TLS", 234);
    spoilt.send("no ClientHello\r\n");
    await spoilt.expectClosed();
    await using client = await secured(served, TLS13);
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 230);
    await using data = await client.data("EPSV");
    client.socket.write("RETR f\r\n");
    const socket = await data.connect();
    socket.destroy();
    await client.expectReply(150);
    await client.expectReply(522);
    assert.equal((await retrieve(client, "RETR f", "EPSV")).toString(), "content");
    await client.quit();
    assert.deepEqual(failed, ["control", "data"]);
    await witness.assertUnharmed();
  });
});

/** Whether the session ends in the time of a handshake, and says of nothing inside. */
async function assertRefused(served: Served, failures: readonly unknown[], before: number, ended: () => Promise<void>) {
  const begun = performance.now();
  await ended();
  await until(() => served.server.sessions.length === 1, BOUNDED, "the session is over");
  const took = performance.now() - begun;
  assert(took < BOUNDED, `took ${took} ms`);
  assert.equal(failures.length, before + 1, "tlsFailed is told once");
}

describe("S17.3 S15.2 sni that misbehaves refuses the client, in the time of a handshake", () => {
  for (const [kind, misdeed] of Object.entries(SNI_MISDEEDS)) {
    test(`${kind}: asked by ClientHello`, () =>
      withSni(misdeed as Sni, async (served, failures) => {
        for (const manner of MANNERS)
          await assertRefused(served, failures, failures.length, async () => {
            const tried = secured(served, { ...manner, servername: "host.example" });
            await assert.rejects(within(tried, "the refusal", BOUNDED), ConnectionClosed);
          });
      }));

    test(`${kind}: asked for the host of HOST`, () =>
      withSni(misdeed as Sni, async (served, failures) => {
        await assertRefused(served, failures, failures.length, async () => {
          const client = await open(served, TLS13);
          await client.expectReply(220);
          await client.expect("HOST host.example", 220);
          await assert.rejects(within(client.authenticate(), "the refusal", BOUNDED), ConnectionClosed);
        });
      }));
  }
});

/** Runs a test with a server and a witness; collects what `tlsFailed` tells. */
async function withSni(sni: Sni, run: (served: Served, failures: readonly unknown[]) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  await assertNoLeaks(async () => {
    await using served = await serve(await options({ sni }), (server) =>
      server.on("tlsFailed", ({ error }) => failures.push(error)),
    );
    await using witness = await Witness.begin(served);
    await run(served, failures);
    await witness.assertUnharmed();
    await using client = await secured(served, TLS13);
    await client.quit();
  });
  assert(failures.every((error) => error instanceof FtpError && error.code === "TLS_FAILED"));
}

test("S15.2 an sni that settles twice is taken by its first word", async () => {
  const sni = (() => ({
    // oxlint-disable-next-line unicorn/no-thenable -- a host may give any thenable
    then(yes: (context: undefined) => void, no: (error: Error) => void) {
      yes(undefined);
      no(new Error(SECRET));
      yes(undefined);
    },
  })) as unknown as Sni;
  await withSni(sni, async (served) => {
    for (const manner of MANNERS) {
      await using client = await secured(served, { ...manner, servername: "host.example" });
      await client.quit();
    }
    await until(() => served.server.sessions.length === 1);
  });
});

describe("S17.6 a listener that ends the session or the server it is called by", () => {
  for (const moment of ["host", "certificate", "tlsFailed", "sni"] as const)
    for (const ending of ["session.close()", "server.close()", "server.close({ drain })"])
      test(`${ending} in ${moment}`, async () => {
        // Asked where HOST comes; a name in SNI would ask it before.
        const named = moment === "host" ? {} : { servername: "host.example" };
        const { tls, manner } = await known({ ...TLS13, ...named });
        let server: Server | undefined;
        let ended: Promise<unknown> | undefined;
        // Awaited where it is asked: this one waits for what waits for it.
        const end = async (): Promise<undefined> => {
          if (ended !== undefined || server === undefined) return undefined;
          if (ending === "session.close()") {
            ended = Promise.resolve();
            for (const session of server.sessions) session.close("enough");
          } else await (ended = server.close(ending === "server.close()" ? {} : { drain: 200 }));
          return undefined;
        };
        await assertNoLeaks(async () => {
          await using served = await serve(await options({ ...tls, ...(moment === "sni" && { sni: end }) }), (made) => {
            server = made;
            if (moment !== "sni") made.on(moment, end);
          });
          await live(served, manner, moment === "tlsFailed");
          await until(() => ended !== undefined && served.server.sessions.length === 0, undefined, "the session ends");
          await within(ended as Promise<unknown>, "close()", 3000);
        });
      });
});

/** A short session, as far as it gets: to its own end, to a 421, or to the end of the connection. */
async function live(served: Served, manner: Manner, spoils: boolean): Promise<void> {
  await using client = await open(served, manner);
  const endings: number[] = [];
  const say = async (line: string): Promise<void> => {
    const reply = await client.command(line);
    if (reply.code >= 400) endings.push(reply.code);
    assert([421, 504, 530, 503].includes(reply.code) || reply.code < 400, show(reply));
  };
  try {
    await client.expectReply(220);
    if (spoils) await spoil(client);
    await client.authenticate();
    for (const line of ["HOST host.example", "USER test", "PASS secret", "QUIT"]) await say(line);
    await client.closed();
  } catch (error) {
    assert(error instanceof ConnectionClosed, String(error));
  }
  const last = endings.indexOf(421);
  assert(last === -1 || last === endings.length - 1, `went on after 421: ${endings.join(", ")}`);
}

/** A handshake that fails. */
async function spoil(client: TlsClient): Promise<never> {
  await client.expect("AUTH TLS", 234);
  client.socket.write("no ClientHello\r\n");
  await client.closed();
  throw new ConnectionClosed("as it must be");
}
