/**
 * portside as the benchmark runs it, in a process of its own: `node portside.js FOLDER PORT FIRST LAST CERTIFICATE KEY
 * WORKERS`. Limits count as they always do, only higher; an own `node:cluster` where there is more than one worker.
 */
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { ClusterAdmissionStore, LocalFileSystem, partOfPorts, Server, shareAdmission } from "portside";

const MOST = 50_000;

const [folder = ".", port, first, last, certificate = "", key = "", workers] = process.argv.slice(2);
const count = Number(workers);

if (count > 1 && cluster.isPrimary) {
  shareAdmission();
  for (let index = 0; index < count; index++) cluster.fork({ INDEX: String(index) });
} else await serve();

async function serve(): Promise<void> {
  const fileSystem = new LocalFileSystem(folder);
  const server = new Server({
    host: "127.0.0.1",
    port: Number(port),
    passive: { ports: partOfPorts([Number(first), Number(last)], Number(process.env.INDEX ?? 0), count) },
    tls: { cert: readFileSync(certificate), key: readFileSync(key), require: "none" },
    limits: { server: { sessions: MOST }, address: { sessions: MOST, pending: MOST } },
    ...(count > 1 && { admission: new ClusterAdmissionStore() }),
  });
  server.on("login", (login) => {
    if (login.username === "bench" && login.password === "bench") login.accept({ fileSystem });
  });
  await server.listen();
}
