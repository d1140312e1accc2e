/**
 * A real HAProxy in front of a server: control port and passive ports relayed with PROXY headers, from an address of its
 * own. Configured in a temporary folder, run in the foreground, stopped by its process.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accepts } from "./data.js";
import { temporaryDirectory, until, within } from "./temporary.js";

/** Where HAProxy connects to servers from. */
export const PROXY_SOURCE = "127.0.0.5";

/** What is in front of what. */
export interface HaproxyOptions {
  /** The full path of the program. */
  readonly program: string;
  /** The version of the header. */
  readonly version: "v1" | "v2";
  /** Where clients come, `127.0.0.20` or `::1`, at the control port and at each passive port. */
  readonly host: string;
  readonly port: number;
  /** The server's control port on 127.0.0.1. */
  readonly server: number;
  /** The server's passive ports on 127.0.0.1, each relayed from the same port. */
  readonly passive: readonly [first: number, last: number];
  /** Whether it looks all the time whether the server greets it, and relays to no other. Default `false`. */
  readonly check?: boolean;
}

/** Starts one and waits until clients can come. */
export async function startHaproxy(options: HaproxyOptions): Promise<AsyncDisposable> {
  const folder = await temporaryDirectory();
  const file = join(folder.path, "haproxy.cfg");
  await writeFile(file, configuration(options));
  const child = spawn(options.program, ["-db", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  const started = { [Symbol.asyncDispose]: () => stop(child).then(() => folder[Symbol.asyncDispose]()) };
  try {
    await until(async () => {
      assert.equal(child.exitCode, null, said.join(""));
      return await accepts(options.port, options.host);
    });
    return started;
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await within(closed, "the end of haproxy");
}

function configuration({ version, host, port, server, passive, check = false }: HaproxyOptions): string {
  const header = { v1: "send-proxy", v2: "send-proxy-v2" }[version];
  return `
global
  maxconn 200
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen control
  bind ${host}:${port}
  ${check ? "option tcp-check\n  tcp-check expect rstring ^220" : ""}
  server ftp 127.0.0.1:${server} ${header} source ${PROXY_SOURCE} ${check ? "check inter 50ms" : ""}
listen data
  bind ${host}:${passive.join("-")}
  server ftp 127.0.0.1 ${header} source ${PROXY_SOURCE}
`;
}
