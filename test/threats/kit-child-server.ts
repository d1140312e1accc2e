/** A server as a program of its own, in the folder that is given: prints its port, and ends when its input does. */
import { LocalFileSystem, Server } from "../../dist/index.js";

const [folder = "."] = process.argv.slice(2);
const server = new Server({ host: "127.0.0.1", port: 0 });
server.on("login", (login) => login.accept({ fileSystem: new LocalFileSystem(folder) }));
await server.listen();
console.log(server.addresses[0]?.port);
process.stdin.resume().once("end", () => void server.close().then(() => console.log("closed")));
