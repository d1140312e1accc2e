/** The language of the first FTP client of all (4.2BSD), which tnftp and inetutils-ftp still speak, as descriptions of clients. */
import { readFile } from "node:fs/promises";
import { virtualPath } from "../../dist/index.js";
import type { DataMode } from "../kit/data.js";
import type { Client } from "./client.js";
import { type Scene, type Way, way } from "./scene.js";

/** Where the programs differ. */
export interface Dialect {
  readonly program: string;
  readonly flags: readonly string[];
  /** The ways that need the command `epsv4`, which turns the extended commands on or off for IPv4. */
  readonly toggled: readonly DataMode[];
}

const ACTIVE: readonly DataMode[] = ["PORT", "EPRT"];
const WAYS: readonly Way[] = [
  way("EPSV"),
  way("PASV"),
  way("PORT"),
  way("EPRT"),
  way("EPSV", "::1"),
  way("EPRT", "::1"),
];

/** Runs commands as a script; gives what the client printed. Its status says nothing of failures. */
export async function script(scene: Scene, dialect: Dialect, ...commands: readonly string[]): Promise<string> {
  const { host, mode } = scene.way;
  const flags = [...dialect.flags, ACTIVE.includes(mode) ? "-A" : "-p"];
  const toggle = host !== "::1" && dialect.toggled.includes(mode) ? ["epsv4"] : [];
  const input = [...toggle, "user test secret", ...commands, "bye", ""].join("\n");
  return (await scene.run(dialect.program, [...flags, host, String(scene.port)], { input })).stdout;
}

/** A word of a command: a backslash makes the next character an ordinary one, outside of quotes only. */
function word(text: string): string {
  return text.replaceAll(/[ "\\]/g, "\\$&");
}

/** All that the language can say. */
export function classicClient(dialect: Dialect): Client {
  const say =
    (verb: string, ...before: readonly string[]) =>
    async (scene: Scene, ...args: readonly string[]): Promise<void> =>
      void (await script(scene, dialect, "binary", ...before, `${verb} ${args.map(word).join(" ")}`));
  const many =
    (verb: string, remote: string, local: string) =>
    async (scene: Scene): Promise<void> =>
      void (await script(scene, dialect, "binary", `cd ${word(remote)}`, `lcd ${word(local)}`, `${verb} *`));
  return {
    name: dialect.program,
    programs: [dialect.program],
    ways: WAYS,
    silent: true,
    list: async (scene, directory) => {
      await script(scene, dialect, `cd ${word(`/${directory}`)}`, "nlist . names");
      return (await readFile(scene.local("names"), "utf8")).split("\n").filter((line) => line !== "");
    },
    download: say("get"),
    upload: say("put"),
    resumeDownload: say("reget"),
    resumeUpload: async (scene, local, remote) => {
      const { size } = await scene.store.stat(virtualPath(remote));
      await say("put", `restart ${size}`)(scene, local, remote);
    },
    append: say("append"),
    downloadText: say("get", "ascii"),
    uploadText: say("put", "ascii"),
    rename: say("rename"),
    remove: say("delete"),
    makeDirectory: say("mkdir"),
    removeDirectory: say("rmdir"),
    downloadFolder: (scene, remote, local) => many("mget", remote, local)(scene),
    uploadFolder: (scene, local, remote) => many("mput", remote, local)(scene),
    wrongPassword: async (scene) => {
      const input = "user test wrong\nget x\nbye\n";
      await scene.run(dialect.program, [...dialect.flags, scene.host, String(scene.port)], { input, status: "any" });
    },
  };
}
