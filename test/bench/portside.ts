/**
 * portside as the benchmark runs it, in a process of its own: `node portside.js FOLDER PORT CERTIFICATE KEY`.
 */
import { readFileSync } from "node:fs";
import { LocalFileSystem, Server } from "portside";

const [folder = ".", port, certificate = "", key = ""] = process.argv.slice(2);
const fileSystem = new LocalFileSystem(folder);
const tls = { cert: readFileSync(certificate), key: readFileSync(key), require: "none" } as const;
const server = new Server({ host: "127.0.0.1", port: Number(port), tls });
server.on("login", (login) => {
  if (login.username === "bench" && login.password === "bench") login.accept({ fileSystem });
});
await server.listen();
