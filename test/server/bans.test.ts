/** Bans over real sockets: whom they keep out, for how long, on which servers, and what happens when their store fails. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { type AdmissionStore, MemoryAdmissionStore, Server, type ServerOptions } from "../../dist/index.js";
import { download } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { lineHeader } from "../kit/proxy.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { until } from "../kit/temporary.js";

const PASSWORD = "wr0ng-passw0rd";

/** A client of another address than 127.0.0.1. */
function from(served: Served, localAddress: string): Promise<ScriptedClient> {
  return ScriptedClient.connect(served.port, "127.0.0.1", { localAddress });
}

/** A client whose address a proxy tells. */
async function relayed(served: Served, host: string): Promise<ScriptedClient> {
  const client = await ScriptedClient.open(served.port);
  client.send(
    lineHeader({
      source: { host, port: 5 },
      destination: { host: host.includes(":") ? "::1" : "127.0.0.1", port: 21 },
    }),
  );
  return client;
}

async function guess(client: ScriptedClient, ...codes: number[]): Promise<void> {
  await client.expect("USER test", 331);
  await client.expect(`PASS ${PASSWORD}`, ...codes);
}

/** Everything that a server tells, as text; sessions are in it as what they show. */
function told(server: Server): string[] {
  const facts: string[] = [];
  for (const event of ["loginFailed", "banned", "refused", "limited", "reply", "error"] as const)
    server.on(event, (fact: object) => {
      const { session: _session, error, ...rest } = fact as { readonly session?: unknown; readonly error?: unknown };
      facts.push(JSON.stringify({ event, ...rest, error: error instanceof Error ? error.message : undefined }));
    });
  return facts;
}

/** A store that fails in one way. */
function broken(fail: () => never | Promise<never>): AdmissionStore {
  return { get: fail, increment: fail, expire: fail };
}

describe("an address that fails too often", () => {
  test("S9.3 is banned: 421 now, 421 instead of a greeting, and nobody else is", async () => {
    await assertNoLeaks(async () => {
      let facts: string[] = [];
      await using served = await serve({ bans: { after: 4 } }, (server) => (facts = told(server)));
      const [first, second, waiting] = [await served.client(), await served.client(), await served.client()];
      await guess(first, 530);
      await guess(first, 530);
      await guess(first, 421);
      await first.expectClosed();
      await guess(second, 421);
      await second.expectClosed();
      const refused = await served.client();
      assert.equal(refused.greeting.code, 421);
      await refused.expectClosed();
      // Who was there before gets no further guess, right or wrong.
      await waiting.expect("USER test", 331);
      await waiting.expect("PASS secret", 421);
      await waiting.expectClosed();
      await using other = await from(served, "127.0.0.2");
      await other.login();
      await other.assertQuiet();
      const [ban = "", refusal = "", ...more] = facts.filter((fact) => fact.includes('"banned"'));
      assert.deepEqual(JSON.parse(ban), { event: "banned", milliseconds: 600_000 });
      assert.match(refusal, /"remoteAddress":"127\.0\.0\.1".*"reason":"banned"/);
      assert.deepEqual(more, []);
      assert.ok(!facts.join("\n").includes(PASSWORD), "a password was told");
    });
  });

  test("sessions of it that are logged in go on", async () => {
    await using served = await serve({ bans: { after: 1 } });
    const inside = await served.user();
    await guess(await served.client(), 421);
    await inside.assertQuiet();
    await download(inside, "LIST");
  });

  test("S9.3 comes in again when the time is over, without anybody's doing", async () => {
    await using served = await serve({ bans: { after: 1, duration: 1000, window: 1000 } });
    await guess(await served.client(), 421);
    assert.equal((await served.client()).greeting.code, 421);
    await until(async () => (await served.client()).greeting.code === 220, 5000, "the ban is over");
    await served.user();
  });

  test("S9.3 S13.10 a /64 is one address, an IPv4 address the same through IPv6; neighbours come in", async () => {
    await using served = await serve({ bans: { after: 2 }, proxy: { from: ["127.0.0.1"] } });
    for (const host of ["2001:db8::1", "2001:db8::2"]) {
      const client = await relayed(served, host);
      await client.expectReply(220);
      await guess(client, host.endsWith("1") ? 530 : 421);
    }
    for (const [host, code] of [
      ["2001:db8:0:0:8000::3", 421],
      ["2001:db8:0:1::1", 220],
      ["192.0.2.1", 220],
    ] as const) {
      await using client = await relayed(served, host);
      await client.expectReply(code);
    }
    await served.server.ban("::ffff:192.0.2.1", 60_000);
    for (const [host, code] of [
      ["192.0.2.1", 421],
      ["192.0.2.2", 220],
    ] as const) {
      await using client = await relayed(served, host);
      await client.expectReply(code);
    }
  });

  test("S9.4 others still get in to the account that was guessed, at once", async () => {
    await using served = await serve({ bans: { after: 3 }, loginDelay: 200, maxLoginAttempts: 0 });
    const attacker = await served.client();
    await guess(attacker, 530);
    await guess(attacker, 530);
    await guess(attacker, 421);
    const begun = performance.now();
    await using other = await from(served, "127.0.0.2");
    await other.login();
    assert.ok(performance.now() - begun < 150, "who knows the password waits for nothing");
  });
});

