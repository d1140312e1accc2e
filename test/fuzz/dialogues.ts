/**
 * Whole dialogues over real sockets: any commands in any pieces, pipelined, with data connections or without, in clear or
 * under TLS, to any end. Each line has its one reply, the server stays as it was, and nothing outside of the root moves.
 */
import assert from "node:assert/strict";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LocalFileSystem, Server } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, until } from "../kit/temporary.js";
import { type LocalFolder, localFolder } from "../robustness/kit-local.js";
import { play } from "./player.js";
import { SCRIPT } from "./scripts.js";
import { fuzz, type Target } from "./target.js";

const LARGE = bytesOf(2_000_000, 8);

/** The same files for every dialogue; links lead out. */
async function furnish({ root }: LocalFolder): Promise<void> {
  await rm(root, { recursive: true, force: true });
  await mkdir(join(root, "dir"), { recursive: true });
  await writeFile(join(root, "file"), "some text\nand more\n");
  await writeFile(join(root, "log"), "a line\n");
  await writeFile(join(root, "large"), LARGE);
  await symlink("../outside", join(root, "out"));
  await symlink("..", join(root, "up"));
}

/** A server of TLS and clear text whose time-outs are short, and the faults that it has told. */
async function start(root: string): Promise<{ readonly server: Server; readonly faults: unknown[] }> {
  const { cert, key } = (await testCertificates()).server;
  const server = new Server({
    host: "127.0.0.1",
    port: 0,
    tls: { cert, key, require: "none", handshakeTimeout: 1000 },
    dataTimeout: 200,
    stallTimeout: 400,
    loginDelay: 0,
    bans: { after: 0 },
    overwriteOnRename: true,
    partialUploads: "discard",
  });
  const faults: unknown[] = [];
  server.on("login", (login) => {
    if (login.password === "secret") login.accept({ fileSystem: new LocalFileSystem(root) });
  });
  server.on("error", ({ error }) => faults.push(error));
  await server.listen();
  return { server, faults };
}

/** That a client that comes now is served as ever. */
async function assertServes(port: number): Promise<void> {
  await using client = await ScriptedClient.open(port, "127.0.0.1");
  await client.expectReply(220);
  await client.login();
  await client.expect("PWD", 257);
  await client.expect("QUIT", 221);
  await client.expectClosed();
}

/** Whole dialogues. */
export const DIALOGUE_TARGETS: readonly Target[] = [
  {
    name: "whole dialogues",
    weight: 16,
    async fuzz(turn) {
      await using folder = await localFolder();
      const { server, faults } = await start(folder.root);
      try {
        const [address] = server.addresses;
        assert(address);
        return await fuzz(
          SCRIPT,
          async (script) => {
            await furnish(folder);
            faults.splice(0);
            await play(script, address.port);
            await assertServes(address.port);
            await until(() => server.sessions.length === 0, undefined, "every session is over");
            assert.deepEqual(faults, [], "faults of a store that has none");
            const left = (await folder.names()).filter((name) => name.startsWith(".portside"));
            assert.deepEqual(left, [], "left behind by uploads");
            await folder.assertCanary();
          },
          turn,
        );
      } finally {
        await server.close();
      }
    },
  },
];
