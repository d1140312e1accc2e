/** Behind a real HAProxy: control port and passive ports, PROXY headers of both versions, real clients in front of it. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { type DataChannel, MemoryFileSystem, Server, type Session } from "../../dist/index.js";
import { freeRange } from "../channel/connections.js";
import { freePort } from "../cli/started.js";
import { testCertificates } from "../kit/certificates.js";
import { PROXY_SOURCE, startHaproxy } from "../kit/haproxy.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram, run } from "../kit/programs.js";
import { content, put } from "../kit/store.js";
import { bytesOf, temporaryDirectory, until } from "../kit/temporary.js";

const FRONT = "127.0.0.20";
const CLIENT = "127.0.0.1";
const BYTES = bytesOf(700_000, 5);

interface Front {
  readonly fileSystem: MemoryFileSystem;
  /** Where clients connect to, as in a URL. */
  readonly authority: string;
  readonly folder: string;
  /** Where each session says that its client is, and its proxy. */
  readonly clients: (readonly [address: string, local: string, proxy: string | undefined])[];
  readonly channels: DataChannel[];
  readonly strangers: (string | undefined)[];
  /** Runs a client in the folder and asserts that it is content. */
  client(program: string, ...args: readonly string[]): Promise<void>;
}

interface FrontOptions {
  readonly version: "v1" | "v2";
  readonly host?: string;
  readonly check?: boolean;
  readonly tls?: boolean;
}

/** A server that only HAProxy can reach, and a store with one file. */
async function behind(t: TestContext, options: FrontOptions, work: (front: Front) => Promise<void>): Promise<void> {
  const { host = FRONT } = options;
  const program = requireProgram(t, "haproxy");
  if (program === undefined) return;
  const { server: pair } = await testCertificates();
  await assertNoLeaks(async () => {
    await using folder = await temporaryDirectory();
    const fileSystem = new MemoryFileSystem();
    await put(fileSystem, "/file", BYTES);
    const passive = await freeRange(10);
    await using server = new Server({
      host: "127.0.0.1",
      port: 0,
      ...(options.tls && { tls: pair }),
      passive: { ports: passive },
      proxy: { from: [PROXY_SOURCE], passive: true },
    });
    const seen: Pick<Front, "clients" | "channels" | "strangers"> = { clients: [], channels: [], strangers: [] };
    server.on("login", (login) => login.accept({ fileSystem }));
    server.on("loggedIn", ({ session }) => void seen.clients.push(ends(session)));
    server.on("dataChannel", ({ channel }) => void seen.channels.push(channel));
    server.on("stranger", ({ address }) => void seen.strangers.push(address));
    await server.listen();
    const checked: string[] = [];
    if (options.check) server.on("connect", ({ remoteAddress }) => void checked.push(remoteAddress));
    const [port, { port: own }] = [await freePort(), server.addresses[0]!];
    await using _haproxy = await startHaproxy({ program, ...options, host, port, server: own, passive });
    if (options.check) await until(() => checked.filter((address) => address === PROXY_SOURCE).length > 2);
    const client: Front["client"] = async (name, ...args) => {
      const path = requireProgram(t, name);
      if (path === undefined) return;
      const { code, stderr } = await run(path, args, { cwd: folder.path, env: { HOME: folder.path } });
      assert.equal(code, 0, stderr);
    };
    const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    await work({ ...seen, fileSystem, authority, folder: folder.path, client });
  });
}

function ends({ remoteAddress, localAddress, proxy }: Session): Front["clients"][number] {
  return [remoteAddress, localAddress, proxy];
}

/** Down and up, by curl, with more arguments. */
async function byCurl({ client, fileSystem, authority, folder }: Front, ...args: readonly string[]): Promise<void> {
  const curl = ["--disable", "--silent", "--show-error", "--globoff", "--user", "test:secret", ...args];
  await client("curl", ...curl, "--output", "down", `ftp://${authority}/file`);
  await client("curl", ...curl, "--upload-file", "down", `ftp://${authority}/up`);
  assert((await readFile(join(folder, "down"))).equals(BYTES));
  assert((await content(fileSystem, "/up")).equals(BYTES));
}

function assertSeen({ clients, channels, strangers }: Front, address: string, local: string): void {
  assert(clients.length > 0);
  for (const seen of clients) assert.deepEqual(seen, [address, local, PROXY_SOURCE]);
  assert(channels.length > 0);
  for (const { kind, remoteAddress, localAddress } of channels)
    assert.deepEqual([kind, remoteAddress, localAddress], ["passive", address, local]);
  assert.deepEqual(strangers, []);
}

suite("S15.3 behind HAProxy", () => {
  for (const version of ["v1", "v2"] as const) {
    for (const [mode, ...args] of [["EPSV"], ["PASV", "--disable-epsv", "--no-ftp-skip-pasv-ip"]])
      test(`S15.3 ${version}: curl, ${mode}`, (t) =>
        behind(t, { version }, async (front) => {
          await byCurl(front, ...args);
          assertSeen(front, CLIENT, FRONT);
        }));

    test(`S15.3 ${version}: curl over IPv6, relayed over IPv4`, (t) =>
      behind(t, { version, host: "::1" }, async (front) => {
        await byCurl(front);
        assertSeen(front, "::1", "::1");
      }));

    test(`S15.3 ${version}: curl under TLS, control and data`, (t) =>
      behind(t, { version, tls: true }, async (front) => {
        await byCurl(front, "--ssl-reqd", "--insecure");
        assertSeen(front, CLIENT, FRONT);
        for (const { secure } of front.channels) assert(secure);
      }));

    test(`S15.3 ${version}: curl, active: the server connects to the client itself`, (t) =>
      behind(t, { version }, async (front) => {
        await byCurl(front, "--ftp-port", CLIENT);
        for (const { kind, remoteAddress } of front.channels)
          assert.deepEqual([kind, remoteAddress], ["active", CLIENT]);
      }));

    for (const epsv of ["off", "on"])
      test(`S15.3 ${version}: lftp, prefer-epsv ${epsv}, several connections at a time`, (t) =>
        behind(t, { version }, async (front) => {
          const { client, fileSystem, authority, folder } = front;
          for (const name of ["a", "b", "c", "d"]) await writeFile(join(folder, name), BYTES);
          const script = [
            "set cmd:fail-exit yes",
            "set net:max-retries 1",
            `set ftp:prefer-epsv ${epsv}`,
            `open -u test,secret ftp://${authority}`,
            "mirror --reverse --parallel=3 . up",
            "get file -o down",
          ];
          await client("lftp", "--norc", "-c", script.join("\n"));
          for (const name of ["a", "b", "c", "d"]) assert((await content(fileSystem, `/up/${name}`)).equals(BYTES));
          assert((await readFile(join(folder, "down"))).equals(BYTES));
          assertSeen(front, CLIENT, FRONT);
        }));

    test(`S15.3 ${version}: its own checks are sessions of its own, and harm nobody`, (t) =>
      behind(t, { version, check: true }, async (front) => {
        await byCurl(front);
        assertSeen(front, CLIENT, FRONT);
      }));
  }
});
