// Devices upload by FTP into folders of their own; the application decides who they are and learns what came.
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalFileSystem, Server } from "portside";

interface Device {
  readonly serial: string;
}

const inbox = await mkdtemp(join(tmpdir(), "inbox-"));
const keys = new Map([["camera-7", "s3cret"]]);

const server = new Server<Device>({ host: "127.0.0.1", port: Number(process.env.PORT ?? 2121) });

server.on("login", async (login) => {
  if (keys.get(login.username) !== login.password) return login.reject();
  const folder = join(inbox, login.username);
  await mkdir(folder, { recursive: true });
  login.accept({
    fileSystem: new LocalFileSystem(folder),
    account: { serial: login.username },
    permissions: ["write", "list"],
  });
});

server.on("stor", (upload) => {
  if (upload.path.endsWith(".exe")) upload.reject(553, "Executables are not accepted");
});

server.on("stored", ({ session, path, bytes }) =>
  console.log(`${session.account?.serial} sent ${path}, ${bytes} bytes`),
);
server.on("error", ({ error }) => console.error(error));

await server.listen();
console.log(`ftp://camera-7:s3cret@127.0.0.1:${server.addresses[0]?.port}/`);
process.once("SIGTERM", () => void server.close({ drain: 10_000 }));
