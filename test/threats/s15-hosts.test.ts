/** HOST (RFC 7151): which names there are, when they may come, and what they decide. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFileSystem, type Server } from "../../dist/index.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";

/** What the host application is told of hosts. */
interface Told {
  readonly asked: string[];
  readonly logins: (string | undefined)[];
}

function hosted(
  work: (served: Served, client: ScriptedClient, told: Told) => Promise<void>,
  setup?: (server: Server) => void,
) {
  const told: Told = { asked: [], logins: [] };
  return assertNoLeaks(async () => {
    await using served = await serve({}, (server) => {
      server.on("host", ({ host }) => void told.asked.push(host));
      setup?.(server);
      server.on("login", ({ host, session }) => {
        assert.equal(session.host, host);
        told.logins.push(host);
      });
    });
    const client = await served.client();
    await work(served, client, told);
  });
}

const GOOD: readonly (readonly [given: string, host: string])[] = [
  ["a.test", "a.test"],
  ["A.TEST", "a.test"],
  ["a.test.", "a.test"],
  ["localhost", "localhost"],
  ["xn--bcher-kva.test", "xn--bcher-kva.test"],
  ["XN--BCHER-KVA.test", "xn--bcher-kva.test"],
  ["bücher.test", "xn--bcher-kva.test"],
  ["BÜCHER.test", "xn--bcher-kva.test"],
  ["a-b_c.test", "a-b_c.test"],
  ["127.0.0.1", "127.0.0.1"],
  ["[::1]", "::1"],
  ["[2001:DB8::A]", "2001:db8::a"],
  ["constructor", "constructor"],
  ["__proto__", "__proto__"],
];

