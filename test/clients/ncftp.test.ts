/** ncftp: its programs for single transfers and listings, its shell for the rest. IPv4 only. */
import assert from "node:assert/strict";
import { readdir, readFile, rename, rmdir, utimes, writeFile } from "node:fs/promises";
import { describe } from "node:test";
import { virtualPath } from "../../dist/index.js";
import { names, put, putDirectory } from "../kit/store.js";
import type { Client } from "./client.js";
import { assertLocal, assertNames, assertStored, expectAll, played } from "./expectations.js";
import { type Scene, STORES, way } from "./scene.js";
import { putTree } from "./tree.js";

const LOGIN = ["-u", "test", "-p", "secret"];

function port(scene: Scene): readonly string[] {
  return ["-P", String(scene.port)];
}

/** Runs ncftpget, ncftpput or ncftpls; `args` are its flags, `names` what comes behind the host. */
async function ncftp(
  scene: Scene,
  program: string,
  args: readonly string[],
  names: readonly string[],
): Promise<string> {
  const flags = [...LOGIN, ...port(scene), scene.way.mode === "PORT" ? "-E" : "-F", ...args];
  return (await scene.run(program, [...flags, ...names])).stdout;
}

/** Runs commands in ncftp's shell, which says in words alone that one has failed. */
async function shell(scene: Scene, ...commands: readonly string[]): Promise<string> {
  const input = [...commands, "quit", ""].join("\n");
  const { stdout, stderr } = await scene.run("ncftp", [...LOGIN, ...port(scene), scene.host], { input });
  assert.doesNotMatch(stdout + stderr, /server said|failed|unknown command/i);
  return stdout;
}

/** A word of the shell: a backslash makes the next character an ordinary one. */
function word(text: string): string {
  return text.replaceAll(/[^\w\u0080-\uffff./-]/gu, "\\$&");
}

const say =
  (verb: string) =>
  async (scene: Scene, ...args: readonly string[]): Promise<void> =>
    void (await shell(scene, `${verb} ${args.map((arg) => word(arg.replace(/^-/, "./-"))).join(" ")}`));

const transfer =
  (program: string, ...flags: readonly string[]) =>
  async (scene: Scene, from: string, to: string): Promise<void> =>
    void (await ncftp(scene, program, ["-V", "-C", ...flags], [scene.host, from, to]));

const client: Client = {
  name: "ncftp",
  programs: ["ncftp", "ncftpget", "ncftpput", "ncftpls"],
  ways: [way("PASV"), way("PORT")],
  unspeakable: { "characters of patterns": "ncftp takes every name for a pattern" },
  list: async (scene, directory) => {
    // A raw command, because ncftpls cuts long names in URLs.
    const there = directory === "" ? [] : ["-W", `CWD ${directory}`];
    return (await ncftp(scene, "ncftpls", ["-1", ...there], [scene.url("")])).split("\n").filter(Boolean);
  },
  download: transfer("ncftpget", "-Z"),
  upload: transfer("ncftpput", "-Z"),
  resumeDownload: transfer("ncftpget", "-z"),
  // `-s`: with sendfile() ncftpput sends a file from its beginning again.
  resumeUpload: transfer("ncftpput", "-z", "-s"),
  append: transfer("ncftpput", "-A"),
  downloadText: transfer("ncftpget", "-Z", "-a"),
  uploadText: transfer("ncftpput", "-Z", "-a"),
  rename: say("rename"),
  remove: say("rm"),
  makeDirectory: say("mkdir"),
  removeDirectory: say("rmdir"),
  downloadFolder: async (scene, remote, local) => {
    await ncftp(scene, "ncftpget", ["-V"], [scene.host, local, `${remote}/*`]);
  },
  uploadFolder: async (scene, local, remote) => {
    const files = Array.from({ length: 500 }, (_, index) => `${local}/file ${String(index).padStart(3, "0")}`);
    await ncftp(scene, "ncftpput", ["-V"], [scene.host, remote, ...files]);
  },
  // ncftpget makes a directory named like the remote one.
  downloadTree: async (scene, remote, local) => {
    await ncftp(scene, "ncftpget", ["-V", "-R", "-T"], [scene.host, ".", remote]);
    await rmdir(scene.local(local));
    await rename(scene.local(remote), scene.local(local));
  },
  uploadTree: async (scene, local, remote) => {
    await ncftp(scene, "ncftpput", ["-V", "-R", "-m"], [scene.host, ".", local]);
    assert.equal(local, remote);
  },
  wrongPassword: async (scene) => {
    await scene.run("ncftpget", ["-V", "-u", "test", "-p", "wrong", ...port(scene), "-C", scene.host, "x", "x"]);
  },
};

