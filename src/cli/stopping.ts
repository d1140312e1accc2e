/** The end of the program: the first SIGINT or SIGTERM lets transfers finish, the second does not. */
import type { Server } from "../index.js";
import type { Log } from "./log.js";

/** Milliseconds that running transfers get. */
const DRAIN = 10_000;
/** Milliseconds that aborted uploads get to clean up before the process ends, whatever still hangs. */
const LAST_CALL = 1000;
/** Milliseconds within which a second SIGINT under npm counts as the first one again. */
const ECHO = 300;

/**
 * Listens to signals from now on. The process then ends by itself, with exit code 0.
 * @param begins called once, when stopping begins
 */
export function stopOnSignals(server: Server, log: Log, begins: () => void): void {
  let begun: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (begun === undefined) {
      begun = performance.now();
      begins();
      void drain(server, log, signal);
    } else if (!isEcho(signal, performance.now() - begun, process.env.npm_lifecycle_event !== undefined))
      stopAtOnce(server, log, signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
}

/**
 * Whether a second signal, so long after the first, is not another one: the terminal tells Ctrl+C to us and to
 * npm, and npm passes it on to us.
 */
export function isEcho(signal: NodeJS.Signals, milliseconds: number, underNpm: boolean): boolean {
  return underNpm && signal === "SIGINT" && milliseconds < ECHO;
}

async function drain(server: Server, log: Log, signal: NodeJS.Signals): Promise<void> {
  const transfers = server.sessions.filter(({ transfer }) => transfer !== undefined).length;
  const wait = `${transfers} running ${transfers === 1 ? "transfer gets" : "transfers get"} ${DRAIN / 1000} s to finish`;
  const text = transfers === 0 ? "stopping" : `stopping: ${wait}; again to stop at once`;
  const closed = server.close({ drain: DRAIN });
  log.write({ level: "info", event: "stopping", text, fields: { signal, transfers } });
  await closed;
  log.write({ level: "info", event: "stopped", text: "stopped", fields: {} });
}

function stopAtOnce(server: Server, log: Log, signal: NodeJS.Signals): void {
  log.write({ level: "info", event: "aborting", text: "stopping at once", fields: { signal } });
  for (const session of server.sessions) session.close();
  // A client that does not hang up, or a disk that does not answer, must not hold us.
  setTimeout(() => process.exit(0), LAST_CALL).unref();
}
