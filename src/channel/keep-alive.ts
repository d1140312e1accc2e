/**
 * Asks the system to find out whether clients that say nothing are still there (RFC 1122 §4.2.3.6). Not at once: it takes
 * several calls of the system, and most sessions are over before it could matter. Knows no sessions.
 */
import type { Socket } from "node:net";

/** Silence after which the system asks, in milliseconds. */
const SILENCE_MS = 60_000;
/** How long a connection has to last until the system is told, at the most twice, in milliseconds. */
const YOUTH_MS = 5000;

/** Connections that came in this span of time, and in the one before. */
let newest = new Set<Socket>();
let newer = new Set<Socket>();
let timer: NodeJS.Timeout | undefined;

/** Has a connection watched from soon on; to be let go of when it is closed. */
export function keepAlive(socket: Socket): void {
  newest.add(socket);
  timer ??= setInterval(turn, YOUTH_MS).unref();
}

/** Lets go of a connection that is closed. */
export function forgetAlive(socket: Socket): void {
  if (!newest.delete(socket)) newer.delete(socket);
}

function turn(): void {
  for (const socket of newer) socket.setKeepAlive(true, SILENCE_MS);
  newer = newest;
  newest = new Set();
  if (newer.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
