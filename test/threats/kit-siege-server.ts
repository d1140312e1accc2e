/**
 * A server as a program of its own, with the options that are given as JSON; tells its parent its port, and figures when it
 * asks. With a second argument, `scrypt`, it verifies passwords as hosts do: by a hash that takes its time.
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { MemoryFileSystem, Server, type ServerOptions } from "../../dist/index.js";
import { VastStore } from "./kit-vast-store.js";

/** What the server holds now. */
export interface Figures {
  readonly sessions: number;
  /** Bytes of resident memory at the most so far. */
  readonly memory: number;
  /** Connections and listeners. */
  readonly sockets: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as ServerOptions;
const server = new Server({ host: "127.0.0.1", port: 0, ...options });
const fileSystem = new MemoryFileSystem({ files: { "/file": "content" } });
const vast = new VastStore({ entries: 100, directories: 10 });
const hash = process.argv[3] === "scrypt" ? promisify(scrypt) : async (password: string) => Buffer.from(password);
const stored = (await hash("secret", "salt", 32)) as Buffer;
server.on("login", async (login) => {
  const given = (await hash(login.password, "salt", 32)) as Buffer;
  if (given.length !== stored.length || !timingSafeEqual(given, stored)) return;
  login.accept({ fileSystem: login.username === "vast" ? vast : fileSystem });
});
await server.listen();
process.on("message", () => {
  const kinds = process.getActiveResourcesInfo();
  const figures: Figures = {
    sessions: server.sessions.length,
    // Needs no descriptor, of which there may be none.
    memory: process.resourceUsage().maxRSS * 1024,
    sockets: kinds.filter((kind) => kind.startsWith("TCP")).length,
  };
  process.send?.(figures);
});
process.once("disconnect", () => process.exit());
process.send?.(server.addresses[0]?.port);
