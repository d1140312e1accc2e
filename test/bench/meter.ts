/**
 * What a server's whole tree of processes uses: in a cgroup of its own where one can be made, which also counts children
 * that nobody waits for; else by what /proc tells. Linux only: elsewhere there are no such figures. Knows nothing of FTP.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where cgroups are: version 2, version 2 beside version 1, version 1. */
const ROOTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpuacct"];
/** Ticks in a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;
/** Joins the group that it is given, if any, may open as many files as it can, and becomes the program. */
const LAUNCH = 'ulimit -n "$(ulimit -Hn)"; [ -z "$1" ] || echo $$ > "$1/cgroup.procs"; shift; exec "$@"';

let made = 0;

export class Meter implements Disposable {
  readonly #group: string | undefined;
  /** The first of the processes; 0 while there is none. */
  pid = 0;

  /** @param roots where a cgroup may be made */
  constructor(roots: readonly string[] = ROOTS) {
    const name = `portside-bench-${process.pid}-${made++}`;
    this.#group = roots.map((root) => join(root, name)).find(makeGroup);
  }

  /** A command that starts the program where it is measured. */
  launch(command: readonly string[]): readonly [program: string, ...args: string[]] {
    return ["/bin/sh", "-c", LAUNCH, "launch", this.#group ?? "", ...command];
  }

  /** Seconds of CPU up to now, user and system; `undefined` where nobody tells. */
  seconds(): number | undefined {
    if (this.#group === undefined) return secondsOf(this.processes());
    return groupSeconds(this.#group);
  }

  /** Bytes of memory, shared ones in proportion; `undefined` where nobody tells. */
  memory(): number | undefined {
    let kibibytes = 0;
    for (const pid of this.processes()) {
      const found = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? "");
      if (found !== null) kibibytes += Number(found[1]);
    }
    return kibibytes === 0 ? undefined : kibibytes * 1024;
  }

  /** The identifiers of all processes. */
  processes(): number[] {
    if (this.#group !== undefined) return numbers(read(join(this.#group, "cgroup.procs")) ?? "");
    return this.pid === 0 ? [] : treeOf(this.pid);
  }

  /** To be called when the processes have ended. */
  [Symbol.dispose](): void {
    if (this.#group === undefined) return;
    // One that was killed takes a moment to leave.
    for (let attempt = 0; attempt < 100 && !removeGroup(this.#group); attempt++)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}

function makeGroup(path: string): boolean {
  try {
    mkdirSync(path);
    writeFileSync(join(path, "cgroup.procs"), "", { flag: "r+" });
    if (groupSeconds(path) !== undefined) return true;
  } catch {
    // not here
  }
  removeGroup(path);
  return false;
}

function removeGroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EBUSY";
  }
}

function groupSeconds(group: string): number | undefined {
  const microseconds = /^usage_usec (\d+)/m.exec(read(join(group, "cpu.stat")) ?? "")?.[1];
  if (microseconds !== undefined) return Number(microseconds) / 1e6;
  const nanoseconds = read(join(group, "cpuacct.usage"));
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e9;
}

/** With those of children that have ended and were waited for. */
function secondsOf(processes: readonly number[]): number | undefined {
  let ticks: number | undefined;
  for (const pid of processes) {
    const [, , , , , , , , , , , user, system, ended, endedSystem] = fieldsOf(pid);
    if (user === undefined) continue;
    ticks = (ticks ?? 0) + Number(user) + Number(system) + Number(ended) + Number(endedSystem);
  }
  return ticks === undefined ? undefined : ticks / TICKS;
}

/** What /proc/PID/stat says behind the name. */
function fieldsOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`) ?? "";
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  try {
    for (const name of readdirSync("/proc"))
      if (/^\d+$/.test(name)) parents.set(Number(name), Number(fieldsOf(Number(name))[1]));
  } catch {
    return [root];
  }
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

function numbers(text: string): number[] {
  return text.split("\n").filter(Boolean).map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
