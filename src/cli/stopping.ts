/** The end of the program: the first SIGINT or SIGTERM lets transfers finish, the second does not. */
import type { Server } from "../index.js";
import type { Log } from "./log.js";

/** Milliseconds that aborted uploads get to clean up before the process ends, whatever still hangs. */
const LAST_CALL = 1000;
/** Milliseconds within which a second SIGINT under npm counts as the first one again. */
const ECHO = 300;

/** What is to end. */
export interface Stoppable {
  /** Transfers that run; `undefined` where other processes know. */
  readonly transfers: number | undefined;
  /** Milliseconds that they get. */
  readonly drain: number;
  /** Lets nobody in and transfers finish. Resolves when all is over. */
  stop(): Promise<void>;
  /** Ends what is left. */
  abort(): void;
}

/** Listens to signals from now on. The process then ends by itself, with exit code 0. */
export function stopOnSignals(stoppable: Stoppable, log: Log): void {
  let begun: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (begun === undefined) {
      begun = performance.now();
      void stopSlowly(stoppable, log, signal);
    } else if (!isEcho(signal, performance.now() - begun, process.env.npm_lifecycle_event !== undefined)) {
      log.write({ level: "info", event: "aborting", text: "stopping at once", fields: { signal } });
      stoppable.abort();
    }
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
}

/** The server of a process that serves alone. @param begins called once, when stopping begins */
export function stoppableServer(server: Server, drain: number, begins: () => void): Stoppable {
  return {
    get transfers() {
      return server.health().transfers;
    },
    drain,
    stop: () => {
      begins();
      return server.close({ drain });
    },
    abort: () => endAtOnce(server),
  };
}

/**
 * Whether a second signal, so long after the first, is not another one: the terminal tells Ctrl+C to us and to
 * npm, and npm passes it on to us.
 */
export function isEcho(signal: NodeJS.Signals, milliseconds: number, underNpm: boolean): boolean {
  return underNpm && signal === "SIGINT" && milliseconds < ECHO;
}

/** Ends every session, and soon the process. */
export function endAtOnce(server: Server): void {
  for (const session of server.sessions) session.close();
  // A client that does not hang up, or a disk that does not answer, must not hold us.
  setTimeout(() => process.exit(0), LAST_CALL).unref();
}

async function stopSlowly(stoppable: Stoppable, log: Log, signal: NodeJS.Signals): Promise<void> {
  const { transfers, drain } = stoppable;
  const running = transfers === 1 ? "1 running transfer gets" : `${transfers ?? "all"} running transfers get`;
  const text = transfers === 0 ? "stopping" : `stopping: ${running} ${drain / 1000} s to finish; again to stop at once`;
  const stopped = stoppable.stop();
  log.write({ level: "info", event: "stopping", text, fields: { signal, transfers } });
  await stopped;
  log.write({ level: "info", event: "stopped", text: "stopped", fields: {} });
}
