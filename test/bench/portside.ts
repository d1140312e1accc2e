/**
 * portside as the benchmark runs it, in a process of its own: `node portside.js FOLDER PORT`.
 */
import { LocalFileSystem, Server } from "portside";

const [folder = ".", port] = process.argv.slice(2);
const fileSystem = new LocalFileSystem(folder);
const server = new Server({ host: "127.0.0.1", port: Number(port) });
server.on("login", (login) => {
  if (login.username === "bench" && login.password === "bench") login.accept({ fileSystem });
});
await server.listen();