expectAll(client);

function ncftpTest(title: string, work: (scene: Scene) => Promise<void>): void {
  for (const kind of STORES) played(client, `${title} (${kind})`, way("PASV"), kind, work);
}

describe("ncftp's own", () => {
  ncftpTest("ncftpls reads MLSD, LIST and NLST, also of all below", async (scene) => {
    await putTree(scene, "tree");
    const ls = async (...flags: readonly string[]): Promise<readonly string[]> => {
      const output = await ncftp(scene, "ncftpls", [...flags, "-W", "CWD tree"], [scene.url("")]);
      return output.split("\n").filter(Boolean);
    };
    const expected = await names(scene.store, "/tree");
    const facts = (await ls("-m")).map((line) => /^(?:[^=;]+=[^;]*;)+ (.*)$/.exec(line)?.[1] ?? line);
    assert.deepEqual(facts.filter((name) => name !== ".").sort(), expected);
    const long = (await ls("-l")).map(
      (line) => /^[d-][rwx-]{9} +(?:\S+ +){3}\d+ \w{3} \d\d [\d: ]{5} (.*)$/.exec(line)?.[1] ?? line,
    );
    assert.deepEqual(long.sort(), expected);
    assert((await ls("-R")).includes("sub dir/d\u00e9eper:"), "the heading of a directory below");
    assert((await ls("-g")).includes("sub dir/d\u00e9eper/e\u0301 \"quoted\" 'name'"), "a path below");
  });

  ncftpTest("an upload keeps its time", async (scene) => {
    const modified = new Date("2001-02-03T04:05:06Z");
    await writeFile(scene.local("dated"), "content");
    await utimes(scene.local("dated"), modified, modified);
    await client.upload?.(scene, "dated", "dated");
    await assertStored(scene, "/dated", "content");
    assert.deepEqual((await scene.store.stat(virtualPath("/dated"))).modified, modified);
  });

  ncftpTest("uploads under another name at first, and deletes what has been moved", async (scene) => {
    await writeFile(scene.local("up"), "up");
    await ncftp(scene, "ncftpput", ["-V", "-T", "tmp.", "-DD"], [scene.host, ".", "up"]);
    await assertNames(scene, "/", ["up"]);
    await assertStored(scene, "/up", "up");
    assert.deepEqual(scene.arguments("RNTO"), ["up"]);
    assert.deepEqual(await readdir(scene.folder), []);
    await ncftp(scene, "ncftpget", ["-V", "-DD"], [scene.host, ".", "up"]);
    await assertLocal(scene, "up", "up");
    await assertNames(scene, "/", []);
  });

  ncftpTest("the shell changes directories and modes, and moves what patterns match", async (scene) => {
    await putTree(scene, "tree");
    await shell(scene, "cd tree", "chmod 600 top.txt", "get *.txt", "cd ..", "cd tree/sub\\ dir", "put top.txt");
    assert.equal((await scene.store.stat(virtualPath("/tree/top.txt"))).mode, 0o600);
    await assertStored(scene, "/tree/sub dir/top.txt", await readFile(scene.local("top.txt")));
    await shell(scene, "rm tree/sub\\ dir/[!d]*");
    await assertNames(scene, "/tree/sub dir", ["d\u00e9eper"]);
  });

  // ncftpbatch waits for three seconds when nothing is left to do.
  played(
    { programs: [...client.programs, "ncftpbatch"] },
    "ncftpbatch does what was put off",
    way("PASV"),
    "local",
    async (scene) => {
      await put(scene.store, "/down", "down");
      await writeFile(scene.local("up"), "up");
      await putDirectory(scene.store, "/in");
      await ncftp(scene, "ncftpget", ["-bb"], [scene.host, ".", "down"]);
      await ncftp(scene, "ncftpput", ["-bb"], [scene.host, "in", "up"]);
      assert.equal(scene.transfers.length, 0);
      assert.match((await scene.run("ncftpbatch", ["-l"])).stdout, /2 jobs|1 GET job.*1 PUT job|1 PUT.*1 GET/s);
      await scene.run("ncftpbatch", ["-D"]);
      await assertLocal(scene, "down", "down");
      await assertStored(scene, "/in/up", "up");
    },
  );
});
