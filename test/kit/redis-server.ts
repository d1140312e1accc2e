/**
 * A real Redis in a process of its own: in memory, on a free port of the loopback, stopped by its process. Knows nothing
 * of FTP.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { freePort } from "../cli/started.js";
import { until, within } from "./temporary.js";

/** A Redis that can be hurt. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  #child: ChildProcess | undefined;

  private constructor(program: string, port: number) {
    this.#program = program;
    this.port = port;
  }

  /** Starts one. @param program its full path */
  static async start(program: string): Promise<RedisServer> {
    const server = new RedisServer(program, await freePort());
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Runs it again, at the same port, with nothing in it. */
  async run(): Promise<void> {
    assert.equal(this.#child, undefined, "it runs");
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const child = spawn(this.#program, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    child.stdout.resume();
    await until(() => this.#answers(), undefined, "redis answers");
  }

  /** It stays, its connections too, and answers nothing. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Without a word, paused or not. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await within(closed, "the end of redis");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  /** Inline commands, so that no client is needed to know. */
  async #answers(): Promise<boolean> {
    assert.equal(this.#child?.exitCode, null, "redis has ended");
    const socket = connect(this.port, "127.0.0.1");
    try {
      socket.on("connect", () => socket.write("PING\r\n"));
      const [answer] = await within(once(socket, "data"), "an answer", 1000);
      return String(answer) === "+PONG\r\n";
    } catch {
      return false;
    } finally {
      socket.on("error", () => undefined).destroy();
    }
  }
}
