/** S18.1 to S18.3, S18.10 to S18.12: sockets that break, at any moment of a session, end that session and nothing else. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { MemoryFileSystem, type Session } from "../../dist/index.js";
import { begin, download, type Offer, offer, reset } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram, run } from "../kit/programs.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { type Served, serve } from "../kit/serve.js";
import { names, put } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";

/** What a client has done when its connection breaks. The data connection, if there is one, is given. */
type Phase = (client: ScriptedClient) => Promise<net.Socket | undefined>;

const after =
  (...lines: readonly string[]): Phase =>
  async (client) => {
    for (const line of lines) await client.command(line);
    return undefined;
  };
const sending =
  (text: string | Uint8Array, phase: Phase): Phase =>
  async (client) => {
    const socket = await phase(client);
    client.send(text);
    return socket;
  };
const login = after("USER test", "PASS secret", "TYPE I");
const connected: Phase = async (client) => {
  await login(client);
  return (await offer(client, "EPSV")).connect();
};
const moving =
  (command: string): Phase =>
  async (client) => {
    await login(client);
    const [, socket] = await begin(client, command, await offer(client, "EPSV"));
    if (command.startsWith("STOR")) socket.write(bytesOf(100_000));
    return socket;
  };

const PHASES: Readonly<Record<string, Phase>> = {
  "the greeting": after(),
  "half a line": sending("USE", after()),
  "half a character": sending(Buffer.from([0x55, 0x53, 0xc3]), after()),
  IAC: sending(Buffer.of(0xff), after()),
  USER: after("USER test"),
  "PASS, unanswered": sending("PASS secret\r\n", after("USER test")),
  login,
  "a thousand commands, unanswered": sending("PWD\r\n".repeat(1000), login),
  EPSV: after("USER test", "PASS secret", "EPSV"),
  PASV: after("USER test", "PASS secret", "PASV"),
  RNFR: after("USER test", "PASS secret", "RNFR f"),
  REST: after("USER test", "PASS secret", "REST 5"),
  "a data connection": connected,
  "RETR, unanswered": sending("RETR f\r\n", connected),
  "RETR midway": moving("RETR f"),
  "STOR midway": moving("STOR up"),
  "LIST midway": moving("LIST"),
  "ABOR, unanswered": sending("ABOR\r\n", moving("RETR f")),
  "QUIT, unanswered": sending("QUIT\r\n", login),
  "QUIT during RETR": sending("QUIT\r\n", moving("RETR f")),
  REIN: after("USER test", "PASS secret", "REIN"),
};

const WAYS: Readonly<Record<string, (client: ScriptedClient, data: net.Socket | undefined) => void>> = {
  RST: (client) => client.reset(),
  FIN: (client) => client.end(),
  "a drop": (client) => client.socket.destroy(),
  "RST of both": (client, data) => {
    client.reset();
    if (data !== undefined) reset(data);
  },
  "RST of the data, then of control": (client, data) => {
    if (data !== undefined) reset(data);
    client.reset();
  },
};

for (const [way, leave] of Object.entries(WAYS))
  test(`S18.1 S18.3 ${way} in every phase: the session ends, nothing fails, others go on`, () =>
    assertNoLeaks(async () => {
      const errors: unknown[] = [];
      await using served = await serve({ stallTimeout: 5000 }, (server) => {
        server.on("error", ({ error }) => errors.push(error));
      });
      await put(served.fileSystem, "/f", bytesOf(3_000_000));
      const witness = await served.user();
      for (const [phase, reach] of Object.entries(PHASES)) {
        const client = await served.client();
        const data = await reach(client);
        leave(client, data);
        data?.resume().on("error", () => undefined);
        data?.end();
        await until(() => served.server.sessions.length === 1, 10_000, `the session ends after ${phase}`);
        data?.destroy();
        await witness.assertQuiet();
      }
      assert.deepEqual(errors, []);
      assert.deepEqual(
        (await names(served.fileSystem)).filter((name) => name !== "up"),
        ["f"],
      );
      assert.equal((await download(witness, "NLST")).bytes.toString().includes("f\r\n"), true);
    }));

