/** `fd`: a socket that somebody else listens on, as systemd does. While one server ends and the next begins, clients wait. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { describe, test } from "node:test";
import { Server } from "../../dist/index.js";
import { begin, offer, pour } from "../kit/data.js";
import { requireProgram } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, within } from "../kit/temporary.js";

/** Listens, and starts the program of its arguments on the socket, once for each line that it reads. */
const ACTIVATOR = `
import socket, subprocess, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64); s.set_inheritable(True)
print("port", s.getsockname()[1], flush=True)
for name in sys.stdin:
    child = subprocess.Popen([*sys.argv[1:], str(s.fileno()), name.strip()], pass_fds=[s.fileno()], stdin=subprocess.DEVNULL)
    print("pid", child.pid, flush=True)
`;

/** Whoever listens, and the programs on its socket. */
class Activator implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #pids: number[] = [];
  port = 0;

  constructor(python: string) {
    const program = [process.execPath, join(import.meta.dirname, "descriptor-program.js")];
    this.#child = spawn(python, ["-c", ACTIVATOR, ...program], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout as NodeJS.ReadableStream);
  }

  async open(): Promise<void> {
    this.port = Number((await this.line()).replace("port ", ""));
  }

  async line(): Promise<string> {
    const [line] = await within(once(this.#lines, "line"), "a line");
    return line;
  }

  async launch(name: string): Promise<number> {
    const said: string[] = [];
    const both = new Promise<void>((resolve) => {
      const take = (line: string): void => {
        if (said.push(line) < 2) return;
        this.#lines.off("line", take);
        resolve();
      };
      this.#lines.on("line", take);
    });
    this.#child.stdin?.write(`${name}\n`);
    await within(both, "a server that listens");
    const pid = Number(said.find((line) => line.startsWith("pid "))?.slice(4));
    this.#pids.push(pid);
    assert.ok(said.includes(`listening ${this.port} listening`), String(said));
    return pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#pids)
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }
}

describe("fd", () => {
  test("a restart loses nobody: transfers finish at the old one, who comes meanwhile is served by the new one", async (t) => {
    const python = requireProgram(t, "python3");
    if (python === undefined) return;
    await using activator = new Activator(python);
    await activator.open();
    const old = await activator.launch("old");
    await using client = await ScriptedClient.connect(activator.port);
    assert.match(client.greeting.lines.join(), /I am old/);
    await client.login("a", "b");
    await client.expect("TYPE I", 200);
    await using offered = await offer(client, "EPSV");
    const [, data] = await begin(client, "STOR f", offered);
    await using idle = await (await ScriptedClient.connect(activator.port)).login("a", "b");
    process.kill(old, "SIGTERM");
    await idle.expectReply(421);
    // The system accepts this one; nobody greets it yet.
    const early = connect(activator.port, "127.0.0.1");
    await once(early, "connect");
    const greeted = once(early, "data");
    await activator.launch("new");
    assert.match(String(await within(greeted, "a greeting")), /I am new/);
    early.destroy();
    await pour(data, bytesOf(100_000));
    await client.expectReply(226);
    await client.expectReply(421);
    client.end();
  });

  for (const [message, options] of [
    [/^give either fd, or host and port$/, { fd: 3, port: 21 }],
    [/^give either listeners\[0\]\.fd, or listeners\[0\]\.host/, { listeners: [{ fd: 3, host: "::" }] }],
    [/^give either listeners, or host, port, fd/, { fd: 3, listeners: [{ port: 0 }] }],
    [/^fd must be an integer from 0/, { fd: -1 }],
  ] as const)
    test(`${message}`, () => assert.throws(() => new Server(options), { message }));
});
