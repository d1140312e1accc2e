/**
 * A server on a folder of the disk with canaries outside of it, and attackers who keep every byte that they are
 * given, so that a test can prove that nothing came in or went out. Uses only the public face and sockets.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalFileSystem, type LocalFileSystemOptions } from "../../dist/index.js";
import { collect, offer, pour } from "../kit/data.js";
import type { Reply, ScriptedClient } from "../kit/scripted-client.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { type TemporaryDirectory, temporaryDirectory } from "../kit/temporary.js";

/** What an attack brought: the codes of all replies in order, and the bytes of the data connection. */
export interface Outcome {
  readonly codes: readonly number[];
  readonly bytes: Buffer;
}

export interface JailOptions {
  readonly storage?: LocalFileSystemOptions;
  readonly server?: ServeOptions;
  /** Path of the served folder below the base, which is made. Default `root`. */
  readonly served?: string;
}

/** What stands in the served folder. */
const CONTENT = { "inside.txt": "inside\n", "own.txt": "own\n", "dir/inner.txt": "inner\n" } as const;

/** `root` is served; beside it lie `outside` and `root-twin`, whose files all hold the secret. */
export class Jail implements AsyncDisposable {
  readonly base: string;
  readonly root: string;
  readonly outside: string;
  /** Never to be seen by a client. */
  readonly secret: string;
  readonly served: Served;
  readonly #directory: TemporaryDirectory;
  readonly #attackers: Attacker[] = [];
  #before: readonly string[] = [];

  private constructor(directory: TemporaryDirectory, root: string, served: Served, secret: string) {
    this.#directory = directory;
    this.base = directory.path;
    this.root = root;
    this.outside = join(this.base, "outside");
    this.served = served;
    this.secret = secret;
  }

  static async open(options: JailOptions = {}): Promise<Jail> {
    const directory = await temporaryDirectory();
    const root = join(directory.path, "root");
    const secret = `secret-${randomBytes(16).toString("hex")}`;
    const folder = join(directory.path, options.served ?? "root");
    const served = await serve({ fileSystem: new LocalFileSystem(folder, options.storage), ...options.server });
    const jail = new Jail(directory, root, served, secret);
    await jail.plant();
    for (const path of ["outside", "outside/sub", "root-twin"]) await mkdir(join(jail.base, path));
    for (const path of ["outside/canary.txt", "outside/sub/deep.txt", "root-twin/canary.txt"])
      await writeFile(join(jail.base, path), `${secret} ${path}\n`, { mode: 0o640 });
    await jail.remember();
    return jail;
  }

  /** Puts back what attacks have taken out of the served folder. */
  async plant(): Promise<void> {
    await mkdir(join(this.root, "dir"), { recursive: true });
    await chmod(join(this.root, "dir"), 0o755);
    for (const [path, text] of Object.entries(CONTENT)) {
      await writeFile(join(this.root, path), text);
      await chmod(join(this.root, path), 0o644);
    }
  }

  /** Takes what stands outside now for what has to stand there in the end. */
  async remember(): Promise<void> {
    this.#before = await this.#surroundings();
  }

  /** A new attacker, logged in. */
  async attacker(): Promise<Attacker> {
    const attacker = new Attacker(await this.served.user());
    this.#attackers.push(attacker);
    return attacker;
  }

