/** Two nodes are one server: bans, files and quotas of one are those of the other, for real clients too. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, type TestContext } from "node:test";
import { Listening } from "../cli/started.js";
import { download, upload } from "../kit/data.js";
import { requireProgram, run } from "../kit/programs.js";
import { content } from "../kit/store.js";
import { bytesOf, until } from "../kit/temporary.js";
import { type Cluster, EXAMPLE, NODES, onCluster, onGround } from "./cluster.js";

const BYTES = bytesOf(700_000, 7);
const ATTACKER = "127.0.0.66";

/** Runs a client in the cluster's folder, where it is installed, and asserts that it is content. */
async function byProgram(t: TestContext, { ground }: Cluster, name: string, ...args: readonly string[]): Promise<void> {
  const program = requireProgram(t, name);
  if (program === undefined) return;
  const { code, stderr } = await run(program, args, { cwd: ground.folder, env: { HOME: ground.folder } });
  assert.equal(code, 0, `${name} ${args.join(" ")}\n${stderr}`);
}

suite("two nodes behind HAProxy", () => {
  onCluster("an address that one node has banned is banned on the other, and nobody else is", {}, async (cluster) => {
    const bystander = await cluster.at("node2");
    const attackers = [];
    for (let count = 0; count < 10; count++) attackers.push(await cluster.at("node1", ATTACKER));
    for (const attacker of attackers) await attacker.expect("USER ann", 331);
    for (const attacker of attackers) attacker.send("PASS guessed\r\n");
    await cluster.node("node1").line(new RegExp(`^node1 banned ${ATTACKER} for 600000 ms$`));
    // Node 1 has the attacker's sessions, so node 2 is whose turn it is.
    const refused = await cluster.client(ATTACKER);
    assert.equal(refused.greeting.code, 421);
    await cluster.node("node2").line(new RegExp(`^node2 refused ${ATTACKER} banned$`));
    assert.deepEqual(cluster.node("node2").lines(/banned.* ms/), []);
    await bystander.login("ann", "s3cret");
    for (const name of NODES) await (await cluster.at(name)).login("ann", "s3cret");
  });

  onCluster(
    "an upload through one node is visible through the other when it has 226, and not before",
    {},
    async (cluster) => {
      const [one, other] = [await cluster.at("node1"), await cluster.at("node2")];
      for (const client of [one, other]) await (await client.login("ann", "s3cret")).expect("TYPE I", 200);
      await other.expect("SIZE report", 550);
      await upload(one, "STOR report", BYTES);
      assert.equal((await other.expect("SIZE report", 213)).text, String(BYTES.length));
      assert((await download(other, "RETR report")).bytes.equals(BYTES));
      await other.expect("DELE report", 250);
      await one.expect("SIZE report", 550);
    },
  );

  onCluster(
    "a quota is one quota: what one node has taken the other has not",
    { env: { QUOTA_BYTES: "1000000" } },
    async (cluster) => {
      const [one, other] = [await cluster.at("node1"), await cluster.at("node2")];
      for (const client of [one, other]) await (await client.login("ann", "s3cret")).expect("TYPE I", 200);
      await upload(one, "STOR first", BYTES);
      await upload(other, "STOR second", BYTES, "EPSV", { final: 552 });
      await one.expect("DELE first", 250);
      await upload(other, "STOR second", BYTES);
    },
  );

  onCluster(
    "a bound on the sessions of an account is one bound",
    { env: { ACCOUNT_SESSIONS: "2" } },
    async (cluster) => {
      const [one, other] = [await cluster.at("node1"), await cluster.at("node2")];
      for (const client of [one, other]) await client.login("ann", "s3cret");
      for (const name of NODES) {
        const third = await cluster.at(name);
        await third.expect("USER ann", 331);
        await third.expect("PASS s3cret", 530);
        await (await cluster.at(name)).login("bob", "s3cret");
        await (await cluster.at(name)).expect("QUIT", 221);
      }
    },
  );

  onCluster("without Redis clients log in on both nodes, and both say so", {}, async (cluster) => {
    await cluster.ground.redis.kill();
    for (const name of NODES) {
      const client = await cluster.at(name);
      await client.login("ann", "s3cret");
      await client.expect("PWD", 257);
      await cluster.node(name).line(new RegExp(`^${name} error `));
    }
    await cluster.ground.redis.run();
    const client = await cluster.at("node1");
    await client.login("ann", "s3cret");
    await until(async () => {
      await client.expect("TYPE I", 200);
      return await upload(client, "STOR report", "whole").then(
        () => true,
        () => false,
      );
    });
  });

  for (const tls of [false, true]) {
    const words = tls ? "under TLS" : "plain";
    onCluster(`curl, ${words}: up through each node, down through any`, { tls }, async (cluster, t) => {
      await writeFile(join(cluster.ground.folder, "up"), BYTES);
      const curl = [
        "--disable",
        "--silent",
        "--show-error",
        "--user",
        "ann:s3cret",
        ...(tls ? ["--ssl-reqd", "--insecure"] : []),
      ];
      const url = `ftp://${cluster.host}:${cluster.port}`;
      for (const name of NODES) {
        await cluster.prefer(name);
        for (const [number, mode] of [[], ["--disable-epsv", "--no-ftp-skip-pasv-ip"]].entries()) {
          const path = `${name}-${number}`;
          await byProgram(t, cluster, "curl", ...curl, ...mode, "--upload-file", "up", `${url}/${path}`);
          await cluster.node(name).line(new RegExp(`^${name} stored ann /${path} 700000$`));
        }
      }
      for (const name of ["node1-0", "node1-1", "node2-0", "node2-1"]) {
        await byProgram(t, cluster, "curl", ...curl, "--output", "down", `${url}/${name}`);
        assert((await readFile(join(cluster.ground.folder, "down"))).equals(BYTES));
      }
    });

    onCluster(`lftp, ${words}: a mirror over several connections`, { tls }, async (cluster, t) => {
      const { folder } = cluster.ground;
      const names = ["a", "b", "c", "d", "e", "f"];
      for (const name of names) await writeFile(join(folder, name), BYTES);
      const script = [
        "set cmd:fail-exit yes",
        "set ssl:verify-certificate no",
        `set ftp:ssl-force ${tls ? "yes" : "no"}`,
        `open -u ann,s3cret ftp://${cluster.host}:${cluster.port}`,
        "mirror --reverse --include-glob=[a-f] --parallel=4 . up",
        "mirror --parallel=4 up down",
      ];
      await byProgram(t, cluster, "lftp", "--norc", "-c", script.join("\n"));
      using tree = cluster.tree("ann");
      for (const name of names) {
        assert((await content(tree, `/up/${name}`)).equals(BYTES));
        assert((await readFile(join(folder, "down", name))).equals(BYTES));
      }
      for (const name of NODES) await cluster.node(name).line(new RegExp(`^${name} stored `));
    });
  }
});

onGround("start.sh starts all of it, and ends all of it", async ({ redis, env, bucket, folder }, _haproxy, t) => {
  const curl = requireProgram(t, "curl");
  if (curl === undefined) return;
  // It brings a Redis of its own.
  await redis.kill();
  const child = spawn(join(EXAMPLE, "start.sh"), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, REDIS_PORT: String(redis.port), TMPDIR: folder },
  });
  const ended = once(child, "close");
  const cluster = new Listening(child);
  try {
    const url = await cluster.line(/^ftp:\/\//);
    for (const name of NODES) await cluster.line(new RegExp(`^${name} listens$`));
    const file = join(folder, "up");
    await writeFile(file, BYTES);
    await until(async () => {
      const { code } = await run(curl, ["--disable", "--silent", "--upload-file", file, url]);
      return code === 0;
    });
    assert.ok((await bucket.uploads()).length === 0);
    cluster.signal("SIGTERM");
    assert.equal(await cluster.ended(), 0, cluster.output);
    for (const name of NODES) assert.equal(cluster.lines(new RegExp(`^${name} has drained$`)).length, 1);
  } finally {
    await cluster[Symbol.asyncDispose]();
    await ended;
  }
});
