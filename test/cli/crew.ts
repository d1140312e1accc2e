/** `portside --workers N` on a folder of its own, and clients of it. At the end none of the processes is left. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { begin, offer } from "../kit/data.js";
import { ScriptedClient } from "../kit/scripted-client.js";
import { bytesOf, type TemporaryDirectory, temporaryDirectory, until } from "../kit/temporary.js";
import { type Listening, start } from "./started.js";

/** What uploads bring. */
export const BYTES = bytesOf(300_000);
/** What of it has come while they run. */
export const HALF = BYTES.length / 2;
/** For tests that ask /proc which processes there are. */
export const unlessLinux = { skip: !existsSync("/proc/self/task") && "there is no /proc" };

/** Workers on a folder of their own. */
export interface Crew extends AsyncDisposable {
  readonly program: Listening;
  readonly folder: TemporaryDirectory;
  /** The program and its workers; all of them are to be gone at the end. */
  readonly pids: readonly number[];
  /** The workers that live now. */
  workers(): Promise<readonly number[]>;
}

/** Starts so many workers. */
export async function crew(count: number, ...flags: string[]): Promise<Crew> {
  const folder = await temporaryDirectory();
  const program = await start(folder.path, "--user", "anna:one", "--workers", String(count), ...flags);
  const pids = await program.children();
  return {
    program,
    folder,
    pids,
    workers: () => program.children(),
    async [Symbol.asyncDispose]() {
      const left = [...pids, ...(await program.children())];
      await program[Symbol.asyncDispose]();
      await until(() => left.every((pid) => !lives(pid)), 5000, "no worker is left");
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Whether there is such a process. */
export function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A client that has logged in. */
export async function user({ program }: Crew): Promise<ScriptedClient> {
  const session = await (await ScriptedClient.connect(program.port)).login("anna", "one");
  await session.expect("TYPE I", 200);
  return session;
}

/** An upload that runs, and of which half has been sent. */
export interface Upload extends AsyncDisposable {
  readonly session: ScriptedClient;
  readonly socket: Socket;
}

/** Begins an upload, and sends half of it. */
export async function beginUpload(served: Crew, name: string): Promise<Upload> {
  const session = await user(served);
  const offered = await offer(session, "EPSV");
  const [, socket] = await begin(session, `STOR /${name}`, offered);
  socket.write(BYTES.subarray(0, HALF));
  return {
    session,
    socket,
    async [Symbol.asyncDispose]() {
      await offered[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

/** The files that can be seen, without what a killed process has left under hidden names. */
export async function visible(folder: TemporaryDirectory): Promise<readonly string[]> {
  return (await readdir(folder.path)).filter((name) => !name.startsWith(".")).sort();
}
