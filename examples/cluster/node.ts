// One node of a cluster. It keeps nothing: files are in a bucket, bans and quotas in Redis, clients come through HAProxy.
import { readFileSync } from "node:fs";
import { type FileSystem, type PortRange, quota, Server } from "portside";
import { RedisAdmissionStore } from "portside/redis";
import { S3FileSystem } from "portside/s3";

const said = (name: string, fallback: string): string => process.env[name] ?? fallback;

const name = said("NODE_NAME", "node1");
const { S3_ENDPOINT: endpoint, CERTIFICATE: certificate, KEY: key = "" } = process.env;
const passwords = new Map([
  ["ann", "s3cret"],
  ["bob", "s3cret"],
]);

const admission = new RedisAdmissionStore({ client: { url: said("REDIS_URL", "redis://127.0.0.1:6379") } });

// One for each account, and kept: sessions of the same account on this node then share it. Nodes share the counter.
const stores = new Map<string, S3FileSystem>();
const trees = new Map<string, FileSystem>();
const treeOf = (user: string): FileSystem => {
  const known = trees.get(user);
  if (known !== undefined) return known;
  const store = new S3FileSystem({
    bucket: said("BUCKET", "ftp"),
    prefix: user,
    client: { ...(endpoint && { endpoint }) },
  });
  const tree = quota(store, { counter: admission.quota(user, { bytes: Number(said("QUOTA_BYTES", "10000000000")) }) });
  stores.set(user, store);
  trees.set(user, tree);
  return tree;
};

const proxies = said("PROXIES", "127.0.0.1").split(",");

const server = new Server({
  host: said("NODE_HOST", "127.0.0.11"),
  port: Number(said("NODE_PORT", "2121")),
  greeting: `${name} is ready`,
  // HAProxy connects from there, and nobody else may.
  proxy: { from: proxies, passive: true },
  // Its checks come from there too: whoever got that address banned would take every node out of service.
  bans: { exempt: proxies },
  // No two nodes have the same: HAProxy knows by the port whose client it is.
  passive: {
    ports: said("PASSIVE_PORTS", "50000-50049").split("-").map(Number) as [number, number] satisfies PortRange,
  },
  active: { enabled: false },
  admission,
  // On all nodes together, as they share the store.
  limits: { account: { sessions: Number(said("ACCOUNT_SESSIONS", "100")) } },
  ...(certificate && { tls: { cert: readFileSync(certificate), key: readFileSync(key) } }),
});

server.on("login", (login) => {
  if (passwords.get(login.username) === login.password) login.accept({ fileSystem: treeOf(login.username) });
});
const log = (...words: readonly unknown[]): void => console.log(name, ...words);
server.on("banned", ({ session, milliseconds }) => log("banned", session.remoteAddress, `for ${milliseconds} ms`));
server.on("refused", ({ remoteAddress, reason }) => log("refused", remoteAddress, reason));
server.on("stored", ({ session, path, bytes }) => log("stored", session.username, path, bytes));
server.on("aborted", ({ session, path, error }) => log("aborted", session.username, path, String(error)));
server.on("error", ({ error }) => log("error", String(error)));

// HAProxy sees that nobody listens here any more, and sends new clients elsewhere. Transfers that run go on.
const drain = async (): Promise<void> => {
  log("drains");
  await server.close({ drain: Number(said("DRAIN_SECONDS", "3600")) * 1000 });
  await admission.close();
  for (const store of stores.values()) store.close();
  log("has drained");
};
process.once("SIGTERM", () => void drain());

await server.listen();
log("listens");
