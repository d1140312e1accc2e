/** A server on a descriptor that somebody else listens on: the argument. Says its number, and ends with SIGTERM. */
import { MemoryFileSystem, Server } from "../../dist/index.js";

const [, , fd, name] = process.argv;
const server = new Server({ fd: Number(fd), greeting: `I am ${name}` });
server.on("login", (login) => login.accept({ fileSystem: new MemoryFileSystem() }));
await server.listen();
console.log(`listening ${server.addresses[0]?.port} ${server.health().state}`);
process.once("SIGTERM", () => void server.close({ drain: 10_000 }));
