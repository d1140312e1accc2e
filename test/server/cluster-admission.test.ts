/** Limits and bans of an embedder's own cluster: `shareAdmission` in the primary, a `ClusterAdmissionStore` in each worker. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { ScriptedClient } from "../kit/scripted-client.js";
import { until, within } from "../kit/temporary.js";

interface Cluster extends AsyncDisposable {
  readonly port: number;
  readonly lines: readonly string[];
  client(): Promise<ScriptedClient>;
}

async function cluster(...args: string[]): Promise<Cluster> {
  const program = join(import.meta.dirname, "cluster-program.js");
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const clients: ScriptedClient[] = [];
  const closed = once(child, "close");
  const reader = createInterface(child.stdout).on("line", (line) => lines.push(line));
  await within(once(reader, "line"), "a cluster that listens");
  const port = Number(lines[0]?.replace("port ", ""));
  return {
    port,
    lines,
    client: async () => {
      const client = await ScriptedClient.connect(port);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      child.kill("SIGKILL");
      await closed;
    },
  };
}

async function greetings(served: Cluster, count: number): Promise<readonly number[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => served.client()));
  return clients.map(({ greeting }) => greeting.code).toSorted((one, other) => one - other);
}

describe("a cluster of an embedder", () => {
  test("sessions of an address are counted over all workers", async () => {
    await using served = await cluster("3");
    assert.deepEqual(await greetings(served, 9), [220, 220, 220, 421, 421, 421, 421, 421, 421]);
    assert.equal(served.lines.length, 1, String(served.lines));
  });

  test("sessions of an account too, and one that leaves makes room", async () => {
    await using served = await cluster("2");
    const [first, second] = [await served.client(), await served.client()];
    await first.expect("USER anna", 331);
    await first.expect("PASS secret", 230);
    await second.expect("USER anna", 331);
    await second.expect("PASS secret", 530);
    await first.expect("QUIT", 221);
    await first.expectClosed();
    // The client knows before the server that it is gone.
    await until(async () => {
      await second.expect("USER anna", 331);
      return (await second.expect("PASS secret", 230, 530)).code === 230;
    });
  });

  test("a ban holds with all workers", async () => {
    await using served = await cluster("3");
    for (const code of [530, 421]) {
      const client = await served.client();
      await client.expect("USER anna", 331);
      await client.expect("PASS wrong", code);
    }
    assert.deepEqual(await greetings(served, 6), [421, 421, 421, 421, 421, 421]);
  });

  test("where the primary does not share, clients are let in, and the error says what is missing", async () => {
    await using served = await cluster("2", "alone");
    assert.deepEqual(await greetings(served, 2), [220, 220]);
    assert.match(
      served.lines[1] ?? "",
      /^error the primary has not answered in 1500 ms: is shareAdmission\(\) called\?$/,
    );
  });
});
