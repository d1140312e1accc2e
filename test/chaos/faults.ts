/** What goes wrong in the store of one login: a few faults, by chance, none of which the contract of stores forbids. */
import type { Fault, FaultPoint } from "../../dist/testing/index.js";
import type { Random } from "../robustness/kit-random.js";

/** Where a call may fail, stand still, or take its time. `close` and `abort` never fail. */
const CALLS: readonly FaultPoint[] = [
  "stat",
  "list",
  "openRead",
  "openWrite",
  "commit",
  "remove",
  "makeDirectory",
  "removeDirectory",
  "rename",
  "setTimes",
  "setMode",
];
const CHANGES: readonly FaultPoint[] = ["commit", "remove", "makeDirectory", "removeDirectory", "rename"];
const CODES = ["EIO", "EBUSY", "ENOSPC", "EDQUOT", "EACCES"] as const;
/** The text of errors that no store should throw, and some do. */
export const FOREIGN_FAULT = "chaos";

/** Faults for one login: none, or up to three. */
export function randomFaults(random: Random): readonly Fault[] {
  return Array.from({ length: random.below(4) }, () => randomFault(random));
}

function randomFault(random: Random): Fault {
  const call = 1 + random.below(6);
  const after = random.below(200_000);
  const flow = random.pick(["read", "write"] as const);
  const ways: readonly (() => Fault)[] = [
    () => ({ at: random.pick(CALLS), call, fail: random.pick(CODES) }),
    () => ({ at: random.pick(CALLS), call, fail: new Error(FOREIGN_FAULT) }),
    () => ({ at: random.pick(CALLS), call, delay: random.below(80) }),
    () => ({ at: random.pick(CHANGES), call, fail: "EIO", late: true }),
    () => ({ at: random.pick(CALLS), call, stall: random.pick(["signal", "deaf"]) }),
    () => ({ at: flow, after, fail: random.pick(CODES) }),
    () => ({ at: flow, after, stall: random.pick(["signal", "deaf"]) }),
    () => ({ at: flow, delay: random.below(5) }),
    // A store that loses what it was given cannot be caught; one that gives too little can.
    () => ({ at: "read", after, truncate: true }),
    () => ({ at: "entry", call, truncate: true }),
    () => ({ at: "entry", call, fail: "EIO" }),
  ];
  return random.pick(ways)();
}