test("S18.1 S13.1 500 clients that are gone as soon as they are there", () =>
  assertNoLeaks(async () => {
    const errors: unknown[] = [];
    await using served = await serve({}, (server) => server.on("error", ({ error }) => void errors.push(error)));
    for (let round = 0; round < 10; round++)
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const socket = net.connect({ port: served.port, host: served.host }).on("error", () => undefined);
          await once(socket, "connect");
          if (index % 3 === 0) socket.write("USER test\r\nPASS secret\r\nEPSV\r\nLIST\r\n");
          const closed = once(socket, "close");
          if (index % 2 === 0) reset(socket);
          else socket.destroy();
          await closed;
        }),
      );
    await until(() => served.server.sessions.length === 0);
    await (await served.user()).assertQuiet();
    assert.deepEqual(errors, []);
  }));

/** A server whose control sockets the test holds, as a host does that accepts connections itself. */
async function held(): Promise<
  { served: Served; sockets: net.Socket[]; client: () => Promise<ScriptedClient> } & AsyncDisposable
> {
  const served = await serve();
  await put(served.fileSystem, "/f", bytesOf(3_000_000));
  const sockets: net.Socket[] = [];
  const acceptor = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    served.server.handle(socket);
  });
  acceptor.listen(0, "127.0.0.1");
  await once(acceptor, "listening");
  const { port } = acceptor.address() as net.AddressInfo;
  const clients: ScriptedClient[] = [];
  return {
    served,
    sockets,
    async client() {
      const client = await ScriptedClient.connect(port);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      const closed = once(acceptor, "close");
      acceptor.close();
      await closed;
      await served[Symbol.asyncDispose]();
    },
  };
}

describe("S18.2 an error of the server's own socket", () => {
  for (const [what, fail] of [
    ["destroyed with an error", (socket: net.Socket) => void socket.destroy(new Error("EIO of the network"))],
    [
      "an error event, then its end",
      (socket: net.Socket) => void (socket.emit("error", new Error("boom")), socket.destroy()),
    ],
    [
      "two error events",
      (socket: net.Socket) => void (socket.destroy(new Error("one")), socket.emit("error", new Error("two"))),
    ],
    ["ended from outside", (socket: net.Socket) => void socket.end()],
    ["a time-out that somebody set", (socket: net.Socket) => void (socket.emit("timeout"), socket.destroy())],
  ] as const)
    test(`${what}, in every phase: nobody has to catch it`, () =>
      assertNoLeaks(async () => {
        await using host = await held();
        for (const [phase, reach] of Object.entries(PHASES)) {
          const client = await host.client();
          const data = await reach(client).catch(() => undefined);
          const socket = host.sockets.at(-1);
          assert(socket);
          fail(socket);
          await until(() => client.socket.readableEnded || client.socket.closed, 10_000, `the end after ${phase}`);
          client.socket.destroy();
          data?.destroy();
          await until(() => host.served.server.sessions.length === 0, 10_000, `no session after ${phase}`);
        }
      }));
});

test("S18.12 a session that is over can still be asked and ended, again and again", () =>
  assertNoLeaks(async () => {
    const over: Session[] = [];
    const errors: unknown[] = [];
    await using served = await serve({}, (server) => {
      server.on("closed", ({ session }) => {
        session.close("twice");
        over.push(session);
      });
      server.on("error", ({ error }) => void errors.push(error));
    });
    for (const leave of ["reset", "end"] as const) (await served.user())[leave]();
    await until(() => over.length === 2);
    for (const session of over) {
      session.close();
      session.close("once more");
      assert.deepEqual(
        [session.remoteAddress, session.localAddress, session.localPort],
        ["127.0.0.1", "127.0.0.1", served.port],
      );
      assert(session.remotePort > 0);
      assert.deepEqual([session.username, session.transfer], ["test", undefined]);
    }
    await Promise.all([served.server.close(), served.server.close()]);
    await served.server.close();
    assert.deepEqual(errors, []);
  }));

