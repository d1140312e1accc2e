/** S13.2 to S13.4, S13.6, S13.10, S13.11: more connections than there is room for, and peers that never answer. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { begin, collect, download, offer, portCommand, upload } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { serve } from "../kit/serve.js";
import { put } from "../kit/store.js";
import { until, within } from "../kit/temporary.js";
import { localFolder } from "../robustness/kit-local.js";
import { Witness } from "../robustness/kit-witness.js";

/** The first line that a program prints. */
async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  while (!text.includes("\n")) {
    const [chunk] = (await within(once(child.stdout ?? child, "data"), "a line of the child", 60_000)) as [Buffer];
    text += chunk.toString();
  }
  return text.slice(0, text.indexOf("\n"));
}

/** Many connections at once that say nothing; those that the system turns away count, too. */
function crowd(port: number, size: number): readonly net.Socket[] {
  return Array.from({ length: size }, () => net.connect(port, "127.0.0.1").on("error", () => undefined));
}

test("S13.2 500 clients of a process with 160 descriptors: refusals, no crash, and service once they are gone", async (t) => {
  const prlimit = requireProgram(t, "prlimit");
  if (prlimit === undefined) return;
  await using folder = await localFolder();
  const script = join(import.meta.dirname, "kit-child-server.js");
  const child = spawn(prlimit, [
    "--nofile=160:160",
    process.execPath,
    "--unhandled-rejections=strict",
    script,
    folder.root,
  ]);
  try {
    const port = Number(await firstLine(child));
    const early = await (await ScriptedClient.connect(port)).login();
    const sockets = crowd(port, 500);
    await until(() => sockets.every((socket) => !socket.connecting), undefined, "all have come or been refused");
    // Every descriptor is taken: a passive port and a file are refused, in order.
    for (let round = 0; round < 5; round++) await early.expect("EPSV", 229, 425, 421);
    await early.expect("SIZE nothing", 550, 450, 451);
    await early.expect("EPSV", 229, 425);
    await early.expect("STOR f", 150, 425, 450, 451, 553);
    await early.expect("ABOR", 226, 425, 426);
    for (const socket of sockets) socket.destroy();
    await until(() => serves(port), undefined, "the next client is served");
    await early[Symbol.asyncDispose]();
    assert.equal(child.exitCode, null, "the server has died");
    child.stdin.end();
    const [code] = (await within(once(child, "exit"), "the end of the child")) as [number];
    assert.equal(code, 0);
  } finally {
    child.kill("SIGKILL");
  }
  assert.deepEqual(await folder.names(), []);
});

/** Whether a new client can log in, upload and list. */
async function serves(port: number): Promise<boolean> {
  try {
    await using client = await ScriptedClient.connect(port);
    await client.login();
    await upload(client, "STOR f", "content");
    await client.expect("DELE f", 250);
    return true;
  } catch {
    return false;
  }
}

test("S13.3 100 sessions with passive ports where nobody comes, of each a hundred: one listener each, all given back", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ dataTimeout: 200 });
    const clients = await Promise.all(Array.from({ length: 100 }, () => served.user()));
    const listeners = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
    const before = listeners();
    for (const client of clients) client.send("EPSV\r\n".repeat(20));
    for (const client of clients) for (let reply = 0; reply < 20; reply++) await client.expectReply(229);
    assert(listeners() <= before + 100, `${listeners() - before} listeners of 100 sessions`);
    await Promise.all(
      clients.map(async (client) => {
        await client.expect("LIST", 150);
        await client.expectReply(425);
      }),
    );
    await until(() => listeners() === before, undefined, "the listeners are closed");
    for (const client of clients) await client.assertQuiet();
  });
});

