// A command and a SITE subcommand of your own: rows, like all of portside's.
// Try them: curl -Q TIME -Q "SITE TOUCH readme.txt" <the URL that is printed>
import { defineCommand, MemoryFileSystem, reply, Server } from "portside";

const time = defineCommand({
  verb: "TIME",
  source: "this host",
  summary: "tell the time",
  argument: { syntax: "", parse: () => ({ value: undefined }) },
  replies: [213],
  needs: ["login"],
  feature: "TIME",
  run: () => reply(213, new Date().toISOString()),
});

const touch = defineCommand({
  verb: "TOUCH",
  source: "this host",
  summary: "set a file's time to now",
  argument: {
    syntax: "<SP> pathname",
    parse: (text, context) => (text === undefined ? undefined : { value: context.resolve(text) }),
  },
  replies: [200, 550],
  needs: ["login"],
  run: async ({ fileSystem }, path) => {
    await fileSystem.setTimes(path, { modified: new Date() });
    return reply(200, "Touched");
  },
});

const server = new Server({
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 2121),
  commands: [time],
  siteCommands: [touch],
});
const fileSystem = new MemoryFileSystem({ files: { "/readme.txt": "hello\n" } });
server.on("login", (login) => login.accept({ fileSystem }));
server.on("error", ({ error }) => console.error(error));
await server.listen();
console.log(`ftp://anybody:any@127.0.0.1:${server.addresses[0]?.port}/`);
process.once("SIGTERM", () => void server.close());
