/**
 * Where a client meets the server: a store, a way to the data connection, a home of its own for the client,
 * and the dialogue for those who must find out why something failed.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type FileSystem,
  LocalFileSystem,
  MemoryFileSystem,
  type ReplyFact,
  type Server,
  type TransferFact,
} from "../../dist/index.js";
import type { DataMode } from "../kit/data.js";
import { type Finished, type RunOptions, run } from "../kit/programs.js";
import { type Served, type ServeOptions, serve } from "../kit/serve.js";
import { temporaryDirectory, until } from "../kit/temporary.js";

/** The stores that every client meets. */
export const STORES = ["memory", "local"] as const;
export type StoreKind = (typeof STORES)[number];

/** How the client gets its data connections. */
export interface Way {
  readonly mode: DataMode;
  readonly host: "127.0.0.1" | "::1";
  /** What the server refuses, for clients that take this way only then. */
  readonly refused?: DataMode;
}

/** The ways by their names, e.g. `way("PASV")` and, for IPv6, `way("EPSV", "::1")`. */
export function way(mode: DataMode, host: Way["host"] = "127.0.0.1"): Way {
  return { mode, host };
}

/** How a program in a scene is run. */
export interface SceneRunOptions extends RunOptions {
  /** What it must end with; `failure` is anything but 0. Default 0. */
  readonly status?: number | "failure" | "any";
}

/** What is special about a scene. */
export interface SceneOptions {
  /** Options of the server. */
  readonly server?: ServeOptions;
  /** Adds listeners, which are asked before the scene's own. */
  readonly setup?: (server: Server) => void;
}

const OFFERS: readonly (string | undefined)[] = ["PASV", "EPSV", "PORT", "EPRT"] satisfies DataMode[];

/** A server with one store and one client's belongings; user `test`, password `secret`. */
export class Scene {
  readonly way: Way;
  readonly store: FileSystem;
  readonly served: Served;
  /** The client's working directory, empty at first. */
  readonly folder: string;
  /** Every reply of the server so far. */
  readonly replies: ReplyFact[] = [];
  /** Every file that has been moved so far. */
  readonly transfers: TransferFact[] = [];
  readonly #errors: unknown[] = [];
  readonly #home: string;
  readonly #disk: string | undefined;

  private constructor(way: Way, served: Served, folders: { folder: string; home: string; disk: string | undefined }) {
    this.way = way;
    this.served = served;
    this.store = served.fileSystem;
    this.folder = folders.folder;
    this.#home = folders.home;
    this.#disk = folders.disk;
    served.server.on("reply", (fact) => void this.replies.push(fact));
    served.server.on("retrieved", (fact) => void this.transfers.push(fact));
    served.server.on("stored", (fact) => void this.transfers.push(fact));
    served.server.on("error", ({ error }) => void this.#errors.push(error));
  }

  /**
   * Sets a scene, lets the work happen, and asserts what holds after every work: no session, no partial file and
   * no error of the server is left. What fails is thrown with the dialogue.
   */
  static async play(
    way: Way,
    kind: StoreKind,
    work: (scene: Scene) => Promise<void>,
    { server: options, setup }: SceneOptions = {},
  ): Promise<void> {
    await using temporary = await temporaryDirectory();
    const [folder, home, disk] = ["work", "home", "disk"].map((name) => join(temporary.path, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [folder, home, disk]) await mkdir(path);
    const fileSystem = kind === "local" ? new LocalFileSystem(disk) : new MemoryFileSystem();
    await using served = await serve({ ...options, host: way.host, fileSystem }, (server) => {
      setup?.(server);
      server.on("command", (command) => {
        if (command.verb === way.refused) command.reject(502, "Not today");
      });
    });
    const scene = new Scene(way, served, { folder, home, disk: kind === "local" ? disk : undefined });
    try {
      await work(scene);
      await scene.#assertClean();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${scene.dialogue}`, { cause: error });
    }
  }

  get host(): string {
    return this.way.host;
  }

  get port(): number {
    return this.served.port;
  }

  /** Host and port as a URL has them. */
  get authority(): string {
    return `${this.host.includes(":") ? `[${this.host}]` : this.host}:${this.port}`;
  }

  /** A URL without the user; every component of the path is percent-encoded. */
  url(path: string): string {
    return `ftp://${this.authority}/${path.split("/").map(encodeURIComponent).join("/")}`;
  }

  /** The last commands and replies, one a line. */
  get dialogue(): string {
    return this.replies
      .slice(-40)
      .map(({ session, verb = "", argument = "", code, text }) => {
        return `  ${session.remotePort} ${verb} ${argument} → ${code} ${text.split("\n", 1)[0]}`;
      })
      .join("\n");
  }

  /** The arguments of a command, `""` for none, as often as it succeeded. */
  arguments(verb: string): readonly string[] {
    return this.replies
      .filter((fact) => fact.verb === verb && fact.code >= 200 && fact.code < 400)
      .map(({ argument }) => argument ?? "");
  }

  /** A path in the client's working directory. */
  local(name: string): string {
    return join(this.folder, name);
  }

  /** Bytes of a file in the client's working directory. */
  async localSize(name: string): Promise<number> {
    return (await stat(this.local(name))).size;
  }

  /** Runs a client in its working directory, with a home of its own and a UTF-8 locale, and asserts how it ends. */
  async run(program: string, args: readonly string[], options: SceneRunOptions = {}): Promise<Finished> {
    const { status = 0, env, ...rest } = options;
    const finished = await run(program, args, { cwd: this.folder, ...rest, env: { ...this.#environment(), ...env } });
    const shown = `${program} ${args.join(" ")}\n${finished.stdout}\n${finished.stderr}`;
    assert(!finished.timedOut, `timed out: ${shown}`);
    if (status === "failure") assert.notEqual(finished.code, 0, `should have failed: ${shown}`);
    else if (status !== "any") assert.equal(finished.code, status, shown);
    return finished;
  }

  /** Asserts that data connections came about in the way of this scene, and in no other. */
  assertWay(): void {
    const used = new Set(
      this.replies.filter(({ verb, code }) => OFFERS.includes(verb) && code < 300).map(({ verb }) => verb),
    );
    assert.deepEqual([...used], [this.way.mode]);
  }

  #environment(): Record<string, string> {
    const proxies = [
      "ftp_proxy",
      "FTP_PROXY",
      "all_proxy",
      "ALL_PROXY",
      "http_proxy",
      "https_proxy",
      "no_proxy",
      "NETRC",
    ];
    return {
      ...Object.fromEntries(proxies.map((name) => [name, ""])),
      HOME: this.#home,
      // ncftp asks the system for the home, and not the environment.
      NCFTPDIR: this.#home,
      LC_ALL: "C.UTF-8",
      TERM: "dumb",
      TZ: "UTC",
    };
  }

  async #assertClean(): Promise<void> {
    await until(() => this.served.server.sessions.length === 0, 5000, "the server notices that the client left");
    assert.deepEqual(this.#errors, [], "errors of the server");
    if (this.#disk === undefined) return;
    const left = await readdir(this.#disk, { recursive: true });
    assert.deepEqual(
      left.filter((path) => path.endsWith(".part")),
      [],
      "partial files",
    );
  }
}
