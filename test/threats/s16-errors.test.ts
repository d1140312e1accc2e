/** S16.4, S16.6, S18.14: a refusal tells what kind it is, and nothing of the host, its errors, or what is hidden. */
import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { FileSystemError, type FileSystemErrorCode, LocalFileSystem } from "../../dist/index.js";
import { begin, collect, offer, pour } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put, putDirectory } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { type Moment, WatchedStore } from "../kit/watched-store.js";
import { ATTACKS, Attacker, Jail } from "./kit-jail.js";

/** What no reply may hold: host paths, names and texts of system errors, classes, stacks, the host's name. */
function assertTellsNothing(text: string, ...secrets: readonly string[]): void {
  for (const secret of [...secrets, hostname(), process.cwd(), process.version])
    assert(!text.includes(secret), `${JSON.stringify(secret)} came out: ${text}`);
  assert.doesNotMatch(
    text,
    /\bE[A-Z]{3,}\b(?<!EPSV|EPRT)|errno|syscall|Error\b|\bat .*:\d+:\d+|node:|\.js\b|undefined|\[object/,
  );
}

/** Everything that a client can ask of an entry, with what it is given to send. */
async function askEverything(client: ScriptedClient, name: string): Promise<readonly string[]> {
  const replies: string[] = [];
  const attacker = new Attacker(client);
  for (const attack of ATTACKS) {
    const { codes } = await attack.run(attacker, name);
    replies.push(`${attack.name}: ${codes.join()}`);
  }
  return replies;
}

describe("S16.4 S18.14 on a disk", () => {
  test("every real error has a text of ours, by every command", async () => {
    await using jail = await Jail.open();
    const { root } = jail;
    await symlink("loop", join(root, "loop"));
    await symlink("/nonexistent/portside-target", join(root, "dangling"));
    await symlink(jail.outside, join(root, "out"));
    await mkdir(join(root, "closed"));
    await chmod(join(root, "closed"), 0);
    const attacker = await jail.attacker();
    const refused = new Set<number>();
    for (const name of [
      "missing",
      "own.txt/x",
      "dir",
      "loop",
      "dangling",
      "out/x",
      "closed/x",
      "n".repeat(256),
      "missing/x",
    ])
      for (const attack of ATTACKS) {
        for (const code of (await attack.run(attacker, name)).codes) if (code >= 400) refused.add(code);
        await jail.plant();
      }
    for (const code of [502, 550, 553]) assert(refused.has(code), `there was no ${code} among ${[...refused].join()}`);
    assertTellsNothing(attacker.client.transcript.toString(), jail.base, root, "nonexistent", "/proc/");
    await jail.assertIntact();
  });

  test("a folder that is not there, or is a file, is not told either", async () => {
    await using folder = await temporaryDirectory();
    await writeFile(join(folder.path, "file"), "");
    for (const name of ["nowhere", "file"]) {
      await using served = await serve({ fileSystem: new LocalFileSystem(join(folder.path, name)) });
      const client = await served.user();
      const replies = await askEverything(client, "x");
      assert(
        replies.some((line) => line.endsWith("550")),
        replies.join("\n"),
      );
      assertTellsNothing(client.transcript.toString(), folder.path, "nowhere");
    }
  });
});

/** Errors as Node gives them, and worse ones. */
const ERRORS: readonly (readonly [string, () => unknown])[] = [
  ..."ENOENT EACCES EPERM ENOTDIR EISDIR ENOSPC ELOOP ENAMETOOLONG EXDEV EBUSY EMFILE EIO ENOTEMPTY EROFS EDQUOT ETIMEDOUT"
    .split(" ")
    .map((code) => [code, () => systemError(code)] as const),
  ["a class of its own", () => new SecretStoreError("connection to db.internal refused")],
  ["text", () => "secret-host: /srv/secret-host/ftp is gone"],
  ["a cause", () => new Error("outer /srv/secret-host", { cause: systemError("EACCES") })],
  ["a string with line ends", () => new Error("x\r\n226 /srv/secret-host\r\n")],
  ["a message for logs", () => refusalOf("EACCES")],
  ["a message for logs, of a fault", () => refusalOf("EIO")],
];

class SecretStoreError extends Error {
  override name = "SecretStoreError";
  readonly secret = "secret-host";
}

function systemError(code: string): Error {
  const message = `${code}: something is wrong, open '/srv/secret-host/ftp/file'`;
  return Object.assign(new Error(message), { code, errno: -2, syscall: "open", path: "/srv/secret-host/ftp/file" });
}

function refusalOf(code: FileSystemErrorCode): FileSystemError {
  return new FileSystemError(code, "/srv/secret-host/x", { message: "for secret-host only", cause: systemError(code) });
}

describe("S16.4 S18.14 a store that throws", () => {
  for (const [what, error] of ERRORS)
    test(`${what}, at once by every operation: the client reads nothing of it`, () =>
      assertNoLeaks(async () => {
        let faulty = false;
        const store = new WatchedStore({
          before: () => {
            if (faulty) throw error();
          },
        });
        await put(store.inner, "/f", "content");
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        faulty = true;
        const replies = await askEverything(client, "f");
        assert(!replies.some((line) => /: (2\d\d|.*,2\d\d)$/.test(line)), replies.join("\n"));
        assertTellsNothing(client.transcript.toString(), "secret-host", "/srv", "db.internal", "SecretStore");
        await client.assertQuiet();
      }));

  for (const [moment, line] of [
    ["read", "RETR f"],
    ["sent", "RETR f"],
    ["write", "STOR g"],
    ["commit", "STOR g"],
    ["entry", "LIST d"],
    ["entry", "MLSD d"],
    ["entry", "STAT d"],
  ] as const satisfies readonly (readonly [Moment, string])[])
    test(`midway, at ${moment} of ${line}: 4yz or 5yz in our own words`, () =>
      assertNoLeaks(async () => {
        const store = new WatchedStore({
          before: (step) => {
            if (step.moment === moment && step.path !== "/") throw systemError("EXDEV");
          },
        });
        await put(store.inner, "/f", "content");
        await putDirectory(store.inner, "/d");
        await put(store.inner, "/d/x", "x");
        await using served = await serve({ fileSystem: store });
        const client = await served.user();
        const attacker = new Attacker(client);
        const { codes } = line.startsWith("STAT")
          ? await attacker.say(line)
          : await attacker.move(line, line.startsWith("STOR") ? "content" : undefined);
        assert((codes.at(-1) ?? 0) >= 400, codes.join());
        assertTellsNothing(client.transcript.toString(), "secret-host", "/srv");
      }));
});

for (const [event, line, code] of [
  ["connect", "NOOP", 421],
  ["login", "PASS secret", 530],
  ["command", "PWD", 530],
  ["retr", "RETR f", 550],
  ["stor", "STOR f", 553],
  ["list", "STAT f", 550],
  ["dele", "DELE f", 550],
  ["mkd", "MKD d", 550],
  ["rmd", "RMD d", 550],
  ["rename", "RNTO g", 553],
  ["site", "SITE CHMOD 644 f", 550],
] as const)
  test(`S16.4 a listener of ${event} that throws: the host is told, the client is not`, async () => {
    const told: string[] = [];
    let faulty = event === "connect" || event === "login";
    await using served = await serve({}, (server) => {
      server.on("error", ({ error }) => void told.push(inspect(error)));
      server.on(event, () => {
        if (faulty) throw systemError("ENOENT");
      });
    });
    await put(served.fileSystem, "/f", "content");
    const client = await served.client();
    const lines = ["USER test", "PASS secret", "EPSV", "RNFR f"].slice(
      0,
      { connect: 0, login: 1 }[event as "login"] ?? 4,
    );
    for (const before of lines) await client.command(before);
    faulty = true;
    if (event === "connect") assert.equal(client.greeting.code, code);
    else await client.expect(line, code, 550);
    assertTellsNothing(client.transcript.toString(), "secret-host", "/srv", "something is wrong");
    assert.match(told.join(), /secret-host/, "the host hears of it");
  });

describe("S16.6 what is hidden and what is missing look the same", () => {
  /** All replies to every command about a name, with the name itself taken out. */
  async function answers(jail: Jail, name: string): Promise<string> {
    const attacker = await jail.attacker();
    for (const attack of ATTACKS) await attack.run(attacker, name);
    const said = attacker.client.transcript.toString().replaceAll(name, "NAME");
    return said.replace(/\(\|\|\|\d+\|\)/g, "(PORT)").replace(/\.[0-9a-f]{16}/g, ".RANDOM");
  }

  test("dot files that are not shown", async () => {
    await using jail = await Jail.open({ storage: { dotFiles: "hide" } });
    await mkdir(join(jail.root, ".directory"));
    await writeFile(join(jail.root, ".directory", "x"), jail.secret);
    await writeFile(join(jail.root, ".profile"), jail.secret);
    const missing = await answers(jail, ".missing");
    for (const name of [".profile", ".directory"]) assert.equal(await answers(jail, name), missing, name);
    assert.equal(await answers(jail, ".directory/x"), await answers(jail, ".missing/x"));
    await jail.assertIntact();
  });

  test("what lies behind a link that leads out", async () => {
    await using jail = await Jail.open();
    await symlink(jail.outside, join(jail.root, "out"));
    await symlink(join(jail.base, "nowhere"), join(jail.root, "nil"));
    assert.equal(await answers(jail, "out/canary.txt"), await answers(jail, "out/missing.txt"));
    assert.equal(await answers(jail, "out/sub/deep.txt"), await answers(jail, "out/sux/deep.txt"));
    assert.equal(await answers(jail, "out/canary.txt"), await answers(jail, "nil/canary.txt"));
    await jail.assertIntact();
  });

  test("without the permission, what is there and what is not", async () => {
    await using served = await serve({}, (server) =>
      server.on("login", (login) => login.accept({ fileSystem: store, permissions: ["makeDirectory"] })),
    );
    const store = served.fileSystem;
    await put(store, "/there", "x");
    const client = await served.user();
    const texts = async (name: string) => {
      const attacker = new Attacker(client);
      const from = client.transcript.length;
      for (const verb of ["RETR", "STOR", "APPE"]) await attacker.move(`${verb} ${name}`, "x");
      for (const line of ["DELE", "RMD", "MFMT 20200101000000", "SITE CHMOD 644"])
        await attacker.say(`${line} ${name}`);
      return client.transcript
        .subarray(from)
        .toString()
        .replace(/\(\|\|\|\d+\|\)/g, "");
    };
    const there = await texts("there");
    assert.equal(there, await texts("missing"));
    assert.doesNotMatch(there, /^(150|226|250|200|213)/m);
  });

  test("entries that a list listener filters, in every listing", async () => {
    await using served = await serve({}, (server) =>
      server.on("list", (question) => question.filter(({ name }) => !name.startsWith("secret"))),
    );
    await put(served.fileSystem, "/secret-file", "x");
    await putDirectory(served.fileSystem, "/secret-folder");
    await put(served.fileSystem, "/shown", "x");
    const client = await served.user();
    let seen = "";
    for (const line of ["LIST", "LIST -aR", "LIST s*", "NLST", "NLST -R", "NLST s*", "MLSD", "MLSD /"]) {
      await using offered = await offer(client, "EPSV");
      const [, socket] = await begin(client, line, offered);
      const bytes = (await collect(socket)).toString();
      await client.expectReply(226);
      assert.match(bytes, /shown/, line);
      seen += bytes;
    }
    for (const line of ["STAT /", "STAT s*"]) seen += (await client.expect(line, 212)).raw.toString();
    assert.doesNotMatch(seen, /secret/);
    for (const verb of ["MLST", "STAT"])
      for (const name of ["secret-file", "secret-folder"])
        assert.equal(
          (await client.expect(`${verb} ${name}`, 550)).raw.toString(),
          (await client.expect(`${verb} missing`, 550)).raw.toString(),
        );
    await using offered = await offer(client, "EPSV");
    for (const verb of ["LIST", "NLST", "MLSD"])
      assert.equal(
        (await client.expect(`${verb} secret-folder`, 550)).text,
        (await client.expect(`${verb} missing`, 550)).text,
      );
    await pour(await offered.connect(), "");
  });
});
