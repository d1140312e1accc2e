/**
 * A server with TLS as a program of its own: takes its options as JSON, prints its port, and for each line that it is
 * sent the bytes that it holds: reachable, and resident.
 */
import { createInterface } from "node:readline";
import { MemoryFileSystem, Server, type TlsOptions } from "../../dist/index.js";
import { reachableBytes } from "../robustness/kit-memory.js";

const tls = JSON.parse(process.argv[2] ?? "{}") as TlsOptions;
const server = new Server({ host: "127.0.0.1", port: 0, tls });
const fileSystem = new MemoryFileSystem();
server.on("login", (login) => login.accept({ fileSystem }));
await server.listen();
console.log(server.addresses[0]?.port);
const lines = createInterface(process.stdin);
lines.on("line", () => console.log(`${reachableBytes()} ${process.memoryUsage.rss()}`));
lines.on("close", () => void server.close());
