/**
 * The cluster of examples/cluster, as it stands there: Redis, an object store, two nodes and HAProxy in front of them,
 * each in a process of its own (the store where one is given, else in this one), all ended by their process.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { S3FileSystem } from "../../dist/adapters/s3/s3-file-system.js";
import { freeRange } from "../channel/connections.js";
import { freePort, Listening } from "../cli/started.js";
import { testCertificates } from "../kit/certificates.js";
import { accepts } from "../kit/data.js";
import { assertNoLeaks } from "../kit/leaks.js";
import { requireProgram } from "../kit/programs.js";
import { RedisServer } from "../kit/redis-server.js";
import { S3Fake } from "../kit/s3-fake.js";
import { type Bucket, bucketIn, givenS3Server } from "../kit/s3-server.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { temporaryDirectory, until } from "../kit/temporary.js";

/** Where the example is. */
export const EXAMPLE = join(import.meta.dirname, "../../examples/cluster");
const NODE_PROGRAM = join(import.meta.dirname, "../examples/cluster/node.js");
/** Where clients come, and where the nodes are. */
const FRONT = ownAddress(1);
const HOSTS = { node1: ownAddress(2), node2: ownAddress(3) } as const;
const PORTS_OF_A_NODE = 20;
/** Sessions at one node that are kept while one at the other is asked for: more than a test has there. */
const ASIDE = 20;

export type NodeName = keyof typeof HOSTS;
export const NODES: readonly NodeName[] = ["node1", "node2"];

/** How it is started. */
export interface ClusterOptions {
  /** Whether the nodes have a certificate, and want TLS of all. Default `false`. */
  readonly tls?: boolean;
  /** More of the environment of the nodes. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What the parts of a cluster have in common. */
interface Ground {
  readonly redis: RedisServer;
  readonly bucket: Bucket;
  /** A folder that is removed in the end. */
  readonly folder: string;
  /** Of every process. */
  readonly env: NodeJS.ProcessEnv;
}

/** A cluster that runs. */
export class Cluster implements AsyncDisposable {
  readonly host = FRONT;
  readonly ground: Ground;
  readonly #nodes = new Map<NodeName, Listening>();
  readonly #clients: ScriptedClient[] = [];
  #haproxy: Listening | undefined;

  constructor(ground: Ground) {
    this.ground = ground;
  }

  get port(): number {
    return Number(this.ground.env.FTP_PORT);
  }

  /** Starts all of it, and waits until each node is reached. @param haproxy the full path of the program */
  async start(haproxy: string): Promise<void> {
    const { env } = this.ground;
    await Promise.all(NODES.map((name) => this.startNode(name)));
    const args = ["-db", "-f", join(EXAMPLE, "haproxy.cfg")];
    this.#haproxy = new Listening(spawn(haproxy, args, { stdio: ["ignore", "pipe", "pipe"], env }));
    const { output } = this.#haproxy;
    await until(() => accepts(this.port, this.host), undefined, `haproxy accepts; it says: ${output}`);
    for (const name of NODES) await this.at(name);
  }

