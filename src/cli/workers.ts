/**
 * The primary of `--workers`: starts the workers, starts another where one has died, and ends them all. Serves nobody
 * itself: what it has is what they share, the counts of limits and bans.
 */
import cluster, { type Worker } from "node:cluster";
import { type ListenerAddress, shareAdmission } from "../index.js";
import type { Log } from "./log.js";
import { environmentOf } from "./worker.js";
import { type FromWorker, isFromWorker, type Setup, type ToWorker } from "./worker-messages.js";

/** Milliseconds: whoever has lived longer has not died of how it began. */
const LONG_LIFE = 10_000;
/** Milliseconds before another one starts, the first time; each time twice as long, up to the longest. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 30_000;
/** Milliseconds that a worker may take to tell its numbers. */
const PATIENCE = 2000;
/** Milliseconds until workers are killed that should have ended: at once, and beyond the time of their transfers. */
const LAST_CALL = 2000;
const CLOSING = 8000;

/** The place of one worker, and of those that come after it. */
interface Slot {
  readonly index: number;
  worker: Worker | undefined;
  startedAt: number;
  /** Deaths in a row that came soon. */
  earlyDeaths: number;
  listens: boolean;
  retry: NodeJS.Timeout | undefined;
}

/** The workers of this program. */
export class Workers {
  readonly #slots: readonly Slot[];
  readonly #setup: Omit<Setup, "index">;
  readonly #log: Log;
  readonly #scrapes = new Map<number, (worker: Worker, metrics: readonly object[] | undefined) => void>();
  #scrapeId = 0;
  /** Until all have begun: what becomes of the start. */
  #starting: PromiseWithResolvers<readonly ListenerAddress[]> | undefined;
  #ending: PromiseWithResolvers<void> | undefined;

