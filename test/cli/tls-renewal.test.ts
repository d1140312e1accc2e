/** Certificates that are replaced while the program runs, in the ways that programs replace them. */
import assert from "node:assert/strict";
import { unwatchFile, watchFile } from "node:fs";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { watchFiles } from "../../dist/cli/watching.js";
import type { Pair } from "../kit/certificates.js";
import { download } from "../kit/data.js";
import { requireProgram, run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory, within } from "../kit/temporary.js";
import {
  anotherPair,
  certificateFolder,
  fingerprint,
  replaceFile,
  shownAt,
  shownBehindAuth,
} from "./certificate-folder.js";
import { type Listening, start } from "./started.js";

const FLAGS = ["--memory", "--user", "anna:one", "--implicit-port", "0"];

/** Waits for the line of a success and asserts that new connections are shown the pair, by both ports. */
async function assertTaken(program: Listening, pair: Pair): Promise<void> {
  const expected = fingerprint(pair);
  await program.line(new RegExp(`new connections get the new certificate of ".*", SHA-256 ${expected}$`));
  assert.equal((await shownAt(Number(program.implicitUrl.port))).fingerprint256, expected);
  assert.equal((await shownBehindAuth(program.port)).fingerprint256, expected);
}

/** Turns a link at one blow. */
async function turnLink(link: string, target: string): Promise<void> {
  await symlink(target, `${link}.new`);
  await rename(`${link}.new`, link);
}

/** Makes the files `cert` and `key` of a folder lead to a pair, the first one or another. */
type Way = (folder: string, pair: Pair, round: number) => Promise<void>;

const NAMES = ["cert", "key"] as const;

const WAYS: Readonly<Record<string, Way>> = {
  "renamed files": async (folder, pair) => {
    for (const name of NAMES) await replaceFile(join(folder, name), pair[name]);
  },
  "files that are written anew": async (folder, pair) => {
    for (const name of NAMES) await writeFile(join(folder, name), pair[name]);
  },
  "links to files that are turned": async (folder, pair, round) => {
    for (const name of NAMES) await writeFile(join(folder, `${name}${round}`), pair[name]);
    for (const name of NAMES) await turnLink(join(folder, name), `${name}${round}`);
  },
  "a link to their folder that is turned": async (folder, pair, round) => {
    await mkdir(join(folder, `data${round}`));
    for (const name of NAMES) await writeFile(join(folder, `data${round}`, name), pair[name]);
    await turnLink(join(folder, "data"), `data${round}`);
    if (round === 0) for (const name of NAMES) await symlink(`data/${name}`, join(folder, name));
  },
};

suite("certificates that change", { concurrency: 2 }, () => {
  for (const [way, put] of Object.entries(WAYS))
    test(`${way}: are taken for new connections, and running sessions go on`, async () => {
      await using certificates = await certificateFolder();
      await using folder = await temporaryDirectory();
      await put(folder.path, certificates.pair, 0);
      const files = ["--tls-cert", join(folder.path, "cert"), "--tls-key", join(folder.path, "key")];
      await using program = await start(...FLAGS, ...files);
      await using session = await ScriptedClient.open(program.port);
      await session.expectReply(220);
      await session.negotiate({ version: "TLSv1.3" });
      await session.login("anna", "one");
      assert.equal((await shownBehindAuth(program.port)).fingerprint256, fingerprint(certificates.pair));
      // The first change may be seen by the look that comes soon after the start, the second can only be by watching.
      for (const round of [1, 2]) {
        const next = await anotherPair();
        await put(folder.path, next, round);
        await assertTaken(program, next);
      }
      const { bytes } = await download(session, "RETR /readme.txt");
      assert.match(String(bytes), /^Welcome/);
    });

  test("a pair that does not fit is an error, and the old one stays in use until the next change", async () => {
    await using certificates = await certificateFolder();
    const { cert, key, pair, flags } = certificates;
    await using program = await start(...FLAGS, ...flags);
    const next = await anotherPair();
    await replaceFile(cert, next.cert);
    await program.line(
      /the certificate stays as it was: --tls-key ".*key\.pem" is not the private key of --tls-cert "/,
    );
    assert.match(program.stderr, /stays as it was/);
    assert.equal((await shownBehindAuth(program.port)).fingerprint256, fingerprint(pair));
    await replaceFile(key, next.key);
    await assertTaken(program, next);
    for (const secret of [pair.key, next.key]) assert.ok(!program.output.includes(secret.split("\n")[1] ?? ""));
  });

  test("a file that is gone, then back as it was: an error, then a success", async () => {
    await using certificates = await certificateFolder();
    const { key, pair, flags } = certificates;
    await using program = await start(...FLAGS, "--json", "--log-level", "error", ...flags);
    await using informed = await start(...FLAGS, ...flags);
    await rm(key);
    const refused = JSON.parse(await program.line(/"certificateRefused"/));
    assert.deepEqual([refused.level, refused.certFile, refused.keyFile], ["error", certificates.cert, key]);
    assert.match(refused.message, /^--tls-key ".*key\.pem" cannot be read: no such file or directory$/);
    await informed.line(/the certificate stays as it was: --tls-key/);
    await replaceFile(key, pair.key);
    await assertTaken(informed, pair);
    assert.doesNotMatch(program.stdout, /certificateChanged/, "not at this level");
  });

  test("pipes can be read once only, and are", async (t) => {
    const [mkfifo, cp] = [requireProgram(t, "mkfifo"), requireProgram(t, "cp")];
    if (mkfifo === undefined || cp === undefined) return;
    await using certificates = await certificateFolder();
    const { cert, key, pair, path } = certificates;
    const pipe = join(path, "pipe");
    assert.equal((await run(mkfifo, [pipe])).code, 0);
    const [written, program] = await Promise.all([
      run(cp, [key, pipe]),
      start(...FLAGS, "--tls-cert", cert, "--tls-key", pipe, "--idle-timeout", "1"),
    ]);
    await using _program = program;
    assert.equal(written.code, 0, written.stderr);
    await using session = await ScriptedClient.open(program.port);
    await session.expectReply(220);
    await session.negotiate({ version: "TLSv1.3" });
    await session.login("anna", "one");
    await session.expectReply(421);
    assert.equal((await shownBehindAuth(program.port)).fingerprint256, fingerprint(pair), "it is still there");
  });
});

suite("watching", () => {
  test("tells a change once, however many files have changed, and nothing once it is stopped", async () => {
    await using folder = await temporaryDirectory();
    const files = [join(folder.path, "a"), join(folder.path, "b")];
    for (const file of files) await writeFile(file, "");
    const other = () => undefined;
    // One watcher serves all who watch a file.
    const watchers = files.map((file) => watchFile(file, { persistent: false }, other));
    let told = 0;
    let tell = () => undefined as void;
    const next = () =>
      new Promise<void>((resolve) => {
        tell = resolve;
      });
    const first = next();
    const stop = watchFiles(files, () => {
      told++;
      tell();
    });
    await within(first, "the first look");
    for (const watcher of watchers) assert.equal(watcher.listenerCount("change"), 2);
    const second = next();
    for (const watcher of watchers) watcher.emit("change");
    await within(second, "the second look");
    assert.equal(told, 2);
    stop();
    for (const watcher of watchers) assert.equal(watcher.listenerCount("change"), 1);
    for (const file of files) unwatchFile(file, other);
  });
});
