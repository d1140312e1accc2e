/**
 * The server of a chaos run, in a process of its own: nothing of a client counts for it. Stores are faulty, limits low,
 * time-outs short. Obeys its parent (`chaos-server.ts`) and says what it holds.
 */
import { LocalFileSystem, Server, type ServerOptions, type Session } from "../../dist/index.js";
import { type Fault, type FaultyFileSystem, faulty } from "../../dist/testing/index.js";
import { reachableBytes } from "../robustness/kit-memory.js";
import { Random } from "../robustness/kit-random.js";
import type { ChaosOrder, ChaosReport, ChaosSetting } from "./chaos-server.js";
import { FOREIGN_FAULT, randomFaults } from "./faults.js";

/** Milliseconds after which calls that stand still go on. */
const RELEASE = 250;
/** Milliseconds: so long after that nobody can be cut off without a word because of them, on a busy machine either. */
const STALL = 3000;

const failures: string[] = [];
process.on("warning", (warning) => failures.push(`warning: ${warning.name}: ${warning.message}`));
process.on("unhandledRejection", (reason) => failures.push(`unhandled: ${String(reason)}`));
process.on("uncaughtException", (error) => failures.push(`uncaught: ${String(error.stack)}`));

/** Over all servers of this process. */
const totals = { sessions: 0, transfers: 0, broken: 0, limited: 0, faults: 0, errors: 0, latest: 0 };
/** Stores of clients that are there, with their faults. */
const stores = new Map<Session, readonly (readonly [FaultyFileSystem, readonly Fault[]])[]>();
let setting: ChaosSetting;
let random: Random;
let server: Server;
let releasing: NodeJS.Timeout;

function optionsAt(port: number): ServerOptions {
  return {
    host: "127.0.0.1",
    port,
    tls: { ...setting.pair, require: "none", handshakeTimeout: 1000 },
    passive: { ports: setting.ports },
    dataTimeout: 400,
    stallTimeout: STALL,
    hookTimeout: 500,
    loginTimeout: 5000,
    loginDelay: 0,
    bans: { after: 0 },
    limits: {
      server: { sessions: 24 },
      address: { sessions: 24, pending: 20 },
      account: { transfers: 6 },
      session: { uploadSize: 700_000, uploadRate: 20_000_000, commandRate: 2000 },
    },
  };
}

async function open(port: number): Promise<number> {
  server = new Server(optionsAt(port));
  server.on("login", (login) => {
    if (login.password !== "secret") return;
    const inner = new LocalFileSystem(setting.root);
    if (login.username === "witness") return login.accept({ fileSystem: inner });
    const faults = setting.faults ? randomFaults(random) : [];
    const store = faulty(inner, faults);
    stores.set(login.session, [...(stores.get(login.session) ?? []), [store, faults]]);
    login.accept({ fileSystem: store });
  });
  server.on("session", () => totals.sessions++);
  server.on("limited", () => totals.limited++);
  for (const event of ["retrieved", "stored", "listed"] as const) server.on(event, () => totals.transfers++);
  server.on("aborted", () => totals.broken++);
  server.on("closed", ({ session }) => forget(session));
  // The host sends somebody away now and then.
  server.on("reply", ({ session }) => void (random.chance(0.001) && session.close("chaos")));
  server.on("error", ({ error }) => {
    totals.errors++;
    if (!isInjected(error)) failures.push(`error: ${error instanceof Error ? error.stack : String(error)}`);
  });
  await server.listen();
  return server.addresses[0]?.port ?? 0;
}

function forget(session: Session): void {
  for (const [store, faults] of stores.get(session) ?? []) {
    totals.faults += faults.reduce((sum, fault) => sum + store.times(fault), 0);
    store.release();
  }
  stores.delete(session);
}

/** Errors that were planned, or that follow from them; ports are few on purpose. */
function isInjected(error: unknown): boolean {
  const { message = "", code = "" } = error as { readonly message?: string; readonly code?: string };
  return /injected|the store has given less/.test(message) || message === FOREIGN_FAULT || code === "NO_PASSIVE_PORT";
}

function report(port: number = server.addresses[0]?.port ?? 0): ChaosReport {
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const { sessions, transfers, passive } = server.metrics();
  const moving = transfers.download.now + transfers.upload.now + transfers.listing.now;
  const held = { sessions: sessions.now, moving, leases: passive.leases, stores: stores.size };
  return { port, held, handles, bytes: reachableBytes(), failures, totals };
}

async function obey(order: ChaosOrder): Promise<number | undefined> {
  if (order.kind === "start") {
    setting = order.setting;
    random = new Random(setting.seed);
    let due = performance.now() + RELEASE;
    releasing = setInterval(() => {
      totals.latest = Math.max(totals.latest, Math.round(performance.now() - due));
      due = performance.now() + RELEASE;
      for (const [store] of [...stores.values()].flat()) store.release();
    }, RELEASE);
    return await open(0);
  }
  if (order.kind === "renew") server.setTls({ ...order.pair, require: "none", handshakeTimeout: 1000 });
  if (order.kind === "restart") {
    const port = server.addresses[0]?.port ?? 0;
    await server.close({ drain: order.drain });
    return await open(port);
  }
  if (order.kind === "close") {
    await server.close();
    clearInterval(releasing);
  }
  return undefined;
}

// A parent that is gone can ask no more.
process.on("disconnect", () => void server?.close().then(() => clearInterval(releasing)));
process.on("message", (order: ChaosOrder) => {
  void obey(order).then((port) => {
    process.send?.(report(port));
    if (order.kind === "close") process.disconnect();
  });
});