describe("an address that is exempt", () => {
  test("S9.3 is delayed, and its connections end, but it is never banned, unless by hand", async () => {
    let facts: string[] = [];
    const bans = { after: 2, exempt: ["192.0.2.1", "127.0.0.0/31"] };
    await using served = await serve({ bans, loginDelay: 20 }, (server) => (facts = told(server)));
    const times: number[] = [];
    for (const codes of [
      [530, 530, 421],
      [530, 530, 421],
    ]) {
      const client = await served.client();
      for (const code of codes) {
        const begun = performance.now();
        await guess(client, code);
        times.push(performance.now() - begun);
      }
      await client.expectClosed();
    }
    assert.ok((times.at(-1) ?? 0) > 150, `ten times the delay at the end: ${times.join()}`);
    await served.user();
    assert.ok(!facts.some((fact) => fact.includes('"banned"')));
    const other = await from(served, "127.0.0.2");
    await guess(other, 530);
    await guess(other, 421);
    assert.ok(facts.some((fact) => fact.includes('"banned"')));
    await served.server.ban("127.0.0.1", 60_000);
    assert.equal((await served.client()).greeting.code, 421);
  });

  test("S13.10 of an IPv6 address the /64 is exempt, as it is banned", async () => {
    const bans = { after: 1, exempt: ["2001:db8::1", "64:ff9b::/96"] };
    await using served = await serve({ bans, proxy: { from: ["127.0.0.1"] } });
    for (const [host, code] of [
      ["2001:db8::2", 530],
      ["64:ff9b::c000:201", 530],
      ["2001:db8:0:1::1", 421],
      ["192.0.2.1", 421],
    ] as const) {
      await using client = await relayed(served, host);
      await client.expectReply(220);
      await guess(client, code);
    }
  });

  for (const [exempt, name, message] of [
    [
      "10.0.0.0/8",
      "TypeError",
      /^bans\.exempt must be an array of addresses and networks, such as \["10\.0\.0\.0\/24"/,
    ],
    [["10.0.0.0/8", 7], "TypeError", /^bans\.exempt\[1\] must be one of addresses and networks, .*, not number$/],
    [["10.0.0.0/8", "10.0.0.1/8"], "RangeError", /^bans\.exempt\[1\]: "10\.0\.0\.1\/8" has bits set behind/],
    [["::1/129"], "RangeError", /^bans\.exempt\[0\]: "::1\/129" is no network: its prefix must be an integer from 0/],
    [["localhost"], "RangeError", /^bans\.exempt\[0\]: "localhost" is no address and no network$/],
  ] as const)
    test(`${JSON.stringify(exempt)} is a ${name}`, () =>
      assert.throws(() => new Server({ bans: { exempt: exempt as never } }), { name, message }));
});

describe("a ban of an address that others have logged in from", () => {
  /** A server, and what it has hinted at. */
  async function hinting(bans: ServerOptions["bans"]) {
    const hints: (readonly [option: string, text: string])[] = [];
    const served = await serve({ bans }, (server) =>
      server.on("hint", ({ option, text }) => void hints.push([option, text])),
    );
    return { served, hints };
  }

  test("is a hint at proxies and at bans.exempt, once", async () => {
    const { served, hints } = await hinting({ after: 1 });
    await using _served = served;
    const inside = await served.user();
    const visitor = await from(served, "127.0.0.2");
    await visitor.login();
    await guess(await served.client(), 421);
    assert.equal(hints.length, 1);
    const [option, text] = hints[0] ?? [];
    assert.equal(option, "bans.exempt");
    assert.match(text ?? "", /^127\.0\.0\.1 was banned for failed logins while others .* set proxy; .* bans\.exempt$/);
    await guess(await from(served, "127.0.0.2"), 421);
    assert.equal(hints.length, 1);
    await inside.assertQuiet();
  });

  test("is none where nobody else of it is logged in", async () => {
    const { served, hints } = await hinting({ after: 1 });
    await using _served = served;
    const [waiting, left] = [await served.client(), await served.user()];
    await left.expect("QUIT", 221);
    await left.expectClosed();
    await until(() => served.server.sessions.length === 1);
    const visitor = await from(served, "127.0.0.2");
    await visitor.login();
    await guess(await served.client(), 421);
    assert.deepEqual(hints, []);
    await waiting.assertQuiet();
  });
});

describe("by hand", () => {
  test("server.ban and server.unban", async () => {
    await using served = await serve();
    await served.server.ban("127.0.0.2", 60_000);
    await using banned = await from(served, "127.0.0.2");
    assert.equal(banned.greeting.code, 421);
    await served.user();
    await served.server.unban("127.0.0.2");
    await using again = await from(served, "127.0.0.2");
    await again.login();
  });

  test("unban forgets failures and earlier bans too", async () => {
    const times: number[] = [];
    await using served = await serve({ bans: { after: 2 } }, (server) =>
      server.on("banned", ({ milliseconds }) => void times.push(milliseconds)),
    );
    for (let round = 0; round < 2; round++) {
      const client = await served.client();
      await guess(client, 530);
      await guess(client, 421);
      await served.server.unban("127.0.0.1");
    }
    await guess(await served.client(), 530);
    assert.deepEqual(times, [600_000, 600_000]);
  });

  for (const [address, time, name, message] of [
    ["localhost", 1000, "TypeError", /address must be an IPv4 or IPv6 address/],
    ["192.0.2.0/24", 1000, "TypeError", /address/],
    ["192.0.2.1", 0, "RangeError", /milliseconds must be an integer from 1/],
    ["192.0.2.1", 1.5, "RangeError", /milliseconds/],
    ["192.0.2.1", undefined, "TypeError", /milliseconds/],
  ] as const)
    test(`ban(${JSON.stringify(address)}, ${time}) is a ${name}`, async () => {
      await using served = await serve();
      await assert.rejects(served.server.ban(address, time as number), { name, message });
    });
});

describe("the store", () => {
  test("is shared by two servers: who is banned at one is banned at the other", async () => {
    const admission = new MemoryAdmissionStore();
    await using one = await serve({ admission, bans: { after: 2 } });
    await using other = await serve({ admission, bans: { after: 2 } });
    await guess(await one.client(), 530);
    await guess(await other.client(), 421);
    for (const served of [one, other]) assert.equal((await served.client()).greeting.code, 421);
    await other.server.unban("127.0.0.1");
    await one.user();
  });

  const failures: readonly (readonly [string, () => never | Promise<never>, RegExp])[] = [
    ["rejects", () => Promise.reject(new Error("no store")), /no store/],
    [
      "throws",
      () => {
        throw new Error("no store");
      },
      /no store/,
    ],
    ["does not answer", () => new Promise<never>(() => undefined), /did not answer in 2000 ms/],
    ["gives nonsense", () => Promise.resolve(undefined as never), /./],
  ];
  for (const [how, fail, message] of failures)
    test(`S9.4 that ${how} lets clients in, wrong passwords not, and is told as error`, async () => {
      await assertNoLeaks(async () => {
        let facts: string[] = [];
        const options: ServerOptions = { admission: broken(fail), bans: { after: 1 } };
        await using served = await serve(options, (server) => (facts = told(server)));
        const client = await served.client();
        assert.equal(client.greeting.code, 220);
        await guess(client, 530);
        await client.login();
        await download(client, "LIST");
        const errors = facts.filter((fact) => fact.includes('"event":"error"'));
        if (how !== "gives nonsense") assert.match(errors[0] ?? "", message);
        assert.ok(!facts.join("\n").includes(PASSWORD), "a password was told");
      });
    });

  test("with promises of another realm bans whom it says, and nobody else", async () => {
    const later = runInNewContext("async (value) => value") as (value: number) => Promise<number>;
    const admission: AdmissionStore = {
      get: (key) => later(key === "ban:127.0.0.2" ? 1 : 0),
      increment: () => later(1),
      expire: () => later(0) as unknown as Promise<void>,
    };
    await using served = await serve({ admission, bans: { after: 5 } });
    await served.user();
    await using banned = await from(served, "127.0.0.2");
    assert.equal(banned.greeting.code, 421);
  });

  test("S13.11 those who wait for a slow store are counted: more than the bound are sent away without asking it", async () => {
    await assertNoLeaks(async () => {
      let asked = 0;
      let answer: (value: number) => void = () => undefined;
      const slow = new Promise<number>((resolve) => (answer = resolve));
      const admission: AdmissionStore = {
        get: () => {
          asked++;
          return slow;
        },
        increment: () => 1,
        expire: () => undefined,
      };
      await using served = await serve({
        admission,
        limits: { address: { pending: 0, sessions: 0 }, server: { sessions: 0 } },
        listeners: [{ host: "127.0.0.1", port: 0, limits: { pending: 3 } }],
      });
      const waiting = await Promise.all(Array.from({ length: 3 }, () => ScriptedClient.open(served.port)));
      await until(() => asked === 3, 2000, "three wait");
      assert.equal((await served.client()).greeting.code, 421);
      assert.equal(asked, 3);
      // One that leaves meanwhile makes room, and never becomes a session.
      const [first, ...others] = waiting;
      first?.reset();
      answer(0);
      for (const client of others) await client.expectReply(220);
      await until(() => served.server.sessions.length <= 2, 2000, "two are left");
      await served.user();
      for (const client of waiting) await client[Symbol.asyncDispose]();
    });
  });

  test("S13.8 a server that is closed while the store is asked leaves nobody behind", async () => {
    await assertNoLeaks(async () => {
      let answer: (value: number) => void = () => undefined;
      const slow = new Promise<number>((resolve) => (answer = resolve));
      const admission: AdmissionStore = { get: () => slow, increment: () => 1, expire: () => undefined };
      const sessions: unknown[] = [];
      const served = await serve({ admission }, (server) => server.on("session", (fact) => void sessions.push(fact)));
      const client = await ScriptedClient.open(served.port);
      await served[Symbol.asyncDispose]();
      await client.expectClosed();
      answer(0);
      await slow;
      assert.equal(sessions.length, 0);
    });
  });
});
