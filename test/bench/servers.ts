/**
 * The servers that the benchmark compares: portside, and those others that are installed on this machine.
 * Each serves one folder on one port of 127.0.0.1, in the foreground, writes no log, and bounds neither how many come nor
 * how long they are silent.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../kit/programs.js";

/** Where a server is to serve what. */
export interface Place {
  /** The folder that clients see as `/`. */
  readonly folder: string;
  readonly port: number;
  /** The first and the last port for passive data connections, which are nobody else's. */
  readonly passive: readonly [first: number, last: number];
  /** An empty folder for the server's configuration. */
  readonly scratch: string;
  /** Whether clients will speak TLS. */
  readonly tls: boolean;
  /** How many sessions will be idle. */
  readonly idle: number;
  /** A PEM file with the certificate, and one with its key. */
  readonly certificate: string;
  readonly key: string;
}

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** One server. */
export interface Contender {
  readonly name: string;
  readonly username: string;
  readonly password: string;
  /** Writes what the server needs in its scratch folder. @returns how to start it */
  command(place: Place): Promise<Command>;
}

const BENCH = { username: "bench", password: "bench" };
const ANONYMOUS = { username: "anonymous", password: "bench@" };

/** portside first, once more by its workers where there are some, then the others that are installed. */
export function contenders(workers: number): Contender[] {
  const peers = [vsftpd(), proftpd(), pureFtpd(), pyftpdlib(), ftpSrv()];
  const many = workers > 1 ? [portside(workers)] : [];
  return [portside(1), ...many, ...peers.filter((peer) => peer !== undefined)];
}

/** How portside is called where it has so many processes. */
export function nameOf(workers: number): string {
  return workers === 1 ? "portside" : `portside-${workers}`;
}

function portside(workers: number): Contender {
  return {
    name: nameOf(workers),
    ...BENCH,
    command: async ({ folder, port, passive, certificate, key }) => [
      process.execPath,
      join(import.meta.dirname, "portside.js"),
      folder,
      String(port),
      ...passive.map(String),
      certificate,
      key,
      String(workers),
    ],
  };
}

function vsftpd(): Contender | undefined {
  const program = daemon("vsftpd");
  if (program === undefined) return undefined;
  return {
    name: "vsftpd",
    ...ANONYMOUS,
    command: async ({ folder, port, passive, scratch, tls, certificate, key }) => [
      program,
      await configure(scratch, [
        `pasv_min_port=${passive[0]}`,
        `pasv_max_port=${passive[1]}`,
        `ssl_enable=${tls ? "YES" : "NO"}`,
        "allow_anon_ssl=YES",
        `rsa_cert_file=${certificate}`,
        `rsa_private_key_file=${key}`,
        "ssl_ciphers=HIGH",
        "require_ssl_reuse=NO",
        "listen=YES",
        "listen_address=127.0.0.1",
        `listen_port=${port}`,
        "background=NO",
        "anonymous_enable=YES",
        "no_anon_password=NO",
        "ftp_username=daemon",
        `anon_root=${folder}`,
        "anon_upload_enable=YES",
        "anon_other_write_enable=YES",
        "anon_umask=022",
        "anon_world_readable_only=NO",
        "write_enable=YES",
        `secure_chroot_dir=${scratch}`,
        "xferlog_enable=NO",
        "isolate_network=NO",
        "isolate=NO",
        "max_clients=0",
        "max_per_ip=0",
        "idle_session_timeout=3600",
        "ascii_upload_enable=YES",
        "ascii_download_enable=YES",
      ]),
    ],
  };
}

function proftpd(): Contender | undefined {
  const program = daemon("proftpd");
  if (program === undefined) return undefined;
  return {
    name: "proftpd",
    ...ANONYMOUS,
    command: async ({ folder, port, passive, scratch, tls, certificate, key }) => [
      program,
      "--nodaemon",
      "--quiet",
      "--config",
      await configure(scratch, [
        "ServerType standalone",
        "DefaultServer on",
        "DefaultAddress 127.0.0.1",
        `Port ${port}`,
        "UseIPv6 off",
        "User nobody",
        "Group nogroup",
        `PidFile ${join(scratch, "pid")}`,
        "ScoreboardFile none",
        "SystemLog none",
        "TransferLog none",
        "WtmpLog off",
        "UseReverseDNS off",
        "DelayEngine off",
        "AuthPAM off",
        "RequireValidShell off",
        "AllowOverwrite on",
        `PassivePorts ${passive.join(" ")}`,
        "MaxInstances none",
        "TimeoutIdle 0",
        "TimeoutNoTransfer 0",
        ...(tls
          ? [
              "LoadModule mod_tls.c",
              "TLSEngine on",
              "TLSProtocol TLSv1.3",
              `TLSECCertificateFile ${certificate}`,
              `TLSECCertificateKeyFile ${key}`,
              "TLSOptions NoSessionReuseRequired",
            ]
          : []),
        `<Anonymous ${folder}>`,
        "User nobody",
        "Group nogroup",
        "UserAlias anonymous nobody",
        "RequireValidShell off",
        "</Anonymous>",
      ]),
    ],
  };
}

