/**
 * The servers that the benchmark compares: portside, and those others that are installed on this machine.
 * Each serves one folder on one port of 127.0.0.1, in the foreground, and writes no log.
 */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../kit/programs.js";

/** Where a server is to serve what. */
export interface Place {
  /** The folder that clients see as `/`. */
  readonly folder: string;
  readonly port: number;
  /** An empty folder for the server's configuration. */
  readonly scratch: string;
  /** A PEM file with the certificate, and one with its key. */
  readonly certificate: string;
  readonly key: string;
}

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** One server. */
export interface Contender {
  readonly name: string;
  /** Whether it is set up for TLS too. */
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
  /** Writes what the server needs in its scratch folder. @returns how to start it */
  command(place: Place): Promise<Command>;
}

const BENCH = { username: "bench", password: "bench" };
const ANONYMOUS = { username: "anonymous", password: "bench@" };

/** portside first, then the others that are installed. */
export function contenders(): Contender[] {
  return [portside, ...[vsftpd(), proftpd(), pureFtpd(), pyftpdlib()].filter((peer) => peer !== undefined)];
}

const portside: Contender = {
  name: "portside",
  tls: true,
  ...BENCH,
  command: async ({ folder, port, certificate, key }) => [
    process.execPath,
    join(import.meta.dirname, "portside.js"),
    folder,
    String(port),
    certificate,
    key,
  ],
};

function vsftpd(): Contender | undefined {
  const program = daemon("vsftpd");
  if (program === undefined) return undefined;
  return {
    name: "vsftpd",
    tls: true,
    ...ANONYMOUS,
    command: async ({ folder, port, scratch, certificate, key }) => [
      program,
      await configure(scratch, [
        "ssl_enable=YES",
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
      ]),
    ],
  };
}

function proftpd(): Contender | undefined {
  const program = daemon("proftpd");
  if (program === undefined) return undefined;
  return {
    name: "proftpd",
    tls: false,
    ...ANONYMOUS,
    command: async ({ folder, port, scratch }) => [
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
    tls: false,
    ...BENCH,
    command: async ({ folder, port, scratch }) => {
      const hash = spawnSync("openssl", ["passwd", "-6", BENCH.password], { encoding: "utf8" }).stdout.trim();
      const passwords = await configure(scratch, [`bench:${hash}:65534:65534::${folder}/./::::::::::::`]);
      const database = join(scratch, "users.pdb");
      spawnSync(users, ["mkdb", database, "-f", passwords]);
      const lookup = `puredb:${database}`;
      return [program, "-4", "-H", "-E", "-A", "-S", `127.0.0.1,${port}`, "-l", lookup, "-u", "1", "-f", "none"];
    },
  };
}

function pyftpdlib(): Contender | undefined {
  const python = findProgram("python3");
  if (python === undefined || spawnSync(python, ["-c", "import pyftpdlib"]).status !== 0) return undefined;
  const quiet = "import logging, pyftpdlib.__main__ as m; logging.disable(logging.CRITICAL); m.main()";
  const { username, password } = BENCH;
  return {
    name: "pyftpdlib",
    tls: false,
    ...BENCH,
    command: async ({ folder, port }) => [
      python,
      "-c",
      quiet,
      "-i",
      "127.0.0.1",
      "-p",
      String(port),
      "-d",
      folder,
      "-w",
      "-u",
      username,
      "-P",
      password,
    ],
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