const BAD: readonly string[] = [
  "",
  " ",
  ".",
  "..",
  "a..test",
  ".a.test",
  "a.test..",
  "a.test:21",
  "127.0.0.1:21",
  "[::1]:21",
  "[::1",
  "::1",
  "[127.0.0.1]",
  "[fe80::1%lo]",
  "[]",
  "a b",
  "a.test b",
  "a.test\tb",
  "../x",
  "../../etc/passwd",
  "a/b",
  "a\\b",
  "..\\x",
  "a%00b",
  "%2e%2e",
  "a@b",
  "a?b",
  "a#b",
  "*",
  "*.test",
  "a\0.test",
  "\0",
  "a.test\0",
  "0x7f.1",
  "0x7f000001",
  "2130706433",
  "127.1",
  "0177.0.0.1",
  "１２７.0.0.1",
  "a．．test",
  "a／b",
  "-a.test",
  "a-.test",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(127)}test`,
  "\uFFFD",
  "<script>",
  "a\u2028b",
  "a\u202eb.test",
];

describe("S15.1 HOST, the name", () => {
  for (const [given, host] of GOOD)
    test(`S15.1 HOST ${JSON.stringify(given)} is ${host}`, () =>
      hosted(async ({ server }, client, { asked, logins }) => {
        await client.expect(`HOST ${given}`, 220);
        assert.equal(server.sessions[0]?.host, host);
        await client.login();
        assert.deepEqual([asked, logins], [[host], [host]]);
      }));

  test("S15.1 what is no name: 501, and nobody is asked", () =>
    hosted(async ({ server }, client, { asked, logins }) => {
      await client.expect("HOST a.test", 220);
      for (const given of BAD) {
        await client.expect(`HOST ${given}`, 501);
        assert.equal(server.sessions[0]?.host, "a.test");
      }
      await client.expect("HOST", 501);
      await client.login();
      assert.deepEqual([asked, logins], [["a.test"], ["a.test"]]);
    }));

  test("S15.1 bytes that are no UTF-8, and 10 KB", () =>
    hosted(async (_served, client, { asked }) => {
      client.send(Buffer.from("HOST a\xff\xfe.test\r\n", "latin1"));
      await client.expectReply(220, 501);
      await client.expect(`HOST ${"a".repeat(7000)}`, 501);
      await client.expect(`HOST ${"a".repeat(10_000)}`, 500, 501);
      await client.expect(`HOST ${"ü".repeat(200)}.test`, 501);
      await client.assertQuiet();
      for (const host of asked) assert.match(host, /^[a-z0-9._-]+$/);
    }));

  test("S15.1 every other character of ASCII", () =>
    hosted(async (_served, client, { asked }) => {
      for (let code = 1; code < 128; code++) {
        const character = String.fromCharCode(code);
        if ("\r\n".includes(character)) continue;
        await client.expect(`HOST a${character}b.test`, /[A-Za-z0-9._-]/.test(character) ? 220 : 501);
      }
      for (const host of asked) assert.match(host, /^[a-z0-9._-]+$/);
    }));
});

describe("S15.1 HOST, the order of things", () => {
  test("S15.1 after the login: 503, and the host stays", () =>
    hosted(async ({ server }, client, { asked }) => {
      await client.expect("HOST a.test", 220);
      await client.login();
      for (const line of ["HOST b.test", "HOST a.test"]) await client.expect(line, 503);
      assert.equal(server.sessions[0]?.host, "a.test");
      assert.deepEqual(asked, ["a.test"]);
      await client.expect("PWD", 257);
    }));

  test("S15.1 between USER and PASS: the name is forgotten", () =>
    hosted(async (_served, client, { logins }) => {
      await client.expect("HOST a.test", 220);
      await client.expect("USER test", 331);
      await client.expect("HOST b.test", 220);
      await client.expect("PASS secret", 503);
      assert.deepEqual(logins, []);
      await client.login();
      assert.deepEqual(logins, ["b.test"]);
    }));

  test("S15.1 between PASS and ACCT: name and password are forgotten", () =>
    hosted(
      async (_served, client, { logins }) => {
        await client.expect("HOST a.test", 220);
        await client.expect("USER test", 331);
        await client.expect("PASS secret", 332);
        await client.expect("HOST b.test", 220);
        await client.expect("ACCT any", 503);
        assert.deepEqual(logins, []);
      },
      (server) =>
        server.on("login", (login) => {
          if (login.accountInfo === undefined) login.requireAccount();
        }),
    ));

  test("S15.1 the last one counts; pipelined too", () =>
    hosted(async (_served, client, { asked, logins }) => {
      client.send("HOST a.test\r\nHOST b.test\r\nHOST c.test\r\nUSER test\r\nPASS secret\r\n");
      for (const code of [220, 220, 220, 331, 230]) await client.expectReply(code);
      assert.deepEqual([asked, logins], [["a.test", "b.test", "c.test"], ["c.test"]]);
    }));

  test("S15.1 without HOST there is none, and REIN forgets it", () =>
    hosted(async (_served, client, { logins }) => {
      await client.login();
      await client.expect("REIN", 220);
      await client.expect("HOST a.test", 220);
      await client.expect("REIN", 220);
      await client.login();
      assert.deepEqual(logins, [undefined, undefined]);
    }));
});

describe("S15.1 what the host application answers", () => {
  const refusing = (answer: (server: Server) => void, code: number) =>
    hosted(async ({ server }, client, { logins }) => {
      await client.expect("HOST good.test", 220);
      await client.expect("HOST bad.test", code);
      // No other host than the one that was accepted, and not the default one.
      assert.equal(server.sessions[0]?.host, "good.test");
      await client.login();
      assert.deepEqual(logins, ["good.test"]);
    }, answer);

  test("S15.1 reject: 504, and what was accepted stays", () =>
    refusing(
      (server) => void server.on("host", (question) => void (question.host === "bad.test" && question.reject())),
      504,
    ));

  test("S15.1 an async listener that rejects", () =>
    refusing((server) => {
      server.on("host", async (question) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (question.host === "bad.test") question.reject();
      });
    }, 504));

  test("S15.1 a listener that throws refuses", () =>
    refusing((server) => {
      server.on("host", ({ host }) => {
        if (host === "bad.test") throw new Error("no database");
      });
    }, 504));

  test("S15.1 a promise that rejects refuses", () =>
    refusing((server) => {
      server.on("host", async ({ host }) => {
        await Promise.resolve();
        if (host === "bad.test") throw new Error("no database");
      });
    }, 504));

  test("S15.1 the first that answers has answered", () => {
    const later: string[] = [];
    return hosted(
      async (_served, client) => {
        await client.expect("HOST yes.test", 220);
        await client.expect("HOST no.test", 504);
        assert.deepEqual(later, []);
      },
      (server) => {
        server.on("host", (question) => (question.host === "yes.test" ? question.accept() : question.reject()));
        server.on("host", ({ host }) => void later.push(host));
      },
    );
  });

  test("S15.1 one that never answers: refused when its time is over, and the session lives", () =>
    assertNoLeaks(async () => {
      await using served = await serve({ hookTimeout: 100 }, (server) =>
        server.on("host", () => new Promise(() => undefined)),
      );
      const client = await served.client();
      await client.expect("HOST a.test", 504);
      assert.equal(served.server.sessions[0]?.host, undefined);
      await client.login();
    }));
});

test("S15.2 the same user of two hosts is two", () => {
  const stores = new Map([
    ["a.test", new MemoryFileSystem({ files: { "/a": "a" } })],
    ["b.test", new MemoryFileSystem({ files: { "/b": "b" } })],
  ]);
  return assertNoLeaks(async () => {
    await using served = await serve({}, (server) => {
      server.on("host", (question) => (stores.has(question.host) ? question.accept() : question.reject()));
      server.on("login", (login) => {
        const fileSystem = stores.get(login.host ?? "");
        if (fileSystem !== undefined && login.password === `of ${login.host}`)
          login.accept({ fileSystem, account: login.host });
        else login.reject();
      });
    });
    for (const [own, other] of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      const client = await served.client();
      await client.expect(`HOST ${own}.test`, 220);
      await client.expect("USER test", 331);
      await client.expect(`PASS of ${other}.test`, 530);
      await client.login("test", `of ${own}.test`);
      await client.expect(`SIZE ${own}`, 213, 550);
      await client.expect(`MDTM ${own}`, 213);
      await client.expect(`MDTM ${other}`, 550);
      assert.equal(served.server.sessions.at(-1)?.account, `${own}.test`);
    }
    const nobody = await served.client();
    await nobody.expect("HOST c.test", 504);
    await nobody.expect("USER test", 331);
    await nobody.expect("PASS secret", 530);
  });
});

describe("S15.2 limits.account", () => {
  for (const [what, isHeard] of [
    ["counts the users of each host by themselves", true],
    ["counts user names alone where no listener looks at hosts: a client could name any", false],
  ] as const)
    test(what, () =>
      assertNoLeaks(async () => {
        await using served = await serve({ limits: { account: { sessions: 1 } } }, (server) => {
          if (isHeard) server.on("host", (question) => question.accept());
        });
        for (const [host, code] of [
          ["a.test", 230],
          ["b.test", isHeard ? 230 : 530],
          ["a.test", 530],
        ] as const) {
          const client = await served.client();
          await client.expect(`HOST ${host}`, 220);
          await client.expect("USER test", 331);
          await client.expect("PASS secret", code);
        }
      }),
    );
});

describe("S15.5 names that clients give are text", () => {
  test("S15.5 HOST and CLNT change no address and no right", () =>
    hosted(async ({ server }, client) => {
      for (const line of ["HOST 10.0.0.1", "HOST [2001:db8::1]", "HOST admin"]) await client.expect(line, 220);
      await client.login();
      await client.expect("CLNT 10.0.0.1 admin", 200);
      const [session] = server.sessions;
      assert.equal(session?.remoteAddress, "127.0.0.1");
      assert.equal(session?.localAddress, "127.0.0.1");
      assert.equal(session?.username, "test");
      await client.expect("PORT 10,0,0,1,200,200", 501, 504);
    }));

  test("S15.5 CLNT is not echoed, and no control character of it counts", () =>
    hosted(async (_served, client) => {
      await client.login();
      for (const name of ["\u001b[31m230 x", "a\0b", "226 done", "x".repeat(7000), "a\u0085b", "\u202e"]) {
        const { raw, code } = await client.command(`CLNT ${name}`);
        assert([200, 501].includes(code));
        assert(!raw.toString().includes(name));
      }
      await client.assertQuiet();
    }));
});
