/** What shall go wrong, where and when: faults as data, and which of them strike at a call. Knows no store. */
import { FileSystemError, type FileSystemErrorCode } from "../storage/file-system-error.js";

/**
 * A point that every operation passes: the methods by name; `entry` before each entry of a listing; `read` before each
 * piece of a download; `write`, `commit` and `abort` of an upload; `close` of a download. A checksum reads, and passes
 * the points of a download too.
 */
export type FaultPoint = (typeof POINTS)[number];

const POINTS = [
  "stat",
  "list",
  "entry",
  "openRead",
  "read",
  "close",
  "checksum",
  "openWrite",
  "write",
  "commit",
  "abort",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
  "availableSpace",
] as const;

/** Where content and entries pass, and can end too early. */
const FLOWS: ReadonlySet<FaultPoint> = new Set(["entry", "read", "write"]);
/** Where something is changed at one stroke, and the answer can be lost. */
const STROKES: ReadonlySet<FaultPoint> = new Set([
  "commit",
  "abort",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
]);

/** Which calls a fault meets. */
export interface FaultPlace {
  /** The point. */
  readonly at: FaultPoint;
  /** Only calls about this path, or about paths that match; a rename is about its old one. Default: every path. */
  readonly path?: string | RegExp | undefined;
  /** Only the how manieth of these calls, counted from 1; for `after`, of the downloads or uploads that come so far. Default: each. */
  readonly call?: number | undefined;
  /** With `read` and `write`: once in each download or upload, when so many bytes have passed. Default: before each piece. */
  readonly after?: number | undefined;
}

/**
 * What happens there; exactly one of them. It happens before the store hears of the call. An upload whose `write` has
 * failed fails at `commit` too, and is then aborted.
 */
export interface FaultEffect {
  /** Milliseconds until the call goes on. Obeys the call's signal. */
  readonly delay?: number | undefined;
  /** Fails with this error, or with a FileSystemError of this code. */
  readonly fail?: FileSystemErrorCode | Error | undefined;
  /**
   * Does not go on until `release()`. With `signal` the call's signal ends it before, as it must in a good store; with
   * `deaf` it does not. `commit`, `abort` and `close` have no signal.
   */
  readonly stall?: "signal" | "deaf" | undefined;
  /** With `entry`, `read` and `write`: what would follow is lost without a word. */
  readonly truncate?: true | undefined;
  /** With `fail`, where something is changed at one stroke: the store does it, and then the answer is lost. Default `false`. */
  readonly late?: boolean | undefined;
}

/** One fault. */
export type Fault = FaultPlace & FaultEffect;

/** The faults of one file system, and how often they have struck. */
export class FaultPlan {
  readonly #faults: readonly Fault[];
  readonly #calls = new Map<Fault, number>();
  readonly #struck = new Map<Fault, number>();
  readonly #waiting = new Map<Fault, (() => void)[]>();

  /** @throws RangeError where a fault makes no sense */
  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
    for (const fault of faults) assertFault(fault);
  }

  /** The faults that may meet calls about a path at a point; those with `after` or those without. */
  at(point: FaultPoint, path: string, after: boolean): readonly Fault[] {
    return this.#faults.filter(
      (fault) => fault.at === point && (fault.after !== undefined) === after && matches(fault, path),
    );
  }

  /** Counts a call that a fault meets. @returns whether it strikes */
  strikes(fault: Fault): boolean {
    const call = (this.#calls.get(fault) ?? 0) + 1;
    this.#calls.set(fault, call);
    if (fault.call !== undefined && fault.call !== call) return false;
    this.#struck.set(fault, this.times(fault) + 1);
    for (const tell of this.#waiting.get(fault) ?? []) tell();
    this.#waiting.delete(fault);
    return true;
  }

  /** How often a fault has struck. */
  times(fault: Fault): number {
    return this.#struck.get(fault) ?? 0;
  }

  /** Resolves when a fault has struck. */
  struck(fault: Fault): Promise<void> {
    if (!this.#faults.includes(fault)) throw new RangeError("faulty: no such fault in the plan");
    if (this.times(fault) > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(fault, [...(this.#waiting.get(fault) ?? []), resolve]));
  }
}

/** What a fault fails with. */
export function failureOf({ fail }: Fault, path: string): Error | undefined {
  return typeof fail === "string" ? new FileSystemError(fail, path, { message: `${fail}: injected` }) : fail;
}

function matches({ path: wanted }: Fault, path: string): boolean {
  if (wanted === undefined || typeof wanted === "string") return wanted === undefined || wanted === path;
  wanted.lastIndex = 0;
  return wanted.test(path);
}

function assertFault(fault: Fault): void {
  const { at, call, after, delay, fail, stall, truncate, late } = fault;
  const wrong = (what: string): never => {
    throw new RangeError(`faulty: ${what}, at ${at}`);
  };
  if (!POINTS.includes(at)) wrong("no such point");
  if ([delay, fail, stall, truncate].filter((effect) => effect !== undefined).length !== 1)
    wrong("one of delay, fail, stall and truncate");
  if (call !== undefined && !(Number.isSafeInteger(call) && call >= 1)) wrong("call must be 1 or more");
  if (delay !== undefined && !(delay >= 0 && delay < 2 ** 31)) wrong("delay must be milliseconds");
  if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0)) wrong("after must be a number of bytes");
  if (after !== undefined && at !== "read" && at !== "write") wrong("after is for read and write");
  if (truncate && !FLOWS.has(at)) wrong("truncate is for entry, read and write");
  if (late && (fail === undefined || !STROKES.has(at))) wrong("late is for fail where something is changed");
}
