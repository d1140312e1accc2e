/** S13.2, S13.11: connections beyond every bound cost next to nothing, and the server is itself again when they are gone. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { until, within } from "../kit/temporary.js";
import type { Figures } from "./kit-siege-server.js";

const SERVER = join(import.meta.dirname, "kit-siege-server.js");

async function portOf(child: ChildProcess): Promise<number> {
  return (await within(once(child, "message"), "the port of the child"))[0] as number;
}

async function figuresOf(child: ChildProcess): Promise<Figures> {
  const answer = within(once(child, "message"), "figures");
  child.send("figures");
  return (await answer)[0] as Figures;
}

/** Many connections that read nothing and never end by themselves. */
function crowd(port: number, size: number): readonly net.Socket[] {
  return Array.from({ length: size }, () =>
    net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => undefined),
  );
}

/** Milliseconds of the processor that a process has taken. */
function computedBy(pid: number): number {
  const [, rest = ""] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1")) ?? [];
  const fields = rest.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test("S13.2 with no descriptor left, accepting pauses instead of spinning, and goes on when there are some again", async (t: TestContext) => {
  const prlimit = requireProgram(t, "prlimit");
  if (prlimit === undefined) return;
  const child = fork(SERVER, ["{}"]);
  try {
    const port = await portOf(child);
    // Not before: Node needs more of them to load its modules.
    execFileSync(prlimit, ["--pid", String(child.pid), "--nofile=64:64"]);
    const sockets = crowd(port, 300);
    await until(() => sockets.every((socket) => !socket.connecting), undefined, "all have come or been refused");
    await until(async () => (await figuresOf(child)).sockets > 20, undefined, "it has taken what it could");
    const [before, begun] = [computedBy(child.pid as number), performance.now()];
    await until(() => performance.now() - begun > 1000, 5000, "a second has passed");
    const computed = computedBy(child.pid as number) - before;
    assert.ok(computed < 300, `${computed} ms of the processor in a second of doing nothing`);
    for (const socket of sockets) socket.destroy();
    await until(() => serves(port), undefined, "the next client is served");
    assert.equal(child.exitCode, null, "the server has died");
  } finally {
    child.kill("SIGKILL");
  }
});

async function serves(port: number): Promise<boolean> {
  try {
    await using client = await ScriptedClient.connect(port);
    await client.login();
    return true;
  } catch {
    return false;
  }
}

test("S13.11 who is sent away and does not go holds a socket for two seconds, and no more than 256 of them do", async () => {
  const child = fork(SERVER, [JSON.stringify({ limits: { address: { sessions: 1 } } })]);
  try {
    const port = await portOf(child);
    await using first = await ScriptedClient.connect(port);
    const before = await figuresOf(child);
    const sockets = crowd(port, 900);
    let most = 0;
    await until(async () => {
      most = Math.max(most, (await figuresOf(child)).sockets - before.sockets);
      return sockets.every((socket) => !socket.connecting);
    });
    assert.ok(most <= 260, `${most} sockets of those who were sent away`);
    await until(async () => (await figuresOf(child)).sockets <= before.sockets, 5000, "all are let go");
    await first.login();
    for (const socket of sockets) socket.destroy();
  } finally {
    child.kill("SIGKILL");
  }
});

test("S13.11 a crowd that has not logged in takes no place of those who have, and none of other addresses", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ limits: { address: { pending: 5 } } });
    const inside = await served.user();
    const waiting = await Promise.all(Array.from({ length: 5 }, () => served.client()));
    for (let refused = 0; refused < 20; refused++) {
      const client = await served.client();
      assert.equal(client.greeting.code, 421);
      await client.expectClosed();
    }
    await inside.assertQuiet();
    await using other = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    await other.login();
    await waiting[0]?.login();
    await served.user();
  });
});

test("S13.11 REIN does not hide a session from the bound of those who have not logged in", async () => {
  await using served = await serve({ limits: { address: { pending: 1 } } });
  const client = await served.user();
  await client.expect("REIN", 220);
  assert.equal((await served.client()).greeting.code, 421);
  await client.login();
  await served.user();
});
