/** Commands and SITE subcommands of the host: rows like portside's own. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defineCommand, FileSystemError, reply, Server } from "../../dist/index.js";
import { begin, offer } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { WatchedStore } from "../kit/watched-store.js";

/** AVBL as a host would add it. */
const avbl = defineCommand({
  verb: "AVBL",
  aliases: ["XAVB"],
  source: "draft-peterson-streamlined-ftp-command-extensions §4",
  summary: "tell the space that is left",
  argument: { syntax: "[<SP> pathname]", parse: (text, context) => ({ value: context.resolve(text ?? "") }) },
  replies: [213, 550],
  needs: ["login"],
  feature: "AVBL",
  run: async ({ fileSystem }, path) => {
    const { type } = await fileSystem.stat(path);
    if (type !== "directory") throw new FileSystemError("ENOTDIR", path);
    return reply(213, "1000");
  },
});

const number = {
  syntax: "<SP> number",
  parse: (text: string | undefined) => (/^[0-9]{1,9}$/.test(text ?? "") ? { value: Number(text) } : undefined),
};

const add = defineCommand({
  verb: "ADD",
  source: "host",
  summary: "adds one",
  argument: number,
  replies: [200],
  run: (_context, value) => reply(200, String(value + 1)),
});

/** A row without argument that does what it is told. */
const doing = (
  verb: string,
  run: () => ReturnType<typeof reply> | Promise<ReturnType<typeof reply>>,
  more: object = {},
) =>
  defineCommand({
    verb,
    source: "host",
    summary: "does something",
    argument: { syntax: "", parse: () => ({ value: undefined }) },
    replies: [200, 450],
    run,
    ...more,
  });

