/** S17.3, S17.6: listeners of the host that throw, reject, hang or close everything: no crash, no hang, no wrong yes. */
import assert from "node:assert/strict";
import { PassThrough, Readable, Writable } from "node:stream";
import { describe, test } from "node:test";
import { ListenerError, MemoryFileSystem, type Server } from "../../dist/index.js";
import { begin, download, offer, reset, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { ScriptedClient, show } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { names } from "../kit/store.js";
import { until, within } from "../kit/temporary.js";
import { Witness } from "./kit-witness.js";

const SECRET = "/srv/host/secret.js";
const HOOK_TIMEOUT = 100;

const QUESTIONS = ["command", "retr", "stor", "list", "dele", "rename", "mkd", "rmd", "site"] as const;
type QuestionName = (typeof QUESTIONS)[number];

/** The question's own refusal, and the command that asks it. */
const ASKED: Readonly<Record<QuestionName, readonly [command: string, refusal: number]>> = {
  command: ["PWD", 550],
  retr: ["RETR f", 550],
  stor: ["STOR g", 553],
  list: ["LIST", 550],
  dele: ["DELE f", 550],
  rename: ["RNTO x", 553],
  mkd: ["MKD x", 550],
  rmd: ["RMD d", 550],
  site: ["SITE CHMOD 600 f", 550],
};

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

const files = () => new MemoryFileSystem({ files: { "/f": "content", "/d/e": "" } });

describe("S17.3 a listener that misbehaves refuses", () => {
  for (const [kind, misdeed] of Object.entries(MISDEEDS))
    test(`${kind}: every question`, async () => {
      const fileSystem = files();
      const errors: unknown[] = [];
      await assertNoLeaks(async () => {
        await using served = await serve({ fileSystem, hookTimeout: HOOK_TIMEOUT }, (server) =>
          server.on("error", ({ error }) => errors.push(error)),
        );
        await using witness = await Witness.begin(served);
        const before = await names(fileSystem);
        const client = await served.user();
        for (const name of QUESTIONS) await assertRefused(served, client, name, misdeed);
        assert.deepEqual(await names(fileSystem), before, "something happened all the same");
        assert.equal(errors.length, QUESTIONS.length);
        assert(errors.every((error) => error instanceof ListenerError));
        await witness.assertUnharmed();
      });
    });

  for (const [kind, misdeed] of Object.entries(MISDEEDS))
    test(`${kind}: connect is 421, login is 530`, async () => {
      await assertNoLeaks(async () => {
        await using served = await serve({ hookTimeout: HOOK_TIMEOUT });
        await using witness = await Witness.begin(served);
        served.server.once("session", ({ session }) => session.once("login", misdeed));
        const client = await served.client();
        await client.expect("USER test", 331);
        assert.equal(show(await client.expect("PASS secret", 530)).includes("secret.js"), false);
        await client.login();
        served.server.once("session", ({ session }) => session.once("connect", misdeed));
        const refused = await served.client();
        assert.equal(refused.greeting.code, 421);
        await refused.expectClosed();
        await witness.assertUnharmed();
      });
    });
});

/** The session's own listener misbehaves; the server's is not asked any more. */
async function assertRefused(served: Served, client: ScriptedClient, name: QuestionName, misdeed: () => unknown) {
  const [command, refusal] = ASKED[name];
  const session = served.server.sessions.find(({ remotePort }) => remotePort === client.socket.localPort);
  assert(session);
  if (command.startsWith("RNTO")) await client.expect("RNFR f", 350);
  if (/^(RETR|STOR|LIST)/.test(command)) await client.expect("EPSV", 229);
  session.once(name, misdeed);
  const reply = await client.expect(command, refusal);
  assert(!reply.raw.includes("secret"), show(reply));
}

test("S17.3 listeners of facts that throw, reject or hang change nothing", async () => {
  const facts = [
    "session",
    "loggedIn",
    "loginFailed",
    "reply",
    "dataChannel",
    "retrieved",
    "stored",
    "listed",
  ] as const;
  const more = [
    "aborted",
    "deleted",
    "renamed",
    "directoryMade",
    "directoryRemoved",
    "stranger",
    "closed",
    "error",
  ] as const;
  await assertNoLeaks(async () => {
    await using served = await serve({ fileSystem: files() }, (server) => {
      for (const name of [...facts, ...more]) for (const misdeed of Object.values(MISDEEDS)) server.on(name, misdeed);
    });
    await using client = await served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 530);
    await client.login();
    await client.expect("TYPE I", 200);
    assert.equal((await download(client, "RETR f")).bytes.toString(), "content");
    await upload(client, "STOR g", "more");
    await download(client, "LIST");
    for (const line of ["MKD x", "RMD x", "RNFR g", "RNTO h", "DELE h", "EPSV"])
      await client.expect(line, 257, 250, 350, 229);
    await client.expect("RETR f", 150);
    await client.expect("ABOR", 425, 426);
    await client.expectReply(226);
    await client.expect("QUIT", 221);
    await client.expectClosed();
  });
});