  /** Runs a node, again where it has ended. */
  async startNode(name: NodeName): Promise<void> {
    const { env } = this.ground;
    const own = { NODE_NAME: name, NODE_HOST: HOSTS[name], PASSIVE_PORTS: env[`${name.toUpperCase()}_PASSIVE`] };
    const child = spawn(process.execPath, [NODE_PROGRAM], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, ...own },
    });
    const node = new Listening(child);
    this.#nodes.set(name, node);
    await node.line(/ listens$/);
  }

  /** The process of a node. */
  node(name: NodeName): Listening {
    const node = this.#nodes.get(name);
    assert(node);
    return node;
  }

  /** A client that whatever node is its turn has greeted, or refused. */
  async client(localAddress = "127.0.0.1"): Promise<ScriptedClient> {
    const client = await ScriptedClient.connect(this.port, this.host, { localAddress });
    this.#clients.push(client);
    return client;
  }

  /** A client of one node: HAProxy is asked until that is its turn. */
  async at(name: NodeName, localAddress?: string): Promise<ScriptedClient> {
    const others: ScriptedClient[] = [];
    let found: ScriptedClient | undefined;
    const asked = async (): Promise<boolean> => {
      const client = await this.client(localAddress).catch(() => undefined);
      if (client === undefined) return false;
      if (nodeOf(client) === name) found = client;
      else others.push(client);
      // As many as an address may have are as many as HAProxy may, who then cannot see that the node is there.
      if (others.length > ASIDE) await others.shift()?.[Symbol.asyncDispose]();
      return found !== undefined;
    };
    await until(asked, undefined, `a session at ${name}`);
    // Kept until then: the next is for whoever has fewer.
    for (const other of others) await other[Symbol.asyncDispose]();
    assert(found);
    return found;
  }

  /** Gives the other node sessions, so that the next ones go to this. */
  async prefer(name: NodeName): Promise<void> {
    for (const client of this.#clients.splice(0)) await client[Symbol.asyncDispose]();
    for (const other of NODES.filter((node) => node !== name))
      for (let count = 0; count < 3; count++) await this.at(other);
  }

  /** The tree of an account, without any node. */
  tree(user: string): S3FileSystem & Disposable {
    const { bucket } = this.ground;
    const store = new S3FileSystem({ bucket: bucket.name, prefix: user, client: bucket.config });
    return Object.assign(store, { [Symbol.dispose]: () => store.close() });
  }

  /** Ends a node as its operator does. */
  async drain(name: NodeName): Promise<void> {
    this.node(name).signal("SIGTERM");
    assert.equal(await this.node(name).ended(), 0, this.node(name).output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    for (const node of this.#nodes.values()) await node[Symbol.asyncDispose]();
    await this.#haproxy?.[Symbol.asyncDispose]();
  }
}

/** The node that has greeted a client; `undefined` where none has. */
export function nodeOf({ greeting }: ScriptedClient): NodeName | undefined {
  return greeting.code === 220 ? NODES.find((name) => greeting.text.startsWith(name)) : undefined;
}

/**
 * A loopback address that only the cluster of this process has: two HAProxy that bind the same port of one address get
 * half of its connections each, and nobody is told.
 * @param host 1 to 3
 */
function ownAddress(host: number): string {
  const number = (process.pid << 2) | host;
  return [127, number >> 16, number >> 8, number].map((part) => part & 255).join(".");
}

/** What every process is told: where the others are, and the credentials of the store. */
async function environment(bucket: Bucket, redis: RedisServer, folder: string): Promise<NodeJS.ProcessEnv> {
  const { endpoint, credentials } = bucket.config as {
    readonly endpoint: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  // Both from one range, so that no part is in the other.
  const [first] = await freeRange(2 * PORTS_OF_A_NODE);
  const second = first + PORTS_OF_A_NODE;
  return {
    ...process.env,
    RUN: folder,
    FRONT,
    FTP_PORT: String(await freePort()),
    NODE_PORT: String(await freePort()),
    NODE1_HOST: HOSTS.node1,
    NODE2_HOST: HOSTS.node2,
    NODE1_PASSIVE: `${first}-${second - 1}`,
    NODE2_PASSIVE: `${second}-${second + PORTS_OF_A_NODE - 1}`,
    REDIS_URL: redis.url,
    BUCKET: bucket.name,
    S3_ENDPOINT: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    NODE_PROGRAM,
  };
}

/** A test on what a cluster needs, of which nothing is left. */
export function onGround(
  title: string,
  work: (ground: Ground, haproxy: string, t: TestContext) => Promise<void>,
): void {
  test(title, async (t) => {
    const [haproxy, redisServer] = [requireProgram(t, "haproxy"), requireProgram(t, "redis-server")];
    if (haproxy === undefined || redisServer === undefined) return;
    await assertNoLeaks(async () => {
      await using fake = givenS3Server() === undefined ? await S3Fake.start() : undefined;
      await using bucket = await bucketIn(givenS3Server() ?? (fake as S3Fake));
      await using folder = await temporaryDirectory();
      await using redis = await RedisServer.start(redisServer);
      const env = await environment(bucket, redis, folder.path);
      await work({ redis, bucket, folder: folder.path, env }, haproxy, t);
    });
  });
}

/** A test on a cluster of its own. */
export function onCluster(
  title: string,
  options: ClusterOptions,
  work: (cluster: Cluster, t: TestContext) => Promise<void>,
): void {
  onGround(title, async (ground, haproxy, t) => {
    const env = { ...ground.env, ...(options.tls && (await certificate(ground.folder))), ...options.env };
    await using cluster = new Cluster({ ...ground, env });
    await cluster.start(haproxy);
    await work(cluster, t);
  });
}

async function certificate(folder: string): Promise<NodeJS.ProcessEnv> {
  const { server } = await testCertificates();
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(cert, server.cert);
  await writeFile(key, server.key);
  return { CERTIFICATE: cert, KEY: key };
}
