/** Servers and crowds of clients in processes of their own, and what a session of the crowd costs its server. */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { until, within } from "../kit/temporary.js";

/** How a server is started. */
export interface IdleStart {
  /** Of Node alone: every line is answered with 230. */
  readonly bare: boolean;
  readonly tls: ServerOptions["tls"];
  /** A folder that is served. Default: a store in memory. */
  readonly folder: string | undefined;
}

/** What the server is told. */
export type IdleOrder = ({ readonly kind: "start" } & IdleStart) | { readonly kind: "report" | "close" };

/** What the server answers: bytes, after garbage is collected. */
export interface IdleReport {
  readonly port: number;
  readonly sessions: number;
  readonly heap: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly rss: number;
  /** Warnings, errors of the server, and what nobody has caught. */
  readonly failures: readonly string[];
}

/** What the crowd is told. */
export type CrowdOrder =
  | {
      readonly kind: "enter";
      readonly port: number;
      readonly count: number;
      readonly bare: boolean;
      readonly ca?: string;
    }
  /** So many of them move a file of a megabyte down and another one up, all at once. */
  | { readonly kind: "move"; readonly count: number }
  | { readonly kind: "leave" };

/** What the crowd answers. */
export interface CrowdReport {
  readonly open: number;
  /** Bytes that were downloaded. */
  readonly bytes: number;
  readonly failures: readonly string[];
}

/** Milliseconds for ten thousand handshakes on a busy machine. */
const DEADLINE = 120_000;

/** A server and its crowd. */
export interface Scene extends AsyncDisposable {
  report(): Promise<IdleReport>;
  /** Lets so many in. @throws Error where one of them is not */
  enter(count: number): Promise<void>;
  move(count: number): Promise<CrowdReport>;
  /** Lets all go, and waits for the server to be rid of them. */
  leave(): Promise<void>;
  readonly port: number;
  readonly serverPid: number | undefined;
}

/** How a scene is set: as the server of `IdleStart`, in clear unless `tls` says so. */
export interface SceneOptions {
  readonly tls?: boolean;
  readonly bare?: boolean;
  readonly folder?: string;
}

/** Starts both. Disposing ends them, and fails where the server does not end by itself. */
export async function scene({ tls = false, bare = false, folder }: SceneOptions = {}): Promise<Scene> {
  const { server: pair, ca } = await testCertificates();
  const options = { serialization: "advanced" as const };
  const server = fork(join(import.meta.dirname, "kit-idle-server.js"), { ...options, execArgv: ["--expose-gc"] });
  const crowd = fork(join(import.meta.dirname, "kit-idle-crowd.js"), options);
  const order = (what: IdleOrder): Promise<IdleReport> => tell<IdleReport>(server, what);
  const orderCrowd = (what: CrowdOrder): Promise<CrowdReport> => tell<CrowdReport>(crowd, what);
  const { port } = await order({ kind: "start", bare, tls: tls ? pair : undefined, folder });
  return {
    port,
    serverPid: server.pid,
    report: () => order({ kind: "report" }),
    move: (count) => orderCrowd({ kind: "move", count }),
    async enter(count) {
      const { open, failures } = await orderCrowd({ kind: "enter", port, count, bare, ...(tls && { ca: ca.cert }) });
      if (open !== count || failures.length > 0) throw new Error(`${open} of ${count} are in: ${failures[0]}`);
    },
    async leave() {
      await orderCrowd({ kind: "leave" });
      await until(async () => (await order({ kind: "report" })).sessions === 0, DEADLINE, "every session is over");
    },
    async [Symbol.asyncDispose]() {
      crowd.disconnect();
      const exited = once(server, "exit");
      try {
        await order({ kind: "close" });
        await within(exited, "the server process ending by itself");
      } finally {
        server.kill("SIGKILL");
      }
    },
  };
}

async function tell<Answer>(child: ChildProcess, what: IdleOrder | CrowdOrder): Promise<Answer> {
  const answered = once(child, "message");
  child.send(what);
  const [answer] = (await within(answered, what.kind, DEADLINE)) as [Answer];
  return answer;
}

/** How many files a process of ours may have open; infinite where the system does not say. */
export async function openFiles(): Promise<number> {
  const limit = await promisify(execFile)("sh", ["-c", "ulimit -n"]).catch(() => ({ stdout: "" }));
  return Number(limit.stdout) || Number.POSITIVE_INFINITY;
}

/** Bytes that one session costs. */
export interface Cost {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
}

/**
 * What an idle session costs. Before that, a few come and go, so that code and tables of the server are there.
 * @param act what else is to happen while they are there
 */
export async function costOf(place: Scene, sessions: number, act?: () => Promise<void>): Promise<Cost> {
  await place.enter(200);
  await place.leave();
  const before = await place.report();
  await place.enter(sessions);
  const after = await place.report();
  if (after.sessions !== sessions) throw new Error(`the server has ${after.sessions} of ${sessions} sessions`);
  await act?.();
  const each = (what: "rss" | "heap" | "external"): number => (after[what] - before[what]) / sessions;
  return { rss: each("rss"), heap: each("heap"), external: each("external") };
}