for (const ending of ["time-out", "ABOR", "reset"] as const)
  test(`S13.4 PORT to an address that does not answer ends by ${ending}`, async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "kit-child-deaf.js")]);
    try {
      const port = Number(await firstLine(child));
      const sockets = crowd(port, 16);
      // The first fill what little queue there is; the rest gets no answer at all.
      await until(() => sockets.some((socket) => !socket.connecting), undefined, "the queue fills");
      await assertNoLeaks(async () => {
        await using served = await serve({ dataTimeout: ending === "time-out" ? 300 : 60_000 });
        await using witness = await Witness.begin(served);
        const client = await served.user();
        await client.expect(portCommand("127.0.0.1", port), 200);
        await client.expect("LIST", 150);
        if (ending === "ABOR") client.send("ABOR\r\n");
        if (ending === "reset") client.reset();
        else await client.expectReply(425, 426);
        if (ending === "ABOR") await client.expectReply(226);
        await until(() => served.server.sessions.length === (ending === "reset" ? 1 : 2));
        if (ending !== "reset") await client.assertQuiet();
        await witness.assertUnharmed();
      });
      for (const socket of sockets) socket.destroy();
    } finally {
      child.kill("SIGKILL");
    }
  });

test("S13.6 100 active transfers in a row from one source port, and two at once", async () => {
  await using served = await serve({ active: { sourcePort: 30_000 + (process.pid % 2000) } });
  await put(served.fileSystem, "/f", "content");
  const [one, other] = [await served.user(), await served.user()];
  for (let round = 0; round < 100; round++)
    assert.equal((await download(one, "RETR f", "PORT")).bytes.toString(), "content");
  await using first = await offer(one, "PORT");
  await using second = await offer(other, "PORT");
  const [, a] = await begin(one, "RETR f", first);
  const [, b] = await begin(other, "RETR f", second);
  assert.equal(a.remotePort, b.remotePort);
  assert.deepEqual([await collect(a), await collect(b)].map(String), ["content", "content"]);
  await one.expectReply(226);
  await other.expectReply(226);
});

test("S13.10 on a listener for both families an IPv4 client is known by its IPv4 address, everywhere", async () => {
  await assertNoLeaks(async () => {
    const seen: string[] = [];
    await using served = await serve({ host: "::" }, (server) => {
      server.on("connect", (question) => {
        seen.push(question.remoteAddress);
        if (question.remoteAddress === "127.0.0.2") question.reject(421, "banned");
      });
    });
    const banned = await ScriptedClient.connect(served.port, "127.0.0.1", { localAddress: "127.0.0.2" });
    assert.equal(banned.greeting.code, 421);
    await banned.expectClosed();
    await using client = await ScriptedClient.connect(served.port, "127.0.0.1");
    await client.login();
    assert.deepEqual(seen, ["127.0.0.2", "127.0.0.1"]);
    const [session] = served.server.sessions;
    assert.deepEqual([session?.remoteAddress, session?.localAddress], ["127.0.0.1", "127.0.0.1"]);
    for (const mode of ["PASV", "EPSV", "PORT", "EPRT"] as const) await download(client, "LIST", mode);
    await using six = await ScriptedClient.connect(served.port, "::1");
    await six.login();
    assert.equal(seen.at(-1), "::1");
    for (const mode of ["EPSV", "EPRT"] as const) await download(six, "LIST", mode);
  });
});

test("S13.11 300 clients that never log in, silent or dripping, are gone at the login time-out; a real one comes in", async () => {
  await assertNoLeaks(async () => {
    await using served = await serve({ loginTimeout: 1500 });
    const sockets = crowd(served.port, 300);
    await until(() => served.server.sessions.length === 300, undefined, "all are connected");
    const drip = setInterval(() => {
      for (const socket of sockets.filter((_, index) => index % 2 === 0)) if (socket.writable) socket.write("N");
    }, 100);
    for (const socket of sockets) socket.resume();
    const client = await served.user();
    await download(client, "LIST");
    await until(() => served.server.sessions.length === 1, undefined, "only the real one is left");
    clearInterval(drip);
    await client.assertQuiet();
    for (const socket of sockets) socket.destroy();
  });
});