describe("commands", () => {
  test("run, with login, argument and errors as of any other command", async () => {
    await using served = await serve({ commands: [avbl] });
    await put(served.fileSystem, "/f", "");
    const client = await served.client();
    await client.expect("AVBL", 530);
    await client.login();
    assert.equal((await client.expect("avbl", 213)).text, "1000");
    await client.expect("XAVB /", 213);
    await client.expect("AVBL f", 550);
    await client.expect("AVBL missing", 550);
    await client.expect("AVBL a\0b", 501);
  });

  test("an argument that does not parse: 501", async () => {
    await using served = await serve({ commands: [add] });
    const client = await served.client();
    assert.equal((await client.expect("ADD 41", 200)).text, "42");
    for (const line of ["ADD", "ADD ", "ADD x", "ADD 1 2"]) await client.expect(line, 501);
  });

  test("are in FEAT and HELP", async () => {
    await using served = await serve({ commands: [avbl] });
    const client = await served.user();
    assert((await client.expect("FEAT", 211)).lines.includes(" AVBL"));
    assert.match((await client.expect("HELP", 214)).lines.join(" "), /\bAVBL\b/);
    assert.match((await client.expect("HELP avbl", 214)).text, /AVBL.*space/);
  });

  test("take the place of a standard command with that verb", async () => {
    await using served = await serve({ commands: [doing("SYST", () => reply(200, "mine"))] });
    const client = await served.user();
    assert.equal((await client.expect("SYST", 200)).text, "mine");
  });

  test("S17.3 one that throws is answered with 451 and told to the host; the client reads nothing of it", async () => {
    const errors: unknown[] = [];
    const rows = [
      doing("THROW", () => {
        throw new Error("secret");
      }),
      doing("REJECT", async () => {
        throw new Error("secret");
      }),
    ];
    await using served = await serve({ commands: rows }, (server) =>
      server.on("error", ({ error }) => errors.push((error as Error).message)),
    );
    const client = await served.user();
    for (const verb of ["THROW", "REJECT"]) {
      const { code, text } = await client.command(verb);
      assert([450, 451, 550].includes(code), String(code));
      assert(!text.includes("secret"));
    }
    assert.deepEqual(errors, ["secret", "secret"]);
    await client.assertQuiet();
  });

  test("duringTransfer lets it run while a transfer runs; others wait", async () => {
    const gate = new Gate();
    const store = new WatchedStore({
      before: ({ moment, signal }) => (moment === "sent" ? gate.pass(signal) : undefined),
    });
    await put(store.inner, "/f", "content");
    await using served = await serve({
      fileSystem: store,
      commands: [
        doing("QUICK", () => reply(200, "quick"), { duringTransfer: true }),
        doing("SLOW", () => reply(200, "slow")),
      ],
    });
    const client = await served.user();
    await using offered = await offer(client, "EPSV");
    const [, socket] = await begin(client, "RETR f", offered);
    socket.resume();
    await gate.reached;
    assert.equal((await client.expect("QUICK", 200)).text, "quick");
    client.send("SLOW\r\n");
    gate.open();
    await client.expectReply(226);
    assert.equal((await client.expectReply(200)).text, "slow");
  });

  test("secret: the argument reaches the row and nobody else", async () => {
    const seen: unknown[] = [];
    const row = defineCommand({
      verb: "TOKEN",
      source: "host",
      summary: "takes a token",
      secret: true,
      replies: [200],
      argument: { syntax: "<SP> token", parse: (text) => ({ value: text ?? "" }) },
      run: (_context, token) => reply(200, `${token.length} characters`),
    });
    await using served = await serve({ commands: [row] }, (server) => {
      server.on("command", ({ verb, argument }) => verb === "TOKEN" && void seen.push(argument));
      server.on("reply", ({ verb, argument }) => verb === "TOKEN" && void seen.push(argument));
    });
    const client = await served.client();
    assert.equal((await client.expect("TOKEN s3cret", 200)).text, "6 characters");
    assert.deepEqual(seen, [undefined, undefined]);
  });

  test("see their session", async () => {
    const row = defineCommand({
      verb: "WHO",
      source: "host",
      summary: "tells who you are",
      argument: number,
      replies: [200],
      needs: ["login"],
      run: ({ session }) => reply(200, `${session.username} in ${session.cwd}`),
    });
    await using served = await serve({ commands: [row] });
    assert.equal((await (await served.user()).expect("WHO 1", 200)).text, "test in /");
  });

  for (const verb of ["", "AB", "low", "A B", "TOO-SHORT", "X".repeat(33), "É123"])
    test(`the verb ${JSON.stringify(verb)} is refused when the server is made`, () => {
      assert.throws(() => new Server({ commands: [doing(verb, () => reply(200))] }), /verb/);
      assert.throws(() => new Server({ siteCommands: [doing(verb, () => reply(200))] }), /verb/);
    });

  test("one that is a transfer cannot run during another one", () => {
    const both = { verb: "CBOTH", source: "this host", summary: "both", replies: [200], transfers: true } as const;
    const command = defineCommand({ ...both, duringTransfer: true, run: () => reply(200) });
    assert.throws(() => new Server({ commands: [command] }), { name: "TypeError", message: /CBOTH.*duringTransfer/ });
  });
});

describe("SITE subcommands", () => {
  test("run behind SITE, only for those who are logged in, and are in SITE HELP", async () => {
    await using served = await serve({ siteCommands: [add] });
    const client = await served.client();
    await client.expect("SITE ADD 1", 530);
    await client.login();
    assert.equal((await client.expect("site add 41", 200)).text, "42");
    await client.expect("SITE ADD x", 501);
    await client.expect("ADD 1", 500);
    const help = (await client.expect("SITE HELP", 214)).lines.join(" ");
    for (const name of ["ADD", "CHMOD", "UTIME", "UMASK", "IDLE"]) assert.match(help, new RegExp(`\\b${name}\\b`));
  });

  test("the host is asked before them, too", async () => {
    await using served = await serve({ siteCommands: [add] }, (server) =>
      server.on("site", (question) => question.name === "ADD" && question.reject("No adding")),
    );
    const client = await served.user();
    assert.equal((await client.expect("SITE ADD 1", 550)).text, "No adding");
    await client.expect("SITE HELP", 214);
  });

  test("unknown ones are refused, EXEC among them (S14.5)", async () => {
    await using served = await serve();
    const client = await served.user();
    for (const name of ["EXEC ls", "CPFR /f", "SYMLINK a b", "__PROTO__", "CONSTRUCTOR x"])
      await client.expect(`SITE ${name}`, 500, 502, 504);
    await client.expect("SITE", 501);
  });
});
