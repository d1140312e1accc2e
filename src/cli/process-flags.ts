/** The flags that say how many processes serve, and how they end. Pure: touches neither disk nor network. */
import { partOfPorts } from "../index.js";
import { integerOf, portRangeOf, UsageError } from "./values.js";

/** What the program was told of its processes. */
export interface ProcessSettings {
  /** Processes that serve side by side; `undefined` for this one alone. */
  readonly workers: number | undefined;
  /** Milliseconds that running transfers get when the program is stopped. */
  readonly drain: number;
}

/** What the flags say. */
interface ProcessValues {
  readonly workers?: string | undefined;
  readonly drain?: string | undefined;
  readonly memory?: boolean | undefined;
  readonly quota?: string | undefined;
  readonly "pasv-ports"?: string | undefined;
}

const MOST_WORKERS = 1024;
const DRAIN_SECONDS = 10;
/** Node's timers take no more than 2^31-1 milliseconds, and something is left for the end. */
const MAX_SECONDS = 2_000_000;

/** @throws UsageError */
export function processesOf(values: ProcessValues): ProcessSettings {
  const workers = integerOf("--workers", values.workers, 1, MOST_WORKERS, "");
  const drain = integerOf("--drain", values.drain, 0, MAX_SECONDS, " seconds") ?? DRAIN_SECONDS;
  if (workers !== undefined) checkShares(values, workers);
  return { workers, drain: drain * 1000 };
}

/** What each worker would have for itself. */
function checkShares({ memory, quota, "pasv-ports": text }: ProcessValues, workers: number): void {
  if (memory === true)
    throw new UsageError("--workers have no memory in common; give a folder or a store in a cloud instead of --memory");
  if (quota !== undefined)
    throw new UsageError("--quota is counted in one process, and --workers are several; give one of them, not both");
  const ports = portRangeOf("--pasv-ports", text);
  try {
    if (ports !== undefined) partOfPorts(ports, 0, workers);
  } catch {
    throw new UsageError(`--pasv-ports must be ${workers} ports or more, one for each of --workers`);
  }
}
