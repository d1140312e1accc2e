/** The server of `kit-tls-child-server.ts`, started and asked. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ServerOptions } from "../../dist/index.js";
import { testCertificates } from "../kit/certificates.js";
import { until, within } from "../kit/temporary.js";

/** What the child is told. */
export type ChildOrder =
  | { readonly kind: "start"; readonly tls: ServerOptions["tls"]; readonly ports?: readonly [number, number] }
  | { readonly kind: "report" }
  | { readonly kind: "close" };

/** What the child answers. */
export interface ChildReport {
  /** Explicit, implicit, and one where nothing requires TLS; only at the start. */
  readonly ports: readonly number[];
  /** What is reachable after a collection of garbage. */
  readonly bytes: number;
  readonly heap: number;
  readonly rss: number;
  /** What keeps the process, by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** Warnings, errors of the server, and what nobody has caught. */
  readonly failures: readonly string[];
  readonly sessions: number | undefined;
}

/** A server in a process of its own. */
export interface TlsChild extends AsyncDisposable {
  readonly explicit: number;
  readonly implicit: number;
  /** Without a requirement of TLS. */
  readonly plain: number;
  /** What it holds now. */
  report(): Promise<ChildReport>;
  /** What it holds once no session is left. */
  atRest(): Promise<ChildReport>;
}

/** Starts one. Disposing it closes it, and fails where the process does not end by itself. */
export async function tlsChild(
  options: { readonly tls?: ServerOptions["tls"]; readonly ports?: readonly [number, number] } = {},
): Promise<TlsChild> {
  const { cert, key } = (await testCertificates()).server;
  const child = fork(join(import.meta.dirname, "kit-tls-child-server.js"), { serialization: "advanced" });
  const tell = async (order: ChildOrder): Promise<ChildReport> => {
    const answered = once(child, "message");
    child.send(order);
    const [answer] = (await within(answered, `the server process: ${order.kind}`)) as [ChildReport];
    return answer;
  };
  const { ports } = await tell({
    kind: "start",
    tls: { cert, key, ...options.tls },
    ...(options.ports && { ports: options.ports }),
  });
  const [explicit = 0, implicit = 0, plain = 0] = ports;
  const report = (): Promise<ChildReport> => tell({ kind: "report" });
  return {
    explicit,
    implicit,
    plain,
    report,
    async atRest() {
      await until(async () => (await report()).sessions === 0, undefined, "every session is over");
      return report();
    },
    [Symbol.asyncDispose]: () => end(child, tell),
  };
}

async function end(child: ChildProcess, tell: (order: ChildOrder) => Promise<unknown>): Promise<void> {
  const exited = once(child, "exit");
  try {
    await tell({ kind: "close" });
    await within(exited, "the server process ending by itself");
  } finally {
    child.kill("SIGKILL");
  }
}
