/** The primary's half of limits and bans that the workers of a `node:cluster` share: here the numbers live. */
import cluster, { type Worker } from "node:cluster";
import type { AdmissionStore } from "../limits/admission-store.js";
import { MemoryAdmissionStore } from "../limits/memory-admission-store.js";
import { type Answered, type Asked, isAsked, type Operation } from "./messages.js";

/**
 * Answers every `ClusterAdmissionStore` of the workers from now on. To be called in the primary.
 * @param store where the numbers are kept. Default: a new `MemoryAdmissionStore`
 * @returns how to stop
 * @throws Error in a worker
 * @example
 * if (cluster.isPrimary) {
 *   shareAdmission();
 *   for (let count = 0; count < availableParallelism(); count++) cluster.fork();
 * } else {
 *   const server = new Server({ admission: new ClusterAdmissionStore() });
 *   await server.listen();
 * }
 */
export function shareAdmission(store: AdmissionStore = new MemoryAdmissionStore()): () => void {
  if (!cluster.isPrimary)
    throw new Error("shareAdmission is for the primary; workers have new ClusterAdmissionStore()");
  const listener = (worker: Worker, message: unknown): void => {
    if (isAsked(message)) void answer(worker, message, store);
  };
  cluster.on("message", listener);
  return () => void cluster.off("message", listener);
}

async function answer(worker: Worker, { id, operations }: Asked, store: AdmissionStore): Promise<void> {
  const results = await Promise.all(operations.map((operation) => done(operation, store)));
  const answered: Answered = { portside: "admission", id, results };
  // One that has died meanwhile needs no answer.
  if (worker.isConnected()) worker.send(answered, () => undefined);
}

async function done(operation: Operation, store: AdmissionStore): Promise<number | string> {
  try {
    switch (operation[0]) {
      case "get":
        return await store.get(operation[1]);
      case "increment":
        return await store.increment(operation[1], operation[2], operation[3]);
      case "expire":
        await store.expire(operation[1], operation[2]);
        return 0;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