/** Streams and stages that never give or take anything. */
const STUCK: Readonly<Record<string, readonly [command: string, (server: Server) => unknown]>> = {
  "a body": [
    "RETR f",
    (server) => server.on("retr", (q) => q.accept({ body: new Readable({ read: () => undefined }) })),
  ],
  "a generator as body": ["RETR f", (server) => server.on("retr", (q) => q.accept({ body: never() }))],
  "a sink": [
    "STOR g",
    (server) => server.on("stor", (q) => q.accept({ sink: new Writable({ write: () => undefined }) })),
  ],
  "a stage of RETR": [
    "RETR f",
    (server) => server.on("retr", (q) => q.transform(new PassThrough({ transform: () => undefined }))),
  ],
  "a stage of STOR": [
    "STOR g",
    (server) => server.on("stor", (q) => q.transform(new PassThrough({ transform: () => undefined }))),
  ],
  "a function as stage of STOR": ["STOR g", (server) => server.on("stor", (q) => q.transform(never))],
};

async function* never(): AsyncGenerator<Uint8Array> {
  await new Promise(() => undefined);
  yield Buffer.from("never");
}

for (const leave of ["ABOR", "control", "data", "close()"] as const)
  describe(`S17.3 S17.5 what the host never settles ends with ${leave}`, () => {
    for (const [kind, [command, setUp]] of Object.entries(STUCK)) {
      // Where nothing reads the data connection, nothing sees that it was reset.
      if (leave === "data" && kind === "a function as stage of STOR") continue;
      test(kind, async () => {
        const fileSystem = files();
        await assertNoLeaks(async () => {
          await using served = await serve({ fileSystem }, setUp);
          const client = await served.user();
          await client.expect("TYPE I", 200);
          await using offered = await offer(client, "EPSV");
          const [, socket] = await begin(client, command, offered);
          socket.resume();
          // More than all buffers on the way hold, lest the sink is asked for nothing but the end.
          if (command === "STOR g") socket.write(Buffer.alloc(8_000_000));
          await until(() => served.server.sessions[0]?.transfer?.channel !== undefined);
          if (leave === "data") reset(socket);
          if (leave === "control") client.reset();
          if (leave === "ABOR") client.send("ABOR\r\n");
          if (leave === "close()") return;
          if (leave !== "control") await client.expectReply(426);
          if (leave === "ABOR") await client.expectReply(226);
          if (leave === "control")
            await until(() => served.server.sessions.length === 0, undefined, "the session ends");
          else await client.assertQuiet();
        });
        assert.deepEqual(await names(fileSystem), ["d", "f"]);
      });
    }
  });

describe("S17.6 a listener that ends the session or the server it is called by", () => {
  const moments = [
    "session",
    "connect",
    "login",
    "loggedIn",
    "command",
    "reply",
    "retr",
    "dataChannel",
    "retrieved",
  ] as const;
  for (const moment of [...moments, "closed"] as const)
    for (const ending of ["session.close()", "server.close()", "server.close({ drain })"])
      test(`${ending} in ${moment}`, async () => {
        let ended: Promise<unknown> | undefined;
        await assertNoLeaks(async () => {
          await using served = await serve({ fileSystem: files() }, (server) => {
            // Async listeners are awaited: this one waits for what waits for it.
            server.once(moment, async ({ session }) => {
              if (ending === "session.close()") session.close("enough");
              else await (ended = server.close(ending === "server.close()" ? {} : { drain: 200 }));
              ended ??= Promise.resolve();
            });
          });
          await liveOn(served);
          await until(() => ended !== undefined && served.server.sessions.length === 0, undefined, "the session ends");
          await within(ended as Promise<unknown>, "close()", 3000);
        });
      });
});

/** A short session, as far as it gets: to its own end, or to a 421. */
async function liveOn(served: Served): Promise<void> {
  await using client = await ScriptedClient.open(served.port);
  const endsEarly = (error: unknown): void => {
    assert.match(client.transcript.toString(), /^421 .*\r\n$/m, String(error));
  };
  await live(client).catch(endsEarly);
  await client.expectClosed();
}

async function live(client: ScriptedClient): Promise<void> {
  await client.expectReply(220);
  await client.login();
  await client.expect("TYPE I", 200);
  await download(client, "RETR f");
  await client.expect("QUIT", 221);
}

test("S17.3 ten sessions abuse every listener at once; the witness goes on", async () => {
  const kinds = Object.values(MISDEEDS);
  await assertNoLeaks(async () => {
    let turn = 0;
    await using served = await serve({ fileSystem: files(), hookTimeout: 20 }, (server) =>
      server.on("error", () => undefined),
    );
    await using witness = await Witness.begin(served);
    const session = served.server.sessions[0];
    for (const name of QUESTIONS)
      served.server.on(name, (question) =>
        question.session === session || !question.session.admitted ? undefined : kinds[turn++ % kinds.length]?.(),
      );
    const abuse = async () => {
      await using client = await served.user();
      for (let round = 0; round < 30; round++) {
        const [command] = ASKED[QUESTIONS[round % QUESTIONS.length] ?? "command"];
        await client.expect(command, 550, 553, 503, 425);
      }
      assert.equal(client.unread, 0, "more replies than commands");
    };
    await Promise.all(Array.from({ length: 10 }, abuse));
    await witness.assertUnharmed();
  });
});
