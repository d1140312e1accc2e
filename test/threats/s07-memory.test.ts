/** Handshakes by the thousand: the server remembers none of them. In a process of its own, so that only it is measured. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { testCertificates } from "../kit/certificates.js";
import { within } from "../kit/temporary.js";
import { only, VERSIONS } from "./kit-data-tls.js";
import { TlsClient } from "./kit-data-tls-client.js";

const WARM = 300;
const MORE = 700;
const HEAP = 6 * 2 ** 20;
const RESIDENT = 48 * 2 ** 20;

interface Child extends AsyncDisposable {
  readonly port: number;
  held(): Promise<{ readonly reachable: number; readonly resident: number }>;
}

async function start(tls: object): Promise<Child> {
  const program = join(import.meta.dirname, "kit-data-tls-child.js");
  const child = spawn(process.execPath, [program, JSON.stringify(tls)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const read = async () => String((await within(lines.next(), "a line of the server")).value);
  return {
    port: Number(await read()),
    async held() {
      child.stdin.write("\n");
      const [reachable = 0, resident = 0] = (await read()).split(" ").map(Number);
      return { reachable, resident };
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await within(once(child, "exit"), "the end of the server");
    },
  };
}

/** So many data connections, each with a handshake of its own. */
async function dataHandshakes(client: TlsClient, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    const line = await client.data("LIST", { session: undefined });
    await line.collect();
    await client.expectReply(226);
    await client.forget(line);
  }
}

/** So many control connections, each with a handshake of its own and a session that can be gone on with. */
async function controlHandshakes(port: number, options: ConnectionOptions, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await using client = await TlsClient.connect(port);
    await client.secure(options);
    await client.expect("QUIT", 221);
    await client.expectClosed();
  }
}

for (const version of VERSIONS)
  for (const requireSessionReuse of [false, true])
    test(`S7.3 ${version}, requireSessionReuse ${requireSessionReuse}: ${WARM + MORE} handshakes: the heap is flat`, async () => {
      const { server } = await testCertificates();
      await using child = await start({ ...server, requireSessionReuse });
      const some = async (count: number) => {
        await controlHandshakes(child.port, only(version), count);
        if (requireSessionReuse) return child.held();
        await using client = await TlsClient.login(child.port, only(version));
        await dataHandshakes(client, count);
        return await child.held();
      };
      const warm = await some(WARM);
      const after = await some(MORE);
      assert(after.reachable - warm.reachable < HEAP, `${after.reachable - warm.reachable} bytes more are held`);
      assert(after.resident - warm.resident < RESIDENT, `${after.resident - warm.resident} bytes more are resident`);
    });
