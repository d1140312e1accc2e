/**
 * A program of its own that must end by itself: a server with sessions in the middle of transfers, closed in the
 * way that the first argument names. Prints `closed` when close() has resolved. Never calls process.exit.
 */
import { once } from "node:events";
import net from "node:net";
import { MemoryFileSystem, Server } from "../../dist/index.js";

const SESSIONS = 20;
const [how = "close"] = process.argv.slice(2);

const fileSystem = new MemoryFileSystem({ files: { "/large": Buffer.alloc(20_000_000) } });

async function main(): Promise<void> {
  if (how === "await using") {
    await using server = await start();
    await busy(server);
  } else {
    const server = await start();
    await busy(server);
    await server.close(how === "drain" ? { drain: 300 } : {});
  }
  console.log("closed");
}

async function start(): Promise<Server> {
  const server = new Server({ host: "127.0.0.1", port: 0 });
  server.on("login", (login) => login.accept({ fileSystem }));
  await server.listen();
  return server;
}

/** Resolves when every session has a transfer that its client does not read, and one more an open passive port. */
async function busy(server: Server): Promise<void> {
  const { port } = server.addresses[0] ?? { port: 0 };
  let open = 0;
  const all = new Promise<void>((resolve) => {
    server.on("dataChannel", () => {
      if (++open === SESSIONS) resolve();
    });
  });
  for (let index = 0; index <= SESSIONS; index++) {
    const control = net.connect(port, "127.0.0.1");
    control.on("error", () => undefined);
    control.write("USER a\r\nPASS b\r\nEPSV\r\n");
    const data = net.connect(await passivePort(control), "127.0.0.1");
    data.on("error", () => undefined);
    // The clients are part of this process and must not be what keeps it.
    control.unref();
    data.unref();
    if (index < SESSIONS) control.write("RETR large\r\n");
  }
  await all;
}

async function passivePort(control: net.Socket): Promise<number> {
  let text = "";
  for (;;) {
    const found = /\(\|\|\|(\d+)\|\)/.exec(text)?.[1];
    if (found !== undefined) return Number(found);
    const [chunk] = (await once(control, "data")) as [Buffer];
    text += chunk.toString();
  }
}

await main();
