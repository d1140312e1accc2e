/** The server of one process: made of the settings, with all that it keeps and writes. Does not know how it ends. */
import { type AdmissionStore, readOnly, Server } from "../index.js";
import { keepAccessLog } from "./access-file.js";
import { Accounts, newPassword } from "./accounts.js";
import type { KeyPair } from "./certificate.js";
import { openCloudStore } from "./cloud-store.js";
import type { Settings } from "./flags.js";
import { keepJournal } from "./journal.js";
import type { Log } from "./log.js";
import { openPair } from "./renewal.js";
import { bounded, openStore, type Store } from "./store.js";
import type { Ground } from "./worker-messages.js";

/** What a process has that is one of several. */
export interface Membership {
  /** The ports to listen on, in the order of the listeners. */
  readonly ports?: readonly number[];
  /** Where limits and bans are counted. */
  readonly admission?: AdmissionStore;
}

/** What is made up or read once for a run. @throws Error saying what cannot be read, or what to install */
export async function groundOf({ users, anonymous, tls, hosts }: Settings): Promise<Ground> {
  const made = users.length > 0 || anonymous ? undefined : { name: "portside", password: newPassword() };
  return { made, pair: tls && (await openPair(tls, hosts)) };
}

/** @throws Error saying what is wrong with the folder, the bucket or the container */
export async function storeOf({ cloud, folder, quota }: Settings): Promise<Store> {
  const store = cloud ? await openCloudStore(cloud) : openStore(folder);
  return quota === undefined ? store : bounded(store, quota);
}

/** A server that does not listen yet. @throws Error naming the flag that cannot be followed */
export function serverOf(
  settings: Settings,
  { made, pair }: Ground,
  store: Store,
  log: Log,
  member: Membership = {},
): Server {
  const accounts = new Accounts(made === undefined ? settings.users : [made], settings.anonymous);
  const fileSystems = { "read-only": readOnly(store.fileSystem), full: store.fileSystem };
  const server = new Server({ ...serverOptions(settings, pair, member.ports), admission: member.admission });
  server.on("login", (login) => {
    const access = accounts.access(login.username, login.password);
    if (access !== undefined) login.accept({ fileSystem: fileSystems[settings.readOnly ? "read-only" : access] });
  });
  const shown = (username: string): string => accounts.shown(username);
  const ends = [keepJournal(server, log, shown)];
  if (settings.accessLog) ends.push(keepAccessLog(server, settings.accessLog, log, shown));
  // When all sessions are over.
  process.once("beforeExit", () => ends.map((end) => end()));
  return server;
}

/** Where to listen, in the order of the listeners. */
export function placesOf({ hosts, port, tls }: Settings): readonly {
  readonly host: string;
  readonly port: number;
  readonly implicitTls: boolean;
}[] {
  const at = (where: number, implicitTls: boolean) => hosts.map((host) => ({ host, port: where, implicitTls }));
  const implicit = tls?.implicitPort;
  return implicit === undefined ? at(port, false) : [...at(port, false), ...at(implicit, true)];
}

function serverOptions(settings: Settings, pair: KeyPair | undefined, ports: readonly number[] = []) {
  const { tls, passive, entrance, idleTimeout } = settings;
  const { listener: limits, ...bounds } = settings.limits;
  return {
    listeners: placesOf(settings).map((place, index) => ({ ...place, port: ports[index] ?? place.port, limits })),
    tls: pair && { ...pair, require: tls?.require },
    passive,
    ...entrance,
    ...bounds,
    bans: { ...bounds.bans, ...entrance.bans },
    idleTimeout,
  };
}