  constructor(count: number, setup: Omit<Setup, "index">, log: Log) {
    this.#setup = setup;
    this.#log = log;
    this.#slots = Array.from({ length: count }, (_, index) => ({
      index,
      worker: undefined,
      startedAt: 0,
      earlyDeaths: 0,
      listens: false,
      retry: undefined,
    }));
  }

  /** How many listen; none from the moment that they are told to end. */
  get listening(): number {
    return this.#ending ? 0 : this.#slots.filter(({ listens }) => listens).length;
  }

  /** Starts them. @returns where they listen, once all do @throws Error of the first that cannot; then none is left */
  async start(): Promise<readonly ListenerAddress[]> {
    shareAdmission();
    this.#starting = withResolvers();
    for (const slot of this.#slots) this.#fork(slot);
    try {
      return await this.#starting.promise;
    } catch (error) {
      await this.#end("abort", 0);
      throw error;
    } finally {
      this.#starting = undefined;
    }
  }

  /** Lets nobody in and transfers finish. Resolves when no worker is left. @param drain milliseconds that they have */
  stop(drain: number): Promise<void> {
    return this.#end("drain", drain + CLOSING);
  }

  /** Ends what is left. */
  abort(): void {
    void this.#end("abort", LAST_CALL);
  }

  /** Sends a signal to those that listen. */
  signal(name: NodeJS.Signals): void {
    for (const { worker, listens } of this.#slots) if (listens) worker?.process.kill(name);
  }

  /** What each worker that answers in time tells of its numbers. */
  async metrics(): Promise<readonly (readonly object[])[]> {
    const asked = new Set(this.#slots.flatMap(({ worker, listens }) => (worker && listens ? [worker] : [])));
    const id = this.#scrapeId++;
    const told: (readonly object[])[] = [];
    const all = withResolvers<void>();
    const timer = setTimeout(all.resolve, PATIENCE);
    this.#scrapes.set(id, (worker, metrics) => {
      if (asked.delete(worker) && metrics !== undefined) told.push(metrics);
      if (asked.size === 0) all.resolve();
    });
    if (asked.size === 0) all.resolve();
    for (const worker of asked) tell(worker, { portside: "worker", tell: "metrics", id });
    await all.promise;
    clearTimeout(timer);
    this.#scrapes.delete(id);
    return told;
  }

  #fork(slot: Slot): void {
    const worker = cluster.fork(environmentOf(slot.index));
    slot.worker = worker;
    slot.startedAt = performance.now();
    worker.on("message", (message: unknown) => {
      if (isFromWorker(message)) this.#take(slot, worker, message);
    });
    worker.on("exit", (code, signal) => this.#gone(slot, worker, signal ?? `exit code ${code}`));
    worker.on("error", (error) => {
      // One that could not even be made does not end either.
      if (worker.process.pid === undefined) this.#gone(slot, worker, error.message);
    });
  }

  #take(slot: Slot, worker: Worker, message: FromWorker): void {
    switch (message.say) {
      case "ready":
        // What it was told before it could listen to it is lost.
        if (this.#ending) return tell(worker, { portside: "worker", tell: "abort" });
        return tell(worker, { portside: "worker", tell: "begin", setup: { ...this.#setup, index: slot.index } });
      case "listening":
        return this.#begun(slot, message.addresses);
      case "failed":
        if (this.#starting) return this.#starting.reject(new Error(message.message));
        return this.#write("error", "workerFailed", slot, `cannot start: ${message.message}`, message);
      case "metrics":
        return this.#scrapes.get(message.id)?.(worker, message.metrics);
    }
  }

  #begun(slot: Slot, addresses: readonly ListenerAddress[]): void {
    slot.listens = true;
    if (this.#starting === undefined) this.#write("info", "workerListening", slot, "listens again", {});
    else if (this.listening === this.#slots.length) this.#starting.resolve(addresses);
  }

  #gone(slot: Slot, worker: Worker, why: string): void {
    slot.worker = undefined;
    slot.listens = false;
    for (const told of this.#scrapes.values()) told(worker, undefined);
    if (this.#starting)
      this.#starting.reject(new Error(`worker ${slot.index + 1} has ended before it listened: ${why}`));
    else if (this.#ending === undefined) this.#retry(slot, why);
    if (this.#slots.every((each) => each.worker === undefined)) this.#ending?.resolve();
  }

  #retry(slot: Slot, why: string): void {
    const early = performance.now() - slot.startedAt < LONG_LIFE;
    slot.earlyDeaths = early ? slot.earlyDeaths + 1 : 0;
    const delay = early ? Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (slot.earlyDeaths - 1)) : 0;
    const text = `has ended (${why}), and its sessions with it; another one starts in ${delay / 1000} s`;
    this.#write("error", "workerEnded", slot, text, { why, milliseconds: delay });
    slot.retry = setTimeout(() => this.#fork(slot), delay);
  }

  async #end(how: "drain" | "abort", patience: number): Promise<void> {
    this.#ending ??= withResolvers();
    for (const { retry, worker } of this.#slots) {
      clearTimeout(retry);
      if (worker) tell(worker, { portside: "worker", tell: how });
    }
    if (this.#slots.every(({ worker }) => worker === undefined)) this.#ending.resolve();
    const timer = setTimeout(() => this.#kill("SIGKILL"), patience);
    await this.#ending.promise;
    clearTimeout(timer);
  }

  #kill(name: NodeJS.Signals): void {
    for (const { worker } of this.#slots) worker?.process.kill(name);
  }

  #write(level: "info" | "error", event: string, { index, worker }: Slot, text: string, fields: object): void {
    const all = { number: index + 1, pid: worker?.process.pid, ...fields };
    this.#log.write({ level, event, text: `worker ${index + 1} ${text}`, fields: all });
  }
}

function tell(worker: Worker, message: ToWorker): void {
  // One that has died meanwhile needs to know nothing.
  if (worker.isConnected()) worker.send(message, () => undefined);
}

/** As `Promise.withResolvers`, which not every Node has. */
interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

function withResolvers<Value>(): PromiseWithResolvers<Value> {
  let settle: Omit<PromiseWithResolvers<Value>, "promise"> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as Omit<PromiseWithResolvers<Value>, "promise">) };
}