function pureFtpd(): Contender | undefined {
  const program = daemon("pure-ftpd");
  const users = findProgram("pure-pw");
  if (program === undefined || users === undefined) return undefined;
  return {
    name: "pure-ftpd",
    ...BENCH,
    command: async ({ folder, port, passive, scratch, tls, idle, certificate, key }) => {
      const hash = spawnSync("openssl", ["passwd", "-6", BENCH.password], { encoding: "utf8" }).stdout.trim();
      const passwords = await configure(scratch, [`bench:${hash}:65534:65534::${folder}/./::::::::::::`]);
      const database = join(scratch, "users.pdb");
      spawnSync(users, ["mkdb", database, "-f", passwords]);
      const lookup = `puredb:${database}`;
      const secure = tls ? ["-Y", "1", "-2", await joined(scratch, [key, certificate])] : ["-Y", "0"];
      const bounds = ["-c", "50000", "-C", "50000", "-I", "60", "-L", "1000000:5"];
      // A range would bound how many may come.
      const range = idle > 0 ? [] : ["-p", passive.join(":")];
      const place = ["-S", `127.0.0.1,${port}`, ...range, "-l", lookup, "-g", join(scratch, "pid")];
      return [program, "-4", "-H", "-E", "-A", "-u", "1", "-f", "none", ...place, ...bounds, ...secure];
    },
  };
}

const PYFTPDLIB = `
import logging, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
folder, port, first, last, name, password, certificate, key = sys.argv[1:]
handler = FTPHandler
if certificate:
    from pyftpdlib.handlers import TLS_FTPHandler as handler
    handler.certfile, handler.keyfile = certificate, key
logging.disable(logging.CRITICAL)
handler.authorizer = DummyAuthorizer()
handler.authorizer.add_user(name, password, folder, perm="elradfmwMT")
handler.timeout = 0
handler.passive_ports = range(int(first), int(last) + 1)
server = FTPServer(("127.0.0.1", int(port)), handler, backlog=1024)
server.max_cons = server.max_cons_per_ip = 0
server.serve_forever()
`;

function pyftpdlib(): Contender | undefined {
  const python = findProgram("python3");
  if (python === undefined || spawnSync(python, ["-c", "import pyftpdlib"]).status !== 0) return undefined;
  const { username, password } = BENCH;
  return {
    name: "pyftpdlib",
    ...BENCH,
    command: async ({ folder, port, passive, tls, certificate, key }) => {
      const pair = tls ? [certificate, key] : ["", ""];
      return [python, "-c", PYFTPDLIB, folder, String(port), ...passive.map(String), username, password, ...pair];
    },
  };
}

function ftpSrv(): Contender | undefined {
  const modules = process.env.PORTSIDE_BENCH_MODULES;
  if (modules === undefined || !existsSync(join(modules, "node_modules/ftp-srv"))) return undefined;
  return {
    name: "ftp-srv",
    ...BENCH,
    command: async ({ folder, port, passive, tls, certificate, key }) => {
      const program = join(import.meta.dirname, "ftp-srv-child.js");
      const pair = tls ? [certificate, key] : [];
      return [process.execPath, program, modules, folder, String(port), ...passive.map(String), ...pair];
    },
  };
}

/** Daemons live where only root's path leads. */
function daemon(name: string): string | undefined {
  return findProgram(name) ?? findProgram(join("../sbin", name));
}

async function configure(scratch: string, lines: readonly string[]): Promise<string> {
  const path = join(scratch, "configuration");
  await writeFile(path, `${lines.join("\n")}\n`, { mode: 0o600 });
  return path;
}

async function joined(scratch: string, files: readonly string[]): Promise<string> {
  const path = join(scratch, "pair.pem");
  await writeFile(path, (await Promise.all(files.map((file) => readFile(file, "utf8")))).join(""), { mode: 0o600 });
  return path;
}
