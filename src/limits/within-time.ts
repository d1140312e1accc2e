/** How long a shared store may keep a client waiting. */
import { Deadline } from "../events/deadline.js";

/** In milliseconds. */
const PATIENCE_MS = 2000;

/** What a store promises. @throws what the store does; Error when it takes too long */
export async function withinTime<Value>(promise: Promise<Value>): Promise<Value> {
  const deadline = new Deadline(
    PATIENCE_MS,
    () => new Error(`the admission store did not answer in ${PATIENCE_MS} ms`),
  );
  try {
    return await deadline.bound(promise);
  } finally {
    deadline.clear();
  }
}
