/** A node ends, in order or not: what had its 226 is there and whole, nothing is there by half, and the others go on. */
import assert from "node:assert/strict";
import { suite } from "node:test";
import { begin, download, offer, upload } from "../kit/data.js";
import type { ScriptedClient } from "../kit/scripted-client.js";
import { content, exists, names } from "../kit/store.js";
import { bytesOf, until, within } from "../kit/temporary.js";
import { type Cluster, NODES, type NodeName, nodeOf, onCluster } from "./cluster.js";

/** Above the size of a part of an upload, and below it. */
const SIZES = [9_000_000, 300_000, 1_500_000, 1] as const;
/** How a session may end that was at a node that ends. */
const ENDED = /"421 |connection is closed|ECONNRESET|EPIPE/;

/** What several clients have uploaded, each file once. */
class Load {
  /** Whose 226 has come: by path, what it holds. */
  readonly acknowledged = new Map<string, { readonly size: number; readonly seed: number }>();
  /** What happened that must not happen. */
  readonly surprises: string[] = [];
  readonly #cluster: Cluster;
  readonly #clients: readonly Promise<void>[];
  #count = 0;
  #over = false;

  constructor(cluster: Cluster, clients: number) {
    this.#cluster = cluster;
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  /** Waits until so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.acknowledged.size + count;
    await until(() => this.acknowledged.size >= goal, 60_000, `${count} more uploads; ${this.surprises.join("; ")}`);
  }

  async end(): Promise<void> {
    this.#over = true;
    await within(Promise.all(this.#clients), "the end of the load", 60_000);
  }

  /** Comes again whenever it is sent away. */
  async #client(): Promise<void> {
    while (!this.#over)
      try {
        await using client = await this.#cluster.client();
        await this.#session(client);
      } catch (error) {
        const text = String(error);
        if (!ENDED.test(text)) this.surprises.push(text);
      }
  }

  async #session(client: ScriptedClient): Promise<void> {
    await (await client.login("ann", "s3cret")).expect("TYPE I", 200);
    while (!this.#over) {
      const seed = this.#count++;
      const size = SIZES[seed % SIZES.length] ?? 1;
      await upload(client, `STOR /${seed}`, bytesOf(size, seed));
      this.acknowledged.set(String(seed), { size, seed });
    }
  }
}

/** What is in the bucket is whole, and what had its 226 is among it. */
async function assertWhole(cluster: Cluster, { acknowledged }: Load): Promise<void> {
  using tree = cluster.tree("ann");
  const found = await names(tree);
  assert.deepEqual(
    [...acknowledged.keys()].filter((name) => !found.includes(name)),
    [],
    "acknowledged, and lost",
  );
  for (const name of found) {
    const seed = Number(name);
    const expected = bytesOf(SIZES[seed % SIZES.length] ?? 1, seed);
    assert((await content(tree, `/${name}`)).equals(expected), `${name} is not what was sent`);
  }
}

/** An upload of which the first half is sent. */
async function half(client: ScriptedClient, path: string, bytes: Buffer) {
  await client.login("bob", "s3cret");
  await client.expect("TYPE I", 200);
  const offered = await offer(client, "EPSV");
  const [, socket] = await begin(client, `STOR ${path}`, offered);
  await new Promise<void>((resolve) => socket.write(bytes.subarray(0, bytes.length / 2), () => resolve()));
  return {
    socket,
    finish: () => socket.end(bytes.subarray(bytes.length / 2)),
    [Symbol.asyncDispose]: offered[Symbol.asyncDispose],
  };
}

suite("a node that drains", () => {
  onCluster("finishes what runs, sends the idle away, and gets nobody new", {}, async (cluster) => {
    const [busy, idle, elsewhere] = [await cluster.at("node1"), await cluster.at("node1"), await cluster.at("node2")];
    const bytes = bytesOf(12_000_000, 3);
    await using running = await half(busy, "slow", bytes);
    cluster.node("node1").signal("SIGTERM");
    await idle.expectReply(421);
    await idle.expectClosed();
    const greeted = await Promise.all(Array.from({ length: 12 }, () => cluster.client()));
    assert.deepEqual(new Set(greeted.map(nodeOf)), new Set<NodeName>(["node2"]));
    await elsewhere.login("bob", "s3cret");
    await elsewhere.expect("SIZE slow", 550);
    running.finish();
    await busy.expectReply(226);
    await busy.expectReply(421);
    await busy.expectClosed();
    assert.equal(await cluster.node("node1").ended(), 0);
    await elsewhere.expect("TYPE I", 200);
    assert((await download(elsewhere, "RETR slow")).bytes.equals(bytes));
  });

  onCluster("one after the other, under load: every 226 is kept, and nothing is there by half", {}, async (cluster) => {
    const load = new Load(cluster, 6);
    for (const name of NODES) {
      await load.more(12);
      await cluster.drain(name);
      await load.more(12);
      await cluster.startNode(name);
      await cluster.at(name);
    }
    await load.more(12);
    await load.end();
    assert.deepEqual(load.surprises, []);
    await assertWhole(cluster, load);
    assert.deepEqual(await cluster.ground.bucket.uploads(), [], "uploads in parts that were left");
  });
});

suite("a node that is killed", () => {
  onCluster("takes its own sessions with it, and no others", {}, async (cluster) => {
    const [lost, kept] = [await cluster.at("node1"), await cluster.at("node2")];
    const bytes = bytesOf(12_000_000, 4);
    await using _gone = await half(lost, "lost", bytes);
    await using running = await half(kept, "kept", bytes);
    cluster.node("node1").signal("SIGKILL");
    await lost.expectClosed();
    assert.equal(await cluster.node("node1").ended(), "SIGKILL");
    const newcomer = await cluster.client();
    assert.equal(nodeOf(newcomer), "node2");
    await newcomer.login("bob", "s3cret");
    running.finish();
    await kept.expectReply(226);
    using tree = cluster.tree("bob");
    assert((await content(tree, "/kept")).equals(bytes));
    assert.equal(await exists(tree, "/lost"), false);
    await cluster.startNode("node1");
    await cluster.at("node1");
  });

  onCluster("no longer counts for bounds, in a while", { env: { ACCOUNT_SESSIONS: "1" } }, async (cluster) => {
    await (await cluster.at("node1")).login("ann", "s3cret");
    const client = await cluster.at("node2");
    await client.expect("USER ann", 331);
    await client.expect("PASS s3cret", 530);
    cluster.node("node1").signal("SIGKILL");
    const again = async (): Promise<boolean> => {
      await using next = await cluster.client();
      await next.expect("USER ann", 331);
      return (await next.command("PASS s3cret")).code === 230;
    };
    await until(() => again().catch(() => false), 20_000, "a login after the node's death");
  });

  onCluster("under load: every 226 is kept, and nothing is there by half", {}, async (cluster) => {
    const load = new Load(cluster, 6);
    await load.more(12);
    cluster.node("node1").signal("SIGKILL");
    await load.more(12);
    await cluster.startNode("node1");
    await cluster.at("node1");
    await load.more(12);
    await load.end();
    assert.deepEqual(load.surprises, []);
    await assertWhole(cluster, load);
  });
});
