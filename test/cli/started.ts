/**
 * The `portside` program as a child process: started, read line by line, ended. Knows nothing of FTP.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { within } from "../kit/temporary.js";

/** The compiled program. */
export const MAIN = join(import.meta.dirname, "../../dist/cli/main.js");

/** Flags without which one wrong password after the other is answered late, and at last not at all. */
export const GUESSING = ["--limit", "bans=off", "--limit", "loginDelay=0"] as const;

/** A running program; disposing it kills it. */
class Started implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals | null>;
  readonly #output = { stdout: "", stderr: "" };
  #arrived = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close").then(([code, signal]) => code ?? signal);
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#output[name] += text;
        this.#arrived();
      });
    void this.#ended.then(() => this.#arrived());
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  /** All that was printed so far. */
  get output(): string {
    return this.stdout + this.stderr;
  }

  /** The lines printed so far that match. */
  lines(pattern: RegExp): string[] {
    return this.output.split("\n").filter((line) => pattern.test(line));
  }

  /** The first complete line that matches, waited for. @throws Error when the program ends without it */
  line(pattern: RegExp): Promise<string> {
    const waiting = async () => {
      for (;;) {
        const complete = this.output.slice(0, this.output.lastIndexOf("\n") + 1).split("\n");
        const found = complete.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        assert.ok(this.#child.exitCode === null && this.#child.signalCode === null, `ended: ${this.output}`);
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
    };
    return within(waiting(), () => `a line like ${pattern}; printed so far: ${this.output}`);
  }

  /** The processes that it has started. */
  async children(): Promise<readonly number[]> {
    const { pid } = this.#child;
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    return text.split(" ").filter(Boolean).map(Number);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Reads its lines no more, and lets it know. */
  async hangUp(): Promise<void> {
    const { stdout } = this.#child;
    assert.ok(stdout);
    stdout.destroy();
    await once(stdout, "close");
  }

  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals | null> {
    return within(this.#ended, () => `the end of the program; printed so far: ${this.output}`);
  }

  /** Ends it as a user does, so that all that it has to say is said. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    assert.equal(await this.ended(), 0, this.output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** A program that listens. */
export class Listening extends Started {
  /** The first URL that it printed. */
  url = new URL("ftp://nowhere");

  get port(): number {
    return Number(this.url.port);
  }

  /** The first URL for implicit TLS that it printed. */
  get implicitUrl(): URL {
    return new URL(/ftps:\/\/[^\s"]+/.exec(this.stdout)?.[0] ?? "ftps://nowhere");
  }

  /** The URL of a path, for a user and password of the test where given. */
  at(path: string, login?: string): string {
    return `ftp://${login === undefined ? "" : `${login}@`}${this.url.host}${path}`;
  }
}

/** Starts the program on a free port and waits until it listens. */
export async function start(...args: string[]): Promise<Listening> {
  // Started by hand, also where npm runs the tests: under npm a second SIGINT may be the echo of the first.
  const { npm_lifecycle_event: _npm, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN, "--port", "0", ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const program = new Listening(child);
  try {
    const line = await program.line(/ftp:\/\//);
    program.url = new URL(/ftp:\/\/[^\s"]+/.exec(line)?.[0] ?? "");
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
  return program;
}

/** A port of 127.0.0.1 that is taken until this is disposed. */
export async function holdPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** A port of 127.0.0.1 that nobody listened at a moment ago. */
export async function freePort(): Promise<number> {
  await using held = await holdPort();
  return held.port;
}
