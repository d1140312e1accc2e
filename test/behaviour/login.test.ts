/** Who may come in, in which order, and what stays of a login (RFC 959 §4.1.1 and §5.4, RFC 2577 §5). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFileSystem, Server } from "../../dist/index.js";
import { download } from "../kit/data.js";
import { Gate } from "../kit/gate.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { securable, tlsMode, underImplicitTls } from "../kit/security.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";

/** For tests that need REIN. */
const NO_REIN = underImplicitTls("REIN is refused, for there is no way back under TLS");

const PRE_LOGIN = [
  "PWD",
  "CWD /",
  "LIST",
  "RETR x",
  "STOR x",
  "DELE x",
  "RNFR x",
  "RNTO x",
  "MKD x",
  "RMD x",
  "SITE HELP",
];
const PRE_LOGIN_MORE = [
  "PASV",
  "EPSV",
  "PORT 127,0,0,1,200,1",
  "SIZE x",
  "MDTM x",
  "MLST",
  "REST 1",
  "ALLO 1",
  "STAT /",
];

describe("sequences", () => {
  test("USER 331, PASS 230", async () => {
    await using served = await serve();
    const client = await served.client();
    assert.equal(client.greeting.code, 220);
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 230);
    await client.expect("PWD", 257);
  });

  test("PASS first: 503; PASS after a command other than USER: 503", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("PASS secret", 503);
    await client.expect("USER test", 331);
    await client.expect("NOOP", 200);
    await client.expect("PASS secret", 503);
    await client.expect("PWD", 530);
  });

  test("after 530 USER must be given again", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 530);
    await client.expect("PASS secret", 503);
    await client.login();
  });

  test("the last USER counts", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("USER nobody", 331);
    await client.login();
  });

  test("PASS when logged in: 202 or 503, and the login stands", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("PASS secret", 202, 503);
    await client.expect("PASS wrong", 202, 503);
    await client.expect("PWD", 257);
  });

  test("ACCT where none was asked for: 202 or 503", async () => {
    await using served = await serve();
    const client = await served.client();
    await client.expect("ACCT x", 202, 503);
    await client.login();
    await client.expect("ACCT x", 202, 503);
  });

  test("USER 331, PASS 332, ACCT 230", async () => {
    await using served = await serve({}, wantAccount);
    const client = await served.client();
    await client.expect("USER books", 331);
    await client.expect("PASS pw", 332);
    await client.expect("ACCT finance", 230);
    await client.expect("PWD", 257);
  });

  test("nobody is in between PASS and ACCT", async () => {
    await using served = await serve({}, wantAccount);
    const client = await served.client();
    await client.expect("USER books", 331);
    await client.expect("PASS pw", 332);
    await client.expect("PWD", 530);
    await client.expect("RETR f", 530);
    await client.expect("PASS pw", 503);
    await client.expect("PWD", 530);
  });

  test("a wrong account: 530, and all begins again", async () => {
    await using served = await serve({}, wantAccount);
    const client = await served.client();
    await client.expect("USER books", 331);
    await client.expect("PASS pw", 332);
    await client.expect("ACCT private", 530);
    await client.expect("ACCT finance", 202, 503, 530);
    await client.expect("PWD", 530);
  });

  test("S9.7 S9.9 USER, PASS and ACCT without argument: 501; the empty password is one", async () => {
    const passwords: string[] = [];
    await using served = await serve({}, (server) => server.on("login", ({ password }) => passwords.push(password)));
    const client = await served.client();
    await client.expect("USER", 501);
    await client.expect("USER test", 331);
    await client.expect("PASS ", 530);
    await client.expect("USER test", 331);
    await client.expect("PASS  two  spaces ", 530);
    assert.deepEqual(passwords, ["", " two  spaces "]);
  });
});

function wantAccount(server: Server): void {
  server.on("login", (login) => {
    if (login.username !== "books") return;
    if (login.accountInfo === undefined) login.requireAccount();
    else if (login.accountInfo === "finance") login.accept({ fileSystem: new MemoryFileSystem() });
    else login.reject();
  });
}

describe("before login", () => {
  test("everything outside the open list is 530, also what does not exist", async () => {
    await using served = await serve();
    const client = await served.client();
    for (const line of [...PRE_LOGIN, ...PRE_LOGIN_MORE, "XYZZY", "STAT"]) await client.expect(line, 530);
  });

  test("the open list is answered", async () => {
    await using served = await serve();
    const client = await served.client();
    for (const [line, code] of [
      ["NOOP", 200],
      ["SYST", 215],
      ["FEAT", 211],
      ["OPTS UTF8 ON", 200],
      ["CLNT x", 200],
      ["REIN", tlsMode() === undefined ? 220 : 502],
    ] as const)
      await client.expect(line, code);
    await client.expect("HELP", 211, 214);
    await client.expect("QUIT", 221);
  });
});

