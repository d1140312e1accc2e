/** ncftp: its programs for single transfers and listings, its shell for the rest. IPv4 only. */
import assert from "node:assert/strict";
import { rename, rmdir } from "node:fs/promises";
import type { Client } from "./client.js";
import { expectAll } from "./expectations.js";
import { type Scene, way } from "./scene.js";

const LOGIN = ["-u", "test", "-p", "secret"];

function port(scene: Scene): readonly string[] {
  return ["-P", String(scene.port)];
}

/** Runs ncftpget, ncftpput or ncftpls; `args` are its flags, `names` what comes behind the host. */
async function ncftp(scene: Scene, program: string, args: readonly string[], names: readonly string[]): Promise<string> {
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
