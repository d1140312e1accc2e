#!/usr/bin/env node
/** The `portside` command: a host like any other, on the public face alone. Exit codes: 0, 1 cannot start, 2 wrong flags. */
import { readFileSync } from "node:fs";
import { readOnly, Server } from "../index.js";
import { Accounts, newPassword } from "./accounts.js";
import { type KeyPair, stampOf } from "./certificate.js";
import { openCloudStore } from "./cloud-store.js";
import { parseFlags, type Settings } from "./flags.js";
import { keepJournal } from "./journal.js";
import { Log } from "./log.js";
import { openPair, renewPair, warnOfDates } from "./renewal.js";
import { explainStart } from "./start-error.js";
import { stopOnSignals } from "./stopping.js";
import { openStore } from "./store.js";
import { usage } from "./usage.js";
import { UsageError } from "./values.js";
import { welcome } from "./welcome.js";

/** Milliseconds until the program ends that could not start, whatever still hangs. */
const LAST_CALL = 1000;

function print(text: string): void {
  process.stdout.write(text);
}

function complain(text: string): void {
  process.stderr.write(text);
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function main(args: readonly string[]): Promise<void> {
  const task = parseFlags(args);
  if (task.do === "help") return print(usage());
  if (task.do === "version") return print(`${version()}\n`);
  const { settings } = task;
  const log = new Log({ level: settings.logLevel, json: settings.json, out: print, err: complain });
  try {
    await serve(settings, log);
  } catch (error) {
    const message = explainStart(error, settings);
    log.announce({ level: "error", event: "error", text: `portside: ${message}\n`, fields: { message } });
    process.exitCode = 1;
    // The SDK of a store may still wait for an answer.
    setTimeout(() => process.exit(), LAST_CALL).unref();
  }
}

async function serve(settings: Settings, log: Log): Promise<void> {
  const { tls } = settings;
  const store = settings.cloud ? await openCloudStore(settings.cloud) : openStore(settings.folder);
  const made =
    settings.users.length > 0 || settings.anonymous ? undefined : { name: "portside", password: newPassword() };
  const accounts = new Accounts(made === undefined ? settings.users : [made], settings.anonymous);
  const fileSystems = { "read-only": readOnly(store.fileSystem), full: store.fileSystem };
  const pair = tls && (await openPair(tls, settings.hosts));
  const server = new Server(serverOptions(settings, pair));
  server.on("login", (login) => {
    const access = accounts.access(login.username, login.password);
    if (access !== undefined) login.accept({ fileSystem: fileSystems[settings.readOnly ? "read-only" : access] });
  });
  keepJournal(server, log, (username) => accounts.shown(username));
  await server.listen();
  const stopRenewal = tls && pair && renewPair(server, tls, pair, log);
  stopOnSignals(server, log, () => stopRenewal?.());
  const certificate = pair && stampOf(pair);
  log.announce(welcome({ version: version(), store, settings, made, certificate, addresses: server.addresses }));
  if (pair && tls?.files) warnOfDates(log, tls.files, pair);
}

function serverOptions(settings: Settings, pair: KeyPair | undefined) {
  const { hosts, port, tls, passivePorts: ports, passiveAddress: address, idleTimeout } = settings;
  const explicit = hosts.map((host) => ({ host, port }));
  const implicit = hosts.map((host) => ({ host, port: tls?.implicitPort, implicitTls: true }));
  return {
    listeners: tls?.implicitPort === undefined ? explicit : [...explicit, ...implicit],
    tls: pair && { ...pair, require: tls?.require },
    passive: { ports, address },
    idleTimeout,
  };
}

// Whoever reads our lines may leave; that is no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  complain(`portside: ${error.message}\nSee portside --help\n`);
  process.exitCode = 2;
}
