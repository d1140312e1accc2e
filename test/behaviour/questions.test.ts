/** Questions to the host: what a listener may answer, in which order listeners are asked, and what their failures do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type LoginQuestion, MemoryFileSystem, type Server, type SessionQuestion } from "../../dist/index.js";
import { download } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { isNegotiation } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { exists, names, put, putDirectory } from "../kit/store.js";
import { until } from "../kit/temporary.js";

/** The questions that one line asks once `/f` and `/d` are there, with the reply when it is refused without a code. */
const QUESTIONS = [
  { event: "command", line: "PWD", refusal: 550, success: 257 },
  { event: "dele", line: "DELE f", refusal: 550, success: 250 },
  { event: "mkd", line: "MKD new", refusal: 550, success: 257 },
  { event: "rmd", line: "RMD d", refusal: 550, success: 250 },
  { event: "site", line: "SITE UMASK", refusal: 550, success: 200 },
  { event: "list", line: "MLST f", refusal: 550, success: 250 },
  { event: "retr", line: "RETR f", refusal: 550, success: 150 },
  { event: "stor", line: "STOR new", refusal: 553, success: 150 },
] as const;

type Asked = Pick<SessionQuestion, "reject"> & { accept(answer?: object): void };

async function ready(setup: (server: Server) => void, hookTimeout = 30_000) {
  const served = await serve({ hookTimeout }, setup);
  await put(served.fileSystem, "/f", "content");
  await putDirectory(served.fileSystem, "/d");
  const client = await served.user();
  await client.expect("EPSV", 229);
  return { served, client, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

for (const { event, line, refusal, success } of QUESTIONS)
  describe(event, () => {
    const on = (listener: (question: Asked) => unknown) => (server: Server) => {
      // `command` is asked for every line; only the one of the table is meant.
      server.on(event as "site", (question: Asked & { readonly verb?: string }) =>
        event === "command" && question.verb !== line ? undefined : listener(question),
      );
    };

    test("unanswered and accepted mean yes", async () => {
      for (const listener of [
        () => undefined,
        (question: Asked) => question.accept(),
        async (question: Asked) => question.accept(),
      ]) {
        await using stage = await ready(on(listener));
        await stage.client.expect(line, success);
      }
    });

    test(`reject() answers ${refusal}, reject(text) with that text, reject(450, text) with both; nothing happens`, async () => {
      await using stage = await ready(on(reasons()));
      await stage.client.expect(line, refusal);
      assert.equal((await stage.client.expect(line, refusal)).text, "Not you");
      assert.equal((await stage.client.expect(line, 450)).text, "Come back later");
      assert.deepEqual(await names(stage.served.fileSystem), ["d", "f"]);
      await stage.client.assertQuiet();
    });

    test("an async listener is waited for", async () => {
      const gate = new Gate();
      await using stage = await ready(
        on(async (question) => {
          await gate.pass();
          question.reject(450, "After thought");
        }),
      );
      stage.client.send(`${line}\r\n`);
      await gate.reached;
      await stage.served.user().catch(() => undefined);
      assert.equal(stage.client.unread, 0);
      gate.open();
      assert.equal((await stage.client.expectReply(450)).text, "After thought");
    });

    for (const how of ["throws", "rejects"] as const)
      test(`S17.3 a listener that ${how} refuses with ${refusal}; the host hears of it, the client does not`, async () => {
        const errors: unknown[] = [];
        await using stage = await ready((server) => {
          server.on("error", ({ error }) => errors.push(error));
          on(() => {
            if (how === "throws") throw new Error("secret");
            return Promise.reject(new Error("secret"));
          })(server);
        });
        const { text } = await stage.client.expect(line, refusal);
        assert(!text.includes("secret"));
        assert.equal(errors.length, 1);
        assert.equal(((errors[0] as Error).cause as Error).message, "secret");
        assert.deepEqual(await names(stage.served.fileSystem), ["d", "f"]);
        await stage.client.assertQuiet();
      });

    test(`S17.3 a listener that never settles refuses with ${refusal} after hookTimeout; its late answer counts for nothing`, async () => {
      let late: Asked | undefined;
      await using stage = await ready(
        on((question) => {
          late = question;
          return new Promise(() => undefined);
        }),
        50,
      );
      await stage.client.expect(line, refusal);
      late?.accept();
      assert.deepEqual(await names(stage.served.fileSystem), ["d", "f"]);
    });
  });

/** Refuses in three ways, one after the other. */
function reasons(): (question: Asked) => void {
  const answers: ((question: Asked) => void)[] = [
    (question) => question.reject(),
    (question) => question.reject("Not you"),
    (question) => question.reject(450, "Come back later"),
  ];
  return (question) => answers.shift()?.(question);
}

describe("order", () => {
  test("the session's listeners are asked before the server's, each in order, until one answers", async () => {
    const asked: string[] = [];
    await using stage = await ready((server) => {
      server.on("dele", () => void asked.push("server 1"));
      server.on("dele", (question) => {
        asked.push("server 2");
        question.reject(450);
      });
      server.on("dele", () => void asked.push("server 3"));
      server.on("session", ({ session }) => {
        session.on("dele", async () => void asked.push("session 1"));
        session.on("dele", () => void asked.push("session 2"));
      });
    });
    await stage.client.expect("DELE f", 450);
    assert.deepEqual(asked, ["session 1", "session 2", "server 1", "server 2"]);
  });

  test("the first answer decides; a second one is ignored", async () => {
    await using stage = await ready((server) =>
      server.on("dele", (question) => {
        question.accept();
        question.reject(450);
      }),
    );
    await stage.client.expect("DELE f", 250);
  });

  test("a listener added with once is asked once", async () => {
    await using stage = await ready((server) => server.once("dele", (question) => question.reject(450)));
    await stage.client.expect("DELE f", 450);
    await stage.client.expect("DELE f", 250);
  });

  test("a code that is no refusal is the listener's mistake: refused with the question's own code", async () => {
    const errors: unknown[] = [];
    await using stage = await ready((server) => {
      server.on("error", ({ error }) => errors.push((error as Error).cause));
      server.on("dele", (question) => question.reject(250, "fine"));
    });
    await stage.client.expect("DELE f", 550);
    assert(errors[0] instanceof RangeError);
    assert(await exists(stage.served.fileSystem, "/f"));
  });

  test("a refusal with 421 ends the session", async () => {
    await using stage = await ready((server) => server.on("dele", (question) => question.reject(421, "Enough")));
    assert.equal((await stage.client.expect("DELE f", 421)).text, "Enough");
    await stage.client.expectClosed();
  });

  test("S2.3 a text with control characters and line ends stays one line", async () => {
    await using stage = await ready((server) => server.on("dele", (question) => question.reject("no\r\n250 yes\x1b")));
    await stage.client.expect("DELE f", 550);
    await stage.client.assertQuiet();
  });
});

describe("connect", () => {
  test("rejecting answers 421 instead of the greeting and closes", async () => {
    await using served = await serve({}, (server) => server.on("connect", async (question) => question.reject("Full")));
    const client = await served.client();
    assert.deepEqual([client.greeting.code, client.greeting.text], [421, "Full"]);
    await client.expectClosed();
  });

  test("no command is read before the answer, and none is lost", async () => {
    const gate = new Gate();
    const addresses: string[] = [];
    await using served = await serve({}, (server) =>
      server.on("connect", async ({ remoteAddress }) => {
        addresses.push(remoteAddress);
        await gate.pass();
      }),
    );
    const connecting = served.client();
    await gate.reached;
    gate.open();
    await (await connecting).login();
    assert.deepEqual(addresses, ["127.0.0.1"]);
  });
});

describe("login", () => {
  test("account, permissions and directory of accept()", async () => {
    const fileSystem = new MemoryFileSystem();
    await putDirectory(fileSystem, "/in");
    await put(fileSystem, "/in/f", "x");
    await using served = await serve({}, (server) => {
      server.on("login", async (login) =>
        login.accept({ fileSystem, account: { id: 7 }, permissions: ["list", "read"], directory: "/in" }),
      );
    });
    const client = await served.user();
    assert.match((await client.expect("PWD", 257)).text, /^"\/in"/);
    assert.deepEqual(served.server.sessions[0]?.account, { id: 7 });
    assert.equal((await download(client, "RETR f")).bytes.toString(), "x");
    await client.expect("EPSV", 229);
    await client.expect("STOR f", 550, 553);
    await client.expect("DELE f", 550);
    assert.deepEqual(await names(fileSystem, "/in"), ["f"]);
  });

  for (const [what, listener] of [
    [
      "throws",
      () => {
        throw new Error("database is down");
      },
    ],
    ["rejects", () => Promise.reject(new Error("database is down"))],
    ["never settles", () => new Promise(() => undefined)],
    [
      "accepts with a permission that does not exist",
      (login: LoginQuestion) => login.accept({ fileSystem: new MemoryFileSystem(), permissions: ["fly" as "read"] }),
    ],
    [
      "accepts with a directory that is no path",
      (login: LoginQuestion) => login.accept({ fileSystem: new MemoryFileSystem(), directory: "a\0b" }),
    ],
    ["accepts without a file system", (login: { accept(admission: never): void }) => login.accept({} as never)],
  ] as const)
    test(`S17.3 a listener that ${what}: 530`, async () => {
      await using served = await serve({ hookTimeout: 50 }, (server) => server.on("login", listener));
      const client = await served.client();
      await client.expect("USER test", 331);
      const { text } = await client.expect("PASS secret", 530);
      assert(!text.includes("database"));
      await client.expect("PWD", 530);
    });
});

describe("what questions tell and change", () => {
  test("command: main verb and argument, undefined where secret", async () => {
    const told: unknown[] = [];
    await using served = await serve({}, (server) =>
      server.on("command", ({ verb, argument }) => void (isNegotiation(verb) || told.push([verb, argument]))),
    );
    const client = await served.user();
    await client.expect("xpwd", 257);
    await client.expect("MKD a b", 257);
    assert.deepEqual(told, [
      ["USER", "test"],
      ["PASS", undefined],
      ["PWD", undefined],
      ["MKD", "a b"],
    ]);
  });

  test("another path: dele, mkd, rmd and list happen there", async () => {
    await using stage = await ready((server) => {
      for (const event of ["dele", "mkd", "rmd"] as const)
        server.on(event, (question) => question.accept({ path: `/d${question.path}` }));
      server.on("list", (question) => question.accept({ path: "/d" }));
    });
    const { client, served } = stage;
    await client.expect("MKD x", 257);
    assert.deepEqual(await names(served.fileSystem, "/d"), ["x"]);
    assert.equal((await download(client, "NLST")).bytes.toString(), "x\r\n");
    await client.expect("RMD x", 250);
    await put(served.fileSystem, "/d/f", "");
    await client.expect("DELE f", 250);
    assert.deepEqual(await names(served.fileSystem), ["d", "f"]);
    assert.deepEqual(await names(served.fileSystem, "/d"), []);
  });

  test("rename: from and to are absolute; refused with 553, RNFR is used up", async () => {
    const told: unknown[] = [];
    await using stage = await ready((server) =>
      server.on("rename", (question) => {
        told.push([question.from, question.to]);
        if (question.to.endsWith("x")) question.reject();
      }),
    );
    const { client, served } = stage;
    await client.expect("CWD d", 250);
    await client.expect("RNFR ../f", 350);
    await client.expect("RNTO x", 553);
    await client.expect("RNTO y", 503);
    await client.expect("RNFR ../f", 350);
    await client.expect("RNTO y", 250);
    assert.deepEqual(told, [
      ["/f", "/d/x"],
      ["/f", "/d/y"],
    ]);
    assert.deepEqual(await names(served.fileSystem, "/d"), ["y"]);
  });

  test("list: the verb of each listing; filters of several listeners add up", async () => {
    const verbs: string[] = [];
    await using stage = await ready((server) => {
      server.on("list", (question) => {
        verbs.push(question.verb);
        question.filter(({ name }) => name !== "hidden");
      });
      server.on("list", (question) => question.filter(({ name }) => name !== "d"));
    });
    const { client, served } = stage;
    await put(served.fileSystem, "/hidden", "");
    assert.equal((await download(client, "NLST")).bytes.toString(), "f\r\n");
    assert.equal((await download(client, "LIST")).bytes.toString().split("\r\n").length, 2);
    assert(!(await download(client, "MLSD")).bytes.toString().includes("hidden"));
    assert.equal((await client.expect("STAT /", 212)).lines.length, 3);
    await client.expect("MLST hidden", 550);
    assert.deepEqual(verbs, ["NLST", "LIST", "MLSD", "STAT", "MLST"]);
  });

  test("site: name in upper case and argument", async () => {
    const told: unknown[] = [];
    await using stage = await ready((server) =>
      server.on("site", ({ name, argument }) => void told.push([name, argument])),
    );
    await stage.client.expect("SITE chmod 600 f", 200);
    await until(() => told.length === 1);
    assert.deepEqual(told, [["CHMOD", "600 f"]]);
  });
});
