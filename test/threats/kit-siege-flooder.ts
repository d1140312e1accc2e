/**
 * A program that floods a server from 127.0.0.1 as fast as it can, until it is killed; tells its parent what it has done when
 * it asks. It has the lowest priority: it stands for other machines, which take nothing from the server's processor.
 */
import net from "node:net";
import os from "node:os";

/** How a flood is made. */
export type FloodKind = keyof typeof FLOODS;

/** What a flood has done so far. */
export interface Flooded {
  /** Connections, logins, commands or listings that were answered or ended. */
  readonly done: number;
  /** Of these, those that read 421. */
  readonly refused: number;
}

const report = { done: 0, refused: 0 };
const port = Number(process.argv[2]);

/** One connection after the other, each with its own talk. @param talk called with each piece that comes */
function visitor(talk: (text: string, socket: net.Socket) => void): void {
  const socket = net.connect({ port, host: "127.0.0.1", localAddress: "127.0.0.1", noDelay: true });
  socket.setEncoding("latin1").on("error", () => undefined);
  socket.on("data", (text: unknown) => {
    if (/^421/m.test(String(text))) report.refused++;
    talk(String(text), socket);
  });
  socket.once("end", () => socket.destroy());
  socket.once("close", () => {
    report.done++;
    setImmediate(() => visitor(talk));
  });
}

/** Logs in, and then sends the same again whenever as many replies have come as it has lines. */
function repeating(username: string, lines: string, expected: number): (text: string, socket: net.Socket) => void {
  const left = new WeakMap<net.Socket, number>();
  return (text, socket) => {
    if (/^220 /m.test(text)) socket.write(`USER ${username}\r\nPASS secret\r\n`);
    const count = (text.match(/\r\n/g) ?? []).length;
    report.done += count;
    const before = /^230 /m.test(text) ? 0 : left.get(socket);
    if (before === undefined) return;
    left.set(socket, before - count <= 0 ? expected : before - count);
    if (before - count <= 0) socket.write(lines);
  };
}

/** Opens a passive data connection for each offer and sends nothing over it. */
function halfOpen(text: string, socket: net.Socket): void {
  if (/^220 /m.test(text)) socket.write("USER test\r\nPASS secret\r\n");
  if (/^230 /m.test(text)) socket.write("EPSV\r\n");
  for (const [, offered] of text.matchAll(/\(\|\|\|(\d+)\|\)/g)) {
    const data = net.connect({ port: Number(offered), host: "127.0.0.1", localAddress: "127.0.0.1" });
    data.on("error", () => undefined);
    // Every second offer is withdrawn by the next, the others wait for bytes.
    socket.write(report.done++ % 2 === 0 ? "EPSV\r\n" : "STOR f\r\nABOR\r\nEPSV\r\n");
  }
}

/** Lists a tree without end, and reads it. */
function listing(text: string, socket: net.Socket): void {
  if (/^220 /m.test(text)) socket.write("USER vast\r\nPASS secret\r\n");
  if (/^(?:230|226|450) /m.test(text)) socket.write("EPSV\r\n");
  for (const [, offered] of text.matchAll(/\(\|\|\|(\d+)\|\)/g)) {
    net
      .connect({ port: Number(offered), host: "127.0.0.1", localAddress: "127.0.0.1" })
      .on("error", () => undefined)
      .on("data", () => report.done++)
      .once("end", function (this: net.Socket) {
        this.destroy();
      });
    socket.write("LIST -R\r\n");
  }
}

const many = (size: number, talk: (text: string, socket: net.Socket) => void) => () => {
  for (let count = 0; count < size; count++) visitor(talk);
};

const guess = (text: string, socket: net.Socket): void => {
  if (/^(?:220|530) /m.test(text)) socket.write("USER test\r\nPASS wrong\r\n");
};

const FLOODS = {
  connections: many(500, (_text, socket) => socket.end()),
  resets: many(100, (_text, socket) => socket.resetAndDestroy()),
  logins: many(500, guess),
  commands: many(20, repeating("test", "NOOP\r\n".repeat(200), 200)),
  aborts: many(20, repeating("test", "ABOR\r\n".repeat(200), 200)),
  halfOpen: many(20, halfOpen),
  listings: many(20, listing),
};

os.setPriority(19);
process.on("message", () => process.send?.(report));
process.once("disconnect", () => process.exit());
FLOODS[process.argv[3] as FloodKind]();