describe("failures", () => {
  test("S9.3 the third failed login is answered with 421 and ends the session", async () => {
    await using served = await serve();
    const client = await served.client();
    for (const codes of [[530], [530], [530, 421]]) {
      await client.expect("USER test", 331);
      const { code } = await client.expect("PASS wrong", ...codes);
      if (code === 530 && codes.length === 2) await client.expectReply(421);
    }
    await client.expectClosed();
  });

  test("maxLoginAttempts sets how many, and REIN does not begin anew", { skip: NO_REIN }, async () => {
    await using served = await serve({ maxLoginAttempts: 2, mayReinitialize: true });
    const client = await served.client();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 530);
    await client.reinitialize();
    await client.expect("USER test", 331);
    await client.expect("PASS wrong", 421, 530);
    await client.expectClosed();
  });

  test("maxLoginAttempts: 0 sets no limit", async () => {
    await using served = await serve({ maxLoginAttempts: 0 });
    const client = await served.client();
    for (let count = 0; count < 10; count++) {
      await client.expect("USER test", 331);
      await client.expect("PASS wrong", 530);
    }
    await client.login();
  });

  test("S9.1 wrong user and wrong password look the same", async () => {
    await using served = await serve();
    const client = await served.client();
    const replies: string[] = [];
    for (const name of ["test", "nobody"]) {
      replies.push((await client.expect(`USER ${name}`, 331)).raw.toString());
      replies.push((await client.expect("PASS wrong", 530)).raw.toString());
    }
    assert.deepEqual(replies.slice(0, 2), replies.slice(2));
  });

  test("a refusal by the host carries its text", async () => {
    await using served = await serve({}, (server) => server.on("login", (login) => login.reject("Closed today")));
    const client = await served.client();
    await client.expect("USER test", 331);
    assert.equal((await client.expect("PASS secret", 530)).text, "Closed today");
  });

  test("S9.13 without a login listener nobody gets in", async () => {
    await using server = new Server(securable({ host: "127.0.0.1", port: 0 }));
    await server.listen();
    await using client = await ScriptedClient.connect(server.addresses[0]?.port ?? 0);
    await client.expect("USER test", 331);
    await client.expect("PASS secret", 530);
    await client.expect("PWD", 530);
  });

  test("S9.10 USER a, PASS good, USER b, PASS bad in one segment never logs a in under another name", async () => {
    const gate = new Gate();
    const names: (string | undefined)[] = [];
    await using served = await serve({ allowRelogin: true }, (server) => {
      server.on("login", () => gate.pass());
      server.on("loggedIn", ({ session }) => names.push(session.username));
    });
    const client = await served.client();
    client.send("USER test\r\nPASS secret\r\nUSER other\r\nPASS bad\r\nPWD\r\n");
    await client.expectReply(331);
    await gate.reached;
    gate.open();
    for (const code of [230, 331, 530, 530]) await client.expectReply(code);
    assert.deepEqual(names, ["test"]);
  });
});

describe("a second login", () => {
  test("USER when logged in: 503 and nothing changes", async () => {
    await using served = await serve();
    const client = await served.user();
    await client.expect("MKD d", 257);
    await client.expect("CWD d", 250);
    await client.expect("USER other", 503);
    await client.expect("PASS secret", 202, 503);
    assert.match((await client.expect("PWD", 257)).text, /^"\/d"/);
  });

  test("S9.8 allowRelogin: USER drops the rights at once, and directory, REST, RNFR and offer with them", async () => {
    const other = new MemoryFileSystem();
    await put(other, "/f", "of other");
    await using served = await serve({ allowRelogin: true }, (server) =>
      server.on("login", (login) => login.username === "other" && login.accept({ fileSystem: other })),
    );
    const client = await served.user();
    for (const [line, code] of [
      ["MKD d", 257],
      ["CWD d", 250],
      ["EPSV", 229],
      ["REST 3", 350],
      ["USER other", 331],
    ] as const)
      await client.expect(line, code);
    await client.expect("PWD", 530);
    await client.login("other", "x");
    assert.match((await client.expect("PWD", 257)).text, /^"\/"/);
    await client.expect("RETR f", 425);
    assert.equal((await download(client, "RETR f")).bytes.toString(), "of other");
  });

  test("allowRelogin: a failed second login leaves nobody logged in", async () => {
    await using served = await serve({ allowRelogin: true });
    const client = await served.user();
    await client.expect("USER other", 331);
    await client.expect("PASS x", 530);
    await client.expect("PWD", 530);
    await client.login();
  });

  test("REIN begins anew: 220, logged out, another login works", { skip: NO_REIN }, async () => {
    await using served = await serve({ mayReinitialize: true });
    const client = await served.user();
    await client.reinitialize();
    await client.expect("PWD", 530);
    await client.login();
  });
});