describe("S18.11 timers", () => {
  test("of sessions, offers and transfers are gone with them", () =>
    assertNoLeaks(async () => {
      await using served = await serve({
        idleTimeout: 3_600_000,
        loginTimeout: 3_600_000,
        dataTimeout: 3_600_000,
        stallTimeout: 3_600_000,
        hookTimeout: 3_600_000,
      });
      await put(served.fileSystem, "/f", bytesOf(3_000_000));
      const offers: Offer[] = [];
      await served.client();
      for (const line of ["", "NOOP", "EPSV", "LIST", "STOR x"]) {
        const client = await served.user();
        if (/LIST|STOR/.test(line)) offers.push(await offer(client, "EPSV"));
        client.send(line === "" ? "" : `${line}\r\n`);
      }
      const client = await served.user();
      const [, socket] = await begin(client, "RETR f", await offer(client, "EPSV"));
      await served.server.close();
      socket.destroy();
      assert.equal(served.server.sessions.length, 0);
    }));
});

describe("S18.10 S12.8 ABOR with urgent data, as Telnet wants it", () => {
  const PROGRAM = `
import socket, sys
port = int(sys.argv[1])
def line(s, f, text): s.sendall(text.encode() + b"\\r\\n"); return f.readline().decode().strip()
variants = {
  "IP urgent, DM urgent": [(b"\\xff\\xf4\\xff", 1), (b"\\xf2", 1), (b"ABOR\\r\\n", 0)],
  "IP IAC, DM urgent": [(b"\\xff\\xf4\\xff", 0), (b"\\xf2", 1), (b"ABOR\\r\\n", 0)],
  "all before ABOR urgent": [(b"\\xff\\xf4\\xff\\xf2", 1), (b"ABOR\\r\\n", 0)],
  "DM in front of ABOR": [(b"\\xff\\xf4", 1), (b"\\xf2ABOR\\r\\n", 0)],
  "nothing urgent": [(b"\\xff\\xf4\\xff\\xf2ABOR\\r\\n", 0)],
  "the LF urgent": [(b"ABOR\\r\\n", 1)],
  "small letters": [(b"\\xff\\xf4\\xff", 1), (b"abor\\r\\n", 0)],
}
for name, parts in variants.items():
  for moving in (False, True):
    s = socket.create_connection(("127.0.0.1", port), 20); f = s.makefile("rb"); f.readline()
    for text in ("USER test", "PASS secret", "TYPE I"): line(s, f, text)
    if moving:
      data = int(line(s, f, "EPSV").split("|")[3])
      d = socket.create_connection(("127.0.0.1", data), 20)
      line(s, f, "STOR x"); d.sendall(b"some")
    for part, urgent in parts: s.send(part, socket.MSG_OOB if urgent else 0)
    codes = [f.readline()[:3].decode() for _ in range(2 if moving else 1)]
    codes.append(line(s, f, "PWD")[:3])
    print(name, "moving" if moving else "idle", *codes, sep=",")
    s.close()
`;

  test("each variant, idle and during a transfer: one answer each, and the next command is whole", async (t) => {
    const python = requireProgram(t, "python3");
    if (python === undefined) return;
    await using served = await serve({ fileSystem: new MemoryFileSystem() });
    const { code, stdout, stderr } = await run(python, ["-c", PROGRAM, String(served.port)], { timeout: 30_000 });
    assert.equal(code, 0, stdout + stderr);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 14, stdout);
    for (const line of lines) assert.match(line, /,idle,226,257$|,moving,426,226,257$/);
    assert.deepEqual(await names(served.fileSystem), []);
  });
});
