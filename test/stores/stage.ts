/** A server before a store, and the programs that drive it: what the tests of stores through FTP play on. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ObjectFileSystemOptions } from "../../dist/adapters/objects/object-options.js";
import { requireProgram, run } from "../kit/programs.js";
import { type Served, serve } from "../kit/serve.js";
import { content } from "../kit/store.js";
import { temporaryDirectory } from "../kit/temporary.js";
import { type Backend, type Opened, requireBackend } from "./backends.js";

/** The programs that are driven. */
const PROGRAMS = ["curl", "lftp"] as const;

/** What a test works with. */
export class Stage {
  readonly backend: Backend;
  readonly opened: Opened;
  readonly served: Served;
  /** Where the programs work, empty at first. */
  readonly folder: string;

  constructor(backend: Backend, opened: Opened, served: Served, folder: string) {
    this.backend = backend;
    this.opened = opened;
    this.served = served;
    this.folder = folder;
  }

  /** The URL of a path, `%`-encoded; it begins at the root, where every login begins. */
  url(path = ""): string {
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    return `ftp://${this.served.host}:${this.served.port}/${encoded}`;
  }

  /** What curl prints. Active, because curl waits now and then where a passive reply comes very fast. */
  async curl(...args: readonly string[]): Promise<string> {
    const own = ["--disable", "--silent", "--show-error", "--globoff", "--ftp-port", "-", "--user", "test:secret"];
    return this.#run("curl", [...own, ...args]);
  }

  /** Raw commands through curl. */
  async quote(...commands: readonly string[]): Promise<void> {
    await this.curl(...commands.flatMap((command) => ["--quote", command]), "--head", this.url());
  }

  /** What lftp prints: its commands, until one fails. */
  async lftp(...commands: readonly string[]): Promise<string> {
    const settings = ["set cmd:fail-exit yes", "set net:max-retries 1", "set xfer:clobber yes"];
    const open = `open -u test,secret -p ${this.served.port} ${this.served.host}`;
    return this.#run("lftp", ["--norc", "-c", [...settings, open, ...commands].join("\n")]);
  }

  /** A file of the programs. */
  local(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file for the programs. */
  async give(name: string, bytes: Uint8Array | string): Promise<void> {
    await writeFile(this.local(name), bytes);
  }

  /** Asserts what a file of the programs holds. */
  async assertTaken(name: string, expected: Uint8Array | string): Promise<void> {
    assertSame(await readFile(this.local(name)), expected, name);
  }

  /** Asserts what a file of the store holds, seen beside the server. */
  async assertStored(path: string, expected: Uint8Array | string): Promise<void> {
    assertSame(await content(this.opened.files, path), expected, path);
  }

  /** Asserts that uploads have left nothing, and which keys there are. */
  async assertKeys(...keys: readonly string[]): Promise<void> {
    assert.deepEqual(await this.opened.keys(), [...keys].sort());
    if (!this.backend.forgets) assert.deepEqual(await this.opened.unfinished(), []);
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const env = { HOME: this.folder, LC_ALL: "C.UTF-8", TERM: "dumb", TZ: "UTC", ftp_proxy: "", all_proxy: "" };
    const { code, stdout, stderr, timedOut } = await run(program, args, { cwd: this.folder, env });
    assert(!timedOut && code === 0, `${program} ${args.join(" ")}: ${code}\n${stdout.slice(-2000)}\n${stderr}`);
    return stdout;
  }
}

/** Asserts that bytes are those, and says where they differ. */
export function assertSame(actual: Uint8Array, expected: Uint8Array | string, what: string): void {
  const wanted = Buffer.from(expected);
  const differing = wanted.equals(actual) ? -1 : wanted.findIndex((byte, index) => byte !== actual[index]);
  assert.equal(actual.length, wanted.length, `${what}: bytes`);
  assert.equal(differing, -1, `${what}: the first byte that differs`);
}

/** Opens a store, and a server before it. */
async function staged(
  backend: Backend,
  work: (stage: Stage) => Promise<void>,
  options?: ObjectFileSystemOptions,
): Promise<void> {
  await using folder = await temporaryDirectory();
  await using opened = await backend.open(options);
  await using served = await serve({ fileSystem: opened.files, overwriteOnRename: true });
  await work(new Stage(backend, opened, served, folder.path));
}

/** A test on a stage; where the store is missing it is skipped; where a program is, it fails in CI. */
export function stageTest(
  backend: Backend,
  title: string,
  work: (stage: Stage) => Promise<void>,
  options?: ObjectFileSystemOptions,
): void {
  test(title, async (t: TestContext) => {
    if (!requireBackend(t, backend)) return;
    for (const program of PROGRAMS) if (requireProgram(t, program) === undefined) return;
    await staged(backend, work, options);
  });
}
