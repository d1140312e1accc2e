/**
 * A program on `node:cluster` as an embedder writes one: its workers serve, and share limits and bans. Prints the port,
 * and what the workers have told as errors. Without an argument "alone" the primary shares nothing.
 */
import cluster from "node:cluster";
import { ClusterAdmissionStore, MemoryFileSystem, Server, shareAdmission } from "../../dist/index.js";

const [, , count = "2", alone] = process.argv;

if (cluster.isPrimary) {
  assertThrows(() => new ClusterAdmissionStore(), /needs a process that cluster\.fork\(\) has made/);
  if (alone === undefined) shareAdmission();
  let listening = 0;
  for (let index = 0; index < Number(count); index++)
    cluster.fork().on("listening", ({ port }) => ++listening === Number(count) && console.log(`port ${port}`));
} else {
  assertThrows(shareAdmission, /is for the primary/);
  const server = new Server({
    host: "127.0.0.1",
    port: 0,
    limits: { address: { sessions: 3, pending: 0 }, account: { sessions: 1 } },
    bans: { after: 2 },
    loginDelay: 0,
    admission: new ClusterAdmissionStore(),
  });
  server.on("login", (login) => {
    if (login.password === "secret") login.accept({ fileSystem: new MemoryFileSystem() });
  });
  server.on("error", ({ error }) => console.log(`error ${(error as Error).message}`));
  await server.listen();
  process.once("SIGTERM", () => void server.close().then(() => cluster.worker?.disconnect()));
}

function assertThrows(run: () => unknown, message: RegExp): void {
  try {
    run();
  } catch (error) {
    if (message.test((error as Error).message)) return;
    throw error;
  }
  throw new Error(`nothing was thrown like ${message}`);
}