  /** Asserts that the surroundings are as they were, and that no attacker has seen the secret or a host path. */
  async assertIntact(): Promise<void> {
    assert.deepEqual(await this.#surroundings(), this.#before, "what lies outside was changed");
    for (const { seen } of this.#attackers) {
      assert(!seen.includes(this.secret), `the secret came out: ${excerpt(seen, this.secret)}`);
      assert(!seen.includes(this.base), `a path of the host came out: ${excerpt(seen, this.base)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }

  async #surroundings(): Promise<readonly string[]> {
    const folders = [this.outside, join(this.base, "root-twin")];
    return [
      ...(await readdir(this.base)).sort(),
      ...(await Promise.all(folders.map((folder) => snapshot(folder)))).flat(),
    ];
  }
}

/** A client that remembers. */
export class Attacker {
  readonly client: ScriptedClient;
  readonly #data: Buffer[] = [];

  constructor(client: ScriptedClient) {
    this.client = client;
  }

  /** Every byte that this client has been sent, on any connection. */
  get seen(): Buffer {
    return Buffer.concat([this.client.transcript, ...this.#data]);
  }

  /** One command over the control connection; bytes for names that are no text. */
  async say(line: string | Uint8Array): Promise<Outcome> {
    return outcome([await this.#ask(line)]);
  }

  /** A command with a data connection, which may well be refused. */
  async move(line: string | Uint8Array, upload?: string): Promise<Outcome> {
    await using offered = await offer(this.client, "EPSV");
    const socket = await offered.connect();
    const preliminary = await this.#ask(line);
    if (preliminary.code >= 200) return outcome([preliminary]);
    const received = upload === undefined ? await collect(socket) : await pour(socket, upload);
    const bytes = received ?? Buffer.alloc(0);
    this.#data.push(bytes);
    return outcome([preliminary, await this.client.reply()], bytes);
  }

  /** RNFR and RNTO; a refused RNFR is all. */
  async rename(from: string, to: string): Promise<Outcome> {
    const first = await this.client.command(`RNFR ${from}`);
    if (first.code !== 350) return outcome([first]);
    return outcome([first, await this.client.command(`RNTO ${to}`)]);
  }

  #ask(line: string | Uint8Array): Promise<Reply> {
    this.client.send(Buffer.concat([Buffer.from(line), Buffer.from("\r\n")]));
    return this.client.reply();
  }
}

/** One way to use a path. */
export interface Attack {
  readonly name: string;
  run(attacker: Attacker, path: string): Promise<Outcome>;
}

const say = (before: string, after = ""): Attack => ({
  name: `${before} …${after}`,
  run: (attacker, path) => attacker.say(`${before} ${path}${after}`),
});
const load = (verb: string): Attack => ({ name: verb, run: (attacker, path) => attacker.move(`${verb} ${path}`) });
const store = (verb: string): Attack => ({
  name: verb,
  run: (attacker, path) => attacker.move(`${verb} ${path}`, "evil\n"),
});

/** Every command that takes a path, subcommands of SITE too. */
export const ATTACKS: readonly Attack[] = [
  ...["CWD", "XCWD", "SMNT", "SIZE", "MDTM", "MLST", "STAT", "MKD", "XMKD", "RMD", "XRMD", "DELE"].map((verb) =>
    say(verb),
  ),
  say("MFMT 20200101000000"),
  say("MFCT 20200101000000"),
  say("MFF Modify=20200101000000;"),
  say("MFF UNIX.mode=0777;"),
  ...["HASH", "MD5", "XCRC", "XSHA"].map((verb) => say(verb)),
  { name: 'XMD5 "…" 0 9', run: (attacker, path) => attacker.say(`XMD5 "${path.replaceAll('"', '""')}" 0 9`) },
  say("SITE CHMOD 777"),
  say("SITE UTIME 202001010000"),
  say("SITE UTIME", " 20200101000000 20200101000000 20200101000000 UTC"),
  ...["RETR", "LIST", "LIST -la", "LIST -R", "NLST", "NLST -R", "MLSD"].map(load),
  ...["STOR", "APPE", "STOU"].map(store),
  { name: "RNFR … RNTO /stolen", run: (attacker, path) => attacker.rename(path, "/stolen") },
  { name: "RNFR /own.txt RNTO …", run: (attacker, path) => attacker.rename("/own.txt", path) },
  { name: "RNFR /dir RNTO …", run: (attacker, path) => attacker.rename("/dir", path) },
];

function outcome(replies: readonly Reply[], bytes: Buffer = Buffer.alloc(0)): Outcome {
  return { codes: replies.map(({ code }) => code), bytes };
}

/** Everything below a folder, links not followed, sorted: path, mode, owner, and what it holds. */
export async function snapshot(folder: string, path = ""): Promise<readonly string[]> {
  const whole = join(folder, path);
  const stats = await lstat(whole);
  const held = stats.isFile() ? digest(await readFile(whole)) : stats.isSymbolicLink() ? await readlink(whole) : "";
  const line = `${path} ${stats.mode.toString(8)} ${stats.uid} ${held}`;
  if (!stats.isDirectory()) return [line];
  const below = (await readdir(whole)).sort().map((name) => snapshot(folder, join(path, name)));
  return [line, ...(await Promise.all(below)).flat()];
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function excerpt(bytes: Buffer, part: string): string {
  const at = bytes.indexOf(part);
  return JSON.stringify(bytes.subarray(Math.max(0, at - 100), at + part.length + 50).toString());
}
