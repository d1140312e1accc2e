/** How long a shared store may keep a client waiting. */
import { inTime } from "../events/deadline.js";

/** In milliseconds. */
const PATIENCE_MS = 2000;

/** What a store promises. @throws what the store does; Error when it takes too long */
export function withinTime<Value>(promise: Promise<Value>): Promise<Value> {
  return inTime(promise, PATIENCE_MS, () => new Error(`the admission store did not answer in ${PATIENCE_MS} ms`));
}
