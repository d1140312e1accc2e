/** A worker's half of limits and bans that the workers of a `node:cluster` share: asks the primary. */
import cluster, { type Worker } from "node:cluster";
import type { AdmissionStore } from "../limits/admission-store.js";
import { type Answered, type Asked, isAnswered, type Operation } from "./messages.js";

/** How long the primary may take, in milliseconds. */
const PATIENCE_MS = 1500;

/** An operation that has not been answered. */
interface Waiting {
  readonly operation: Operation;
  readonly resolve: (value: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * An `AdmissionStore` whose numbers live in the primary of a `node:cluster`, which has called `shareAdmission()`. One for
 * each worker. What is asked in one turn of the event loop is one message.
 * @example
 * const server = new Server({ admission: new ClusterAdmissionStore() });
 */
export class ClusterAdmissionStore implements AdmissionStore {
  readonly #worker: Worker;
  readonly #asked = new Map<number, { readonly waiting: readonly Waiting[]; readonly timer: NodeJS.Timeout }>();
  #queue: Waiting[] = [];
  #id = 0;

  /** @throws Error in a process that is no worker of `node:cluster` */
  constructor() {
    const { worker } = cluster;
    if (worker === undefined) throw new Error("a ClusterAdmissionStore needs a process that cluster.fork() has made");
    this.#worker = worker;
    worker.on("message", (message: unknown) => {
      if (isAnswered(message)) this.#take(message);
    });
    worker.once("disconnect", () => this.#failAll("the primary is gone"));
  }

  get(key: string): Promise<number> {
    return this.#ask(["get", key]);
  }

  increment(key: string, by: number, milliseconds: number): Promise<number> {
    return this.#ask(["increment", key, by, milliseconds]);
  }

  async expire(key: string, milliseconds: number): Promise<void> {
    await this.#ask(["expire", key, milliseconds]);
  }

  #ask(operation: Operation): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#queue.length === 0) setImmediate(() => this.#send());
      this.#queue.push({ operation, resolve, reject });
    });
  }

  #send(): void {
    const waiting = this.#queue;
    this.#queue = [];
    const id = this.#id++;
    const late = (): void =>
      this.#fail(id, `the primary has not answered in ${PATIENCE_MS} ms: is shareAdmission() called?`);
    this.#asked.set(id, { waiting, timer: setTimeout(late, PATIENCE_MS).unref() });
    const asked: Asked = { portside: "admission", id, operations: waiting.map(({ operation }) => operation) };
    if (!this.#worker.isConnected()) return this.#fail(id, "the primary is gone");
    this.#worker.send(asked, (error) => {
      if (error !== null) this.#fail(id, error.message);
    });
  }

  #take({ id, results }: Answered): void {
    const waiting = this.#forget(id);
    for (const [index, { resolve, reject }] of waiting.entries()) {
      const result = results[index];
      if (typeof result === "number") resolve(result);
      else reject(new Error(`the admission store of the primary: ${result}`));
    }
  }

  #failAll(message: string): void {
    for (const id of this.#asked.keys()) this.#fail(id, message);
  }

  #fail(id: number, message: string): void {
    for (const { reject } of this.#forget(id)) reject(new Error(message));
  }

  #forget(id: number): readonly Waiting[] {
    const { waiting = [], timer } = this.#asked.get(id) ?? {};
    clearTimeout(timer);
    this.#asked.delete(id);
    return waiting;
  }
}
