/**
 * Proof that a piece of work gave everything back: sockets, servers, timers and file descriptors, and
 * that nothing failed behind its back. Knows nothing of FTP.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { DEADLINE, until } from "./temporary.js";

type Counts = Readonly<Record<string, number>>;

/**
 * Runs the work and asserts that what the process holds afterwards is what it held before.
 * @param deadline milliseconds that closing things may still take after the work. Default 10,000
 * @throws AssertionError naming each kind with the number before and after
 */
export async function assertNoLeaks(run: () => Promise<void>, deadline: number = DEADLINE): Promise<void> {
  const before = held();
  const failures: unknown[] = [];
  const record = (error: unknown) => failures.push(error);
  process.on("unhandledRejection", record).on("uncaughtException", record);
  try {
    await run();
    await until(() => leaked(before, held()).length === 0, deadline).catch(() => undefined);
    assert.deepEqual(leaked(before, held()), [], "left behind");
    assert.deepEqual(failures, [], "failures that nobody caught");
  } finally {
    process.off("unhandledRejection", record).off("uncaughtException", record);
  }
}

/** What the process holds now: handles by kind, and open file descriptors by what they lead to. */
function held(): Counts {
  const counts: Record<string, number> = {};
  for (const kind of [...process.getActiveResourcesInfo(), ...descriptors()]) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Devices are left out: Node itself opens them when something is first printed. Without /proc there is nothing to count. */
function descriptors(): string[] {
  if (!existsSync("/proc/self/fd")) return [];
  return readdirSync("/proc/self/fd")
    .map(target)
    .filter((kind) => !kind.startsWith("fd of /dev/"));
}

function target(fd: string): string {
  try {
    return `fd of ${readlinkSync(`/proc/self/fd/${fd}`).replace(/\[\d+\]$/, "")}`;
  } catch {
    return "fd of this very look";
  }
}

function leaked(before: Counts, after: Counts): string[] {
  return Object.entries(after)
    .filter(([kind, count]) => count > (before[kind] ?? 0))
    .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} before, ${count} after`);
}
